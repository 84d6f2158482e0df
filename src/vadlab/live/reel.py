"""The last frames of a source as JPEG pictures, and what is kept of them for a clip."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import cv2
import numpy as np

from vadlab.video.transform import Frame

__all__ = ["Recording", "Reel", "Still", "pictures", "still"]

_QUALITY = 85


@dataclass(frozen=True)
class Still:
    """One frame: its number and time (UNIX seconds) in the source, and its picture as a JPEG file."""

    number: int
    time: float
    jpeg: bytes


def still(number: int, time: float, frame: Frame, *, longest_side: int) -> Still:
    """Shrink a frame to at most this side, and compress it.

    Args:
        number: Of the frame in its source.
        time: UNIX seconds.
        frame: (h, w, 3) RGB uint8.
        longest_side: Pixels; smaller frames stay as they are.
    """
    height, width = frame.shape[:2]
    scale = longest_side / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        frame = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    bgr = cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2BGR)
    _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return Still(number, time, jpeg.tobytes())


def pictures(stills: Iterable[Still]) -> Iterator[Frame]:
    """The stills' pictures, (h, w, 3) RGB uint8, one at a time."""
    for one in stills:
        bgr = np.asarray(cv2.imdecode(np.frombuffer(one.jpeg, dtype=np.uint8), cv2.IMREAD_COLOR))
        yield np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)


@dataclass
class Recording:
    """What is kept for one event's clip.

    Args:
        begin: UNIX seconds; earlier frames are not kept.
        limit: UNIX seconds; the clip ends here at the latest.
        end: UNIX seconds where it ends, or None while the event goes on.
        stills: Frames so far, in order.
    """

    begin: float
    limit: float
    end: float | None = None
    stills: list[Still] = field(default_factory=list)

    def add(self, one: Still) -> None:
        """Keep a frame where it belongs to the clip."""
        if self.begin <= one.time < self.limit and (self.end is None or one.time < self.end):
            self.stills.append(one)

    def finish(self, end: float) -> None:
        """Say where the clip ends; frames beyond are left out."""
        self.end = end
        self.stills = [one for one in self.stills if one.time < end]

    def complete(self, now: float) -> bool:
        """Whether no frame from the time `now` on belongs to the clip."""
        return self.end is not None and now >= min(self.end, self.limit)

    def fps(self) -> Fraction:
        """Frames per second by their times, 1 to 120; 25 for a single frame."""
        if len(self.stills) < 2 or self.stills[-1].time <= self.stills[0].time:
            return Fraction(25)
        rate = (len(self.stills) - 1) / (self.stills[-1].time - self.stills[0].time)
        return Fraction(round(100 * min(max(rate, 1.0), 120.0)), 100)


class Reel:
    """The last frames of one source."""

    def __init__(self, n_frames: int) -> None:
        """Keep so many."""
        self._stills: deque[Still] = deque(maxlen=n_frames)

    def add(self, one: Still) -> None:
        """Take the next frame, in place of the oldest where there are enough."""
        self._stills.append(one)

    @property
    def latest(self) -> float:
        """The time of the last frame; minus infinity before the first."""
        return self._stills[-1].time if self._stills else -np.inf

    def record(self, begin: float, limit: float) -> Recording:
        """Begin a recording with the frames that are here already."""
        recording = Recording(begin, limit)
        for one in self._stills:
            recording.add(one)
        return recording

    def nearest(self, number: int) -> Still | None:
        """The frame whose number is nearest; None where there is no frame."""
        return min(self._stills, key=lambda one: abs(one.number - number), default=None)
