"""From scores that come one after the other to events that begin, go on and end.

`evaluation.events.find_events` sees all scores of a video at once; this sees them one by one and gives the
same events, as early as they are certain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from vadlab.errors import DataError, UsageError
from vadlab.live.event import LiveEvent, State, new_id

__all__ = ["LifeCycle", "LifeCycleSettings"]


@dataclass(frozen=True)
class LifeCycleSettings:
    """When scores become an event; lengths are frames.

    Args:
        threshold: An event needs a frame that scores at least this.
        close_at: It reaches both ways while frames score at least this fraction of the threshold, 0 to 1.
            Less than 1 makes sense only where 0 is the scores' lower end.
        min_frames: Shorter events are never told of.
        merge_gap: Events with fewer frames than this between them become one; 0 or 1 merges none.
        cool_down: After an event's last frame, another is not told of before it reaches this many frames
            further. One that is over by then is dropped, and counted; one that lasts is told of late, with
            its true start.
        update_every: An open event is told of again each time it has grown by this much; 0 for never.

    Raises:
        UsageError: If a value is out of range, or an event would end above the score that starts it.
    """

    threshold: float
    close_at: float = 1.0
    min_frames: int = 1
    merge_gap: int = 0
    cool_down: int = 0
    update_every: int = 0

    def __post_init__(self) -> None:
        lengths = (self.min_frames, self.merge_gap, self.cool_down, self.update_every)
        if not math.isfinite(self.threshold) or not 0 <= self.close_at <= 1 or min(lengths) < 0:
            raise UsageError(
                "events cannot be found with these settings",
                expected="a finite threshold, close_at in 0..1, and lengths of 0 frames or more",
                found=self,
            )
        if self.off > self.threshold:
            raise UsageError(
                "an event cannot end above the score that starts it",
                found=f"threshold={self.threshold}, close_at={self.close_at}",
                remedy="a negative threshold needs close_at = 1",
            )

    @property
    def off(self) -> float:
        """The score below which an event ends."""
        return self.threshold * self.close_at

    @classmethod
    def in_seconds(
        cls,
        threshold: float,
        *,
        fps: Fraction | float,
        close_at: float = 1.0,
        min_length_s: float = 0.4,
        merge_gap_s: float = 1.0,
        cool_down_s: float = 0.0,
        update_every_s: float = 1.0,
    ) -> LifeCycleSettings:
        """Settings in seconds for a source of this frame rate; rounded as `evaluation.events.Alarm` does."""
        return cls(
            threshold,
            close_at,
            min_frames=max(1, round(min_length_s * fps)),
            merge_gap=round(merge_gap_s * fps),
            cool_down=round(cool_down_s * fps),
            update_every=max(1, round(update_every_s * fps)) if update_every_s else 0,
        )


@dataclass
class _Stretch:
    """Frames from the first to the last that belong together, and what is known of them."""

    start: int
    stop: int
    start_time: float
    stop_time: float
    top: float
    likelihood: dict[str, float] = field(default_factory=dict)  # category -> sum of its probabilities

    def join(self, later: _Stretch, between: Mapping[str, float]) -> None:
        """Take in a later stretch, and what was thought of the frames between."""
        self.stop, self.stop_time = later.stop, later.stop_time
        self.top = max(self.top, later.top)
        _add(self.likelihood, between)
        _add(self.likelihood, later.likelihood)


class LifeCycle:
    """The events of one source.

    An event is told of as "new" when it has reached the threshold and its shortest length, and as "end"
    when no later frame can belong to it: once `merge_gap` frames have passed. Frames that score between
    `off` and the threshold put this off, for they would belong to it if they reached the threshold.

    Frames that were never scored (dropped ones) count as normal. Scores are compared as float32, as
    offline.
    """

    def __init__(self, settings: LifeCycleSettings, *, source: str) -> None:
        """Start without an event.

        Args:
            settings: When scores become an event.
            source: The camera's name, or the video's.
        """
        self.settings, self.source = settings, source
        self.n_dropped = 0
        """Events that the cool-down kept back."""
        self._on = float(np.float32(settings.threshold))
        self._off = float(np.float32(settings.off))
        self._seen = 0  # frames up to here are known
        self._quiet_until = 0
        # An event has reached the threshold; it is growing while the scores have not been below `off` since.
        self._event: _Stretch | None = None
        self._growing = False
        self._between: dict[str, float] = {}
        # Frames at or above `off` that do not belong to an event yet.
        self._run: _Stretch | None = None
        self._id: str | None = None
        self._told_stop = 0

    def feed(
        self,
        span: tuple[int, int],
        score: float,
        *,
        times: tuple[float, float],
        probabilities: Mapping[str, float] | None = None,
    ) -> list[LiveEvent]:
        """Take the score of the next frames.

        Args:
            span: The frames, half-open; spans come in order and do not overlap, but may leave gaps.
            score: Of each of these frames.
            times: UNIX seconds of the start of the first frame and the end of the last.
            probabilities: Of each category, or None. An event's category has the highest mean over the
                spans between its first frame and its last.

        Returns:
            Messages to send, in order; usually none.

        Raises:
            DataError: If the span is empty or begins before the end of the one before, or the score is
                not finite.
        """
        start, stop = span
        if not self._seen <= start < stop or not math.isfinite(score):
            raise DataError(
                f"the scores of {self.source!r} cannot be followed",
                expected=f"a span that begins at frame {self._seen} or later, and a finite score",
                found=f"frames {start}-{stop}, score {score}",
            )
        here = _Stretch(start, stop, *times, float(np.float32(score)), dict(probabilities or {}))
        if start > self._seen:
            self._interrupt()
        messages = self._end_if_over(start)
        self._seen = stop
        if here.top < self._off:
            self._interrupt()
            _add(self._between, here.likelihood)
        else:
            self._take(here)
        return messages + self._tell() + self._end_if_over(stop)

    def close(self) -> list[LiveEvent]:
        """End what is open: the source is at its end, or has been lost; feeding may go on afterwards."""
        self._interrupt()
        return self._end()

    def _take(self, here: _Stretch) -> None:
        if self._event is not None and self._growing:
            self._event.join(here, {})
            return
        if self._run is None:
            self._run = here
        else:
            self._run.join(here, {})
        if self._run.top < self._on:
            return
        if self._event is None:
            self._event = self._run
        else:
            self._event.join(self._run, self._between)
        self._run, self._between, self._growing = None, {}, True

    def _interrupt(self) -> None:
        """Frames below `off`, or none: what comes next is not the same run."""
        self._growing = False
        if self._run is not None:
            _add(self._between, self._run.likelihood)
            self._run = None

    def _tell(self) -> list[LiveEvent]:
        event, settings = self._event, self.settings
        if event is None or not self._growing:
            return []
        if self._id is None:
            if event.stop - event.start < settings.min_frames or event.stop < self._quiet_until:
                return []
            self._id = new_id(event.start_time)
            return [self._message(event, self._id, "new")]
        if settings.update_every and event.stop - self._told_stop >= settings.update_every:
            return [self._message(event, self._id, "update")]
        return []

    def _end_if_over(self, next_frame: int) -> list[LiveEvent]:
        """End the event if the run that has begun, or one from `next_frame` on, would not join it."""
        if self._event is None or self._growing:
            return []
        begins = next_frame if self._run is None else self._run.start
        return self._end() if begins - self._event.stop >= self.settings.merge_gap else []

    def _end(self) -> list[LiveEvent]:
        event, known_as = self._event, self._id
        self._event, self._id, self._between = None, None, {}
        if event is None:
            return []
        if known_as is None:
            self.n_dropped += event.stop - event.start >= self.settings.min_frames
            return []
        self._quiet_until = event.stop + self.settings.cool_down
        return [self._message(event, known_as, "end")]

    def _message(self, event: _Stretch, known_as: str, state: State) -> LiveEvent:
        self._told_stop = event.stop
        likelihood = event.likelihood
        return LiveEvent(
            id=known_as,
            source=self.source,
            state=state,
            start_frame=event.start,
            stop_frame=event.stop,
            start_time=event.start_time,
            stop_time=event.stop_time,
            category=max(likelihood, key=likelihood.__getitem__) if likelihood else None,
            top_score=event.top,
            threshold=self.settings.threshold,
        )


def _add(total: dict[str, float], more: Mapping[str, float]) -> None:
    for name, value in more.items():
        total[name] = total.get(name, 0.0) + value
