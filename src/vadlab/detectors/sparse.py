"""Sparse combination learning: a moving cube is normal if a few learned bases explain its gradients.

Paper: Lu, Shi and Jia, "Abnormal event detection at 150 FPS in MATLAB", ICCV 2013,
https://openaccess.thecvf.com/content_iccv_2013/html/Lu_Abnormal_Event_Detection_2013_ICCV_paper.html.
Reference read for facts: the authors' MATLAB demo (non-commercial licence). Defaults are the paper's numbers.
Where paper and demo differ a setting names it: `gradients`, `scales`, `blur`, `normalise`, `centre`,
`dictionaries`.

Ours is the score of a frame, the largest error of the cubes that end in it, so that it depends on no later
frame; the paper gives a yes or no (`measure = "votes"`), the demo scores the middle frame and smooths. Left
out are the demo's overlapping training cubes, its smoothing and its mask measure, and the paper's early stop,
which saves nothing where all combinations are one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from vadlab.combination_learning import CombinationLearning, errors
from vadlab.detector import Reach, State
from vadlab.errors import UsageError
from vadlab.reservoir import Reservoir
from vadlab.stepwise import in_steps
from vadlab.types import FloatArray, Frames, IntArray, Sample, Scores, Supervision
from vadlab.video.cubes import LENGTH, CubeForm, Cubes, moving_cubes

__all__ = ["Sparse"]

Arrays: TypeAlias = dict[str, NDArray[Any]]

LEARNED = ("mean", "axes", "combinations", "counts")
ROWS = 4096  # whose outer products are summed at a time
VARIANCE = 1e-10  # share of the largest variance from which a direction counts
UNEXPLAINED = 1.0  # the error where nothing moved in training: all of a unit vector


@dataclass
class Sparse:
    """One score a frame: the largest reconstruction error of its moving cubes; 0 where nothing moves.

    Args:
        dictionaries: "region" learns combinations for each of the 208 regions, for a fixed camera; "global"
            one set for all, for videos of many scenes (and in the demo).
        gradients: "xyt", along both axes and time (paper), or "t", their amount along time (demo).
        scales: "three" (20x20, 40x30 and 160x120 pixels; paper) or "finest" (160x120; demo).
        blur: Smooth the shrunk frames by a 3x3 Gaussian (demo).
        normalise: "pca-unit" makes each cube a unit vector after the PCA; "unit-pca" before it (demo);
            "pca-zscore" gives each dimension after the PCA unit variance over the training cubes, as the
            paper's words have it, divided by the root of `dim`. An error is thus a share of 1 each time.
        centre: Subtract the mean before the PCA (demo: no).
        motion: A cube counts if the amounts of its temporal gradient sum to more, with grey from 0 to 1.
        stride: Frames between the starts of neighbouring cubes, 1 to 5, in training and in scoring.
        dim: Dimensions after the PCA (paper).
        bases: Vectors of a combination, s (paper: at most 20).
        max_error: Squared error below which a cube is explained, lambda (paper; the demo trains with 0.21 on
            its own features).
        combinations: Of a dictionary, at most (ours; the paper finds about 10 enough).
        update: Of the bases: "gradient", a projected step (paper), or "closed", least squares, faster.
        step: Length of that step (paper).
        alternations: Of coefficients, bases and coverage, at most, for a combination (ours).
        cubes_per_video: Training cubes drawn from a video, at most (demo).
        cubes_per_region: Training cubes of a region's dictionary, at most (paper: 6,000 to 12,000).
        cubes_globally: Training cubes of the global dictionary, at most (ours).
        cubes_for_pca: Training cubes of the PCA, at most, as many from each video (ours).
        measure: A frame's score: "max" or "sum" of the scales' largest errors, or "votes", which adds 4, 2
            and 1 if a cube of the coarse, middle and fine scale exceeds `max_error` (paper).
        seed: Of the draws and of k-means.

    Raises:
        UsageError: If a setting is out of its range.
    """

    supervision: ClassVar[Supervision] = Supervision.UNSUPERVISED
    reads: ClassVar[Literal["frames"]] = "frames"
    threshold: ClassVar[float | None] = None

    dictionaries: Literal["region", "global"] = "region"
    gradients: Literal["xyt", "t"] = "xyt"
    scales: Literal["three", "finest"] = "three"
    blur: bool = False
    normalise: Literal["pca-unit", "unit-pca", "pca-zscore"] = "pca-unit"
    centre: bool = True
    motion: float = 5.0
    stride: int = 1
    dim: int = 100
    bases: int = 20
    max_error: float = 0.04
    combinations: int = 32
    update: Literal["gradient", "closed"] = "gradient"
    step: float = 1e-4
    alternations: int = 50
    cubes_per_video: int = 10_000
    cubes_per_region: int = 12_000
    cubes_globally: int = 200_000
    cubes_for_pca: int = 20_000
    measure: Literal["max", "sum", "votes"] = "max"
    seed: int = 0

    learned_: Arrays = field(init=False, default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        counts = (self.dim, self.bases, self.combinations, self.alternations)
        caps = (self.cubes_per_video, self.cubes_per_region, self.cubes_globally, self.cubes_for_pca)
        if min(counts + caps) < 1 or min(self.motion, self.seed) < 0 or min(self.max_error, self.step) <= 0:
            raise UsageError(
                "sparse cannot work with these settings",
                expected="numbers of things >= 1, motion >= 0, seed >= 0, max_error > 0, step > 0",
                found=f"{counts + caps}, {self.motion}, {self.seed}, {self.max_error}, {self.step}",
            )
        if not 1 <= self.stride <= LENGTH:
            raise UsageError(
                "sparse would leave frames out", expected=f"1 <= stride <= {LENGTH}", found=self.stride
            )
        if self.bases >= self.dim:
            raise UsageError(
                "a combination of so many bases explains every cube",
                expected=f"bases < dim = {self.dim}",
                found=self.bases,
            )

    @property
    def reach(self) -> Reach:
        """A cube counts for its last frames, and its gradient along time begins a frame before it."""
        return Reach(LENGTH, self.stride - 1, every=self.stride)

    def fit(self, train: Sequence[Sample[Frames, None]], val: Sequence[Sample[Frames, None]] = ()) -> Self:
        """Learn the PCA in a first reading of the videos, the combinations in a second; `val` is not used.

        Where no training cube moves there is no combination, and whatever moves there is abnormal. A fit that
        was killed continues after the last video that was read whole, or the last dictionary.
        """
        del val
        if not train:
            raise UsageError("sparse needs at least one training video")
        share = -(-self.cubes_for_pca // len(train))
        n_dictionaries = len(self._form().regions()) if self.dictionaries == "region" else 1
        steps: list[Callable[[Arrays], None]] = []
        steps += [partial(self._look, sample, share, i) for i, sample in enumerate(train)]
        steps += [self._find_axes]
        steps += [partial(self._collect, sample, i) for i, sample in enumerate(train)]
        steps += [partial(self._learn, d) for d in range(n_dictionaries)]
        steps += [_forget_cubes]
        state: Arrays = in_steps(steps, {})
        self.learned_ = {name: state[name] for name in LEARNED}
        return self

    def score(self, sample: Sample[Frames, None]) -> Scores:
        """Score every frame: a cube counts for its last `stride` frames, the first one for all of its own."""
        if "counts" not in self.learned_:
            raise UsageError("sparse has not been trained", remedy="call fit or restore first")
        form = self._form()
        sizes = form.regions()
        values: list[FloatArray] = []
        stops: list[IntArray] = []
        for cubes in moving_cubes(sample.x, form):
            largest = np.zeros((len(cubes.starts), len(form.sizes)), dtype=np.float32)
            np.maximum.at(largest, (cubes.place, sizes[cubes.region]), self._errors(cubes))
            values.append(self._measured(largest))
            stops.append(cubes.starts + LENGTH)
        ends = np.minimum(np.concatenate(stops), sample.video.n_frames)
        starts = ends - self.stride
        starts[0] = 0
        return Scores(sample.video, np.stack([starts, ends], axis=1), np.concatenate(values))

    def state(self) -> State:
        """Mean and axes of the PCA; the dictionaries' combinations, one after the other, and their counts."""
        return dict(self.learned_)

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        """Take back what `state` gave."""
        self.learned_ = dict(state)
        return self

    def _form(self) -> CubeForm:
        every = CubeForm(gradients=self.gradients, blur=self.blur, motion=self.motion, stride=self.stride)
        return every if self.scales == "three" else replace(every, sizes=every.sizes[-1:])

    def _learning(self) -> CombinationLearning:
        return CombinationLearning(
            bases=self.bases,
            max_error=self.max_error,
            most=self.combinations,
            update=self.update,
            step=self.step,
            alternations=self.alternations,
            seed=self.seed,
        )

    def _look(self, sample: Sample[Frames, None], share: int, number: int, state: Arrays) -> None:
        """Add a video's cubes to those of the PCA."""
        x, _ = self._drawn(sample, share, (0, number), state)
        _add(state, seen=x)

    def _find_axes(self, state: Arrays) -> None:
        x = state.pop("seen")
        mean, axes, variances = principal_axes(x, self.dim, centre=self.centre)
        if self.normalise == "pca-zscore":
            axes = axes / np.sqrt(variances * max(len(variances), 1))
        state |= {"mean": mean.astype(np.float32), "axes": axes.astype(np.float32)}

    def _collect(self, sample: Sample[Frames, None], number: int, state: Arrays) -> None:
        """Add a video's cubes to those of the dictionaries, and leave as many as each may have."""
        x, region = self._drawn(sample, self.cubes_per_video, (1, number), state)
        keys = np.random.default_rng([self.seed, 2, number]).random(len(x))
        _add(state, x=x, dictionary=self._dictionary(region), keys=keys)
        cap = self.cubes_per_region if self.dictionaries == "region" else self.cubes_globally
        kept = least_of_each(state["dictionary"], state["keys"], cap)
        if len(kept) < len(state["keys"]):
            state |= {name: state[name][kept] for name in ("x", "dictionary", "keys")}

    def _learn(self, d: int, state: Arrays) -> None:
        """Add a dictionary."""
        found = self._learning().learn(state["x"][state["dictionary"] == d])
        _add(state, combinations=found.astype(np.float32), counts=np.array([len(found)], dtype=np.int64))

    def _drawn(
        self, sample: Sample[Frames, None], size: int, stream: tuple[int, int], learned: Arrays
    ) -> tuple[FloatArray, IntArray]:
        """So many of a video's moving cubes, drawn by a stream of random numbers, and their regions.

        Values are (m, values) before the PCA is known, and (m, dim) from then on.
        """
        reservoir = Reservoir(size, np.random.default_rng([self.seed, *stream]))
        for cubes in moving_cubes(sample.x, self._form()):
            reservoir.add(self._reduced(cubes.x, learned), cubes.region)
        x, region = reservoir.rows()
        return x, region

    def _reduced(self, x: FloatArray, learned: Arrays) -> FloatArray:
        """Cubes as combinations see them; before the PCA is known, as the PCA sees them."""
        if self.normalise == "unit-pca":
            x = _unit(x)
        if "axes" not in learned:
            return x
        reduced: FloatArray = (x - learned["mean"]) @ learned["axes"]
        return _unit(reduced) if self.normalise == "pca-unit" else reduced

    def _dictionary(self, region: IntArray) -> IntArray:
        return region if self.dictionaries == "region" else np.zeros_like(region)

    def _errors(self, cubes: Cubes) -> FloatArray:
        """(m,) the error of each moving cube."""
        x, dictionary = self._reduced(cubes.x, self.learned_), self._dictionary(cubes.region)
        ends = np.cumsum(self.learned_["counts"])
        found = np.full(len(x), UNEXPLAINED, dtype=np.float32)
        for d in np.unique(dictionary):
            combinations = self.learned_["combinations"][ends[d] - self.learned_["counts"][d] : ends[d]]
            if len(combinations):
                rows = dictionary == d
                found[rows] = errors(x[rows], combinations)
        return found

    def _measured(self, largest: FloatArray) -> FloatArray:
        """(t,) scores from the largest errors (t, scales) of each scale, coarse to fine."""
        if self.measure == "votes":
            weights = 2.0 ** np.arange(largest.shape[1])[::-1]
            return ((largest > self.max_error) @ weights).astype(np.float32)
        combine = np.max if self.measure == "max" else np.sum
        values: FloatArray = combine(largest, axis=1)
        return values


