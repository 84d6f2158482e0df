"""Resizing, cropping and grey conversion of single frames: pure functions on uint8 arrays."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from vadlab.errors import UsageError

__all__ = ["Frame", "centre_crop", "resize", "short_side", "to_grey"]

Frame: TypeAlias = NDArray[np.uint8]


def to_grey(frame: Frame) -> Frame:
    """Luma of an RGB frame after BT.601: 0.299 R + 0.587 G + 0.114 B, rounded.

    Args:
        frame: (h, w, 3) RGB uint8.

    Returns:
        (h, w) uint8.
    """
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def resize(frame: Frame, size: tuple[int, int]) -> Frame:
    """Resize straight to a size, ignoring the aspect ratio: area average to shrink, bilinear to grow.

    The two axes are treated apart, so a frame that shrinks along one and grows along the other is
    averaged along the first and interpolated along the second.

    Args:
        frame: (h, w) or (h, w, 3) uint8.
        size: (width, height) in pixels, both positive.

    Returns:
        (height, width) or (height, width, 3) uint8; the frame itself where the size is its own.

    Raises:
        UsageError: If the size is not positive.
    """
    width, height = size
    if min(width, height) < 1:
        raise UsageError("cannot resize to an empty frame", expected="width, height >= 1", found=size)
    h, w = frame.shape[:2]
    shrunk = (min(width, w), min(height, h))
    if shrunk != (w, h):
        frame = np.asarray(cv2.resize(frame, shrunk, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    if shrunk != size:
        frame = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    return frame


def short_side(frame: Frame, n: int) -> Frame:
    """Resize so that the shorter side is n pixels, keeping the aspect ratio (longer side rounded).

    Args:
        frame: (h, w) or (h, w, 3) uint8.
        n: Length of the shorter side in pixels, at least 1.

    Raises:
        UsageError: If n is not positive.
    """
    h, w = frame.shape[:2]
    short = min(h, w)
    # Half a pixel is rounded up; the shorter side comes out as n exactly.
    width, height = ((2 * side * n + short) // (2 * short) for side in (w, h))
    return resize(frame, (width, height))


def centre_crop(frame: Frame, size: tuple[int, int]) -> Frame:
    """Cut the middle out of a frame; an odd margin leaves the extra pixel right and below.

    Args:
        frame: (h, w) or (h, w, 3) uint8.
        size: (width, height) in pixels, within the frame.

    Returns:
        A contiguous copy, (height, width) or (height, width, 3) uint8.

    Raises:
        UsageError: If the size is empty or larger than the frame.
    """
    width, height = size
    h, w = frame.shape[:2]
    if not (0 < width <= w and 0 < height <= h):
        raise UsageError(
            "cannot crop beyond the frame",
            expected=f"at most {(w, h)}",
            found=size,
            remedy="resize the frame first; short_side keeps its aspect ratio",
        )
    left, top = (w - width) // 2, (h - height) // 2
    return frame[top : top + height, left : left + width].copy()
