"""The places where scenes happen: street, pavement, square, hall, quay and house front.

A site is a still picture, painted once a video, with the camera that saw it and the places in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np

from vadlab.synthesis.camera import Camera, Pixel
from vadlab.synthesis.drawing import Canvas, Colour, ellipse, line, noise, outline, polygon, shade
from vadlab.synthesis.vehicles import Vehicle, drive
from vadlab.synthesis.water_and_leaves import Leaves, Water

__all__ = ["SITES", "Layer", "Site"]


class Layer(Protocol):
    """A part of the background that moves."""

    def paint(self, canvas: Canvas, t: float) -> None:
        """Draw it as it is at second t."""
        ...


@dataclass(frozen=True)
class Site:
    """A place and the camera that looks at it.

    Args:
        name: Which of the sites it is.
        camera: The camera.
        picture: (height, width, 3) RGB uint8, nothing moving in it.
        near, far: Depths in metres between which people go about.
        wall: Depth in metres of the wall behind, or of the farthest ground.
        road: Depths of the road's edges in metres, or None.
        water: Height of the water in metres (below 0), or None.
        door: x in metres of a door in the wall.
        panes: Windows in the wall as (x0, x1, y0, y1) in metres.
        layers: What moves in the background.
    """

    name: str
    camera: Camera
    picture: Canvas
    near: float
    far: float
    wall: float
    road: tuple[float, float] | None = None
    water: float | None = None
    door: float = 0.0
    panes: tuple[tuple[float, float, float, float], ...] = ()
    layers: list[Layer] = field(default_factory=list)


def _camera(
    rng: np.random.Generator, size: tuple[int, int], *, focal: float, above: float, horizon: float
) -> Camera:
    width, height = size
    change = rng.uniform(0.93, 1.07, 2)
    return Camera(
        width=width,
        height=height,
        focal=focal * height * 4 / 3 * float(change[0]),
        above=above * float(change[1]),
        horizon=horizon * height,
    )


def _grey(rng: np.random.Generator, low: float, high: float, *, tint: float = 10.0) -> Colour:
    # Walls and stones are warm or cold rather than of any hue.
    value, warm, other = rng.uniform(low, high), rng.normal(0, tint), rng.normal(0, 0.35 * tint, 3)
    r, g, b = (
        int(np.clip(value + warm * w + o, 0, 255)) for w, o in zip((1.0, 0.2, -0.9), other, strict=True)
    )
    return r, g, b


def _ground(camera: Camera, canvas: Canvas, depths: tuple[float, float], colour: Colour) -> None:
    near, far = depths
    reach = 3 * camera.reach(far)
    corners = [(-reach, 0.0, near), (reach, 0.0, near), (reach, 0.0, far), (-reach, 0.0, far)]
    polygon(canvas, [camera.pixel(p) for p in corners], colour)


def _wall_rectangle(camera: Camera, z: float, box: tuple[float, float, float, float]) -> list[Pixel]:
    x0, x1, y0, y1 = box
    return [camera.pixel(p) for p in ((x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z))]


def _slabs(camera: Camera, canvas: Canvas, depths: tuple[float, float], side: float, colour: Colour) -> None:
    near, far = depths
    reach = camera.reach(far) + side
    for x in np.arange(-math.ceil(reach / side) * side, reach, side):
        outline(canvas, [camera.pixel((x, 0.0, near)), camera.pixel((x, 0.0, far))], colour, closed=False)
    for z in np.arange(near, far, side):
        outline(canvas, [camera.pixel((-reach, 0.0, z)), camera.pixel((reach, 0.0, z))], colour, closed=False)


def _texture(rng: np.random.Generator, canvas: Canvas) -> None:
    # Grain, stains and the darker corners that a cheap lens gives.
    height, width = canvas.shape[:2]
    fine = noise(rng, (height, width), cells=40, octaves=3) * 0.07
    large = noise(rng, (height, width), cells=4, octaves=3) * 0.12
    speck = rng.normal(0, 0.02, (height, width)).astype(np.float32)
    light = 1 + fine + large + speck
    rows = np.linspace(-1, 1, height)[:, None]
    columns = np.linspace(-1, 1, width)[None, :]
    light *= 1.03 - 0.12 * (rows**2 + columns**2)
    canvas[:] = np.clip(canvas * light[..., None], 0, 255).astype(np.uint8)


def _bricks(
    rng: np.random.Generator, camera: Camera, canvas: Canvas, z: float, tall: float, colour: Colour
) -> None:
    reach = camera.reach(z) + 1
    polygon(canvas, _wall_rectangle(camera, z, (-reach, reach, 0, tall)), colour)
    style = rng.integers(3)
    joint = shade(colour, 0.9)
    if style < 2:
        for y in np.arange(0.3, tall, 0.3 if style == 0 else 0.9):
            outline(canvas, [camera.pixel((-reach, y, z)), camera.pixel((reach, y, z))], joint, closed=False)
    polygon(canvas, _wall_rectangle(camera, z, (-reach, reach, 0, 0.35)), shade(colour, 0.72))


def _window(
    camera: Camera, canvas: Canvas, z: float, box: tuple[float, float, float, float], glass: Colour
) -> None:
    x0, x1, y0, y1 = box
    polygon(canvas, _wall_rectangle(camera, z, (x0 - 0.08, x1 + 0.08, y0 - 0.1, y1 + 0.08)), (202, 200, 192))
    polygon(canvas, _wall_rectangle(camera, z, box), glass)
    gleam = [
        (x0 + 0.15 * (x1 - x0), y0),
        (x0 + 0.35 * (x1 - x0), y0),
        (x0 + 0.75 * (x1 - x0), y1),
        (x0 + 0.55 * (x1 - x0), y1),
    ]
    polygon(canvas, [camera.pixel((x, y, z)) for x, y in gleam], shade(glass, 1.25))
    outline(canvas, _wall_rectangle(camera, z, box), (90, 88, 84))


def _door(camera: Camera, canvas: Canvas, z: float, x: float, colour: Colour) -> None:
    polygon(canvas, _wall_rectangle(camera, z, (x - 0.6, x + 0.6, 0, 2.25)), (196, 190, 178))
    polygon(canvas, _wall_rectangle(camera, z, (x - 0.5, x + 0.5, 0, 2.15)), colour)
    outline(canvas, _wall_rectangle(camera, z, (x - 0.36, x + 0.36, 1.15, 1.95)), shade(colour, 0.6))
    ellipse(canvas, camera.pixel((x + 0.38, 1.02, z)), (1.6, 1.6), (220, 200, 120))


def _front(
    rng: np.random.Generator, camera: Camera, canvas: Canvas, z: float, tall: float
) -> tuple[float, tuple[tuple[float, float, float, float], ...]]:
    """A house front over the whole width; returns the door's x and the ground-floor panes."""
    _bricks(rng, camera, canvas, z, tall, _grey(rng, 105, 190, tint=18))
    reach = camera.reach(z) + 1
    pitch = rng.uniform(2.6, 3.4)
    shift = rng.uniform(-0.4, 0.4)
    doors = int(rng.integers(-1, 2)) * 1.0
    wide = rng.uniform(0.85, 1.25)
    panes = []
    for i in np.arange(-math.ceil(reach / pitch), math.ceil(reach / pitch) + 1):
        x = float(shift + i * pitch)
        glass = _grey(rng, 50, 95, tint=8)
        if i == doors:
            _door(camera, canvas, z, x, _grey(rng, 50, 110, tint=25))
        else:
            panes.append((x - wide, x + wide, 0.75, 2.35))
            _window(camera, canvas, z, panes[-1], glass)
        for floor in np.arange(3.3, tall, 2.7):
            lit: Colour = (226, 202, 140) if rng.random() < 0.12 else _grey(rng, 55, 100, tint=8)
            _window(camera, canvas, z, (x - 0.6, x + 0.6, floor, floor + 1.35), lit)
    if rng.random() < 0.5:
        _awning(rng, camera, canvas, z, reach)
    return float(shift + doors * pitch), tuple(panes)


