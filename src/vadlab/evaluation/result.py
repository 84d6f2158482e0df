"""What an evaluation found: one record a video and one for all of them together."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vadlab.evaluation.rules import Rules
from vadlab.types import FloatArray, FrameLabels, IntArray, Scores

__all__ = ["Evaluation", "Judged"]


@dataclass(frozen=True)
class Judged:
    """One test video with its answer.

    Args:
        labels: Ground truth.
        scores: What the detector said.
        frame_scores: (n_frames,) float32 after the rules' overlap, alignment, normalisation and smoothing.
        counted: (n_frames,) bool, the frames that the rules evaluate.
    """

    labels: FrameLabels
    scores: Scores
    frame_scores: FloatArray
    counted: NDArray[np.bool_]

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
        per_category: Category to its "auc" (micro over its videos), "accuracy_videos" and "n_videos";
            the reason for a NaN is in `reasons` under "per_category/NAME/FIGURE".
    """

    rules: Rules
    metrics: dict[str, float]
    reasons: dict[str, str]
    videos: tuple[Judged, ...]
    roc: tuple[NDArray[np.float64], NDArray[np.float64]]
    categories: tuple[str, ...] = ()
    confusion: IntArray | None = None
    confusion_videos: IntArray | None = None
    per_category: dict[str, dict[str, float]] = field(default_factory=dict)
