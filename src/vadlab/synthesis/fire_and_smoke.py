"""Fire, with the light it throws, and smoke or steam."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from vadlab.synthesis.camera import Camera, Point
from vadlab.synthesis.drawing import Canvas, Colour, blend, noise

__all__ = ["Fire", "Smoke"]

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