def _awning(rng: np.random.Generator, camera: Camera, canvas: Canvas, z: float, reach: float) -> None:
    colour = _grey(rng, 80, 170, tint=40)
    corners = [(-reach, 2.55, z), (reach, 2.55, z), (reach, 2.95, z), (-reach, 2.95, z)]
    polygon(canvas, [camera.pixel(p) for p in corners], colour)
    for x in np.arange(-reach + rng.uniform(0, 2), reach, 2.4):
        for k in range(int(rng.integers(3, 7))):
            spot = [(x + 0.2 * k, 2.66, z), (x + 0.2 * k + 0.12, 2.84, z)]
            line(canvas, (camera.pixel(spot[0]), camera.pixel(spot[1])), shade(colour, 1.5), 1.5)


def _sky(rng: np.random.Generator, canvas: Canvas) -> None:
    height, width = canvas.shape[:2]
    top, low = np.array(_grey(rng, 140, 190)), np.array(_grey(rng, 195, 225, tint=5))
    share = np.linspace(0, 1, height)[:, None, None]
    cloud = noise(rng, (height, width), cells=5)[..., None] * 14
    canvas[:] = np.clip(top + (low - top) * np.minimum(2.5 * share, 1) + cloud, 0, 255).astype(np.uint8)


def _tree(rng: np.random.Generator, camera: Camera, canvas: Canvas, x: float, z: float) -> Leaves:
    scale, tall = camera.scale(z), rng.uniform(3.2, 5.0)
    line(canvas, (camera.pixel((x, 0, z)), camera.pixel((x, tall, z))), (78, 62, 48), 0.22 * scale)
    ellipse(canvas, camera.pixel((x, 0, z)), (0.7 * scale, 0.2 * scale), (70, 70, 62))
    h, w = int(2.6 * scale), int(2.8 * scale)
    rows, columns = np.linspace(-1, 1, h)[:, None], np.linspace(-1, 1, w)[None, :]
    ragged = noise(rng, (h, w), cells=7) * 0.45
    alpha = np.clip(6 * (0.72 + ragged - rows**2 - columns**2), 0, 1).astype(np.float32)
    green = np.array([rng.uniform(50, 90), rng.uniform(80, 120), rng.uniform(35, 65)], dtype=np.float32)
    light = 1 + 0.55 * noise(rng, (h, w), cells=10)[..., None] - 0.25 * rows[..., None]
    u, v = camera.pixel((x, tall, z))
    corner = int(u - w / 2), int(v - 0.6 * h)
    colour = np.clip(green * light, 0, 255).astype(np.float32)
    return Leaves(corner, colour, alpha, float(rng.uniform(0.5, 2.5)), float(rng.uniform(1.2, 3.0)))


