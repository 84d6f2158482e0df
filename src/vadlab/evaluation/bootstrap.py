"""How far a figure would move with other test videos: percentile intervals by drawing videos.

Frames of one video are alike, so whole videos are drawn, with replacement, as many as there are. Each
video is summed up once (a histogram of its scores, or its part of a ratio). A thousand draws are then
a product of matrices, and no score is sorted again.

Source:
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from vadlab.evaluation.detection import average_precision
from vadlab.evaluation.ranking import Ranking
from vadlab.evaluation.ranking_figures import peaks, pooled_videos
from vadlab.evaluation.result import Evaluation, Judged
from vadlab.types import FloatArray

__all__ = ["intervals"]

Values = NDArray[np.float64]

_BINS = 4096  # scores are told apart exactly up to so many; beyond, half by quantiles of either class
_DRAWS = 100  # at once


def intervals(
    evaluation: Evaluation, *, n: int = 1000, seed: int = 0, level: float = 0.95
) -> dict[str, tuple[float, float]]:
    """Percentile interval of every figure but counts.

    Draws in which a figure is undefined, as an AUC of normal videos only, are left out for it. Scores
    are binned where there are more than some thousand distinct ones, which moves an AUC by less than
    1e-4.

    Args:
        evaluation: What `evaluate` gave.
        n: Number of draws; one draw serves all figures.
        seed: Seed of the draws.
        level: Share of the draws inside the interval, in 0..1.

    Returns:
        Figure to (low, high), in the order of the metrics; without those that are undefined, and empty
        for fewer than two videos.
    """
    n_videos = len(evaluation.videos)
    if n_videos < 2:
        return {}
    even = np.full(n_videos, 1 / n_videos)
    times = np.random.default_rng(seed).multinomial(n_videos, even, size=n).astype(np.float64)
    drawn: dict[str, Values] = {}
    for names, figures in _rankings(evaluation):
        parts = [figures(times[start : start + _DRAWS]) for start in range(0, n, _DRAWS)]
        drawn |= dict(zip(names, np.concatenate(parts, axis=1), strict=True))
    for name, (numerators, denominators) in evaluation.ratios.items():
        below = times @ denominators
        drawn[name] = np.divide(times @ numerators, below, out=np.full(n, np.nan), where=below > 0)
    for name, matches in evaluation.matches.items():
        if matches:
            areas = np.stack([average_precision(one, times=times) for one in matches])  # (c, n, t)
            drawn[name] = _mean_of_defined(areas).mean(axis=-1)
    if evaluation.rules.average == "micro":
        drawn["auc"] = drawn["auc_micro"]
    outside = (1 - level) / 2
    found = {}
    for name, value in evaluation.metrics.items():
        defined = drawn.get(name, np.empty(0))
        defined = defined[~np.isnan(defined)]
        if len(defined) and not math.isnan(value):
            low, high = np.quantile(defined, [outside, 1 - outside])
            found[name] = float(low), float(high)
    return found


def _mean_of_defined(values: Values) -> Values:
    """Mean over the first axis without NaN; NaN where there is nothing else."""
    known = ~np.isnan(values)
    n_known = known.sum(axis=0)
    total = np.where(known, values, 0).sum(axis=0)
    mean: Values = np.divide(total, n_known, out=np.full_like(total, np.nan), where=n_known > 0)
    return mean


def _rankings(
    evaluation: Evaluation,
) -> Iterator[tuple[tuple[str, ...], Callable[[Values], Values]]]:
    """Names of figures, and a function from (d, v) draws to their (names, d) values."""
    videos = evaluation.videos
    taken = pooled_videos(videos, evaluation.rules)
    scores = [video.counted_scores() for video in videos]
    labels = [video.counted_labels() for video in videos]
    edges = _edges(np.concatenate(scores), np.concatenate(labels))
    bins = [np.searchsorted(edges, each, side="right") - 1 for each in scores]
    normal, abnormal = (
        _cumulative(bins, [each == kind for each in labels], len(edges)) for kind in (False, True)
    )

    def pooled(times: Values) -> Values:
        ranking = _drawn(abnormal, normal, times * taken)
        figures = (ranking.auc(), ranking.average_precision(), ranking.pr_auc_trapezoid(), ranking.eer())
        return np.stack(figures)

    yield ("auc_micro", "ap", "pr_auc", "eer"), pooled
    of_abnormal = np.array([video.labels.abnormal for video in videos], dtype=bool)
    yield ("auc_abnormal_only",), lambda times: _drawn(abnormal, normal, times * of_abnormal).auc()[None]
    if "prob_auc" in evaluation.metrics and "prob_auc" not in evaluation.reasons:
        yield _probabilistic(videos, bins, taken, len(edges))
    if evaluation.rules.normalisation != "video-minmax":
        yield _video_level(videos, of_abnormal)


def _probabilistic(
    videos: Sequence[Judged], bins: Sequence[NDArray[np.int64]], taken: NDArray[np.bool_], n_bins: int
) -> tuple[tuple[str, ...], Callable[[Values], Values]]:
    means = [
        np.zeros(len(mine)) if video.probabilities is None else video.probabilities[video.counted]
        for video, mine in zip(videos, bins, strict=True)
    ]
    abnormal = _cumulative(bins, means, n_bins)
    normal = _cumulative(bins, [1 - mean for mean in means], n_bins)

    def figures(times: Values) -> Values:
        ranking = _drawn(abnormal, normal, times * taken)
        return np.stack([ranking.auc(), ranking.average_precision()])

    return ("prob_auc", "prob_ap"), figures


def _video_level(
    videos: Sequence[Judged], of_abnormal: NDArray[np.bool_]
) -> tuple[tuple[str, ...], Callable[[Values], Values]]:
    """Each video is one frame with its highest score."""
    highest = peaks(videos)
    edges = np.unique(highest[~np.isnan(highest)])
    bins: list[NDArray[np.int64]] = [
        np.searchsorted(edges, peak[~np.isnan(peak)]).astype(np.int64) for peak in highest[:, None]
    ]
    weights = [np.ones(len(mine)) for mine in bins]
    every = _cumulative(bins, weights, len(edges))
    normal, abnormal = every * ~of_abnormal[:, None], every * of_abnormal[:, None]
    return ("auc_video_level",), lambda times: _drawn(abnormal, normal, times).auc()[None]


def _edges(scores: FloatArray, labels: NDArray[np.bool_]) -> FloatArray:
    """(b,) lowest score of each bin; every distinct score where they are few."""
    distinct = np.unique(scores)
    if len(distinct) <= _BINS:
        return distinct
    halves = []
    for kind in (False, True):
        mine = np.sort(scores[labels == kind])
        halves.append(mine[np.linspace(0, len(mine) - 1, _BINS // 2).astype(np.int64)] if len(mine) else mine)
    return np.unique(np.concatenate([distinct[:1], *halves]))


def _cumulative(
    bins: Sequence[NDArray[np.int64]], weights: Sequence[NDArray[np.generic]], n_bins: int
) -> Values:
    """(v, b + 1) each video's weight at or above each bin's edge, from none to all."""
    cumulative = np.zeros((len(bins), n_bins + 1))
    for row, mine, weight in zip(cumulative, bins, weights, strict=True):
        row[1:] = np.cumsum(np.bincount(mine, weights=weight.astype(np.float64), minlength=n_bins)[::-1])
    return cumulative


def _drawn(abnormal: Values, normal: Values, times: Values) -> Ranking:
    """One ranking for each of (d, v) draws."""
    return Ranking(times @ abnormal, times @ normal)
