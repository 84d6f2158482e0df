"""Every figure of an order of scores, from one sort.

A `Ranking` holds how many abnormal and normal frames lie above each threshold. ROC area, average
precision, precision-recall area and equal error rate are all sums along it. Frames may weigh less
than one (probabilistic labels) and many rankings may be held at once (bootstrap draws).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vadlab.errors import DataError
from vadlab.types import FloatArray

__all__ = ["Curve", "Labels", "Ranking", "check_scores", "rank", "rank_weighted"]

Labels = NDArray[np.bool_]
Curve = tuple[NDArray[np.float64], NDArray[np.float64]]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Ranking:
    """What lies at or above each threshold, from none to all.

    The figures are (...) float64 arrays, one for each ranking, of shape () for a single one. They are
    NaN where a ranking has frames of one class only.

    Args:
        abnormal, normal: (..., k) float64, cumulative, from 0 at the first point to all at the last.
            Counts below 2**53 are exact.
    """

    abnormal: Values
    normal: Values

    def auc(self) -> Values:
        """Area under the ROC curve: the share of (abnormal, normal) pairs in the right order, ties half."""
        n_normal = np.diff(self.normal)
        twice = (n_normal * (self.abnormal[..., 1:] + self.abnormal[..., :-1])).sum(axis=-1)
        return self._defined(lambda: twice / (2 * self.abnormal[..., -1] * self.normal[..., -1]))

    def average_precision(self) -> Values:
        """Average precision: the precision at each recall step, weighted by the step."""
        steps, precision = np.diff(self.abnormal), self._precision()
        return self._defined(lambda: (steps * precision[..., 1:]).sum(axis=-1) / self.abnormal[..., -1])

    def pr_auc_trapezoid(self) -> Values:
        """Area under the precision-recall curve by trapezoids; above no frame the precision is 1."""
        steps, precision = np.diff(self.abnormal), self._precision()
        twice = (steps * (precision[..., 1:] + precision[..., :-1])).sum(axis=-1)
        return self._defined(lambda: twice / (2 * self.abnormal[..., -1]))

    def eer(self) -> Values:
        """Equal error rate: the ROC curve cut with the line from (0, 1) to (1, 0), linear in between."""

        def cut() -> Values:
            false_rates, true_rates = self.roc()
            excess = false_rates + true_rates - 1  # false alarms less misses, from -1 up to 1
            after = np.argmax(excess >= 0, axis=-1)[..., None]
            (low, high), (first, last) = (
                [np.take_along_axis(values, index, axis=-1)[..., 0] for index in (after - 1, after)]
                for values in (excess, false_rates)
            )
            return np.asarray(first - low / (high - low) * (last - first))

        return self._defined(cut)

    def roc(self) -> Curve:
        """(..., k) false and true positive rates at each point, from 0 to 1."""
        return self.normal / self.normal[..., -1:], self.abnormal / self.abnormal[..., -1:]

    def _precision(self) -> Values:
        every = self.abnormal + self.normal
        return np.divide(self.abnormal, every, out=np.ones_like(every), where=every > 0)

    def _defined(self, figure: Callable[[], Values]) -> Values:
        with np.errstate(divide="ignore", invalid="ignore"):
            values = figure()
        both = (self.abnormal[..., -1] > 0) & (self.normal[..., -1] > 0)
        return np.where(both, values, np.nan)


def rank(labels: Labels, scores: FloatArray) -> Ranking:
    """Rank frames that are either abnormal or normal.

    Only thresholds at abnormal scores are kept, with the point just above each: what lies between
    them is a straight piece of the ROC curve, and no figure needs it. O(n log n) time; memory for one
    copy of the scores and six numbers for each distinct abnormal score.

    Args:
        labels: (n,) bool, True = abnormal.
        scores: (n,) float, no NaN.

    Raises:
        DataError: If the lengths differ or a score is NaN.
    """
    labels = check_scores(labels, scores)
    abnormal, normal = np.sort(scores[labels]), np.sort(scores[~labels])
    first = np.append(0, 1 + np.flatnonzero(abnormal[1:] != abnormal[:-1]))[: len(abnormal)]
    values = abnormal[first]
    # How many are at or above each distinct abnormal score, and how many normal ones above it.
    at = np.stack([len(abnormal) - first, len(normal) - np.searchsorted(normal, values, side="left")])
    above = np.stack(
        [
            len(abnormal) - np.append(first[1:], len(abnormal))[: len(values)],
            len(normal) - np.searchsorted(normal, values, side="right"),
        ]
    )
    points = np.empty((2, 2 * len(values) + 2))
    points[:, 0], points[:, -1] = 0, (len(abnormal), len(normal))
    points[:, 1:-1:2], points[:, 2:-1:2] = above[:, ::-1], at[:, ::-1]
    return Ranking(points[0], points[1])


def rank_weighted(
    abnormal: NDArray[np.floating], normal: NDArray[np.floating], scores: FloatArray
) -> Ranking:
    """Rank frames that are abnormal and normal by weights.

    Args:
        abnormal: (n,) float, 0 or more.
        normal: (n,) float, 0 or more.
        scores: (n,) float, no NaN.
    """
    order = np.argsort(scores)[::-1]
    ranked = scores[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    cumulative = [
        np.concatenate([[0.0], np.cumsum(weights[order], dtype=np.float64)[ends]])
        for weights in (abnormal, normal)
    ]
    return Ranking(*cumulative)


def check_scores(labels: Labels, scores: FloatArray) -> Labels:
    """The labels as bool, after a check that they fit the scores.

    Raises:
        DataError: If the lengths differ or a score is NaN.
    """
    if labels.ndim != 1 or labels.shape != scores.shape:
        raise DataError(
            "labels and scores do not fit",
            expected="one label and one score for each frame",
            found=f"labels {labels.shape} and scores {scores.shape}",
        )
    if np.isnan(scores).any():
        raise DataError("scores hold NaN, which has no rank", found=f"{int(np.isnan(scores).sum())} NaN")
    return labels.astype(bool, copy=False)