def _lamp(camera: Camera, canvas: Canvas, x: float, z: float) -> None:
    line(canvas, (camera.pixel((x, 0, z)), camera.pixel((x, 4.2, z))), (58, 60, 62), 0.1 * camera.scale(z))
    line(
        canvas,
        (camera.pixel((x, 4.2, z)), camera.pixel((x + 0.7, 4.3, z))),
        (58, 60, 62),
        0.07 * camera.scale(z),
    )


def _street(rng: np.random.Generator, size: tuple[int, int]) -> Site:
    camera = _camera(rng, size, focal=1.02, above=4.3, horizon=0.17)
    canvas = np.zeros((size[1], size[0], 3), dtype=np.uint8)
    kerb = _grey(rng, 130, 160, tint=4)
    door, panes = _front(rng, camera, canvas, 17.0, 9.0)
    _ground(camera, canvas, (13.6, 17.0), kerb)
    _slabs(camera, canvas, (13.6, 17.0), 1.2, shade(kerb, 0.9))
    _ground(camera, canvas, (1.0, 13.6), _grey(rng, 78, 100, tint=4))
    _ground(camera, canvas, (1.0, 7.4), kerb)
    _slabs(camera, canvas, (3.0, 7.4), 1.2, shade(kerb, 0.9))
    for z in (13.55, 7.4):
        _ground(camera, canvas, (z, z + 0.12), shade(kerb, 1.15))
    for x in np.arange(-14, 14, 2.6):
        dash = [(x, 0.0, 10.4), (x + 1.3, 0.0, 10.4), (x + 1.3, 0.0, 10.56), (x, 0.0, 10.56)]
        polygon(canvas, [camera.pixel(p) for p in dash], (206, 206, 200))
    layers: list[Layer] = []
    if rng.random() < 0.6:
        layers.append(_tree(rng, camera, canvas, float(rng.uniform(-7, 7)), 14.2))
    _lamp(camera, canvas, float(rng.uniform(-6, 6)), 14.1)
    if rng.random() < 0.3:
        course = drive(float(rng.choice([-5.5, 5.5])), 12.7, 0.0)
        Vehicle.draw(rng, course).paint(canvas, camera, 0.0)
    _texture(rng, canvas)
    return Site(
        "street", camera, canvas, 14.0, 16.2, 17.0, road=(7.5, 13.5), door=door, panes=panes, layers=layers
    )


