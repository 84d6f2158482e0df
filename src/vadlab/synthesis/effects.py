"""Things without a fixed form: smoke, fire, splinters, falling things, splashes, water, swaying leaves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from vadlab.synthesis.camera import Camera, Point
from vadlab.synthesis.drawing import Canvas, Colour, blend, disc, ellipse, line, noise, polygon, shade

__all__ = ["GRAVITY", "Fire", "Leaves", "Missile", "Shards", "Smoke", "Splash", "Water"]

GRAVITY = 9.81  # m/s^2
_PUFF_GRID = 2  # smoke is drawn at half the resolution


@dataclass(frozen=True)
class Smoke:
    """A plume of smoke or steam.

    Args:
        source: Where it rises, (x, y, z) in metres.
        strength: Density 0..1 of what leaves the source at second t.
        colour: (r, g, b).
        rise: Metres a second.
        spread: Radius in metres when a puff has gone one metre.
        wind: Sideways metres a second.
        seed: Makes the plume its own.
    """

    source: Callable[[float], Point]
    strength: Callable[[float], float]
    colour: Colour
    rise: float = 1.0
    spread: float = 0.35
    wind: float = 0.2
    life: float = 2.2
    seed: int = 0
    _chance: NDArray[np.float64] = field(init=False, repr=False)
    _grain: NDArray[np.float32] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        object.__setattr__(self, "_chance", rng.uniform(-1, 1, (64, 3)))
        object.__setattr__(self, "_grain", noise(rng, (256, 256), cells=16) * 0.5 + 0.75)

    def depth(self, t: float) -> float | None:
        """Just before its source."""
        return self.source(t)[2] - 0.05

    def cast(self, mask: Canvas, camera: Camera, t: float, sun: tuple[float, float]) -> None:
        """Smoke casts no shadow."""

    def paint(self, canvas: Canvas, camera: Camera, t: float) -> None:
        """Draw all puffs born within the last `life` seconds."""
        every = 0.11
        puffs = []
        for n in range(max(0, math.ceil((t - self.life) / every)), int(t / every) + 1):
            born = n * every
            age, strength = t - born, self.strength(born)
            if strength <= 0 or age <= 0:
                continue
            shift, grow, pace = self._chance[n % 64]
            x, y, z = self.source(born)
            way = self.rise * (1 + 0.25 * pace) * age
            x += self.wind * age + 0.22 * shift * math.sqrt(way) + 0.1 * math.sin(3 * t + 5 * grow) * age
            radius = (0.12 + self.spread * way * (1 + 0.3 * grow)) * camera.scale(z)
            fade = min(age / 0.2, 1.0) * (1 - age / self.life)
            puffs.append((*camera.pixel((x, y + way, z)), radius, strength * fade))
        if not puffs:
            return
        left, top = (int(min(p[i] - 1.6 * p[2] for p in puffs)) for i in (0, 1))
        right, bottom = (int(max(p[i] + 1.6 * p[2] for p in puffs)) + 2 for i in (0, 1))
        left, top = max(left, 0), max(top, 0)
        right, bottom = min(right, canvas.shape[1]), min(bottom, canvas.shape[0])
        if right - left < 4 or bottom - top < 4:
            return
        density = np.zeros(
            ((bottom - top) // _PUFF_GRID + 1, (right - left) // _PUFF_GRID + 1), dtype=np.uint8
        )
        for x, y, radius, strength in sorted(puffs, key=lambda p: p[3]):
            centre = (x - left) / _PUFF_GRID, (y - top) / _PUFF_GRID
            cv2.circle(
                density,
                (int(centre[0]), int(centre[1])),
                max(1, int(radius / _PUFF_GRID)),
                255 * strength,
                -1,
            )
        density = cv2.GaussianBlur(density, (0, 0), max(1.0, 0.35 * puffs[len(puffs) // 2][2] / _PUFF_GRID))
        full = cv2.resize(density, (right - left, bottom - top))
        roll = int(t * 40) % 128
        rows = np.arange(roll, roll + full.shape[0]) % 256
        columns = np.arange(full.shape[1]) % 256
        alpha = np.minimum(full * self._grain[np.ix_(rows, columns)] / 255, 0.95).astype(np.float32)
        blend(canvas, (left, top), np.array(self.colour, dtype=np.float32), alpha)


def _flame_colours() -> NDArray[np.float32]:
    heat = np.linspace(0, 1, 256, dtype=np.float32)
    red = np.clip(1.9 * heat + 0.3, 0, 1)
    green = np.clip(1.7 * heat - 0.28, 0, 1)
    blue = np.clip(2.6 * heat - 1.6, 0, 1)
    return np.stack([red, green, blue], axis=1) * 255


_FLAME = _flame_colours()


@dataclass(frozen=True)
class Fire:
    """Flames over a burning thing, with the light they throw.

    Args:
        base: Middle of the burning ground, (x, y, z) in metres.
        width: Metres.
        height: Height of the flames in metres at second t; 0 for none.
        seed: Makes the fire its own.
    """

    base: Point
    width: float
    height: Callable[[float], float]
    seed: int = 0
    _grain: NDArray[np.float32] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        tile = noise(rng, (128, 128), cells=16, octaves=3)
        object.__setattr__(self, "_grain", np.concatenate([tile, tile[::-1]]))

    def depth(self, t: float) -> float | None:
        """Just before what burns; None while nothing does."""
        return self.base[2] - 0.02 if self.height(t) > 0.02 else None

    def cast(self, mask: Canvas, camera: Camera, t: float, sun: tuple[float, float]) -> None:
        """Fire casts no shadow."""

    def paint(self, canvas: Canvas, camera: Camera, t: float) -> None:
        """Draw flames and glow."""
        tall = self.height(t) * (1 + 0.08 * math.sin(17 * t) + 0.06 * math.sin(29 * t))
        scale = camera.scale(self.base[2])
        wide = min(1.5 * self.width, 0.3 + 1.3 * tall)
        h, w = max(4, int(1.25 * tall * scale)), max(4, int(wide * scale))
        start = int(t * 95) % 128  # the grain scrolls up faster than any smoke
        columns_used = min(128, max(16, 64 * w // h))
        grain = cv2.resize(np.roll(self._grain, -start, axis=0)[:80, :columns_used], (w, h))
        rows = np.linspace(1, 0, h, dtype=np.float32)[:, None]  # 1 at the tips
        sway = 0.18 * np.sin(4.0 * rows + 7.0 * t).astype(np.float32) * rows
        columns = np.linspace(-1, 1, w, dtype=np.float32)[None, :] + sway
        heat = (
            1.25
            - 1.15 * rows
            - 1.1 * columns**2 * (0.7 + rows + 9 * np.maximum(0.12 - rows, 0))
            + 0.75 * grain
        )
        heat = np.clip(heat, 0, 1)
        x, y = camera.pixel(self.base)
        self._glow(canvas, (int(x), int(y - 0.4 * h)), 1.6 * max(h, w), min(tall, 1.5))
        alpha = np.clip(heat * 2.4, 0, 1).astype(np.float32)
        blend(canvas, (int(x - w / 2), int(y - h)), _FLAME[(heat * 255).astype(np.int64)], alpha)

    def _glow(self, canvas: Canvas, centre: tuple[int, int], radius: float, strength: float) -> None:
        size = max(4, int(radius))
        left, top = centre[0] - size, centre[1] - size
        x0, y0 = max(left, 0), max(top, 0)
        x1, y1 = min(left + 2 * size, canvas.shape[1]), min(top + 2 * size, canvas.shape[0])
        if x0 >= x1 or y0 >= y1:
            return
        light = cv2.resize(_GLOW, (2 * size, 2 * size))[y0 - top : y1 - top, x0 - left : x1 - left]
        light = cv2.convertScaleAbs(light, alpha=strength / 1.5)
        patch = canvas[y0:y1, x0:x1]
        patch[:] = cv2.add(patch, light)


def _glow_sprite() -> NDArray[np.uint8]:
    grid = np.linspace(-1, 1, 65, dtype=np.float32)
    fall = np.clip(1 - np.hypot(grid[None], grid[:, None]), 0, 1) ** 2
    return np.asarray(fall[..., None] * np.array([92, 50, 14], dtype=np.float32), dtype=np.uint8)


_GLOW = _glow_sprite()


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
