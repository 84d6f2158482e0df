"""Cutting a row of n things into windows: clips over frames, and windows over clips.

The tail, what happens to things that do not fill a window, is the field's commonest silent
difference, so it is always named:

- "drop": the remainder is dropped (the paper's N = floor(M / m), Sec. 4);
- "pad":  a last, shorter window holds the remainder; whoever reads it repeats its last element;
- "shift": a last, full window ends at n and overlaps the one before.

Whatever the tail, a row shorter than one window is one short window, so no video is without one.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from vadlab.errors import UsageError
from vadlab.types import IntArray

__all__ = ["Tail", "completed", "windows"]

Tail = Literal["drop", "pad", "shift"]


def windows(n: int, length: int, stride: int, *, tail: Tail = "drop") -> IntArray:
    """Spans of the windows over n things.

    Args:
        n: Number of things, at least 1.
        length: Things in a full window.
        stride: Distance between the starts of neighbouring windows.
        tail: What happens to a remainder; see the module's text.

    Returns:
        (k, 2) int64, half-open, sorted, within 0..n, k >= 1.

    Raises:
        UsageError: If a number is not positive or the tail rule is unknown.
    """
    if min(n, length, stride) < 1:
        raise UsageError(f"windows need positive numbers, got n={n}, length={length}, stride={stride}")
    if tail not in get_args(Tail):
        raise UsageError(f"unknown tail rule {tail!r}", expected=" | ".join(get_args(Tail)))
    if n < length:
        return np.array([[0, n]], dtype=np.int64)
    starts = np.arange(0, n - length + 1, stride, dtype=np.int64)
    covered = int(starts[-1]) + length
    if covered < n and tail == "pad":
        # A stride longer than the window may leave the next start beyond the end.
        following = int(starts[-1]) + stride
        starts = np.append(starts, following if following < n else n - length)
    elif covered < n and tail == "shift":
        starts = np.append(starts, n - length)
    return np.stack([starts, np.minimum(starts + length, n)], axis=1)


def completed(span: tuple[int, int], length: int) -> IntArray:
    """Indices (length,) of a window's elements; a short window repeats its last element."""
    start, stop = span
    return np.minimum(np.arange(start, start + length, dtype=np.int64), stop - 1)
