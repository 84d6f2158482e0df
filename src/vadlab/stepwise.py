"""A fit without gradients as a row of steps: progress after each, and a killed fit continues where it was."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from vadlab import training
from vadlab.detector import State
from vadlab.errors import StoreError
from vadlab.files import write_whole

__all__ = ["in_steps"]

DONE, STEPS = "steps.done", "steps.all"


def in_steps(steps: Sequence[Callable[[State], None]], state: State) -> State:
    """Run steps, each of which changes the arrays of a state, within the current runtime.

    Args:
        steps: The same ones, in the same order, each time the fit is run; what a step does depends on the
            state, its own arguments and nothing else.
        state: What the first one is given. It must not write into the arrays, but may replace them.

    Returns:
        The state after the last step.

    Raises:
        StoreError: If the folder's snapshot is damaged, or of another fit.
    """
    place = training.current()
    path = None if place.folder is None else place.folder / training.SNAPSHOT
    state, start = dict(state), 0
    if place.resume and path is not None and path.exists():
        state, start = _restored(path, len(steps))
    pause, last = place.snapshot_every_s, time.monotonic()
    for done, step in enumerate(steps[start:], start + 1):
        step(state)
        began = time.monotonic()
        if path is not None and (began - last >= pause or done == len(steps)):
            counts = {DONE: np.array(done), STEPS: np.array(len(steps))}
            arrays = {name: np.asarray(array, order="C") for name, array in (state | counts).items()}
            write_whole(path, save(arrays))
            last = time.monotonic()
            pause = place.pause_after(last - began)
        training.tell(done, len(steps))
    return state


def _restored(path: Path, steps: int) -> tuple[State, int]:
    try:
        state: State = load(path.read_bytes())
        done, known = int(state.pop(DONE)), int(state.pop(STEPS))
        if known != steps:
            raise ValueError(f"a fit of {known} steps, where this one has {steps}")
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise StoreError(
            "the training snapshot is damaged, or of another fit",
            file=path,
            found=str(error),
            remedy="delete it to train from the start",
        ) from error
    return state, done
