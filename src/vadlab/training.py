"""The one training loop, and where it runs.

A step's batch depends only on the seed and the step's number, and snapshots hold the network and the
optimiser; so a killed training continues to the result that it would have had.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from vadlab.errors import StoreError, VadlabError
from vadlab.files import write_whole

__all__ = ["Runtime", "current", "generator", "optimise", "runtime", "seeded"]

CPU = torch.device("cpu")
SNAPSHOT = "snapshot.safetensors"
CURVES = "training.csv"


@dataclass(frozen=True)
class Runtime:
    """Where and how a fit runs; nothing here changes what it learns, except the device's arithmetic.

    Args:
        device: Torch device.
        folder: Where snapshots, training.csv and the TensorBoard log go; None keeps nothing.
        snapshot_every_s: Least seconds between snapshots; where writing one is slow, so many more that it
            takes a twentieth of the time. 0 writes one after every step.
        progress: Called with (steps done, steps in all, latest losses).
        resume: Whether to continue from a snapshot in `folder`.
    """

    device: torch.device = CPU
    folder: Path | None = None
    snapshot_every_s: float = 1.0
    progress: Callable[[int, int, dict[str, float]], None] | None = None
    resume: bool = True


_current: ContextVar[Runtime] = ContextVar("vadlab_runtime", default=Runtime())  # noqa: B039 (frozen)


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


def generator(seed: int, step: int) -> np.random.Generator:
    """The random numbers of one training step, a function of the seed and the step alone."""
    return np.random.default_rng([seed, step])


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Initialise networks from a seed without touching torch's global generator for others."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def optimise(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    losses: Callable[[int], dict[str, Tensor]],
    *,
    steps: int,
    validate: Callable[[], float] | None = None,
    validate_every: int = 100,
) -> dict[str, Tensor]:
    """Run gradient steps, snapshotting and logging into the current runtime's folder.

    Args:
        network: What is trained, in place, on the current runtime's device.
        optimiser: Over its parameters.
        losses: Step number (from 0) to named losses, "loss" among them, which is minimised.
        steps: Number of steps in all, those before a resume included.
        validate: Returns a validation loss; the parameters with the lowest are kept. Without it the last
            step's are: a fixed number of steps.
        validate_every: Steps between validations; the last step is always validated.

    Returns:
        The chosen parameters, which `network` then holds too.

    Raises:
        VadlabError: If the loss is not finite.
    """
    place = _current.get()
    progress = _Progress(network, optimiser, place)
    first = progress.restore() if place.resume else 0
    pause, last_snapshot = place.snapshot_every_s, time.monotonic()
    network.train()
    with _Curves(place.folder, first) as curves:
        for step in range(first, steps):
            values = losses(step)
            optimiser.zero_grad(set_to_none=True)
            values["loss"].backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            row = {name: float(value.detach()) for name, value in values.items()}
            if not np.isfinite(row["loss"]):
                raise VadlabError(
                    f"training diverged at step {step}: the loss is {row['loss']}",
                    remedy="lower the learning rate, or look for extreme values in the features",
                )
            done = step + 1
            if validate is not None and (done % validate_every == 0 or done == steps):
                network.eval()
                with torch.no_grad():
                    row["val_loss"] = validate()
                network.train()
                progress.keep_if_best(row["val_loss"])
            curves.add(done, row)
            if place.progress is not None:
                place.progress(done, steps, row)
            if place.folder is not None and time.monotonic() - last_snapshot >= pause:
                started = time.monotonic()
                curves.flush()
                progress.save(done)
                last_snapshot = time.monotonic()
                if place.snapshot_every_s > 0:
                    pause = max(place.snapshot_every_s, 20 * (last_snapshot - started))
    network.eval()
    if progress.best is not None:
        network.load_state_dict(progress.best)
    progress.save(steps)
    return dict(network.state_dict())


class _Progress:
    """A snapshot on disk: parameters, optimiser state, best parameters so far, and the step."""

    def __init__(self, network: nn.Module, optimiser: torch.optim.Optimizer, place: Runtime):
        self.network, self.optimiser, self.place = network, optimiser, place
        self.best: dict[str, Tensor] | None = None
        self.best_loss = float("inf")

    def keep_if_best(self, loss: float) -> None:
        if loss < self.best_loss:
            self.best_loss = loss
            self.best = {name: value.clone() for name, value in self.network.state_dict().items()}

    def save(self, step: int) -> None:
        if self.place.folder is None:
            return
        tensors = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        for index, slots in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{slot}": torch.as_tensor(v) for slot, v in slots.items()}
        tensors |= {f"best.{k}": v for k, v in (self.best or {}).items()}
        facts = json.dumps({"step": step, "best_loss": self.best_loss if self.best else None})
        content = save({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, {"facts": facts})
        write_whole(self.place.folder / SNAPSHOT, content)

    def restore(self) -> int:
        """Load the snapshot, if there is one; the number of steps that it holds."""
        path = None if self.place.folder is None else self.place.folder / SNAPSHOT
        if path is None or not path.exists():
            return 0
        try:
            with safe_open(path, framework="pt") as file:
                facts = json.loads(file.metadata()["facts"])
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
            step, best_loss = int(facts["step"]), facts["best_loss"]
            # Torch's own complaint about tensors of another network is a RuntimeError.
            self.network.load_state_dict(_part(tensors, "network."))
        except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise StoreError(
                "the training snapshot is damaged, or of another network",
                file=path,
                found=str(error),
                remedy="delete it to train from the start",
            ) from error
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in _part(tensors, "optimiser.").items():
            index, _, slot = key.partition(".")
            state.setdefault(int(index), {})[slot] = value
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": state, "param_groups": groups})
        if best_loss is not None:
            self.best, self.best_loss = _part(tensors, "best."), best_loss
        return step


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


class _Curves:
    """training.csv and the TensorBoard log; rows that a resumed training will repeat are cut off."""

    FIELDS = ("step", "seconds", "loss")

    def __init__(self, folder: Path | None, first: int):
        self.folder, self.first = folder, first
        self.rows: list[dict[str, float]] = []
        self.started = time.monotonic()
        self.board: Any = None

    def __enter__(self) -> _Curves:
        if self.folder is not None:
            path = self.folder / CURVES
            if self.first and path.exists():
                with path.open(newline="") as file:
                    rows = [{k: float(v) for k, v in r.items() if v} for r in csv.DictReader(file)]
                self.rows = [r | {"step": int(r["step"])} for r in rows if r["step"] <= self.first]
                if self.rows:
                    self.started -= self.rows[-1]["seconds"]
            from torch.utils.tensorboard import SummaryWriter  # slow to import

            self.board = SummaryWriter(str(self.folder / "tensorboard"), purge_step=self.first + 1)
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()
        if self.board is not None:
            self.board.close()

    def add(self, step: int, row: dict[str, float]) -> None:
        if self.folder is None:
            return
        self.rows.append({"step": step, "seconds": round(time.monotonic() - self.started, 3), **row})
        for name, value in row.items():
            self.board.add_scalar(name, value, step)

    def flush(self) -> None:
        if self.folder is None:
            return
        fields = list(dict.fromkeys([*self.FIELDS, *(key for row in self.rows for key in row)]))
        text = io.StringIO()
        writer = csv.DictWriter(text, fields)
        writer.writeheader()
        writer.writerows(self.rows)
        write_whole(self.folder / CURVES, text.getvalue().encode())
