"""Events for tests, with ids that sort as their numbers do."""

from __future__ import annotations

from vadlab.live.event import LiveEvent, State

__all__ = ["live_event"]


def live_event(number: int = 0, state: State = "new", *, source: str = "gate", grown: int = 0) -> LiveEvent:
    """Event `number`, of 25 frames a second, a minute after the one before; `grown` frames longer."""
    start = number * 1500
    stop = start + 10 + grown
    return LiveEvent(
        id=f"20261124T{number:06d}.000-00000000",
        source=source,
        state=state,
        start_frame=start,
        stop_frame=stop,
        start_time=start / 25,
        stop_time=stop / 25,
        category="Fighting",
        top_score=0.9,
        threshold=0.5,
    )
