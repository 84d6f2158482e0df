"""Dogs: a four-legged gait, a leap, and how they are drawn."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from vadlab.synthesis.camera import Camera, Point
from vadlab.synthesis.drawing import Canvas, Colour, disc, ellipse, line, shade

__all__ = ["Dog", "Trot"]


class Trot(NamedTuple):
    """A dog's place (metres), yaw, height over the ground, pitch (head up positive) and strides so far."""

    x: float
    z: float
    yaw: float
    lift: float = 0.0
    pitch: float = 0.0
    strides: float = 0.0


@dataclass(frozen=True)
class Dog:
    """A dog about 0.65 m high.

    Args:
        path: Where it is at second t.
        coat: Colour.
        size: Relative size.
    """

    path: Callable[[float], Trot]
    coat: Colour
    size: float = 0.85

    def depth(self, t: float) -> float | None:
        """Distance from the camera in metres."""
        return self.path(t).z

    def cast(self, mask: Canvas, camera: Camera, t: float, sun: tuple[float, float]) -> None:
        """Draw the shadow on a mask."""
        p = self.path(t)
        scale = camera.scale(p.z) * self.size
        ellipse(mask, camera.pixel((p.x + 0.3 * sun[0], 0.0, p.z)), (0.5 * scale, 0.12 * scale), (58, 58, 58))

    def collar(self, t: float) -> Point:
        """Where the leash is fixed."""
        return self._world(self.path(t), 0.42, 0.66, 0.0)

    def _world(self, p: Trot, f: float, u: float, side: float) -> Point:
        # Pitch turns the body about its hind end.
        f, u = f + 0.3, u - 0.5
        f, u = (
            f * math.cos(p.pitch) - u * math.sin(p.pitch) - 0.3,
            u * math.cos(p.pitch) + f * math.sin(p.pitch) + 0.5,
        )
        f, u, side = f * self.size, u * self.size, side * self.size
        cos, sin = math.cos(p.yaw), math.sin(p.yaw)
        return p.x + f * cos - side * sin, p.lift + u, p.z + f * sin + side * cos

    def paint(self, canvas: Canvas, camera: Camera, t: float) -> None:
        """Draw the dog."""
        p = self.path(t)
        scale = camera.scale(p.z) * self.size
        dark = shade(self.coat, 0.7)

        def at(f: float, u: float, side: float = 0.0) -> tuple[float, float]:
            return camera.pixel(self._world(p, f, u, side))

        def leg(f: float, shift: float, side: float, colour: Colour) -> None:
            swing = math.sin(2 * math.pi * (p.strides + shift))
            raised = max(0.0, math.cos(2 * math.pi * (p.strides + shift))) * 0.1
            if p.lift > 0.05:  # in the air the legs stretch
                swing, raised = (1.3 if f > 0 else -1.3), 0.05
            knee, foot = (f + 0.08 * swing - 0.03, 0.27), (f + 0.2 * swing, 0.04 + raised)
            line(canvas, (at(f, 0.46, side), at(*knee, side)), colour, 0.11 * scale)
            line(canvas, (at(*knee, side), at(*foot, side)), colour, 0.075 * scale)

        far = 1.0 if math.cos(p.yaw) > 0 else -1.0
        leg(-0.3, 0.0, 0.09 * far, dark)
        leg(0.28, 0.5, 0.09 * far, dark)
        wag = 0.08 * math.sin(14 * t)
        line(canvas, (at(-0.36, 0.56), at(-0.62, 0.74 + wag)), self.coat, 0.07 * scale)
        line(canvas, (at(-0.3, 0.52), at(0.3, 0.53)), self.coat, 0.25 * scale)
        leg(-0.3, 0.55, -0.09 * far, self.coat)
        leg(0.28, 0.05, -0.09 * far, self.coat)
        line(canvas, (at(0.3, 0.56), at(0.48, 0.74)), self.coat, 0.17 * scale)
        line(canvas, (at(0.5, 0.77), at(0.7, 0.73)), self.coat, 0.12 * scale)
        disc(canvas, at(0.5, 0.78), 0.105 * scale, self.coat)
        line(canvas, (at(0.46, 0.86), at(0.42, 0.95)), dark, 0.06 * scale)
        disc(canvas, at(0.72, 0.74), 0.035 * scale, (20, 18, 18))
