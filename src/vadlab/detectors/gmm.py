"""Compact features of regions under Gaussian mixtures, with words of motion and a table of their pairs.

Paper: Leyva, Sanchez and Li, "Video anomaly detection with compact feature sets for online performance",
IEEE TIP 26(7), 2017,
https://researchoutput.csu.edu.au/en/publications/video-anomaly-detection-with-compact-feature-sets-for-online-perf.
Reference read for facts: the authors' MATLAB code ADCSF (no licence), called the release below; its numbers
are the defaults, since the paper's own could not be read. The mixtures are no background subtraction: they
are the densities of two features, motion around interest points and foreground in cells, and background
subtraction only finds that foreground.

What differs from the release: locations lie on a grid one local unit apart instead of at every pixel;
interest points are taken from the frame that is scored instead of three frames earlier; the background is
warmed up by frames of all training videos. The score is ours, for the release gives masks, where costs exceed
6.5 (motion) and 90 (foreground): we take the greatest cost of each, in deviations from the mean of the
training frames, and the larger of the two. Of the clean-up of its masks "abnormal in each of three frames" is
kept, as the least of three costs; the removal of spots below 50 pixels is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, ClassVar, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from vadlab.aligned_words import learn_words, nearest_words
from vadlab.detector import Reach, State
from vadlab.errors import StoreError, UsageError
from vadlab.mixtures import fit_mixture
from vadlab.region_models import RegionModels, frequency_table, transition_table
from vadlab.reservoir import Reservoir
from vadlab.stepwise import in_steps
from vadlab.types import Frames, IntArray, Sample, Scores, Supervision
from vadlab.video.foreground import ForegroundForm, lasting, learned
from vadlab.video.perspective import cells, locations, unit
from vadlab.video.region_features import DIRECTIONS, RegionForm, Regions, regions, small_greys

__all__ = ["GMM"]

Blind: TypeAlias = Sample[Frames, None]
Arrays: TypeAlias = dict[str, NDArray[Any]]

LEARNED = ("background", "flow", "words", "occupancy", "seen", "table")
PER_MODEL = 10_000  # samples that one mixture or vocabulary is fitted to, at most
LEAST_DEVIATION = 1e-3  # of costs, where all of training costs the same


@dataclass
class GMM:
    """One score a frame: its least likely place, by motion or by foreground.

    Args:
        background: "training", learned from frames spread over all training videos, for a fixed camera;
            "video", from each video's own first frames, for many scenes.
        table: "frequency", how common two words are together, applied between overlapping regions of a frame
            (release); "transition", how probable a word is after the one that was there in earlier frames,
            a Markov chain as the paper names it (its form there could not be read).
        width: Pixels of the shrunk frames.
        height: Pixels of the shrunk frames; sizes of regions are made for 160.
        length: Frames of a window.
        points: Interest points of a frame, at most.
        contrast: Grey levels by which the corner of a frame difference stands out (ours).
        flow_noise: Least eigenvalue of Lucas-Kanade flow, with levels from 0 to 1 (MATLAB's default).
        noise: Least deviation of the background in grey levels (OpenCV's default).
        warm_up: Frames that the background is learned from first (UCSD; LV: 300).
        warm_up_rate: Learning rate of the background meanwhile.
        rate: Learning rate of the background from then on.
        least: Samples without which a location has no model of motion.
        components: Of a mixture, at most; the least AIC chooses.
        words: Of a location's vocabulary of directions.
        replicates: Beginnings of k-means, of which the best result is kept.
        agree: Newest frames in each of which a place must be unlikely.
        samples: Interest points kept for training, at most, as many from each video (ours).
        seed: Of the draws, of k-means and of mixtures.

    Raises:
        UsageError: If a setting is out of its range.
    """

    supervision: ClassVar[Supervision] = Supervision.UNSUPERVISED
    reads: ClassVar[Literal["frames"]] = "frames"
    threshold: ClassVar[float | None] = None
    reach: ClassVar[Reach | None] = None  # the background keeps learning from the first frame on

    background: Literal["training", "video"] = "training"
    table: Literal["frequency", "transition"] = "frequency"
    width: int = 240
    height: int = 160
    length: int = 15
    points: int = 40
    contrast: int = 10
    flow_noise: float = 0.0039
    noise: float = 15.0
    warm_up: int = 200
    warm_up_rate: float = 1e-2
    rate: float = 1e-3
    least: int = 120
    components: int = 4
    words: int = 45
    replicates: int = 3
    agree: int = 3
    samples: int = 500_000
    seed: int = 0

    learned_: Arrays = field(init=False, default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        counts = [self.length, self.points, self.contrast, self.warm_up, self.components, self.words]
        counts += [self.replicates, self.agree, self.samples]
        rates = (self.warm_up_rate, self.rate)
        if min(counts) < 1 or min(self.flow_noise, self.noise) <= 0 or self.seed < 0:
            raise UsageError(
                "gmm cannot work with these settings",
                expected="numbers of things >= 1, contrast >= 1, flow_noise > 0, noise > 0, seed >= 0",
                found=f"{counts}, {self.flow_noise}, {self.noise}, {self.seed}",
            )
        if not 0 <= min(rates) <= max(rates) <= 1:
            raise UsageError("a learning rate is out of its range", expected="from 0 to 1", found=rates)
        if min(self.width, self.height) < 32:
            raise UsageError(
                "gmm has no cells in frames as small as this",
                expected="width and height of at least 32 pixels",
                found=f"{self.width}x{self.height}",
            )
        if self.least < self.words:
            raise UsageError(
                "a location has more words than samples",
                expected=f"least >= words = {self.words}",
                found=self.least,
            )

    def fit(self, train: Sequence[Blind], val: Sequence[Blind] = ()) -> Self:
        """Learn in up to four readings of the videos; `val` is not used.

        The readings are for the background, for features, for the table "transition", and for the scale of
        costs. A fit that was killed continues after the last video that was read whole.
        """
        del val
        if not train:
            raise UsageError("gmm needs at least one training video")
        steps: list[Callable[[Arrays], None]] = []
        if self.background == "training":
            steps += [partial(self._watch, sample, wanted) for sample, wanted in self._spread(train)]
            steps += [self._settle]
        share = -(-self.samples // len(train))
        steps += [partial(self._collect, sample, share, i) for i, sample in enumerate(train)]
        steps += [self._learn_occupancy]
        steps += [
            partial(self._learn_row, row) for row in range(locations(self.height, self.width).row[-1] + 1)
        ]
        if self.table == "transition":
            steps += [partial(self._follow, sample) for sample in train]
        steps += [self._tabulate]
        steps += [partial(self._measure, sample) for sample in train]
        with threadpool_limits(limits=1):  # threads would add sums in an order of their own
            state: Arrays = in_steps(steps, self._nothing())
        total, first, second = state["sums"]
        mean = first / total
        deviation = np.sqrt(np.maximum(second / total - mean**2, LEAST_DEVIATION**2))
        self.learned_ = {name: state[name] for name in LEARNED} | {"scale": np.stack([mean, deviation])}
        return self

    def score(self, sample: Blind) -> Scores:
        """Score every frame by its window; the first 17 (length + agree - 1) share the first score."""
        if not self.learned_:
            raise UsageError("gmm has not been trained", remedy="call fit or restore first")
        frames, *costs = zip(*self._costs(self.learned_, sample), strict=True)
        shift, scale = self.learned_["scale"]
        values = ((np.array(costs).T - shift) / scale).max(axis=1)
        stops = np.array(frames, dtype=np.int64) + 1
        spans = np.stack([np.concatenate([[0], stops[:-1]]), stops], axis=1)
        return Scores(sample.video, spans, values.astype(np.float32))

    def state(self) -> State:
        """Mixtures of the background's grey levels and of features, words, the table, the scale of costs.

        No frame is kept: the background holds what stays in the scene, without those who pass.
        """
        return dict(self.learned_)

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        """Take back what `state` gave.

        Raises:
            StoreError: If it holds training frames, as earlier versions kept them.
        """
        background = state["background"]
        if background.size and background.ndim != 4:
            raise StoreError(
                "this gmm was trained by an earlier version, which kept training frames in its state",
                expected="background (height, width, components, 3) float32",
                found=f"{background.shape} {background.dtype}",
                remedy="train it again, and delete the old run: it holds pictures of the training videos",
            )
        self.learned_ = dict(state)
        return self

    def _form(self) -> RegionForm:
        return RegionForm(
            width=self.width,
            height=self.height,
            length=self.length,
            points=self.points,
            contrast=self.contrast,
            flow_noise=self.flow_noise,
            foreground=ForegroundForm(
                noise=self.noise, warm_up=self.warm_up, warm_up_rate=self.warm_up_rate, rate=self.rate
            ),
        )

    def _regions(self, state: Arrays, sample: Blind) -> Iterator[Regions]:
        background = state["background"] if self.background == "training" else None
        return regions(sample.x, self._form(), background)

    def _models(self, state: Arrays) -> RegionModels:
        return RegionModels(
            height=self.height,
            width=self.width,
            flow=state["flow"],
            words=state["words"],
            occupancy=state["occupancy"],
            seen=state["seen"],
            table=state["table"],
            chained=self.table == "transition",
            agree=self.agree,
        )

    def _costs(self, state: Arrays, sample: Blind) -> Iterator[tuple[int, float, float]]:
        return self._models(state).costs(self._regions(state, sample))

    def _nothing(self) -> Arrays:
        """What the first step begins with."""
        boxes = cells(self.height, self.width).boxes
        largest = int((boxes[:, 2:] - boxes[:, :2]).prod(axis=1).max())
        n = len(locations(self.height, self.width).places)
        return {
            "background": np.empty((self.height, self.width, 0, 3), dtype=np.float32),
            "points": np.empty((0, 3 + DIRECTIONS), dtype=np.float32),
            "counts": np.zeros((len(boxes), self.length * largest + 1), dtype=np.int64),
            "flow": np.zeros((n, 3, self.components)),
            "words": np.zeros((n, self.words, DIRECTIONS)),
            "word_counts": np.zeros(self.words, dtype=np.int64),
            "pairs": np.zeros((self.words, self.words), dtype=np.int64),
            "table": np.ones((self.words + 1, self.words + 1)),
            "sums": np.zeros((3, 2)),
        }

    def _spread(self, train: Sequence[Blind]) -> Iterator[tuple[Blind, IntArray]]:
        """Videos with the numbers of their frames that warm the background up, evenly spread over all."""
        ends = np.cumsum([sample.video.n_frames for sample in train])
        wanted = np.arange(self.warm_up, dtype=np.int64) * ends[-1] // self.warm_up
        for sample, end in zip(train, ends, strict=True):
            start = end - sample.video.n_frames
            own = wanted[(wanted >= start) & (wanted < end)] - start
            if len(own):
                yield sample, own

    def _watch(self, sample: Blind, wanted: IntArray, state: Arrays) -> None:
        """Show frames to the background."""
        times = np.bincount(wanted)
        greys = small_greys(islice(sample.x, len(times)), self._form())
        kept = [grey for grey, n in zip(greys, times.tolist(), strict=False) for _ in range(n)]
        state["background"] = learned(kept, self._form().foreground, state["background"])

    def _settle(self, state: Arrays) -> None:
        """Forget whoever passed by."""
        state["background"] = lasting(state["background"])

    def _collect(self, sample: Blind, share: int, number: int, state: Arrays) -> None:
        """Keep a video's interest points, or a sample of them, and count how full its cells are."""
        kept = Reservoir(share, np.random.default_rng([self.seed, number]))
        counts = state["counts"].copy()
        for at in self._regions(state, sample):
            kept.add(np.concatenate([at.places, at.motion], axis=1).astype(np.float32))
            active = np.flatnonzero(at.active)
            counts[active, at.occupancy[active]] += 1
        state["points"] = np.concatenate([state["points"], *kept.rows()])
        state["counts"] = counts

    def _learn_occupancy(self, state: Arrays) -> None:
        found = []
        for counts in state["counts"]:
            values = _thinned(np.repeat(np.arange(len(counts)), counts))
            found.append(fit_mixture(values, self.components, seed=self.seed))
        state["occupancy"] = np.stack(found)
        state["seen"] = state["counts"].max(axis=1) > 0

    def _learn_row(self, row: int, state: Arrays) -> None:
        """Learn the mixtures and words of a row of locations, each from the points within a local unit."""
        grid = locations(self.height, self.width)
        flow, words, counts = (state[name].copy() for name in ("flow", "words", "word_counts"))
        numbers = np.flatnonzero(grid.row == row)
        y = grid.places[numbers[0], 0]
        points = state["points"][np.abs(state["points"][:, 0] - y) <= unit(y)].astype(np.float64)
        for i in numbers:
            motion = _thinned(points[np.abs(points[:, 1] - grid.places[i, 1]) <= unit(y), 2:])
            if len(motion) < self.least:
                continue
            earlier = np.flatnonzero(flow[:i, 0].any(axis=1))
            distances = np.linalg.norm(grid.places[earlier] - grid.places[i], axis=1)
            like = words[earlier[distances.argmin()]] if len(earlier) else None
            flow[i] = fit_mixture(motion[:, 0], self.components, seed=self.seed)
            words[i] = learn_words(
                motion[:, 1:], self.words, replicates=self.replicates, seed=self.seed, like=like
            )
            counts += np.bincount(nearest_words(motion[:, 1:], words[i])[0], minlength=self.words)
        state |= {"flow": flow, "words": words, "word_counts": counts}

    def _follow(self, sample: Blind, state: Arrays) -> None:
        """Count which word follows which in a video."""
        state["pairs"] = state["pairs"] + self._models(state).pairs(self._regions(state, sample))

    def _tabulate(self, state: Arrays) -> None:
        if self.table == "frequency":
            state["table"] = frequency_table(state["word_counts"])
        else:
            state["table"] = transition_table(state["pairs"])

    def _measure(self, sample: Blind, state: Arrays) -> None:
        """Add up what a video's frames cost."""
        costs = np.array([pair for _, *pair in self._costs(state, sample)])
        state["sums"] = state["sums"] + np.stack([np.ones_like(costs), costs, costs**2]).sum(axis=1)


def _thinned(rows: NDArray[Any]) -> NDArray[Any]:
    """Rows, or as many of them as one model is fitted to, evenly spread."""
    if len(rows) <= PER_MODEL:
        return rows
    return rows[np.arange(PER_MODEL) * len(rows) // PER_MODEL]
