"""A detector of your own, in a module of your own: frames that are brighter or darker than usual.

PYTHONPATH=examples vadlab train folder VIDEOS brightness:Brightness --out RUN
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from vadlab.detector import Reach, State
from vadlab.errors import UsageError
from vadlab.types import FloatArray, Frames, Sample, Scores, Supervision


@dataclass
class Brightness:
    """One score a frame: how far its mean grey level is from that of the training frames.

    Args:
        step: Only every so many-th pixel of a row and column is read.
    """

    supervision: ClassVar[Supervision] = Supervision.UNSUPERVISED
    reads: ClassVar[Literal["frames"]] = "frames"
    threshold: ClassVar[float | None] = None  # deviations have no natural limit
    reach: ClassVar[Reach | None] = Reach()  # a frame's score depends on no other frame

    step: int = 4

    moments_: NDArray[np.float64] | None = field(init=False, default=None, repr=False, compare=False)

    def fit(self, train: Sequence[Sample[Frames, None]], val: Sequence[Sample[Frames, None]] = ()) -> Self:
        """Take mean and deviation over the training frames."""
        del val
        levels = np.concatenate([self._levels(sample.x) for sample in train])
        self.moments_ = np.array([levels.mean(), max(levels.std(), 1e-6)])
        return self

    def score(self, sample: Sample[Frames, None]) -> Scores:
        """Deviations from the mean, without sign."""
        if self.moments_ is None:
            raise UsageError("brightness has not been trained", remedy="call fit or restore first")
        mean, deviation = self.moments_
        values: FloatArray = (np.abs(self._levels(sample.x) - mean) / deviation).astype(np.float32)
        return Scores(sample.video, sample.spans, values)

    def state(self) -> State:
        """Mean and deviation."""
        return {} if self.moments_ is None else {"moments": self.moments_}

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        """Take back what `state` gave."""
        self.moments_ = np.asarray(state["moments"], np.float64)
        return self

    def _levels(self, frames: Frames) -> NDArray[np.float64]:
        return np.array([frame[:: self.step, :: self.step].mean() for frame in frames])
