"""Found events against true ones by temporal intersection over union (tIoU), as ActivityNet does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vadlab.types import IntArray

__all__ = ["Matches", "average_precision", "match", "tiou"]

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Matches:
    """All found events of several videos, the surest first, and which of them are right.

    Args:
        videos: (n,) int64, index of each found event's video.
        right: (n, t) bool, whether it matches a true event at each of t tIoU thresholds.
        n_true: (v,) int64, true events of each video.
    """

    videos: IntArray
    right: NDArray[np.bool_]
    n_true: IntArray


def tiou(one: IntArray, other: IntArray) -> Values:
    """(m, k) temporal intersection over union of (m, 2) and (k, 2) half-open spans, in 0..1."""
    starts = np.maximum(one[:, None, 0], other[None, :, 0])
    stops = np.minimum(one[:, None, 1], other[None, :, 1])
    common = np.maximum(stops - starts, 0)
    either = (one[:, 1] - one[:, 0])[:, None] + (other[:, 1] - other[:, 0])[None] - common
    return np.asarray(common / either)


def match(
    found: Sequence[tuple[IntArray, Values]], true: Sequence[IntArray], thresholds: Sequence[float]
) -> Matches:
    """Match found events with true ones, video by video.

    The surest found event goes first. It takes the true event that it shares most with, of those with
    a tIoU at or above the threshold that no surer one has taken. If none is left it is wrong.

    Args:
        found: A video's spans (m, 2) and scores (m,), one pair a video.
        true: A video's true spans (k, 2).
        thresholds: tIoU thresholds, each judged by itself.

    Source:
        The detection task of the ActivityNet challenge.
    """
    videos, scores, right = [], [], []
    for index, ((spans, values), events) in enumerate(zip(found, true, strict=True)):
        order = np.argsort(-values, kind="stable")
        videos.append(np.full(len(order), index))
        scores.append(values[order])
        shared = tiou(spans[order], events)
        right.append(np.stack([_greedy(shared, threshold) for threshold in thresholds], axis=1))
    if not videos:
        return Matches(np.empty(0, np.int64), np.empty((0, len(thresholds)), bool), np.empty(0, np.int64))
    order = np.argsort(-np.concatenate(scores), kind="stable")
    n_true = np.array([len(events) for events in true], dtype=np.int64)
    return Matches(np.concatenate(videos)[order], np.concatenate(right)[order], n_true)


def _greedy(shared: Values, threshold: float) -> NDArray[np.bool_]:
    """(m,) which rows of (m, k) tIoUs find a free column, in order."""
    free = np.ones(shared.shape[1], dtype=bool)
    right = np.zeros(len(shared), dtype=bool)
    for row, overlaps in enumerate(shared):
        allowed = free & (overlaps >= threshold)
        if allowed.any():
            free[np.argmax(np.where(allowed, overlaps, -1))] = False
            right[row] = True
    return right


def average_precision(matches: Matches, *, times: Values | None = None) -> Values:
    """Interpolated average precision: at each recall the best precision at that recall or a higher one.

    Args:
        matches: From `match`.
        times: (d, v) how often each video is drawn, for the bootstrap; None takes each once.

    Returns:
        (d, t) in 0..1; NaN where no event is true. d is 1 without `times`.
    """
    if times is None:
        times = np.ones((1, len(matches.n_true)))
    weights = times[:, matches.videos]  # (d, n)
    n_true = (times @ matches.n_true)[:, None]
    n_found = np.cumsum(weights, axis=1)
    areas = []
    for column in matches.right.T:
        steps = weights * column
        n_right = np.cumsum(steps, axis=1)
        precision = np.divide(n_right, n_found, out=np.zeros_like(n_right), where=n_found > 0)
        best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        areas.append((steps * best).sum(axis=1))
    area = np.stack(areas, axis=1) if areas else np.empty((len(times), 0))
    return np.divide(area, n_true, out=np.full_like(area, np.nan), where=n_true > 0)
