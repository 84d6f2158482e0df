"""From frame scores to the events that a person is told of, and the threshold that decides it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from vadlab.errors import DataError, UsageError
from vadlab.types import Categories, Event, FloatArray, IntArray

__all__ = ["Alarm", "find_events", "threshold_for_alarm_rate"]


@dataclass(frozen=True)
class Alarm:
    """When frame scores become an event that a person is told of; the same for evaluation and use.

    Args:
        on: An event needs a frame that scores at least this.
        off: It reaches both ways while frames score at least this; at most `on`.
        min_length_s: Shorter events are dropped, seconds.
        merge_gap_s: Events closer than this become one, seconds.

    Raises:
        UsageError: If `off` is above `on`.
    """

    on: float
    off: float
    min_length_s: float = 0.4
    merge_gap_s: float = 1.0

    def __post_init__(self) -> None:
        if not self.off <= self.on:
            raise UsageError(
                "an event cannot end above the score that starts it", found=f"on={self.on}, off={self.off}"
            )

    @classmethod
    def at(cls, on: float, *, scale_from_0: bool) -> Alarm:
        """The usual alarm at a threshold.

        Args:
            on: The threshold.
            scale_from_0: Whether 0 is the scores' lower end, so that 0.8 of `on` means something as
                `off`; else `off` is `on`.
        """
        return cls(on, 0.8 * on if scale_from_0 else on)

    def min_length(self, fps: Fraction) -> int:
        """The shortest event in frames, 1 or more."""
        return max(1, round(self.min_length_s * fps))

    def events(
        self, frame_scores: FloatArray, *, source: str, fps: Fraction, categories: Categories | None = None
    ) -> tuple[Event, ...]:
        """The events of one video; see `find_events`."""
        return find_events(
            frame_scores,
            source=source,
            on=self.on,
            off=self.off,
            min_length=self.min_length(fps),
            merge_gap=round(self.merge_gap_s * fps),
            categories=categories,
        )


def find_events(
    frame_scores: FloatArray,
    *,
    source: str,
    on: float,
    off: float,
    min_length: int,
    merge_gap: int,
    categories: Categories | None = None,
) -> tuple[Event, ...]:
    """Find the events of one video by two thresholds (hysteresis).

    An event is a run of frames with score >= off that reaches `on` somewhere. Events with fewer
    than `merge_gap` frames between them become one; what is then shorter than `min_length` is dropped.

    Args:
        frame_scores: (n,) float, finite, one video's frames in order.
        source: The video's id or the camera's name.
        on: Score that starts an event.
        off: Score below which it ends, at most `on`.
        min_length: Frames; 0 or 1 keeps every event.
        merge_gap: Frames; 0 or 1 merges none.
        categories: Category probabilities by window, or None.

    Returns:
        Sorted events that do not touch. The category is the likeliest by the mean probability over
        the windows that share a frame with the event; None where no window does.

    Raises:
        UsageError: If `off` is above `on`.
        DataError: If a score is not finite.
    """
    if not off <= on:
        raise UsageError("an event cannot end above the score that starts it", found=f"on={on}, off={off}")
    if not np.isfinite(frame_scores).all():
        raise DataError(f"frame scores of {source!r} hold NaN or infinity", expected="finite values")
    events = []
    for start, stop in _merged(_runs(frame_scores, on, off), merge_gap):
        if stop - start < min_length:
            continue
        peak = start + int(np.argmax(frame_scores[start:stop]))
        category, probability = _likeliest(categories, start, stop)
        events.append(Event(source, start, stop, peak, float(frame_scores[peak]), category, probability))
    return tuple(events)


def _runs(frame_scores: FloatArray, on: float, off: float) -> IntArray:
    """(k, 2) int64 runs of frames with score >= off that reach `on`."""
    above = np.concatenate([[False], frame_scores >= off, [False]])
    edges = np.flatnonzero(above[1:] != above[:-1]).reshape(-1, 2)
    if not len(edges):
        return edges
    # reduceat takes the frames up to the next start; those between two runs are below off <= on.
    peaks = np.maximum.reduceat(frame_scores, edges[:, 0])
    return edges[peaks >= on]


def _merged(runs: IntArray, merge_gap: int) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, stop in runs.tolist():
        if merged and start - merged[-1][1] < merge_gap:
            merged[-1] = (merged[-1][0], stop)
        else:
            merged.append((start, stop))
    return merged


def _likeliest(categories: Categories | None, start: int, stop: int) -> tuple[str | None, float | None]:
    if categories is None:
        return None, None
    touching = (categories.spans[:, 0] < stop) & (categories.spans[:, 1] > start)
    if not touching.any():
        return None, None
    mean = categories.probabilities[touching].mean(axis=0)
    best = int(np.argmax(mean))
    return categories.names[best], float(mean[best])


def threshold_for_alarm_rate(
    normal_frame_scores: Sequence[FloatArray],
    fps: Fraction | float | Sequence[Fraction | float],
    per_hour: float,
) -> float:
    """The lowest threshold that keeps false alarms on normal videos within a rate.

    Use normal videos of the training or validation part, never of the test part. An alarm is a run
    of frames with score >= threshold. Lowering the threshold from the top, the search ends where the
    alarms first exceed the rate. It also ends at the median score: a score that rises once and
    stays up would otherwise pass for a single alarm at any threshold.

    Args:
        normal_frame_scores: One (n,) array a video, all frames normal.
        fps: Frames per second, one for all videos or one each.
        per_hour: Alarms allowed for each hour of video, 0 or more. Videos of less than an hour in
            all allow less than one alarm at a rate of 1, that is none.

    Returns:
        The threshold, in the scores' unit and exact in their dtype; just above the highest score
        where no alarm is allowed.

    Raises:
        DataError: If there is no frame.
        UsageError: If the rate is negative or the frame rates do not match the videos.
    """
    if not sum(len(scores) for scores in normal_frame_scores):
        raise DataError(
            "there is no normal frame to choose a threshold on", remedy="pass normal training videos"
        )
    rates = list(fps) if isinstance(fps, Sequence) else [fps] * len(normal_frame_scores)
    if per_hour < 0 or len(rates) != len(normal_frame_scores):
        raise UsageError(
            "cannot choose a threshold",
            expected=f"per_hour >= 0 and one or {len(normal_frame_scores)} frame rates",
            found=f"per_hour={per_hour}, {len(rates)} frame rates",
        )
    hours = float(
        sum(len(scores) / rate / 3600 for scores, rate in zip(normal_frame_scores, rates, strict=True))
    )
    here = np.concatenate(list(normal_frame_scores))
    before = np.concatenate([np.concatenate([[-np.inf], scores])[:-1] for scores in normal_frame_scores])
    # Alarms that start at a frame exist for thresholds in (score before, score here].
    rises = here > before
    starts, ends = np.sort(here[rises]), np.sort(before[rises])
    levels = np.unique(here)[::-1]
    n_alarms = len(starts) - np.searchsorted(starts, levels) - (len(ends) - np.searchsorted(ends, levels))
    allowed = (n_alarms <= per_hour * hours) & (levels > np.median(here))
    n_allowed = len(levels) if allowed.all() else int(np.argmin(allowed))
    if not n_allowed:
        return float(np.nextafter(levels[0], np.asarray(np.inf, dtype=levels.dtype)))
    return float(levels[n_allowed - 1])
