"""Anti-aliased drawing with fractions of a pixel, and soft blending (OpenCV).

A canvas is (height, width, 3) RGB uint8 and is drawn upon in place. Lengths are in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from vadlab.synthesis.camera import Pixel

__all__ = ["Canvas", "Colour", "blend", "disc", "ellipse", "line", "noise", "outline", "polygon", "shade"]

Canvas: TypeAlias = NDArray[np.uint8]
Colour: TypeAlias = tuple[int, int, int]
_BITS = 4
_UNIT = 1 << _BITS


def _fixed(p: Pixel) -> tuple[int, int]:
    return int(p[0] * _UNIT), int(p[1] * _UNIT)


def shade(colour: Colour, factor: float) -> Colour:
    """A colour made darker (factor < 1) or lighter (> 1)."""
    r, g, b = colour
    return min(int(r * factor), 255), min(int(g * factor), 255), min(int(b * factor), 255)


def line(canvas: Canvas, ends: tuple[Pixel, Pixel], colour: Colour, width: float) -> None:
    """A line with round ends."""
    cv2.line(canvas, _fixed(ends[0]), _fixed(ends[1]), colour, max(1, round(width)), cv2.LINE_AA, _BITS)


def disc(canvas: Canvas, centre: Pixel, radius: float, colour: Colour) -> None:
    """A filled circle."""
    cv2.circle(canvas, _fixed(centre), max(1, int(radius * _UNIT)), colour, -1, cv2.LINE_AA, _BITS)


def ellipse(canvas: Canvas, centre: Pixel, axes: Pixel, colour: Colour, *, width: int = -1) -> None:
    """An upright ellipse with half axes (horizontal, vertical); width -1 fills it."""
    half = max(1, int(axes[0] * _UNIT)), max(1, int(axes[1] * _UNIT))
    cv2.ellipse(canvas, _fixed(centre), half, 0, 0, 360, colour, width, cv2.LINE_AA, _BITS)


def polygon(canvas: Canvas, corners: Sequence[Pixel], colour: Colour) -> None:
    """A filled convex polygon."""
    points = np.array([_fixed(p) for p in corners], dtype=np.int32)
    cv2.fillConvexPoly(canvas, points, colour, cv2.LINE_AA, _BITS)


def outline(canvas: Canvas, corners: Sequence[Pixel], colour: Colour, *, closed: bool = True) -> None:
    """A thin line through the corners."""
    points = np.array([_fixed(p) for p in corners], dtype=np.int32)
    cv2.polylines(canvas, [points], closed, colour, 1, cv2.LINE_AA, _BITS)


def blend(
    canvas: Canvas, corner: tuple[int, int], colour: NDArray[np.float32], alpha: NDArray[np.float32]
) -> None:
    """Lay a colour over the canvas, pixel by pixel.

    Args:
        canvas: Drawn upon in place.
        corner: Column and row of the patch's upper left pixel; what lies outside is cut off.
        colour: (3,) or (h, w, 3) in 0..255.
        alpha: (h, w) in 0..1, 0 leaves the canvas as it is.
    """
    height, width = canvas.shape[:2]
    left, top = corner
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + alpha.shape[1], width), min(top + alpha.shape[0], height)
    if x0 >= x1 or y0 >= y1:
        return
    inside = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    patch = canvas[y0:y1, x0:x1]
    weight = alpha[inside][..., None]
    over = colour if colour.ndim == 1 else colour[inside]
    patch[:] = (patch + (over - patch) * weight).astype(np.uint8)


def noise(
    rng: np.random.Generator, shape: tuple[int, int], *, cells: int, octaves: int = 3
) -> NDArray[np.float32]:
    """Smooth random texture (h, w) with mean about 0 and values within -1..1.

    Args:
        rng: Where chance comes from.
        shape: Height and width.
        cells: Random cells along the longer side in the coarsest octave; each next one doubles them.
        octaves: Number of layers, each half as strong as the one before.
    """
    height, width = shape
    total = np.zeros(shape, dtype=np.float32)
    weight, norm = 1.0, 0.0
    for octave in range(octaves):
        n = cells << octave
        grid_shape = max(2, n * height // max(shape)), max(2, n * width // max(shape))
        grid = rng.uniform(-1, 1, grid_shape).astype(np.float32)
        total += weight * cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR)
        norm += weight
        weight /= 2
    return np.asarray(total / norm, dtype=np.float32)
