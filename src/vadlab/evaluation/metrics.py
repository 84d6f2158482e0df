"""Figures of merit on plain arrays; label True = abnormal, higher score = more anomalous.

Where a figure is undefined it is NaN, never a guess; `why_undefined` says why.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sklearn_metrics

from vadlab.errors import DataError
from vadlab.types import FloatArray, IntArray

__all__ = [
    "accuracy",
    "alarm_starts",
    "average_precision",
    "confusion",
    "eer",
    "false_alarms_per_hour",
    "far_at",
    "pr_auc_trapezoid",
    "roc_auc",
    "roc_curve",
    "why_undefined",
]

Labels = NDArray[np.bool_]
Curve = tuple[NDArray[np.float64], NDArray[np.float64]]


def why_undefined(labels: Labels, *, of: str = "frame") -> str | None:
    """Why figures that compare both classes are NaN for these labels, or None where they are not.

    Args:
        labels: (n,) bool.
        of: What a label stands for, for the text.
    """
    if not len(labels):
        return f"no {of} is counted"
    if not labels.any():
        return f"no abnormal {of} is counted"
    if labels.all():
        return f"no normal {of} is counted"
    return None


def roc_auc(labels: Labels, scores: FloatArray) -> float:
    """Area under the ROC curve: the share of (abnormal, normal) pairs in the right order, ties half.

    Exact: pairs are counted in whole numbers. O(n log n) time; memory for one copy of the scores
    and for two indices for each score of the rarer class.

    Args:
        labels: (n,) bool, True = abnormal.
        scores: (n,) float, no NaN.

    Returns:
        0..1, NaN where only one class is present.

    Source:
        Mann and Whitney's U; the figure of the LAD paper, Sec. 5.1, over the frames of all videos.
    """
    labels = _checked(labels, scores)
    if why_undefined(labels):
        return math.nan
    abnormal, normal = scores[labels], scores[~labels]
    abnormal.sort()
    normal.sort()
    n_pairs = len(abnormal) * len(normal)
    rarer, other = (abnormal, normal) if len(abnormal) <= len(normal) else (normal, abnormal)
    # Below counts once and below-or-equal once more, so a tie is half of a pair.
    below = int(np.searchsorted(other, rarer, side="left").sum())
    below += int(np.searchsorted(other, rarer, side="right").sum())
    right = below if rarer is abnormal else 2 * n_pairs - below
    return right / (2 * n_pairs)


def roc_curve(labels: Labels, scores: FloatArray, *, max_points: int | None = None) -> Curve:
    """The ROC curve's corners, thinned where asked.

    Args:
        labels: (n,) bool, True = abnormal.
        scores: (n,) float, no NaN.
        max_points: Keep at most this many points (at least 2), spread evenly along the curve, ends included.
            None keeps all corners.

    Returns:
        False and true positive rates, (p,) float64 each, from (0, 0) to (1, 1); empty where only
        one class is present.
    """
    labels = _checked(labels, scores)
    if why_undefined(labels):
        return np.empty(0), np.empty(0)
    false_rates, true_rates, _ = sklearn_metrics.roc_curve(labels, scores)
    if max_points is not None and len(false_rates) > max_points:
        # The sum of both rates grows along the curve from 0 to 2.
        wanted = np.linspace(0, 2, max_points)
        kept = np.unique(np.searchsorted(false_rates + true_rates, wanted).clip(max=len(false_rates) - 1))
        false_rates, true_rates = false_rates[kept], true_rates[kept]
    return false_rates, true_rates


def average_precision(labels: Labels, scores: FloatArray) -> float:
    """Average precision: the precision at each recall step, weighted by the step; NaN for one class."""
    labels = _checked(labels, scores)
    if why_undefined(labels):
        return math.nan
    return float(sklearn_metrics.average_precision_score(labels, scores))


def pr_auc_trapezoid(labels: Labels, scores: FloatArray) -> float:
    """Area under the precision-recall curve by trapezoids; NaN for one class.

    Often printed as "AP" or "PR AUC" by code of the field. It interpolates between the points,
    which is too kind where they are far apart; prefer `average_precision`.
    """
    labels = _checked(labels, scores)
    if why_undefined(labels):
        return math.nan
    precision, recall, _ = sklearn_metrics.precision_recall_curve(labels, scores)
    return float(sklearn_metrics.auc(recall, precision))


def eer(labels: Labels, scores: FloatArray) -> float:
    """Equal error rate: where misses and false alarms are equally frequent; NaN for one class.

    The ROC curve is cut with the line from (0, 1) to (1, 0), linear between its points.
    """
    false_rates, true_rates = roc_curve(labels, scores)
    if not len(false_rates):
        return math.nan
    excess = false_rates + true_rates - 1  # false alarms less misses, from -1 up to 1
    after = int(np.argmax(excess >= 0))
    before = after - 1
    share = -excess[before] / (excess[after] - excess[before])
    return float(false_rates[before] + share * (false_rates[after] - false_rates[before]))


def far_at(scores: FloatArray, threshold: float) -> float:
    """False-alarm rate by frame: the share of normal frames with score >= threshold.

    Args:
        scores: (n,) float, scores of normal frames only.
        threshold: In the scores' unit.

    Returns:
        0..1, NaN where there is no frame.

    Source:
        Sultani et al., CVPR 2018: threshold 0.5, frames of normal test videos.
    """
    return float(np.mean(scores >= threshold)) if len(scores) else math.nan


def alarm_starts(frame_scores: FloatArray, threshold: float) -> IntArray:
    """Frames at which the score of one video rises to the threshold or above; the first one may."""
    alarm = frame_scores >= threshold
    return np.flatnonzero(alarm & ~np.concatenate([[False], alarm[:-1]])).astype(np.int64)


def false_alarms_per_hour(
    frame_scores: FloatArray, threshold: float, *, fps: Fraction | float, normal: Labels | None = None
) -> float:
    """Alarms of one video that start on a normal frame, for each hour of normal frames.

    An alarm that starts before the event counts as false; one that outlasts it is not a new one.

    Args:
        frame_scores: (n,) float, one video's frames in order.
        threshold: In the scores' unit; an alarm lasts while the score is at least this.
        fps: Frames per second.
        normal: (n,) bool, the frames that are normal; None for all.

    Returns:
        Alarms per hour, NaN where no frame is normal.
    """
    if normal is None:
        normal = np.ones(len(frame_scores), dtype=bool)
    hours = float(int(normal.sum()) / fps / 3600)
    if not hours:
        return math.nan
    return int(normal[alarm_starts(frame_scores, threshold)].sum()) / hours


def confusion(true: IntArray, predicted: IntArray, n: int) -> IntArray:
    """(n, n) int64 counts, row = true class, column = predicted class, both in 0..n-1."""
    pairs = np.asarray(true, dtype=np.int64) * n + np.asarray(predicted, dtype=np.int64)
    return np.bincount(pairs, minlength=n * n).reshape(n, n).astype(np.int64)


def accuracy(true: IntArray, predicted: IntArray) -> float:
    """Share of right answers in 0..1; NaN where there is none to judge."""
    return float(np.mean(np.asarray(true) == np.asarray(predicted))) if len(true) else math.nan


def _checked(labels: Labels, scores: FloatArray) -> Labels:
    """The labels as bool, after a check that they fit the scores."""
    if labels.ndim != 1 or labels.shape != scores.shape:
        raise DataError(
            "labels and scores do not fit",
            expected="one label and one score for each frame",
            found=f"labels {labels.shape} and scores {scores.shape}",
        )
    if np.isnan(scores).any():
        raise DataError("scores hold NaN, which has no rank", found=f"{int(np.isnan(scores).sum())} NaN")
    return labels.astype(bool, copy=False)
