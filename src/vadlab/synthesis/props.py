"""Things that stand about, break, or are carried: benches, bins, bags, boxes, sticks, panes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from vadlab.synthesis.camera import Camera, Pixel, Point
from vadlab.synthesis.drawing import Canvas, Colour, disc, ellipse, line, outline, polygon, shade
from vadlab.synthesis.people import Body

__all__ = [
    "Leash",
    "Pane",
    "Prop",
    "bag",
    "bench",
    "bin_",
    "box",
    "broom",
    "carried_bag",
    "carried_box",
    "club",
    "gloves",
    "stall",
]

Painter = Callable[[Canvas, Camera, Point, float], None]
"""Draws a thing that stands at a point (metres) at second t."""


@dataclass(frozen=True)
class Prop:
    """A thing on the ground.

    Args:
        point: (x, y, z) in metres.
        painter: Draws it.
        start, stop: Seconds between which it is there.
        width: Of its shadow, in metres.
    """

    point: Point
    painter: Painter
    start: float = -math.inf
    stop: float = math.inf
    width: float = 0.5

    def depth(self, t: float) -> float | None:
        """Distance from the camera in metres, or None when not there."""
        return self.point[2] if self.start <= t < self.stop else None

    def cast(self, mask: Canvas, camera: Camera, t: float, sun: tuple[float, float]) -> None:
        """Draw the shadow on a mask."""
        del t  # it stands still
        x, _, z = self.point
        scale = camera.scale(z) * self.width
        ellipse(mask, camera.pixel((x + 0.2 * sun[0], 0.0, z)), (0.65 * scale, 0.2 * scale), (55, 55, 55))

    def paint(self, canvas: Canvas, camera: Camera, t: float) -> None:
        """Draw the thing."""
        self.painter(canvas, camera, self.point, t)


def _cuboid(canvas: Canvas, camera: Camera, point: Point, sides: Point, colour: Colour) -> None:
    x, y, z = point
    w, h, d = sides
    near, far = z - d / 2, z + d / 2
    left, right = x - w / 2, x + w / 2
    if abs(x) > w / 2:  # the flank that faces the camera
        flank = right if x < 0 else left
        corners = [(flank, y, near), (flank, y, far), (flank, y + h, far), (flank, y + h, near)]
        polygon(canvas, [camera.pixel(p) for p in corners], shade(colour, 0.72))
    if camera.above > y + h:
        lid = [(left, y + h, near), (right, y + h, near), (right, y + h, far), (left, y + h, far)]
        polygon(canvas, [camera.pixel(p) for p in lid], shade(colour, 1.2))
    front = [(left, y, near), (right, y, near), (right, y + h, near), (left, y + h, near)]
    polygon(canvas, [camera.pixel(p) for p in front], colour)
    outline(canvas, [camera.pixel(p) for p in front], shade(colour, 0.6))


def bench(colour: Colour) -> Painter:
    """A bench 1.6 m long, its seat 0.45 m high."""

    def paint(canvas: Canvas, camera: Camera, point: Point, _: float) -> None:
        x, y, z = point
        for dx in (-0.65, 0.65):
            _cuboid(canvas, camera, (x + dx, y, z), (0.08, 0.42, 0.4), shade(colour, 0.5))
        _cuboid(canvas, camera, (x, y + 0.6, z + 0.25), (1.6, 0.3, 0.05), colour)
        _cuboid(canvas, camera, (x, y + 0.4, z), (1.6, 0.07, 0.45), colour)

    return paint


def bin_(colour: Colour, tilt: Callable[[float], float] = lambda _: 0.0) -> Painter:
    """A litter bin 0.9 m high that leans to the right by `tilt` radians at second t."""

    def paint(canvas: Canvas, camera: Camera, point: Point, t: float) -> None:
        scale = camera.scale(point[2])
        angle = tilt(t)
        cos, sin = math.cos(angle), math.sin(angle)
        hinge = math.copysign(0.25, angle)  # it turns about a lower edge
        u0, v0 = camera.pixel((point[0] + hinge, 0.0, point[2]))

        def at(dx: float, up: float) -> Pixel:
            dx -= hinge
            return u0 + (dx * cos + up * sin) * scale, v0 - (up * cos - dx * sin) * scale

        polygon(canvas, [at(-0.22, 0), at(0.22, 0), at(0.27, 0.85), at(-0.27, 0.85)], colour)
        for dx in (-0.12, 0.0, 0.12):
            line(canvas, (at(dx, 0.05), at(1.2 * dx, 0.8)), shade(colour, 0.72), 1)
        polygon(canvas, [at(-0.3, 0.82), at(0.3, 0.82), at(0.3, 0.93), at(-0.3, 0.93)], shade(colour, 1.3))

    return paint


def stall(colour: Colour) -> Painter:
    """A market stall: table, posts and a striped roof 2.3 m high."""

    def paint(canvas: Canvas, camera: Camera, point: Point, _: float) -> None:
        x, y, z = point
        for dx in (-1.0, 1.0):
            post = camera.pixel((x + dx, y, z)), camera.pixel((x + dx, 2.1, z))
            line(canvas, post, (96, 84, 70), 0.07 * camera.scale(z))
        _cuboid(canvas, camera, (x, y, z), (2.0, 0.85, 0.7), (134, 104, 74))
        for i in range(6):
            left = x - 1.2 + 0.4 * i
            tint = colour if i % 2 else (228, 224, 214)
            corners = [
                (left, 2.0, z - 0.5),
                (left + 0.4, 2.0, z - 0.5),
                (left + 0.4, 2.45, z),
                (left, 2.45, z),
            ]
            polygon(canvas, [camera.pixel(p) for p in corners], tint)

    return paint


def box(colour: Colour, side: float = 0.4) -> Painter:
    """A cardboard box."""
    return lambda canvas, camera, point, _: _cuboid(canvas, camera, point, (side, 0.8 * side, side), colour)


def bag(colour: Colour) -> Painter:
    """A bag with a handle, 0.4 m wide."""

    def paint(canvas: Canvas, camera: Camera, point: Point, _: float) -> None:
        _bag(canvas, camera.pixel((point[0], point[1] + 0.45, point[2])), camera.scale(point[2]), colour)

    return paint


def _bag(canvas: Canvas, grip: Pixel, scale: float, colour: Colour) -> None:
    u, v = grip
    w, top, low = 0.21 * scale, v + 0.13 * scale, v + 0.45 * scale
    line(canvas, ((u - 0.6 * w, top), (u, v)), shade(colour, 0.6), 1.5)
    line(canvas, ((u + 0.6 * w, top), (u, v)), shade(colour, 0.6), 1.5)
    polygon(canvas, [(u - 0.85 * w, top), (u + 0.85 * w, top), (u + w, low), (u - w, low)], colour)
    line(canvas, ((u - 0.8 * w, top + 0.3 * w), (u + 0.8 * w, top + 0.3 * w)), shade(colour, 0.7), 1)


def carried_bag(colour: Colour) -> Callable[[Canvas, Camera, Body], None]:
    """A bag that hangs from the right hand."""

    def paint(canvas: Canvas, camera: Camera, body: Body) -> None:
        hand = body.hands[1]
        _bag(canvas, camera.pixel(hand), camera.scale(hand[2]), colour)

    return paint


def carried_box(colour: Colour, side: float = 0.4) -> Callable[[Canvas, Camera, Body], None]:
    """A box between both hands."""

    def paint(canvas: Canvas, camera: Camera, body: Body) -> None:
        (lx, ly, lz), (rx, ry, rz) = body.hands
        point = (lx + rx) / 2, (ly + ry) / 2 - 0.3 * side, (lz + rz) / 2
        _cuboid(canvas, camera, point, (side, 0.8 * side, side), colour)

    return paint


def club(length: float, colour: Colour) -> Callable[[Canvas, Camera, Body], None]:
    """A club or bat in the right hand, along the forearm."""

    def paint(canvas: Canvas, camera: Camera, body: Body) -> None:
        (ex, ey, ez), (hx, hy, hz) = body.elbows[1], body.hands[1]
        reach = math.dist((ex, ey, ez), (hx, hy, hz)) or 1.0
        k = length / reach
        tip = hx + (hx - ex) * k, max(hy + (hy - ey) * k, 0.02), hz + (hz - ez) * k
        width = 0.07 * camera.scale(hz)
        line(canvas, (camera.pixel((hx, hy, hz)), camera.pixel(tip)), colour, width)

    return paint


def broom(colour: Colour) -> Callable[[Canvas, Camera, Body], None]:
    """A broom from the upper over the lower hand to the ground."""

    def paint(canvas: Canvas, camera: Camera, body: Body) -> None:
        (ax, ay, az), (bx, by, bz) = body.hands
        k = by / max(ay - by, 0.05)
        foot = bx + min(max((bx - ax) * k, -0.9), 0.9), 0.03, bz + min(max((bz - az) * k, -0.5), 0.5)
        scale = camera.scale(bz)
        u, v = camera.pixel(foot)
        line(canvas, (camera.pixel((ax, ay, az)), (u, v)), colour, 0.04 * scale)
        line(canvas, ((u - 0.16 * scale, v), (u + 0.16 * scale, v)), shade(colour, 0.6), 0.12 * scale)

    return paint


def gloves(colour: Colour, radius: float) -> Callable[[Canvas, Camera, Body], None]:
    """Boxing gloves or pads on both hands."""

    def paint(canvas: Canvas, camera: Camera, body: Body) -> None:
        for hand in body.hands:
            disc(canvas, camera.pixel(hand), radius * camera.scale(hand[2]), colour)

    return paint


@dataclass(frozen=True)
class Leash:
    """A line between two moving points, such as a hand and a dog's collar."""

    ends: Callable[[float], tuple[Point, Point]]

    def depth(self, t: float) -> float | None:
        """Just before the nearer end."""
        a, b = self.ends(t)
        return min(a[2], b[2]) - 0.05

    def cast(self, mask: Canvas, camera: Camera, t: float, sun: tuple[float, float]) -> None:
        """Too thin for a shadow."""

    def paint(self, canvas: Canvas, camera: Camera, t: float) -> None:
        """Draw it, slack in the middle."""
        a, b = self.ends(t)
        low = (a[0] + b[0]) / 2, max((a[1] + b[1]) / 2 - 0.15, 0.05), (a[2] + b[2]) / 2
        outline(canvas, [camera.pixel(p) for p in (a, low, b)], (60, 30, 24), closed=False)


