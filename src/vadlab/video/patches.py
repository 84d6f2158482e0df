"""Square patches of grey frames, cut on a grid; those in which something has moved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from vadlab.types import IntArray
from vadlab.video.transform import Frame, resize, short_side, to_grey

__all__ = ["PatchForm", "moving_patches"]


@dataclass(frozen=True)
class PatchForm:
    """How patches are cut.

    Args:
        side: Of a patch, in pixels.
        stride: Pixels between the corners of neighbouring patches; the last ones of a row and of a column
            are moved to the frame's edge, so that no place is left out.
        motion: A patch is kept if its pixels differ from those of the frame before by more than this in the
            mean, in grey levels of 0..255.
        height: Higher frames are first shrunk to this height, their aspect ratio kept; frames narrower or
            lower than a patch are enlarged until it fits.
    """

    side: int = 45
    stride: int = 22
    motion: float = 3.0
    height: int = 240


def moving_patches(frames: Iterable[Frame], form: PatchForm) -> Iterator[Frame]:
    """The moving patches of every frame but the first, which has none before it.

    Args:
        frames: (h, w, 3) RGB uint8, all of one size.
        form: How patches are cut.

    Yields:
        (m, side, side) uint8, row by row of the grid; m may be 0.
    """
    for before, now in pairwise(_prepared(frame, form) for frame in frames):
        rows, columns = (_corners(length, form) for length in now.shape)
        sums = cv2.integral(cv2.absdiff(now, before))
        top, left = rows[:, None], columns[None]
        bottom, right = top + form.side, left + form.side
        inside = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
        row, column = np.nonzero(inside > form.motion * form.side**2)
        yield sliding_window_view(now, (form.side, form.side))[rows[row], columns[column]]


def _prepared(frame: Frame, form: PatchForm) -> Frame:
    """The grey frame at the size at which it is cut."""
    grey = to_grey(frame)
    height, width = grey.shape
    if height > form.height:
        grey = resize(grey, (max(1, round(width * form.height / height)), form.height))
    return grey if min(grey.shape) >= form.side else short_side(grey, form.side)


def _corners(length: int, form: PatchForm) -> IntArray:
    """Where patches begin along an axis so long."""
    last = length - form.side
    return np.unique(np.append(np.arange(0, last + 1, form.stride, dtype=np.int64), last))
