"""What moves in the background: water with ripples, leaves in the wind."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vadlab.synthesis.drawing import Canvas, blend

__all__ = ["Leaves", "Water"]


@dataclass(frozen=True)
class Water:
    """A sheet of water with moving ripples, painted under everything else.

    Args:
        top, bottom: Picture rows between which it lies.
        grain: (h, 2 w) texture in -1..1; two copies drift against each other.
    """

    top: int
    bottom: int
    grain: NDArray[np.float32]
    strength: float = 26.0

    def paint(self, canvas: Canvas, t: float) -> None:
        """Lighten and darken the canvas by the ripples."""
        strip = canvas[self.top : self.bottom]
        height, width = strip.shape[:2]
        a = int(14 * t) % width
        b = width - 1 - int(9 * t) % width
        waves = self.grain[:height, a : a + width] + self.grain[:height, b : b + width][::-1]
        light = cv2.convertScaleAbs(waves, alpha=self.strength / 1.4, beta=self.strength)
        light = cv2.merge([light, light, light])
        strip[:] = cv2.addWeighted(strip, 1.0, light, 0.9, -0.9 * self.strength)


@dataclass(frozen=True)
class Leaves:
    """The crown of a tree, swaying in the wind, painted under people.

    Args:
        corner: Column and row of the patch's upper left pixel.
        colour: (h, w, 3) float32.
        alpha: (h, w) float32 in 0..1.
        sway: Pixels that the top moves to and fro.
        pace: Radians a second.
    """

    corner: tuple[int, int]
    colour: NDArray[np.float32]
    alpha: NDArray[np.float32]
    sway: float
    pace: float

    def paint(self, canvas: Canvas, t: float) -> None:
        """Draw the crown, sheared by the wind of second t."""
        height, width = self.alpha.shape
        shift = self.sway * (math.sin(self.pace * t) + 0.4 * math.sin(2.7 * self.pace * t + 1))
        shear = np.array([[1, -shift / height, shift], [0, 1, 0]], dtype=np.float32)
        alpha = cv2.warpAffine(self.alpha, shear, (width, height))
        blend(canvas, self.corner, self.colour, np.asarray(alpha, dtype=np.float32))
