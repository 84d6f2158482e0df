"""Figures of merit on plain arrays; label True = abnormal, higher score = more anomalous.

Where a figure is undefined it is NaN, never a guess; `why_undefined` says why. The figures of an
order of scores are those of `ranking.Ranking`; here they are asked for one at a time.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadlab.errors import DataError
from vadlab.evaluation.ranking import Curve, Labels, Ranking, check_scores, rank, rank_weighted
from vadlab.types import FloatArray, IntArray

__all__ = [
    "accuracy",
    "average_precision",
    "confusion",
    "eer",
    "far_at",
    "padded_auc",
    "pr_auc_trapezoid",
    "prob_ap",
    "prob_auc",
    "rank_probabilities",
    "right_pairs",
    "roc_auc",
    "roc_curve",
    "thinned",
    "why_undefined",
]


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
    labels = check_scores(labels, scores)
    if why_undefined(labels):
        return math.nan
    abnormal, normal = scores[labels], scores[~labels]
    return right_pairs(np.sort(abnormal), np.sort(normal)) / (2 * len(abnormal) * len(normal))


def right_pairs(abnormal: FloatArray, normal: FloatArray) -> int:
    """Twice the number of (abnormal, normal) pairs in the right order; a tie counts one.

    Args:
        abnormal: (a,) float scores, sorted.
        normal: (b,) float scores, sorted.
    """
    rarer, other = (abnormal, normal) if len(abnormal) <= len(normal) else (normal, abnormal)
    # Below counts once and below-or-equal once more, so a tie is half of a pair.
    below = int(np.searchsorted(other, rarer, side="left").sum())
    below += int(np.searchsorted(other, rarer, side="right").sum())
    return below if rarer is abnormal else 2 * len(abnormal) * len(normal) - below


def padded_auc(auc: float, n_abnormal: int, n_normal: int) -> float:
    """The AUC after one more normal frame below all scores and one more abnormal frame above all.

    So every video has an AUC: 1 for those of one class. With frames of both classes it rises a little,
    the more the fewer there are.

    Args:
        auc: Before; anything where a class has no frame.
        n_abnormal: Abnormal frames before.
        n_normal: Normal frames before.

    Source:
        The macro AUC of Georgescu et al.'s and of Reiss and Hoshen's releases, which append the two
        frames with fixed scores; ours are beyond every score, whatever its range.
    """
    pairs = auc * n_abnormal * n_normal if n_abnormal and n_normal else 0.0
    return (pairs + n_abnormal + n_normal + 1) / ((n_abnormal + 1) * (n_normal + 1))


def roc_curve(labels: Labels, scores: FloatArray, *, max_points: int | None = None) -> Curve:
    """The ROC curve's corners, thinned where asked.

    Args:
        labels: (n,) bool, True = abnormal.
        scores: (n,) float, no NaN.
        max_points: Keep at most this many points; None keeps all corners. See `thinned`.

    Returns:
        (false positive rates, true positive rates), each (k,) float64 from 0 to 1; both empty where
        only one class is present.
    """
    return thinned(rank(labels, scores), max_points)


def thinned(ranking: Ranking, max_points: int | None) -> Curve:
    """The ROC curve of a ranking by at most `max_points` points, spread evenly along it, ends included.

    Returns:
        (false positive rates, true positive rates), each (k,) float64; empty where a class is absent.
    """
    if not ranking.abnormal[-1] or not ranking.normal[-1]:
        return np.empty(0), np.empty(0)
    false_rates, true_rates = ranking.roc()
    if max_points is not None and len(false_rates) > max_points:
        # The sum of both rates grows along the curve from 0 to 2.
        wanted = np.linspace(0, 2, max_points)
        kept = np.unique(np.searchsorted(false_rates + true_rates, wanted).clip(max=len(false_rates) - 1))
        false_rates, true_rates = false_rates[kept], true_rates[kept]
    return false_rates, true_rates


def average_precision(labels: Labels, scores: FloatArray) -> float:
    """Average precision: the precision at each recall step, weighted by the step; NaN for one class."""
    return float(rank(labels, scores).average_precision())


def pr_auc_trapezoid(labels: Labels, scores: FloatArray) -> float:
    """Area under the precision-recall curve by trapezoids; NaN for one class.

    Often printed as "AP" or "PR AUC" by code of the field. It interpolates between the points,
    which is too kind where they are far apart; prefer `average_precision`.
    """
    return float(rank(labels, scores).pr_auc_trapezoid())


def eer(labels: Labels, scores: FloatArray) -> float:
    """Equal error rate: where misses and false alarms are equally frequent; NaN for one class.

    The ROC curve is cut with the line from (0, 1) to (1, 0), linear between its points.
    """
    return float(rank(labels, scores).eer())


def prob_auc(probabilities: NDArray[np.floating], scores: FloatArray) -> float:
    """AUC where each frame is abnormal with a probability, such as the share of annotators who say so.

    A frame of probability p is p of an abnormal and 1 - p of a normal frame with the same score. With
    probabilities of 0 and 1 it is `roc_auc`. Where annotators differ even a perfect order stays below 1.

    Args:
        probabilities: (n,) float in 0..1.
        scores: (n,) float, no NaN.

    Source:
        Liu et al., Rethinking Metrics and Benchmarks of Video Anomaly Detection, arXiv 2505.19022.
    """
    return float(rank_probabilities(probabilities, scores).auc())


def prob_ap(probabilities: NDArray[np.floating], scores: FloatArray) -> float:
    """Average precision with probabilistic labels; see `prob_auc`."""
    return float(rank_probabilities(probabilities, scores).average_precision())


def rank_probabilities(probabilities: NDArray[np.floating], scores: FloatArray) -> Ranking:
    """The ranking behind `prob_auc` and `prob_ap`.

    Raises:
        DataError: If the lengths differ, a score is NaN, or a probability is not in 0..1.
    """
    check_scores(np.asarray(probabilities, dtype=bool), scores)
    if len(probabilities) and not (probabilities.min() >= 0 and probabilities.max() <= 1):
        raise DataError(
            "probabilistic labels are out of range",
            expected="0..1, such as the share of annotators who call a frame abnormal",
            found=f"{probabilities.min():g} to {probabilities.max():g}",
        )
    return rank_weighted(probabilities, 1 - probabilities, scores)


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


def confusion(true: IntArray, predicted: IntArray, n: int) -> IntArray:
    """(n, n) int64 counts, row = true class, column = predicted class, both in 0..n-1."""
    pairs = np.asarray(true, dtype=np.int64) * n + np.asarray(predicted, dtype=np.int64)
    return np.bincount(pairs, minlength=n * n).reshape(n, n).astype(np.int64)


def accuracy(true: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Share of right answers in 0..1; NaN where there is none to judge."""
    return float(np.mean(np.asarray(true) == np.asarray(predicted))) if len(true) else math.nan
