"""Pairs of frames whose optical flow is known, for measuring true endpoint errors.

25 pairs: five pictures, each moved in five ways. Both frames are sampled from one continuous picture, the
second at the places that the motion's inverse gives, so the flow is exact up to the picture's own
interpolation (cubic, on a picture four times as fine and smoothed as a lens would). Both frames get Gaussian
noise of one grey level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vadlab.synthesis.scenes import scene

__all__ = ["MOTIONS", "PICTURES", "Pair", "pairs"]

MOTIONS = ("small translation", "large translation", "zoom and turn", "smooth field", "moving objects")
PICTURES = ("leaves", "gravel", "clouds", "bricks", "street")
MARGIN = 32  # pixels around the frame that the continuous picture has too
FINE = 4  # its pixels for one of the frame, along an axis
NOISE = 1.0  # grey levels, standard deviation

Field = NDArray[np.float32]  # (h, w, 2): a place or a motion, pixels, x first


@dataclass(frozen=True)
class Pair:
    """Two frames and the motion between them.

    Args:
        motion: One of `MOTIONS`.
        picture: One of `PICTURES`.
        frames: (2, h, w) uint8 grey.
        flow: (h, w, 2) float32: frames[1] shows at p + flow(p) what frames[0] shows at p.
        valid: (h, w) bool, False where that place is outside the second frame, or covered in it.
    """

    motion: str
    picture: str
    frames: NDArray[np.uint8]
    flow: Field
    valid: NDArray[np.bool_]


def pairs(size: tuple[int, int] = (224, 224), *, seed: int = 0) -> Iterator[Pair]:
    """All 25 pairs, (width, height) pixels each; the same for the same size and seed."""
    for i, picture in enumerate(PICTURES):
        fine = _picture(picture, size, np.random.default_rng([seed, i]))
        other = _picture(
            "gravel" if picture == "leaves" else "leaves", size, np.random.default_rng([seed, i, 1])
        )
        for j, motion in enumerate(MOTIONS):
            rng = np.random.default_rng([seed, i, j, 2])
            if motion == "moving objects":
                yield _objects(picture, fine, other, size, rng)
            else:
                yield _moved(motion, picture, fine, size, rng)


def _grid(size: tuple[int, int]) -> Field:
    width, height = size
    return np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)


def _sample(fine: Field, places: Field) -> Field:
    """The continuous picture at places of the frame."""
    at = (places + MARGIN) * FINE + (FINE - 1) / 2
    return cv2.remap(fine, at[..., 0], at[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)


def _noisy(frames: list[Field], rng: np.random.Generator) -> NDArray[np.uint8]:
    stack = np.stack(frames)
    return np.clip(np.rint(stack + rng.normal(0, NOISE, stack.shape)), 0, 255).astype(np.uint8)


def _moved(motion: str, picture: str, fine: Field, size: tuple[int, int], rng: np.random.Generator) -> Pair:
    grid = _grid(size)
    field = _field(motion, size, rng)
    flow = field(grid)
    source = grid.copy()
    for _ in range(50):  # p = q + F(q) solved for q; F is flat enough for the plain iteration
        source = grid - field(source)
    ends = grid + flow
    valid = ((ends >= 0) & (ends <= np.array(size, dtype=np.float32) - 1)).all(axis=-1)
    return Pair(motion, picture, _noisy([_sample(fine, grid), _sample(fine, source)], rng), flow, valid)


def _field(motion: str, size: tuple[int, int], rng: np.random.Generator) -> Callable[[Field], Field]:
    """The motion as a function of the place in the first frame."""
    angle = rng.uniform(0, 2 * np.pi)
    if motion.endswith("translation"):
        length = rng.uniform(0.2, 2) if motion.startswith("small") else rng.uniform(5, 12)
        step = np.array([length * np.cos(angle), length * np.sin(angle)], dtype=np.float32)
        return lambda p: np.broadcast_to(step, p.shape).astype(np.float32)
    centre = np.array(size, dtype=np.float32) / 2
    if motion == "zoom and turn":
        turn, zoom = rng.uniform(-0.03, 0.03), rng.uniform(0.97, 1.03)
        matrix = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) - np.eye(2)
        return lambda p: ((p - centre) @ matrix.T.astype(np.float32)).astype(np.float32)
    waves = rng.normal(0, 2 * np.pi / 120, (4, 2)).astype(np.float32)
    phases, heights = rng.uniform(0, 2 * np.pi, (4, 2)), rng.normal(0, 1, (4, 2))

    def smooth(p: Field) -> Field:
        total = np.zeros_like(p)
        for wave, phase, height in zip(waves, phases, heights, strict=True):
            total += (height * np.sin((p @ wave)[..., None] + phase)).astype(np.float32)
        return total

    return smooth


def _objects(
    picture: str, fine: Field, other: Field, size: tuple[int, int], rng: np.random.Generator
) -> Pair:
    """Three discs with another texture move over a still picture; the later ones are in front."""
    grid = _grid(size)
    flow, covered = np.zeros_like(grid), np.zeros(grid.shape[:2], dtype=bool)
    first, second = _sample(fine, grid), _sample(fine, grid)
    for _ in range(3):
        centre = rng.uniform(0.2, 0.8, 2) * size
        radius = rng.uniform(0.08, 0.16) * min(size)
        angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 5)
        step = (length * np.array([np.cos(angle), np.sin(angle)])).astype(np.float32)
        before, after = (_disc(grid, c, radius) for c in (centre, centre + step))
        first += before * (_sample(other, grid) - first)
        second += after * (_sample(other, grid - step) - second)
        there, then = before > 0.5, after > 0.5
        ends_under = _disc(grid + flow, centre + step, radius) > 0  # what was there before is hidden now
        covered = ~there & (covered | ends_under | then)
        flow = np.where(there[..., None], step, flow)
    return Pair("moving objects", picture, _noisy([first, second], rng), flow, ~covered)


def _disc(places: Field, centre: NDArray[np.floating], radius: float) -> Field:
    """1 inside, 0 outside, with an edge of one pixel."""
    distance = np.linalg.norm(places - centre.astype(np.float32), axis=-1)
    return np.clip(radius + 0.5 - distance, 0, 1).astype(np.float32)


def _picture(name: str, size: tuple[int, int], rng: np.random.Generator) -> Field:
    width, height = ((side + 2 * MARGIN) * FINE for side in size)
    if name in ("leaves", "gravel"):
        fine = _dead_leaves(width, height, rng, radii=(24, 240) if name == "leaves" else (6, 60))
    elif name == "clouds":
        fine = _clouds(width, height, rng)
    elif name == "bricks":
        fine = _bricks(width, height, rng)
    else:
        film = scene("Falling", abnormal=False, seed=int(rng.integers(1000)), size=(width, height))
        fine = cv2.cvtColor(next(iter(film.frames())), cv2.COLOR_RGB2GRAY).astype(np.float32)
    return cv2.GaussianBlur(fine, (0, 0), 0.5 * FINE)


def _dead_leaves(width: int, height: int, rng: np.random.Generator, *, radii: tuple[float, float]) -> Field:
    """Discs upon discs, radii by the inverse cube: statistics of natural pictures (Lee et al., IJCV 2001)."""
    image = np.zeros((height, width), dtype=np.float32)
    low, high = radii
    for _ in range(int(12 * width * height / low**2 / 10)):
        radius = low / np.sqrt(1 - rng.uniform() * (1 - (low / high) ** 2))
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(image, centre, int(radius), float(rng.uniform(20, 235)), -1)
    grain = cv2.GaussianBlur(rng.normal(0, 1, image.shape).astype(np.float32), (0, 0), FINE)
    return image + 6 * grain / grain.std()


def _clouds(width: int, height: int, rng: np.random.Generator) -> Field:
    """Noise whose amplitude falls with the frequency's power 1.3."""
    fy, fx = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    spectrum = np.fft.rfft2(rng.normal(size=(height, width)))
    falling = np.maximum(np.hypot(fy, fx), 1 / max(width, height)) ** -1.3
    noise = np.fft.irfft2(spectrum * falling, s=(height, width))
    return (128 + 45 * (noise - noise.mean()) / noise.std()).astype(np.float32)


def _bricks(width: int, height: int, rng: np.random.Generator) -> Field:
    """A wall: a pattern that repeats, each brick a little different."""
    image = np.full((height, width), 170, dtype=np.float32)
    long, tall, joint = 22 * FINE, 10 * FINE, 2 * FINE
    for row in range(height // tall + 1):
        for column in range(-1, width // long + 1):
            x, y = column * long + (row % 2) * long // 2, row * tall
            shade = float(rng.uniform(70, 130))
            cv2.rectangle(image, (x, y), (x + long - joint, y + tall - joint), shade, -1)
    grain = cv2.GaussianBlur(rng.normal(0, 1, image.shape).astype(np.float32), (0, 0), FINE)
    return image + 6 * grain / grain.std()
