"""Distance to the nearest normal clips: a strong one-class baseline that trains nothing.

Papers: Roth et al., "Towards total recall in industrial anomaly detection" (PatchCore), CVPR 2022,
https://arxiv.org/abs/2106.08265, for the memory of normal features and its greedy coreset; Bergman, Cohen and
Hoshen, "Deep nearest neighbor anomaly detection", 2020, https://arxiv.org/abs/2002.10445, for the mean
distance to k neighbours. No reference code was read. What differs: a memory of clips instead of patches, so
there is no weight from neighbouring patches; the memory's size is a number of clips, not a share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from vadlab.detector import Reach, State
from vadlab.errors import UsageError
from vadlab.feature_moments import feature_moments
from vadlab.kernels.farthest_first import farthest_first
from vadlab.types import Features, FloatArray, IntArray, Sample, Scores, Supervision

__all__ = ["KNN"]


@dataclass
class KNN:
    """One score a clip: the mean Euclidean distance to the k nearest clips in memory.

    Args:
        k: Neighbours (ours; PatchCore scores by the nearest).
        scale: "standardise" shifts and scales every feature by the training clips' mean and deviation, so
            that streams of unlike magnitude count alike; "l2" makes every clip's features a unit vector;
            "none" leaves them as they are.
        memory: Clips kept at most; of more, the greedy k-centre choice is kept.
        projection: Random dimensions in which the choice is made (PatchCore: 128), where features have
            more; 0 chooses by all features. Scores always use all.
        seed: Of the projection and of the first clip chosen.

    Raises:
        UsageError: If a setting is out of its range.
    """

    supervision: ClassVar[Supervision] = Supervision.UNSUPERVISED
    reads: ClassVar[Literal["features"]] = "features"
    threshold: ClassVar[float | None] = None
    reach: ClassVar[Reach | None] = Reach()

    k: int = 5
    scale: Literal["standardise", "l2", "none"] = "standardise"
    memory: int = 10_000
    projection: int = 128
    seed: int = 0

    memory_: FloatArray | None = field(init=False, default=None, repr=False, compare=False)
    moments_: FloatArray | None = field(init=False, default=None, repr=False, compare=False)
    index_: NearestNeighbors | None = field(init=False, default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if min(self.k, self.memory) < 1 or min(self.projection, self.seed) < 0:
            raise UsageError(
                "knn cannot work with these settings",
                expected="k >= 1, memory >= 1, projection >= 0, seed >= 0",
                found=f"{self.k}, {self.memory}, {self.projection}, {self.seed}",
            )

    def fit(
        self, train: Sequence[Sample[Features, None]], val: Sequence[Sample[Features, None]] = ()
    ) -> Self:
        """Remember the training clips, or a coreset of them; `val` is not used.

        Features are read video by video: in memory at once are only the clips that are kept, and all
        clips' projections where a coreset is chosen.
        """
        del val
        if not train:
            raise UsageError("knn needs at least one training video")
        self.moments_ = feature_moments(train) if self.scale == "standardise" else None
        chosen = self._chosen(train)
        ends = np.cumsum([len(sample.x.values) for sample in train])
        kept: list[FloatArray] = []
        for sample, end in zip(train, ends, strict=True):
            start = end - len(sample.x.values)
            rows = chosen[(chosen >= start) & (chosen < end)] - start
            kept.append(self._scaled(sample.x.values[rows]))
        return self._remember(np.concatenate(kept))

    def score(self, sample: Sample[Features, None]) -> Scores:
        """Score every clip."""
        if self.index_ is None:
            raise UsageError("knn has not been trained", remedy="call fit or restore first")
        distances, _ = self.index_.kneighbors(self._scaled(sample.x.values))
        values: FloatArray = distances.mean(axis=1).astype(np.float32)
        return Scores(sample.video, sample.spans, values)

    def state(self) -> State:
        """The clips in memory, scaled, and the moments they were scaled by."""
        found = {"memory": self.memory_, "moments": self.moments_}
        return {name: array for name, array in found.items() if array is not None}

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        """Take back what `state` gave."""
        self.moments_ = np.asarray(state["moments"], np.float32) if "moments" in state else None
        return self._remember(np.asarray(state["memory"], np.float32))

    def _remember(self, memory: FloatArray) -> Self:
        self.memory_ = memory
        self.index_ = NearestNeighbors(n_neighbors=min(self.k, len(memory)), algorithm="brute").fit(memory)
        return self

    def _chosen(self, train: Sequence[Sample[Features, None]]) -> IntArray:
        """Rows of the training clips that are kept, counted over all videos, sorted."""
        n = sum(len(sample.x.values) for sample in train)
        if n <= self.memory:
            return np.arange(n, dtype=np.int64)
        rng = np.random.default_rng(self.seed)
        dim = train[0].x.values.shape[1]
        if 0 < self.projection < dim:
            # Distances keep their size on average (Johnson and Lindenstrauss, 1984).
            matrix = rng.normal(0, self.projection**-0.5, (dim, self.projection)).astype(np.float32)
            points = np.concatenate([self._scaled(sample.x.values) @ matrix for sample in train])
        else:
            points = np.concatenate([self._scaled(sample.x.values) for sample in train])
        chosen: IntArray = farthest_first(np.ascontiguousarray(points), self.memory, int(rng.integers(n)))
        return np.sort(chosen)

    def _scaled(self, values: FloatArray) -> FloatArray:
        """(n, d) float32 in the space where distances are taken; never a view of the features."""
        scaled = np.array(values, dtype=np.float32)
        if self.moments_ is not None:
            scaled -= self.moments_[0]
            scaled /= self.moments_[1]
        elif self.scale == "l2":
            norms = np.linalg.norm(scaled, axis=1, keepdims=True)
            scaled /= np.where(norms > 0, norms, 1)
        return scaled
