"""From a stage to frames: background, shadows, actors by depth, then what the camera makes of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from vadlab.synthesis.camera import Camera
from vadlab.synthesis.drawing import Canvas
from vadlab.synthesis.sites import Site

__all__ = ["Actor", "Film", "Stage", "render"]

_MARGIN = 24  # pixels by which the noise bank is larger than a frame


class Actor(Protocol):
    """Anything that is drawn at a depth: a person, a car, smoke."""

    def depth(self, t: float) -> float | None:
        """Distance from the camera in metres at second t, or None when it is not there."""
        ...

    def cast(self, mask: Canvas, camera: Camera, t: float, sun: tuple[float, float]) -> None:
        """Draw its shadow on a mask that is taken off the picture's brightness."""
        ...

    def paint(self, canvas: Canvas, camera: Camera, t: float) -> None:
        """Draw it."""
        ...


@dataclass
class Stage:
    """What there is to be seen.

    Args:
        site: The place.
        seconds: Length of the scene.
        rng: Where all chance of the scene comes from.
        sun: Length of shadows along x and z, per metre of height.
        actors: Everything that is drawn at a depth.
    """

    site: Site
    seconds: float
    rng: np.random.Generator
    sun: tuple[float, float] = (0.3, 0.1)
    actors: list[Actor] = field(default_factory=list)

    def add(self, *actors: Actor) -> None:
        """Put actors on the stage."""
        self.actors.extend(actors)


@dataclass(frozen=True)
class Film:
    """How the camera records: exposure, colour cast, noise, unsteadiness.

    Args:
        table: (256, 3) uint8, brightness and colour cast.
        noise: (2, height + margin, width + margin, 3) uint8: what is added, what is taken off.
        offsets: (n_frames, 2) int64, where each frame's noise is cut from the bank.
        gains: (n_frames,) brightness of each frame: lamps that flicker, clouds that pass.
        shifts: (n_frames, 2) pixels by which the camera shakes, or None when it stands still.
        mirror: Whether left and right are exchanged.
        blur: Standard deviation of the lens blur in pixels.
    """

    table: NDArray[np.uint8]
    noise: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    gains: NDArray[np.float64]
    shifts: NDArray[np.float64] | None
    mirror: bool
    blur: float

    @classmethod
    def draw(cls, rng: np.random.Generator, n_frames: int, size: tuple[int, int]) -> Film:
        """A camera by chance."""
        width, height = size
        level = np.linspace(0, 1, 256)[:, None] ** rng.uniform(0.85, 1.25)
        warm = rng.normal(0, 0.035)
        cast = rng.uniform(0.78, 1.1) * np.array([1 + warm, 1.0, 1 - warm])
        table = np.clip(255 * level * cast + rng.uniform(0, 10), 0, 255).astype(np.uint8)
        shape = (height + _MARGIN, width + _MARGIN, 1)
        grain = rng.uniform(1.5, 5.0) * (
            0.8 * rng.standard_normal(shape, dtype=np.float32)
            + 0.5 * rng.standard_normal((*shape[:2], 3), dtype=np.float32)
        )
        bank = np.stack([np.maximum(grain, 0), np.maximum(-grain, 0)]).round().astype(np.uint8)
        t = np.arange(n_frames) / 25
        gains = 1 + rng.uniform(0, 0.05) * np.sin(rng.uniform(0.4, 1.2) * t + rng.uniform(0, 6))
        if rng.random() < 0.25:  # a failing lamp
            gains -= rng.uniform(0.03, 0.1) * (rng.random(n_frames) < rng.uniform(0.05, 0.25))
        shifts = None
        if rng.random() < 0.3:
            pace, phase = rng.uniform(3, 12, (3, 2)), rng.uniform(0, 6, (3, 2))
            waves = np.sin(t[:, None, None] * pace + phase).mean(axis=1)
            shifts = rng.uniform(0.5, 2.2) * waves * np.array([1.0, 0.7])
        return cls(
            table=table,
            noise=bank,
            offsets=rng.integers(0, _MARGIN, (n_frames, 2)),
            gains=gains,
            shifts=shifts,
            mirror=bool(rng.random() < 0.5),
            blur=float(rng.uniform(0.35, 0.7)),
        )

    def expose(self, canvas: Canvas, i: int) -> Canvas:
        """Frame i as the camera hands it out; a new array."""
        height, width = canvas.shape[:2]
        if self.shifts is not None:
            dx, dy = self.shifts[i]
            move = np.array([[1, 0, dx], [0, 1, dy]], dtype=np.float32)
            canvas = cv2.warpAffine(canvas, move, (width, height), borderMode=cv2.BORDER_REPLICATE).astype(
                np.uint8
            )
        canvas = cv2.GaussianBlur(canvas, (3, 3), self.blur).astype(np.uint8)
        table = cv2.convertScaleAbs(self.table, alpha=float(self.gains[i]))
        canvas = cv2.LUT(canvas, table[:, None, :].reshape(1, 256, 3)).astype(np.uint8)
        y, x = self.offsets[i]
        plus, minus = self.noise[:, y : y + height, x : x + width]
        canvas = cv2.subtract(cv2.add(canvas, plus), minus).astype(np.uint8)
        return cv2.flip(canvas, 1).astype(np.uint8) if self.mirror else canvas


def render(stage: Stage, film: Film, *, fps: float, n_frames: int) -> Iterator[Canvas]:
    """Yield the frames of a stage, (height, width, 3) RGB uint8; each is the caller's own array."""
    site, camera = stage.site, stage.site.camera
    half = math.ceil(camera.height / 2), math.ceil(camera.width / 2)
    small = Camera(half[1], half[0], camera.focal / 2, camera.above, camera.horizon / 2)
    for i in range(n_frames):
        t = i / fps
        canvas = site.picture.copy()
        for layer in site.layers:
            layer.paint(canvas, t)
        depths = [(depth, n) for n, actor in enumerate(stage.actors) if (depth := actor.depth(t)) is not None]
        present = [stage.actors[n] for _, n in sorted(depths, key=lambda d: (-d[0], d[1]))]
        # Shadows are soft: drawn at half size, blurred, enlarged.
        mask = np.zeros((*half, 3), dtype=np.uint8)
        for actor in present:
            actor.cast(mask, small, t, stage.sun)
        soft = cv2.resize(cv2.blur(mask, (3, 3)), (camera.width, camera.height))
        canvas = cv2.multiply(canvas, 255 - soft, scale=1 / 255).astype(np.uint8)
        for actor in present:
            actor.paint(canvas, camera, t)
        yield film.expose(canvas, i)
