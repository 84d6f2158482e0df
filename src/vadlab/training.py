"""The one training loop, and where it runs.

A step's batch depends only on the seed and the step's number, and snapshots hold the network and the
optimiser; so a killed training continues to the result that it would have had. Started by torchrun, each
process takes its part of that same batch, and gradients are averaged: the result is that of one process,
but for the order of sums.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from vadlab import ranks
from vadlab.errors import UsageError, VadlabError
from vadlab.files import write_whole
from vadlab.snapshots import Snapshot
from vadlab.training_curves import Curves
from vadlab.video.read_ahead import read_ahead

__all__ = ["Runtime", "current", "generator", "mean", "optimise", "runtime", "seeded", "tell", "total"]

CPU = torch.device("cpu")
SNAPSHOT = "snapshot.safetensors"
SNAPSHOT_SHARE = 20  # least time between snapshots, as a multiple of the time that one takes
BATCHES_AHEAD = 2

Item = TypeVar("Item")
Batch = TypeVar("Batch")


@dataclass(frozen=True)
class Runtime:
    """Where and how a fit runs; nothing here changes what it learns, except the device's arithmetic.

    Args:
        device: Torch device.
        folder: Where snapshots, training.csv and the TensorBoard log go; None keeps nothing.
        snapshot_every_s: Least seconds between snapshots; where writing one is slow, so many more that it
            takes a twentieth of the time. 0 writes one after every step.
        progress: Called with (steps done, steps in all, latest losses), steps of whatever kind the fit has.
        resume: Whether to continue from a snapshot in `folder`.
    """

    device: torch.device = CPU
    folder: Path | None = None
    snapshot_every_s: float = 1.0
    progress: Callable[[int, int, dict[str, float]], None] | None = None
    resume: bool = True

    def pause_after(self, written_s: float) -> float:
        """Least seconds until the next snapshot, where writing the last took so many."""
        return max(self.snapshot_every_s, SNAPSHOT_SHARE * written_s) if self.snapshot_every_s > 0 else 0


_current: ContextVar[Runtime] = ContextVar("vadlab_runtime", default=Runtime())  # noqa: B039 (frozen)
_parts: ContextVar[int] = ContextVar("vadlab_parts", default=1)  # into how many the batch at hand is cut


@contextlib.contextmanager
def runtime(place: Runtime) -> Iterator[None]:
    """Let every fit and score within this context run as told."""
    token = _current.set(place)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Runtime:
    """The runtime of the innermost `with runtime(...)`."""
    return _current.get()


def tell(done: int, total: int) -> None:
    """Show how far a fit is that makes no gradient steps, or its part before them."""
    report = current().progress
    if report is not None:
        report(done, total, {})


def generator(seed: int, step: int) -> np.random.Generator:
    """The random numbers of one training step, a function of the seed and the step alone."""
    return np.random.default_rng([seed, step])


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Initialise networks from a seed without touching torch's global generator for others."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def mean(values: Tensor, weights: Tensor | None = None) -> Tensor:
    """The weighted mean over a batch, of which this process may hold a part only; 0 if all weights are.

    Losses made with `mean` and `total` are right however the batch is cut: averaged over the processes,
    they and their gradients are those of the whole batch.
    """
    weights = torch.ones_like(values) if weights is None else weights
    weight = weights.sum().detach()
    if _parts.get() > 1:
        weight = ranks.summed(weight) / _parts.get()
    return (values * weights).sum() / weight.clamp(min=torch.finfo(weight.dtype).tiny)


def total(values: Tensor) -> Tensor:
    """The sum over a batch, of which this process may hold a part only; see `mean`."""
    return values.sum() * _parts.get()


def optimise(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    *,
    draw: Callable[[int], Sequence[Item]],
    assemble: Callable[[Sequence[Item]], Batch],
    losses: Callable[[Batch], dict[str, Tensor]],
    steps: int,
    schedule: Callable[[int], float] | None = None,
    validate: Callable[[], float] | None = None,
    validate_every: int = 100,
) -> dict[str, Tensor]:
    """Run gradient steps, snapshotting and logging into the current runtime's folder.

    Batches are drawn and assembled in a thread, while the steps before run; `draw` and `assemble` must not
    depend on what is trained, nor on `current()`.

    Args:
        network: What is trained, in place, on the current runtime's device.
        optimiser: Over its parameters.
        draw: Step number (from 0) to the items of the whole batch, names rather than data: every process
            draws them all, and keeps its part.
        assemble: Items to a batch: reads and stacks them.
        losses: A batch to named losses, "loss" among them, which is minimised. With several processes the
            batch is a part: take means with `mean` and sums with `total`.
        steps: Number of steps in all, those before a resume included.
        schedule: Step number (from 0) to what the optimiser's learning rates are multiplied by; without it
            they stay as they are.
        validate: Returns a validation loss; the parameters with the lowest are kept. Without it the last
            step's are: a fixed number of steps. Only the first process calls it.
        validate_every: Steps between validations; the last step is always validated.

    Returns:
        The chosen parameters, which `network` then holds too.

    Raises:
        VadlabError: If the loss is not finite.
        UsageError: If a batch has fewer items than there are processes.
    """
    place, first = _current.get(), ranks.first()
    if not first:
        place = dataclasses.replace(place, folder=None, progress=None)
    ranks.call_others()
    snapshot = Snapshot(network, optimiser)
    start = _resumed(snapshot, place)
    rates = [group["lr"] for group in optimiser.param_groups]
    pause, last_snapshot = place.snapshot_every_s, time.monotonic()
    network.train()
    parts = _parts_of_batches(draw, assemble, range(start, steps))
    batches = read_ahead(parts, BATCHES_AHEAD)
    with Curves(place.folder, start) as curves, contextlib.closing(batches):
        for step, batch in enumerate(batches, start):
            if schedule is not None:
                for group, rate in zip(optimiser.param_groups, rates, strict=True):
                    group["lr"] = rate * schedule(step)
            row = _step(network, optimiser, losses, batch)
            if not np.isfinite(row["loss"]):
                raise VadlabError(
                    f"training diverged at step {step}: the loss is {row['loss']}",
                    remedy="lower the learning rate, or look for extreme values in the features",
                )
            done = step + 1
            if validate is not None and first and (done % validate_every == 0 or done == steps):
                network.eval()
                with torch.no_grad():
                    row["val_loss"] = validate()
                network.train()
                snapshot.keep_if_best(row["val_loss"])
            curves.add(done, row)
            if place.progress is not None:
                place.progress(done, steps, row)
            if place.folder is not None and time.monotonic() - last_snapshot >= pause:
                started = time.monotonic()
                curves.flush()
                write_whole(place.folder / SNAPSHOT, snapshot.to_bytes(done))
                last_snapshot = time.monotonic()
                pause = place.pause_after(last_snapshot - started)
    network.eval()
    if snapshot.best is not None:
        network.load_state_dict(snapshot.best)
    if place.folder is not None:
        write_whole(place.folder / SNAPSHOT, snapshot.to_bytes(steps))
    _as_first(snapshot, steps)
    return dict(network.state_dict())


def _resumed(snapshot: Snapshot, place: Runtime) -> int:
    """Load the folder's snapshot, if there is one; the number of steps that it holds, on all ranks."""
    step = 0
    if place.resume and place.folder is not None and (place.folder / SNAPSHOT).exists():
        path = place.folder / SNAPSHOT
        step = snapshot.restore(path.read_bytes(), file=path)
    return _as_first(snapshot, step)


