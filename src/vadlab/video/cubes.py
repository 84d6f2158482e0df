"""Cubes of a video, 10x10 pixels by 5 frames, described by their gradients; those that hold motion.

Paper: Lu, Shi and Jia, "Abnormal event detection at 150 FPS in MATLAB", ICCV 2013. Grey frames are
shrunk to three sizes and each is cut into regions of 10x10 pixels: 4 + 12 + 192 = 208.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import cv2
import numpy as np
from einops import rearrange
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from vadlab.types import FloatArray, IntArray
from vadlab.video.transform import Frame, resize, to_grey

__all__ = ["LENGTH", "CubeForm", "Cubes", "moving_cubes"]

SIDE = 10  # pixels of a cube along each axis
LENGTH = 5  # frames of a cube
BLOCK = 60  # frames worked on at a time


@dataclass(frozen=True)
class CubeForm:
    """How cubes are made.

    Args:
        sizes: (width, height) of the shrunk frames, multiples of 10 pixels.
        gradients: "xyt", signed gradients along x, y and time, 1500 values a cube; or "t", the amount of the
            gradient along time, 500.
        blur: Smooth the shrunk frames by a 3x3 Gaussian of deviation 1 pixel, renormalised at the border.
        motion: A cube is kept if the amounts of its gradient along time sum to more than this, with grey from
            0 to 1.
        stride: Frames between the starts of neighbouring cubes.
    """

    sizes: tuple[tuple[int, int], ...] = ((20, 20), (40, 30), (160, 120))
    gradients: Literal["xyt", "t"] = "xyt"
    blur: bool = False
    motion: float = 5.0
    stride: int = 1

    def regions(self) -> IntArray:
        """(n_regions,) the index of each region's size; regions are counted row by row, size by size."""
        counts = [(width // SIDE) * (height // SIDE) for width, height in self.sizes]
        return np.repeat(np.arange(len(counts)), counts)

    def values(self) -> int:
        """Values of a cube."""
        return len(self.gradients) * LENGTH * SIDE**2


@dataclass(frozen=True)
class Cubes:
    """The cubes that start in a run of frames.

    Args:
        starts: (t,) first frames, of cubes with motion and without.
        place: (m,) index into `starts` of each cube with motion.
        region: (m,) its region.
        x: (m, values) float32: by frame, then x, y, time, then row and column.
    """

    starts: IntArray
    place: IntArray
    region: IntArray
    x: FloatArray


def moving_cubes(frames: Iterable[Frame], form: CubeForm) -> Iterator[Cubes]:
    """The cubes of a video, a run of frames at a time; memory does not grow with the video.

    The gradient along time is the difference from the frame before, zero at the first; so a cube depends on
    no later frame than its last. A video shorter than a cube repeats its last frame.

    Args:
        frames: (h, w, 3) RGB uint8.
        form: How cubes are made.
    """
    held = np.empty((0, len(form.regions()), form.values() // LENGTH), dtype=np.float32)
    first = 0  # the frame of held[0]
    for patches in _patches(_completed(frames), form):
        held = np.concatenate([held, patches])
        n = len(held) - LENGTH + 1
        if n < 1:
            continue
        yield _select(held, np.arange(-first % form.stride, n, form.stride), first, form.motion)
        held, first = held[n:], first + n


def _completed(frames: Iterable[Frame]) -> Iterator[Frame]:
    n = 0
    for frame in frames:
        yield frame
        n += 1
    for _ in range(n, LENGTH if n else 0):
        yield frame


def _patches(frames: Iterator[Frame], form: CubeForm) -> Iterator[FloatArray]:
    """(n, n_regions, values) gradients of the regions in runs of at most `BLOCK` frames."""
    before: list[FloatArray | None] = [None] * len(form.sizes)
    while block := [to_grey(frame) for frame in islice(frames, BLOCK)]:
        parts: list[FloatArray] = []
        for i, size in enumerate(form.sizes):
            levels = np.stack([resize(grey, size) for grey in block])
            planes: FloatArray = levels.astype(np.float32) / np.float32(255)
            if form.blur:
                planes = _blurred(planes)
            last = before[i]
            change = np.diff(planes, axis=0, prepend=planes[:1] if last is None else last)
            before[i] = planes[-1:]
            if form.gradients == "xyt":
                along_x, along_y = (np.asarray(np.gradient(planes, axis=axis)) for axis in (2, 1))
                parts.append(_cut(along_x, along_y, change))
            else:
                parts.append(_cut(np.abs(change)))
        yield np.concatenate(parts, axis=1)


def _blurred(planes: FloatArray) -> FloatArray:
    def blur(plane: FloatArray) -> NDArray[np.float32]:
        return np.asarray(cv2.GaussianBlur(plane, (3, 3), 1.0, borderType=cv2.BORDER_CONSTANT))

    return np.stack([blur(plane) for plane in planes]) / blur(np.ones_like(planes[0]))


def _cut(*gradients: FloatArray) -> FloatArray:
    pattern = "g n (rows a) (columns b) -> n (rows columns) (g a b)"
    cut: FloatArray = rearrange(list(gradients), pattern, a=SIDE, b=SIDE)
    return cut


def _select(held: FloatArray, offsets: IntArray, first: int, motion: float) -> Cubes:
    amounts = np.abs(held[..., -(SIDE**2) :]).sum(axis=2)  # the gradient along time is the last
    amounts = sliding_window_view(amounts, LENGTH, axis=0)[offsets].sum(axis=2)
    place, region = np.nonzero(amounts > motion)
    x = held[offsets[place][:, None] + np.arange(LENGTH), region[:, None]]
    return Cubes(offsets + first, place, region, rearrange(x, "m frames values -> m (frames values)"))
