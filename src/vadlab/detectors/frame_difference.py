"""Mean absolute difference of neighbouring frames: the trivial baseline, and it learns only a scale.

No paper; ours. A set of videos that this solves is no test of a detector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from vadlab.detector import Reach, State
from vadlab.errors import UsageError
from vadlab.types import FloatArray, Frames, IntArray, Sample, Scores, Supervision
from vadlab.video.transform import resize, to_grey

__all__ = ["FrameDifference"]


@dataclass
class FrameDifference:
    """One score a frame, in deviations from the mean of the normal training frames.

    Args:
        width: Frames are shrunk to this width and three quarters of it in height, which also averages
            out sensor noise.
    """

    supervision: ClassVar[Supervision] = Supervision.UNSUPERVISED
    reads: ClassVar[Literal["frames"]] = "frames"
    threshold: ClassVar[float | None] = None
    reach: ClassVar[Reach | None] = Reach(before=1)

    width: int = 80

    moments_: NDArray[np.float64] | None = field(init=False, default=None, repr=False, compare=False)

    def fit(self, train: Sequence[Sample[Frames, None]], val: Sequence[Sample[Frames, None]] = ()) -> Self:
        """Take mean and deviation of the differences over the training frames; `val` is not used."""
        del val
        if not train:
            raise UsageError("frame_difference needs at least one training video")
        differences = np.concatenate([self._differences(s.x) for s in train]).astype(np.float64)
        self.moments_ = np.array([differences.mean(), max(differences.std(), 1e-6)])
        return self

    def score(self, sample: Sample[Frames, None]) -> Scores:
        """Score every frame but the first, which has none before it."""
        if self.moments_ is None:
            raise UsageError("frame_difference has not been trained", remedy="call fit or restore first")
        differences = self._differences(sample.x)
        mean, deviation = self.moments_
        values: FloatArray = ((differences - mean) / deviation).astype(np.float32)
        n = len(values)
        starts: IntArray = np.arange(sample.video.n_frames - n, sample.video.n_frames, dtype=np.int64)
        return Scores(sample.video, np.stack([starts, starts + 1], axis=1), values)

    def state(self) -> State:
        """Mean and deviation."""
        return {} if self.moments_ is None else {"moments": self.moments_}

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        """Take back what `state` gave."""
        self.moments_ = np.asarray(state["moments"], np.float64)
        return self

    def _differences(self, frames: Frames) -> FloatArray:
        """(n - 1,) mean absolute differences in grey levels; (1,) zero for a single frame."""
        found: list[float] = []
        before: NDArray[np.uint8] | None = None
        for frame in frames:
            grey = resize(to_grey(frame), (self.width, self.width * 3 // 4))
            if before is not None:
                found.append(float(cv2.absdiff(grey, before).mean()))
            before = grey
        return np.array(found or [0.0], dtype=np.float32)