def _pavement(rng: np.random.Generator, size: tuple[int, int]) -> Site:
    camera = _camera(rng, size, focal=1.3, above=3.3, horizon=0.15)
    canvas = np.zeros((size[1], size[0], 3), dtype=np.uint8)
    wall = 12.4
    door, panes = _front(rng, camera, canvas, wall, 7.0)
    stone = _grey(rng, 118, 168, tint=8)
    _ground(camera, canvas, (1.0, wall), stone)
    _slabs(camera, canvas, (2.5, wall), float(rng.uniform(0.7, 1.3)), shade(stone, 0.9))
    layers: list[Layer] = []
    if rng.random() < 0.35:
        layers.append(_tree(rng, camera, canvas, float(rng.choice([-5.0, 5.0])), 12.0))
    _texture(rng, canvas)
    return Site("pavement", camera, canvas, 7.2, 11.6, wall, door=door, panes=panes, layers=layers)


def _square(rng: np.random.Generator, size: tuple[int, int]) -> Site:
    camera = _camera(rng, size, focal=1.35, above=4.0, horizon=0.1)
    canvas = np.zeros((size[1], size[0], 3), dtype=np.uint8)
    _sky(rng, canvas)
    far = 27.0
    x = -camera.reach(far) - 2
    while x < camera.reach(far):
        wide, tall = rng.uniform(5, 9), rng.uniform(2.5, 7)
        colour = _grey(rng, 110, 180, tint=14)
        polygon(canvas, _wall_rectangle(camera, far, (x, x + wide, 0, tall)), colour)
        for wx in np.arange(x + 0.7, x + wide - 1, 1.7):
            for wy in np.arange(0.9, tall - 1, 1.9):
                polygon(
                    canvas, _wall_rectangle(camera, far, (wx, wx + 0.8, wy, wy + 1.1)), shade(colour, 0.55)
                )
        x += wide
    stone = _grey(rng, 130, 178, tint=10)
    _ground(camera, canvas, (1.0, far), stone)
    _slabs(camera, canvas, (2.5, far), float(rng.uniform(1.0, 2.0)), shade(stone, 0.92))
    layers: list[Layer] = [
        _tree(rng, camera, canvas, float(rng.uniform(-11, 11)), float(rng.uniform(19, 24)))
        for _ in range(int(rng.integers(1, 4)))
    ]
    if rng.random() < 0.6:
        _lamp(camera, canvas, float(rng.uniform(-6, 6)), 16.5)
    _texture(rng, canvas)
    return Site("square", camera, canvas, 8.6, 15.0, far, layers=layers)


def _hall(rng: np.random.Generator, size: tuple[int, int]) -> Site:
    camera = _camera(rng, size, focal=1.3, above=3.0, horizon=0.16)
    canvas = np.zeros((size[1], size[0], 3), dtype=np.uint8)
    wall, half, tall = 12.0, 4.6, 3.5
    paint, tile = _grey(rng, 165, 210, tint=10), _grey(rng, 125, 175, tint=12)
    canvas[:] = shade(paint, 1.05)
    _ground(camera, canvas, (1.0, wall), tile)
    _slabs(camera, canvas, (2.5, wall), 0.8, shade(tile, 0.93))
    polygon(canvas, _wall_rectangle(camera, wall, (-half, half, 0, tall)), paint)
    polygon(canvas, _wall_rectangle(camera, wall, (-half, half, 0, 0.14)), shade(paint, 0.6))
    for side in (-half, half):
        near = 2.0
        corners = [(side, 0.0, near), (side, 0.0, wall), (side, tall, wall), (side, tall, near)]
        polygon(canvas, [camera.pixel(p) for p in corners], shade(paint, 0.86))
        skirting = [(side, 0.0, near), (side, 0.0, wall), (side, 0.14, wall), (side, 0.14, near)]
        polygon(canvas, [camera.pixel(p) for p in skirting], shade(paint, 0.55))
        leaf = [(side, 0.0, 9.6), (side, 0.0, 8.5), (side, 2.1, 8.5), (side, 2.1, 9.6)]
        polygon(canvas, [camera.pixel(p) for p in leaf], _grey(rng, 70, 120, tint=20))
    door = float(rng.uniform(-2.4, 2.4))
    _door(camera, canvas, wall, door, _grey(rng, 70, 130, tint=25))
    for x in (-3.6, -1.2, 1.4, 3.7):
        if abs(x - door) > 1.1 and rng.random() < 0.6:
            polygon(
                canvas,
                _wall_rectangle(camera, wall, (x - 0.5, x + 0.5, 1.2, 2.0)),
                _grey(rng, 90, 200, tint=35),
            )
    for z in (6.0, 9.0):
        lamp = [(-0.9, tall, z), (0.9, tall, z), (0.9, tall, z + 0.6), (-0.9, tall, z + 0.6)]
        polygon(canvas, [camera.pixel(p) for p in lamp], (250, 250, 242))
    _texture(rng, canvas)
    return Site("hall", camera, canvas, 7.0, 11.2, wall, door=door)


