"""How long after its begin an event is noticed."""

from __future__ import annotations

import numpy as np

from vadlab.types import FloatArray, IntArray

__all__ = ["delays", "raised_at"]


def raised_at(frame_scores: FloatArray, alarms: IntArray, *, on: float, min_length: int = 1) -> IntArray:
    """The frame at which each alarm could first be told: it has reached `on` and lasted long enough.

    An alarm reaches back to where its score passed the lower threshold; at that time nobody knew.

    Args:
        frame_scores: (n,) one video's frames.
        alarms: (m, 2) half-open frames, each with a score >= `on`.
        on: The score that starts an alarm.
        min_length: Frames that an alarm must last.
    """
    frames = [
        max(start + int(np.argmax(frame_scores[start:stop] >= on)), start + min_length - 1)
        for start, stop in alarms.tolist()
    ]
    return np.array(frames, dtype=np.int64)


def delays(events: IntArray, alarms: IntArray, raised: IntArray) -> IntArray:
    """Frames from the begin of each true event to the first alarm in it; -1 where there is none.

    An alarm that was raised before and still lasts at the event's begin gives 0. One that is raised
    after the event's end does not count.

    Args:
        events: (k, 2) true events, half-open frames.
        alarms: (m, 2) alarms, half-open frames, sorted.
        raised: (m,) frame at which each was raised.
    """
    found = np.full(len(events), -1, dtype=np.int64)
    for index, (start, stop) in enumerate(events.tolist()):
        noticed = np.maximum(raised, start)
        heard = noticed[(noticed < stop) & (alarms[:, 1] > noticed)]
        if len(heard):
            found[index] = int(heard.min()) - start
    return found