def _as_first(snapshot: Snapshot, step: int) -> int:
    """Take the first rank's network, optimiser and step."""
    if ranks.size() == 1:
        return step
    return snapshot.restore(ranks.from_first(snapshot.to_bytes(step) if ranks.first() else b""))


def _parts_of_batches(
    draw: Callable[[int], Sequence[Item]], assemble: Callable[[Sequence[Item]], Batch], steps: range
) -> Generator[Batch]:
    """This rank's part of every step's batch."""
    rank, size = ranks.rank(), ranks.size()
    for step in steps:
        items = draw(step)
        if len(items) < size:
            raise UsageError(
                "a batch is smaller than the number of processes",
                expected=f"at least {size} items in a batch",
                found=len(items),
                remedy="larger batches, or a smaller --nproc-per-node",
            )
        yield assemble(items[rank::size])


def _step(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    losses: Callable[[Batch], dict[str, Tensor]],
    batch: Batch,
) -> dict[str, float]:
    token = _parts.set(ranks.size())
    try:
        values = losses(batch)
        optimiser.zero_grad(set_to_none=True)
        values["loss"].backward()  # type: ignore[no-untyped-call]
    finally:
        _parts.reset(token)
    row = torch.stack([value.detach() for value in values.values()])
    if ranks.size() > 1:
        row = _averaged(network, row)
    optimiser.step()
    return dict(zip(values, row.tolist(), strict=True))


def _averaged(network: nn.Module, row: Tensor) -> Tensor:
    """Average gradients, in place, and a row of losses over the ranks, in one exchange."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    used = row.new_tensor([p.grad is not None for p in parameters])
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    flat = torch.cat([row, used, *(gradient.flatten() for gradient in gradients)])
    flat = ranks.summed(flat) / ranks.size()
    sizes = [len(row), len(used), *(p.numel() for p in parameters)]
    row, used, *parts = torch.split(flat, sizes)
    for parameter, is_used, part in zip(parameters, used.tolist(), parts, strict=True):
        # What no rank used keeps no gradient, as in one process: an optimiser leaves it alone.
        parameter.grad = part.view_as(parameter).to(parameter.dtype) if is_used else None
    return row
