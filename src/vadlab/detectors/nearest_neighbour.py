"""The category of the most alike training video, by the mean of its clip features: the paper's row "C3D".

Paper: Sultani, Chen and Shah, "Real-world Anomaly Detection in Surveillance Videos", CVPR 2018,
https://arxiv.org/abs/1801.04264: C3D features averaged over the video, brought to unit length, and a nearest
neighbour classifier; 23.0 % on UCF-Crime in four folds of 50 videos a class. No reference code was read. The
score of a clip is ours: how much nearer its features are to an abnormal training video than to a normal one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from vadlab.detector import Reach, State
from vadlab.errors import UsageError
from vadlab.feature_moments import feature_moments
from vadlab.types import Categories, Features, FloatArray, Sample, Scores, Supervision, VideoLabel

__all__ = ["NearestNeighbour"]


@dataclass
class NearestNeighbour:
    """One category a video, and a score a clip.

    Args:
        k: Training videos that give their category a vote (paper: the nearest alone).
        standardise: Shift and scale features by the training clips' mean and deviation first (ours).

    Raises:
        UsageError: If a setting is out of its range.
    """

    supervision: ClassVar[Supervision] = Supervision.WEAK
    reads: ClassVar[Literal["features"]] = "features"
    threshold: ClassVar[float | None] = 0.0  # from here on an abnormal video is the nearer one
    reach: ClassVar[Reach | None] = Reach()  # but for the categories, a whole video's

    k: int = 1
    standardise: bool = False

    learned_: dict[str, NDArray[Any]] = field(init=False, default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.k < 1:
            raise UsageError("nearest_neighbour needs one neighbour or more", expected="k >= 1", found=self.k)

    def fit(
        self,
        train: Sequence[Sample[Features, VideoLabel]],
        val: Sequence[Sample[Features, VideoLabel]] = (),
    ) -> Self:
        """Remember a vector, the category and the label of each training video; `val` is not used.

        Raises:
            UsageError: If no video is abnormal or none is normal.
        """
        del val
        abnormal = np.array([s.y.abnormal for s in train], dtype=bool)
        if abnormal.all() or not abnormal.any():
            raise UsageError(
                "nearest_neighbour needs normal and abnormal training videos",
                found=f"{int((~abnormal).sum())} normal, {int(abnormal.sum())} abnormal",
                remedy="choose the weak split of a dataset that has both",
            )
        self.learned_ = {"moments": feature_moments(train)} if self.standardise else {}
        self.learned_ |= {
            "videos": np.stack([self._of_video(s.x.values) for s in train]),
            "abnormal": abnormal,
            "category": np.array([s.y.category or "" for s in train], dtype=np.str_),
        }
        return self

    def score(self, sample: Sample[Features, None]) -> Scores:
        """Each clip's distance to the nearest normal video, less that to the nearest abnormal one."""
        if not self.learned_:
            raise UsageError("nearest_neighbour has not been trained", remedy="call fit or restore first")
        videos, abnormal = self.learned_["videos"], self.learned_["abnormal"]
        clips = _unit(self._scaled(sample.x.values))
        to_normal, to_abnormal = (_nearest(videos[kind], clips, 1)[0][:, 0] for kind in (~abnormal, abnormal))
        values = (to_normal - to_abnormal).astype(np.float32)
        return Scores(sample.video, sample.spans, values, self._categories(sample))

    def state(self) -> State:
        """Vectors, labels and categories of the training videos, and the moments of their features."""
        return dict(self.learned_)

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        """Take back what `state` gave."""
        self.learned_ = dict(state)
        return self

    def _categories(self, sample: Sample[Features, None]) -> Categories | None:
        """The share of votes of each category, for the whole video; None if there are no categories."""
        category = self.learned_["category"]
        names, numbers = np.unique(category[category != ""], return_inverse=True)
        if not len(names):
            return None
        known = self.learned_["videos"][category != ""]
        _, voters = _nearest(known, self._of_video(sample.x.values)[None], self.k)
        shares = np.bincount(numbers[voters[0]], minlength=len(names)) / len(voters[0])
        whole = np.array([[sample.spans[0, 0], sample.spans[-1, 1]]], dtype=np.int64)
        return Categories(whole, shares[None].astype(np.float32), tuple(names.tolist()))

    def _of_video(self, values: FloatArray) -> NDArray[np.float64]:
        """(n, d) features of clips to (d,), their mean brought to unit length."""
        return _unit(self._scaled(values).mean(axis=0))

    def _scaled(self, values: FloatArray) -> NDArray[np.float64]:
        scaled = values.astype(np.float64)
        if "moments" in self.learned_:
            mean, deviation = self.learned_["moments"]
            scaled = (scaled - mean) / deviation
        return scaled


def _unit(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., d) brought to unit length; a vector of zeros stays one."""
    length = np.linalg.norm(x, axis=-1, keepdims=True)
    unit: NDArray[np.float64] = x / np.where(length > 0, length, 1)
    return unit


def _nearest(known: NDArray[Any], x: NDArray[Any], k: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """(n, k) distances to the k nearest rows, fewer where there are not so many, and those rows' numbers."""
    found = NearestNeighbors(n_neighbors=min(k, len(known)), algorithm="brute").fit(known).kneighbors(x)
    distances, rows = found
    return distances, rows