def _quay(rng: np.random.Generator, size: tuple[int, int]) -> Site:
    camera = _camera(rng, size, focal=1.5, above=3.9, horizon=0.0)
    canvas = np.zeros((size[1], size[0], 3), dtype=np.uint8)
    _sky(rng, canvas)
    far, edge, level = 24.0, 13.0, -0.55
    door, panes = _front(rng, camera, canvas, far, 4.5)
    stone = _grey(rng, 135, 172, tint=8)
    _ground(camera, canvas, (edge, far), stone)
    _slabs(camera, canvas, (edge, far), 1.3, shade(stone, 0.92))
    _ground(camera, canvas, (edge, edge + 0.35), shade(stone, 1.14))
    reach = camera.reach(edge) + 1
    polygon(canvas, _wall_rectangle(camera, edge, (-reach, reach, level, 0)), shade(stone, 0.6))
    top = int(camera.pixel((0, level, edge))[1])
    for x in np.arange(-6, 7, 2.0):
        outline(
            canvas,
            [camera.pixel((x, level, edge)), camera.pixel((x, 0, edge))],
            shade(stone, 0.45),
            closed=False,
        )
    deep = np.array([rng.uniform(40, 66), rng.uniform(74, 98), rng.uniform(80, 112)])
    share = np.linspace(0.75, 1.1, size[1] - top)[:, None, None]
    canvas[top:] = np.clip(deep * share, 0, 255).astype(np.uint8)
    layers: list[Layer] = [_tree(rng, camera, canvas, float(rng.uniform(-7, 7)), 20.0)]
    _texture(rng, canvas)
    strip = noise(rng, (size[1] - top, 2 * size[0]), cells=64, octaves=2)
    strip = np.asarray(cv2.GaussianBlur(strip, (9, 1), 0), dtype=np.float32)
    strip[:, size[0] :] = strip[:, : size[0]]
    layers.append(Water(top, size[1], strip, float(rng.uniform(16, 28))))
    return Site(
        "quay", camera, canvas, edge + 0.5, 17.5, far, water=level, door=door, panes=panes, layers=layers
    )


def _house(rng: np.random.Generator, size: tuple[int, int]) -> Site:
    camera = _camera(rng, size, focal=1.12, above=2.7, horizon=0.53)
    canvas = np.zeros((size[1], size[0], 3), dtype=np.uint8)
    wall = 13.0
    colour = _grey(rng, 110, 185, tint=16)
    _bricks(rng, camera, canvas, wall, 9.0, colour)
    pitch, shift = float(rng.uniform(2.7, 3.2)), float(rng.uniform(-0.5, 0.5))
    panes = []
    for i in range(-3, 4):
        x = shift + i * pitch
        if i:
            _window(camera, canvas, wall, (x - 0.7, x + 0.7, 0.7, 2.1), _grey(rng, 50, 90, tint=8))
        box = (x - 0.75, x + 0.75, 3.5, 5.1)
        _window(camera, canvas, wall, box, _grey(rng, 40, 70, tint=6))
        if abs(x) < camera.reach(wall) - 1.2:
            panes.append(box)
        _window(camera, canvas, wall, (x - 0.75, x + 0.75, 6.2, 7.6), _grey(rng, 50, 90, tint=8))
    _door(camera, canvas, wall, shift, _grey(rng, 50, 110, tint=25))
    stone = _grey(rng, 118, 160, tint=8)
    _ground(camera, canvas, (1.0, wall), stone)
    _slabs(camera, canvas, (2.5, wall), 1.0, shade(stone, 0.9))
    _texture(rng, canvas)
    return Site("house", camera, canvas, 9.6, 12.2, wall, door=shift, panes=tuple(panes))


SITES: dict[str, Callable[[np.random.Generator, tuple[int, int]], Site]] = {
    "street": _street,
    "pavement": _pavement,
    "square": _square,
    "hall": _hall,
    "quay": _quay,
    "house": _house,
}
"""Builds a site of that name: `SITES["quay"](rng, (width, height))`."""