@dataclass(frozen=True)
class Pane:
    """A window pane that cracks at the first blow and is gone after the last.

    Args:
        edges: (x0, x1, y0, y1) in metres.
        z: Depth of the wall.
        blows: Seconds of the blows, sorted.
        seed: Makes the cracks their own.
    """

    edges: tuple[float, float, float, float]
    z: float
    blows: tuple[float, ...]
    seed: int = 0

    def depth(self, t: float) -> float | None:
        """In the wall; None until the first blow."""
        return self.z - 0.01 if t >= self.blows[0] else None

    def cast(self, mask: Canvas, camera: Camera, t: float, sun: tuple[float, float]) -> None:
        """A pane casts no shadow."""

    def paint(self, canvas: Canvas, camera: Camera, t: float) -> None:
        """Draw cracks, then the dark hole with its jagged rim."""
        x0, x1, y0, y1 = self.edges
        rng = np.random.default_rng(self.seed)
        n_blows = sum(t >= b for b in self.blows)
        x, y = x0 + rng.uniform(0.35, 0.65) * (x1 - x0), y0 + rng.uniform(0.4, 0.7) * (y1 - y0)
        angles = np.sort(rng.uniform(0, 2 * math.pi, 11))
        radii = rng.uniform(0.45, 1.0, 11)
        for a in angles:
            far = min(max(x + 2 * math.cos(a), x0), x1), min(max(y + 2 * math.sin(a), y0), y1)
            ends = camera.pixel((x, y, self.z)), camera.pixel((*far, self.z))
            line(canvas, ends, (214, 226, 230), 1)
        if n_blows > 1 or n_blows == len(self.blows):
            share = min(n_blows / len(self.blows), 1.0)
            half_w, half_h = share * min(x - x0, x1 - x), share * min(y - y0, y1 - y)
            rim = [
                camera.pixel((x + r * half_w * math.cos(a), y + r * half_h * math.sin(a), self.z))
                for a, r in zip(angles, radii, strict=True)
            ]
            for a, b in pairwise([*rim, rim[0]]):  # as triangles, for the hole is not convex
                polygon(canvas, [camera.pixel((x, y, self.z)), a, b], (14, 14, 18))
            outline(canvas, rim, (220, 230, 234))
