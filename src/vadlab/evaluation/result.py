"""What an evaluation found: one record a video and one for all of them together."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vadlab.evaluation.detection import Matches
from vadlab.evaluation.events import Alarm
from vadlab.evaluation.ranking import Curve
from vadlab.evaluation.rules import Rules
from vadlab.types import FloatArray, FrameLabels, IntArray, Scores

__all__ = ["Evaluation", "Figures", "Judged", "Ratio", "pool"]

Ratio = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Each video's numerator and denominator, (v,) each, of a figure that is a ratio of their sums."""


@dataclass(frozen=True)
class Judged:
    """One test video with its answer.

    Args:
        labels: Ground truth.
        scores: What the detector said.
        frame_scores: (n_frames,) float32 after the rules' overlap, alignment, normalisation and smoothing.
        counted: (n_frames,) bool, the frames that the rules evaluate.
        probabilities: (n_frames,) share of the annotators, in 0..1, who call each frame abnormal, or None.
    """

    labels: FrameLabels
    scores: Scores
    frame_scores: FloatArray
    counted: NDArray[np.bool_]
    probabilities: NDArray[np.float64] | None = None

    @property
    def id(self) -> str:
        """The video's id."""
        return self.scores.video.id

    def counted_labels(self) -> NDArray[np.bool_]:
        """(k,) bool, labels of the counted frames, True = abnormal."""
        return self.labels.mask()[self.counted]

    def counted_scores(self) -> FloatArray:
        """(k,) float32, scores of the counted frames."""
        return self.frame_scores[self.counted]

    def counted_range(self) -> tuple[int, int]:
        """Half-open range from the first to the last counted frame; (0, 0) where none is."""
        frames = np.flatnonzero(self.counted)
        return (int(frames[0]), int(frames[-1]) + 1) if len(frames) else (0, 0)


def pool(videos: tuple[Judged, ...] | list[Judged]) -> tuple[NDArray[np.bool_], FloatArray]:
    """Labels and scores of the counted frames of all these videos, end to end."""
    if not videos:
        return np.empty(0, dtype=bool), np.empty(0, dtype=np.float32)
    return (
        np.concatenate([video.counted_labels() for video in videos]),
        np.concatenate([video.counted_scores() for video in videos]),
    )


class Figures:
    """Figures by name, with a reason for each that is undefined, and the parts of those that are ratios."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.reasons: dict[str, str] = {}
        self.ratios: dict[str, Ratio] = {}

    def add(self, name: str, value: float, reason: str | None = None) -> None:
        """Note a figure; the reason is kept where it is NaN."""
        self.values[name] = float(value)
        if math.isnan(value):
            self.reasons[name] = reason or "undefined"

    def add_ratio(
        self, name: str, numerators: NDArray[np.generic], denominators: NDArray[np.generic], reason: str
    ) -> None:
        """Note a ratio of sums over the videos, in their order; NaN where the denominators sum to 0."""
        parts = numerators.astype(np.float64), denominators.astype(np.float64)
        total = float(parts[1].sum())
        self.ratios[name] = parts
        self.add(name, float(parts[0].sum()) / total if total else math.nan, reason)


@dataclass(frozen=True)
class Evaluation:
    """The result over all test videos.

    Args:
        rules: The protocol; every figure below holds only under it.
        metrics: Name to value; NaN where undefined, with the reason in `reasons`.
        reasons: Name to why it is NaN.
        videos: The judged videos.
        roc: (false positive rates, true positive rates), float64, of the micro ROC curve; empty
            where it is undefined.
        categories: The C category names, in the order of the confusion matrix: the detector's, then
            those that only the labels have.
        confusion: (C, C) counts of windows, row = true category; None without categories.
        confusion_videos: (C, C) counts of videos; None without categories.
        per_category: Category to its figures, see `category_figures`; the reason for a NaN is in
            `reasons` under "per_category/NAME/FIGURE".
        alarm: What made the alarms that events are judged by; None where a threshold means nothing.
        per_tiou: tIoU threshold as text to its figures, see `alarm_figures`.
        video_aucs: (v,) each video's AUC, NaN for those of one class.
        ratios: The parts of the figures that are ratios.
        matches: Event figure to the matched events it is the (mean) average precision of.
    """

    rules: Rules
    metrics: dict[str, float]
    reasons: dict[str, str]
    videos: tuple[Judged, ...]
    roc: Curve
    categories: tuple[str, ...] = ()
    confusion: IntArray | None = None
    confusion_videos: IntArray | None = None
    per_category: dict[str, dict[str, float]] = field(default_factory=dict)
    alarm: Alarm | None = None
    per_tiou: dict[str, dict[str, float]] = field(default_factory=dict)
    video_aucs: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    ratios: dict[str, Ratio] = field(default_factory=dict)
    matches: dict[str, list[Matches]] = field(default_factory=dict)