def principal_axes(
    x: FloatArray, n: int, *, centre: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The directions in which vectors vary most.

    Args:
        x: (m, d); m may be 0.
        n: Directions at most; those without variance are left out.
        centre: Whether variance is taken about the mean, or about zero.

    Returns:
        mean: (d,), zero without `centre`.
        axes: (d, k) orthonormal columns, k <= n, the largest variance first.
        variances: (k,) mean squares along them.
    """
    d = x.shape[1]
    mean = x.mean(axis=0, dtype=np.float64) if centre and len(x) else np.zeros(d)
    moment = np.zeros((d, d))
    for start in range(0, len(x), ROWS):
        rows = x[start : start + ROWS] - mean
        moment += rows.T @ rows / len(x)
    variances, axes = eigh(moment, subset_by_index=(max(d - n, 0), d - 1))
    kept = np.flatnonzero(variances > VARIANCE * variances[-1])[::-1]
    return mean, axes[:, kept], variances[kept]


def least_of_each(kinds: NDArray[Any], keys: NDArray[Any], n: int) -> IntArray:
    """Rows, in order, with the least keys of their kind, at most so many of each kind."""
    order = np.lexsort((keys, kinds))
    first = np.searchsorted(kinds[order], kinds[order])
    return np.sort(order[np.arange(len(order)) - first < n])


def _add(state: Arrays, **rows: NDArray[Any]) -> None:
    """Put rows behind those of a state."""
    state |= {
        name: np.concatenate([state[name], new]) if name in state else new for name, new in rows.items()
    }


def _forget_cubes(state: Arrays) -> None:
    """Keep no training video's cubes in the snapshot, which stays."""
    for name in ("x", "dictionary", "keys"):
        del state[name]


def _unit(x: FloatArray) -> FloatArray:
    norms = np.linalg.norm(x, axis=1, keepdims=True)
    unit: FloatArray = (x / np.where(norms > 0, norms, 1)).astype(np.float32, copy=False)
    return unit
