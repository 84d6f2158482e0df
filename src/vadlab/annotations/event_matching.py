"""Events of two people side by side: which are the same, how far they overlap, where their boundaries differ.

Two sets of events are matched one to one so that the sum of temporal IoU (common frames over frames of
either) is largest; a pair without a common frame is no match. Events that touch or overlap within one set are
first made one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from vadlab.types import IntArray

__all__ = ["BoundarySpread", "match_events", "mean_event_iou", "temporal_iou"]


def temporal_iou(first: IntArray, second: IntArray) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(n, m) float64 in 0..1, the temporal IoU of every event of (n, 2) with every one of (m, 2)."""
    starts = np.maximum(first[:, None, 0], second[None, :, 0])
    stops = np.minimum(first[:, None, 1], second[None, :, 1])
    common = np.maximum(stops - starts, 0)
    lengths = (first[:, 1] - first[:, 0])[:, None] + (second[:, 1] - second[:, 0])[None, :]
    iou: np.ndarray[tuple[int, int], np.dtype[np.float64]] = common / (lengths - common)
    return iou


def match_events(first: IntArray, second: IntArray) -> list[tuple[int, int, float]]:
    """The matched events as (index in first, index in second, temporal IoU above 0), by the rule above."""
    iou = temporal_iou(first, second)
    rows, columns = linear_sum_assignment(iou, maximize=True)
    pairs = zip(rows.tolist(), columns.tolist(), iou[rows, columns].tolist(), strict=True)
    return [(row, column, value) for row, column, value in pairs if value > 0]


def mean_event_iou(first: IntArray, second: IntArray) -> float:
    """Mean temporal IoU over the events of two people, in 0..1; one without a match counts 0.

    NaN where neither marked anything.
    """
    matched = match_events(first, second)
    n_events = len(first) + len(second) - len(matched)
    return math.nan if n_events == 0 else sum(value for *_, value in matched) / n_events


@dataclass
class BoundarySpread:
    """How far people scatter around a boundary: begin or end of events that two or more of them marked.

    Frames of one event are added together; the spread is pooled over events, each around its own centre.
    """

    n_events: int = 0
    _squares: float = 0.0
    _freedom: int = 0
    _distances: list[float] = field(default_factory=list)

    def add(self, frames: Sequence[int]) -> None:
        """Add where the people put one event's boundary; fewer than two say nothing."""
        if len(frames) < 2:
            return
        places = np.asarray(frames, dtype=np.float64)
        self.n_events += 1
        self._squares += float(((places - places.mean()) ** 2).sum())
        self._freedom += len(places) - 1
        self._distances += np.abs(places - np.median(places)).tolist()

    def include(self, other: BoundarySpread) -> None:
        """Pool with the events of another."""
        self.n_events += other.n_events
        self._squares += other._squares
        self._freedom += other._freedom
        self._distances += other._distances

    @property
    def std(self) -> float:
        """Standard deviation in frames, with one degree of freedom less an event; NaN without events."""
        return math.sqrt(self._squares / self._freedom) if self._freedom else math.nan

    @property
    def mad(self) -> float:
        """Median distance from the event's median in frames, not scaled; NaN without events."""
        return float(np.median(self._distances)) if self._distances else math.nan
