"""Seconds and frames: the one place where annotations turn one into the other.

Frame k is on screen from k / fps to (k + 1) / fps, so a half-open span of frames is a half-open span of
time. A time becomes the nearest boundary between frames, a half going up. As no boundary is further off
than half a frame, frames come back unchanged after any tool that keeps times to less than that: with
three decimals, up to 999 frames per second.
"""

from __future__ import annotations

import math
from fractions import Fraction

__all__ = ["to_seconds", "to_span"]


def to_seconds(frame: int, fps: Fraction) -> float:
    """Time at which a frame begins, in seconds."""
    return float(frame / fps)


def to_span(start: float, stop: float, fps: Fraction) -> tuple[int, int]:
    """The half-open frames from one time to another, at least one frame.

    Args:
        start: Seconds.
        stop: Seconds, above `start`.
        fps: Frames per second.

    A time too short to reach two boundaries becomes the frame on screen in its middle.
    """
    first, after = _boundary(start, fps), _boundary(stop, fps)
    if first == after:
        first = math.floor((Fraction(start) + Fraction(stop)) / 2 * fps)
        after = first + 1
    return first, after


def _boundary(seconds: float, fps: Fraction) -> int:
    return math.floor(Fraction(seconds) * fps + Fraction(1, 2))
