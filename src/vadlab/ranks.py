"""Several processes that train together, as `torchrun` starts them.

A process's number is its rank. The first (rank 0) reads, decides, writes and speaks; the others wait until
it begins gradient steps, and then do their part of each. Without a launcher there is one process, and
nothing here does anything.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from vadlab.errors import UsageError, VadlabError

__all__ = [
    "call_others",
    "called",
    "first",
    "from_first",
    "joined",
    "launched",
    "place",
    "rank",
    "size",
    "summed",
]

LAUNCHER = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")  # what torchrun sets
PATIENCE = timedelta(hours=2)  # for one exchange; the first rank may validate or read before it
LONG = timedelta(days=30)  # for the first rank to begin: what it does before has no end known here
STAGE, FAILED = "stage", "failed"

_joinings = itertools.count()
_store: Store | None = None  # what all ranks of the innermost `joined` read and write


def launched() -> bool:
    """Whether a launcher started several processes, of which this is one."""
    return all(name in os.environ for name in LAUNCHER) and int(os.environ["WORLD_SIZE"]) > 1


def first() -> bool:
    """Whether this is the process that writes and speaks."""
    return not launched() or os.environ["RANK"] == "0"


def rank() -> int:
    """This process's number among those that are joined, 0 outside `joined`."""
    return dist.get_rank() if _store is not None else 0


def size() -> int:
    """Number of processes that are joined, 1 outside `joined`."""
    return dist.get_world_size() if _store is not None else 1


def place(device: torch.device) -> torch.device:
    """The device of this process: of several on a machine, each takes its own GPU.

    Raises:
        UsageError: If one GPU is asked for by number, or the machine has fewer than processes.
    """
    if not launched() or device.type != "cuda":
        return device
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if device != torch.device("cuda"):
        raise UsageError("each process needs a GPU of its own", expected="--device cuda", found=str(device))
    if local >= torch.cuda.device_count():
        raise UsageError(
            "more processes than GPUs",
            expected=f"at most {torch.cuda.device_count()} on this machine",
            remedy="a smaller --nproc-per-node, or --device cpu",
        )
    return torch.device("cuda", local)


@contextlib.contextmanager
def joined(device: torch.device) -> Iterator[None]:
    """Join the other processes of the launcher, gloo on CPUs and NCCL on GPUs; alone, do nothing.

    An error that several ranks meet is raised in the one that meets it first; the others exit with its code.

    Raises:
        VadlabError: If another process ends, or cannot be reached.
    """
    global _store
    if not launched():
        yield
        return
    backend = "nccl" if device.type == "cuda" else "gloo"
    with _exchange():
        shared, number, world = next(rendezvous("env://", timeout=PATIENCE))
        # Of its own, for a script may train twice.
        _store = PrefixStore(f"vadlab{next(_joinings)}", shared)
        dist.init_process_group(backend, store=_store, rank=number, world_size=world, timeout=PATIENCE)
    try:
        yield
    except VadlabError as error:
        if _store.add(FAILED, 1) > 1:
            raise SystemExit(error.exit_code) from error
        raise
    finally:
        if number == 0:
            with contextlib.suppress(RuntimeError):
                _store.set(STAGE, "done")
        _store = None
        dist.destroy_process_group()


def call_others() -> None:
    """From the first rank: gradient steps begin, and the others are to join."""
    if _store is not None and first():
        with _exchange():
            _store.set(STAGE, "steps")


def called() -> bool:
    """On another rank: wait until the first calls (True), or ends without having called (False)."""
    assert _store is not None
    with _exchange():
        _store.wait([STAGE], LONG)
        return bool(_store.get(STAGE) == b"steps")


def from_first(content: bytes) -> bytes:
    """The first rank's `content`, on all ranks."""
    if size() == 1:
        return content
    held: list[bytes | None] = [content if first() else None]
    with _exchange():
        dist.broadcast_object_list(held, src=0)
    assert held[0] is not None
    return held[0]


def summed(values: Tensor) -> Tensor:
    """The sum of all ranks' `values`, without gradient; alone, the values."""
    if size() == 1:
        return values
    total = values.detach().clone()
    with _exchange():
        dist.all_reduce(total)
    return total


@contextlib.contextmanager
def _exchange() -> Iterator[None]:
    """What torch says of a broken exchange is a RuntimeError."""
    try:
        yield
    except RuntimeError as error:
        raise VadlabError(
            "another process of this training has ended, or cannot be reached",
            found=str(error).partition("\n")[0].partition(" This is")[0],
            remedy="look for its message, mend that, and run the same command again: it goes on",
        ) from error
