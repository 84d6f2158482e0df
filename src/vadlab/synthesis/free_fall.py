"""Things that fly and fall freely: splinters, what is thrown or dropped, the drops of a splash."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vadlab.synthesis.camera import Camera, Point
from vadlab.synthesis.drawing import Canvas, Colour, disc, ellipse, line, polygon, shade

__all__ = ["GLASS", "GRAVITY", "Missile", "Shards", "Splash"]

GRAVITY = 9.81  # m/s^2
GLASS: tuple[Colour, ...] = ((206, 222, 228), (168, 190, 198), (120, 140, 150))
"""Colours of broken glass."""


@dataclass(frozen=True)
class Shards:
    """Pieces that fly from a point, fall, and stay on the ground.

    Args:
        origin: Where the thing broke, (x, y, z) in metres.
        start: Second at which it broke.
        colours: Of the pieces.
        push: Mean velocity of the pieces in m/s, (x, y, z).
        seed: Makes the pieces their own.
    """

    origin: Point
    start: float
    colours: tuple[Colour, ...]
    n: int = 22
    push: Point = (0.0, 1.5, -0.6)
    scatter: float = 1.4
    size: float = 0.11
    extent: float = 0.2
    seed: int = 0
    _pieces: NDArray[np.float64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        pieces = np.concatenate(
            [
                rng.uniform(-self.extent, self.extent, (self.n, 2)),
                rng.normal(self.push, (self.scatter, self.scatter, 0.5 * self.scatter), (self.n, 3)),
                rng.uniform(0.4, 1.3, (self.n, 1)) * self.size,
                rng.uniform(-9, 9, (self.n, 1)),
            ],
            axis=1,
        )
        object.__setattr__(self, "_pieces", pieces)

    def depth(self, t: float) -> float | None:
        """Just before the thing that broke; None until then."""
        return self.origin[2] - 0.3 if t >= self.start else None

    def cast(self, mask: Canvas, camera: Camera, t: float, sun: tuple[float, float]) -> None:
        """The pieces are too small for a shadow."""

    def paint(self, canvas: Canvas, camera: Camera, t: float) -> None:
        """Draw every piece where its flight has brought it."""
        gone = t - self.start
        x0, y0, z0 = self.origin
        for i, (dx, dy, vx, vy, vz, size, spin) in enumerate(self._pieces):
            start_y = max(y0 + dy, 0.02)
            landing = (vy + math.sqrt(vy * vy + 2 * GRAVITY * start_y)) / GRAVITY
            flight = min(gone, landing)
            slide = 0.12 * (1 - math.exp(-max(gone - landing, 0.0) / 0.12))
            y = max(start_y + vy * flight - 0.5 * GRAVITY * flight * flight, 0.0)
            way = flight + slide
            x, z = x0 + dx + vx * way, max(z0 + vz * way, 1.5)
            u, v = camera.pixel((x, y, z))
            r, angle = size * camera.scale(z), spin * way
            flat = 1.0 if gone < landing else 0.45
            corners = [
                (u + r * math.cos(angle + a), v + flat * r * math.sin(angle + a)) for a in (0.0, 2.0, 4.4)
            ]
            polygon(canvas, corners, self.colours[i % len(self.colours)])


@dataclass(frozen=True)
class Missile:
    """A thing that is thrown or dropped and falls freely until it is on the ground.

    Args:
        origin: (x, y, z) in metres.
        velocity: m/s at the start.
        start: Second at which it is let go; it is not drawn before, nor from `landing` on.
        size: Half its side in metres.
    """

    origin: Point
    velocity: Point
    start: float
    colour: Colour
    size: float = 0.22

    @property
    def landing(self) -> float:
        """Second at which it is on the ground."""
        y, vy = self.origin[1], self.velocity[1]
        return self.start + (vy + math.sqrt(vy * vy + 2 * GRAVITY * y)) / GRAVITY

    def point(self, t: float) -> Point:
        """Where it is at second t."""
        gone = min(max(t, self.start), self.landing) - self.start
        (x, y, z), (vx, vy, vz) = self.origin, self.velocity
        return x + vx * gone, y + vy * gone - 0.5 * GRAVITY * gone * gone, z + vz * gone

    def depth(self, t: float) -> float | None:
        """Distance from the camera in metres while it flies."""
        return self.point(t)[2] if self.start <= t < self.landing else None

    def cast(self, mask: Canvas, camera: Camera, t: float, sun: tuple[float, float]) -> None:
        """Draw the shadow on a mask."""
        x, y, z = self.point(t)
        scale = camera.scale(z) * self.size
        ellipse(mask, camera.pixel((x + sun[0] * y, 0.0, z)), (1.2 * scale, 0.4 * scale), (50, 50, 50))

    def paint(self, canvas: Canvas, camera: Camera, t: float) -> None:
        """Draw it as a turning box."""
        x, y, z = self.point(t)
        u, v = camera.pixel((x, y + self.size, z))
        r, angle = 1.4 * self.size * camera.scale(z), 5 * (t - self.start)
        corners = [(u + r * math.cos(angle + a), v + r * math.sin(angle + a)) for a in (0.8, 2.3, 3.9, 5.5)]
        polygon(canvas, corners, self.colour)
        line(canvas, (corners[0], corners[1]), shade(self.colour, 0.6), 1.5)


@dataclass(frozen=True)
class Splash:
    """Drops thrown up where something falls into water, and the rings that spread.

    Args:
        point: (x, y, z) on the water, metres.
        start: Second of the impact.
        strength: 1 for a person, less for smaller ones.
        seed: Makes the drops their own.
    """

    point: Point
    start: float
    strength: float = 1.0
    seed: int = 0
    _drops: NDArray[np.float64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        n = int(46 * self.strength) + 6
        up = rng.uniform(1.2, 4.6, n) * math.sqrt(self.strength)
        drops = np.stack(
            [
                rng.normal(0, 0.85, n),
                up,
                rng.normal(0, 0.5, n),
                rng.uniform(0.025, 0.08, n),
                rng.uniform(0, 0.25, n),
            ],
            axis=1,
        )
        object.__setattr__(self, "_drops", drops)

    def depth(self, t: float) -> float | None:
        """Just before what fell in, for four seconds."""
        return self.point[2] - 0.1 if self.start <= t < self.start + 4 else None

    def cast(self, mask: Canvas, camera: Camera, t: float, sun: tuple[float, float]) -> None:
        """Water casts no shadow."""

    def paint(self, canvas: Canvas, camera: Camera, t: float) -> None:
        """Draw rings, foam and drops."""
        x, y, z = self.point
        scale, gone = camera.scale(z), t - self.start
        centre = camera.pixel(self.point)
        flat = max(0.25, (camera.above - y) / z)
        for delay in (0.0, 0.35, 0.8):
            age = gone - delay
            if 0 < age < 2.6:
                radius = (0.3 + 1.1 * age) * scale * math.sqrt(self.strength)
                grey = int(214 - 48 * age)
                ellipse(canvas, centre, (radius, flat * radius), (grey - 24, grey - 6, grey), width=1)
        if gone < 0.9 and self.strength > 0.5:
            foam = (0.35 + 0.7 * gone) * scale * self.strength
            tint = int(238 - 90 * gone)
            ellipse(canvas, centre, (foam, flat * foam), (tint - 14, tint - 4, tint))
        for vx, vy, vz, size, delay in self._drops:
            age = gone - delay
            rise = vy * age - 0.5 * GRAVITY * age * age
            if age > 0 and rise > 0:
                spot = camera.pixel((x + vx * age, y + rise, max(z + vz * age, 1.5)))
                disc(canvas, spot, max(0.7, size * scale), (226, 236, 242))
