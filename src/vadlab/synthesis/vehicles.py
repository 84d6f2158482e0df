"""Vehicles: two convex bodies, the lower and the cabin, drawn face by face at any yaw."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np

from vadlab.synthesis.camera import Camera, Point
from vadlab.synthesis.drawing import Canvas, Colour, line, outline, polygon, shade

__all__ = ["Course", "Vehicle", "drive", "jolt"]


class Course(NamedTuple):
    """Where a vehicle is: metres, yaw in radians (0 right, pi/2 away), how far front and rear are crushed."""

    x: float
    z: float
    yaw: float
    front: float = 0.0
    rear: float = 0.0


@dataclass(frozen=True)
class Vehicle:
    """A car, van or bus.

    Args:
        course: Place and damage at second t.
        paintwork: Colour of the body.
        length, width, tall: Metres.
        boxy: Whether the cabin is as long as the body (van, bus).
        braking: Whether the brake lights shine at second t.
    """

    course: Callable[[float], Course]
    paintwork: Colour
    length: float = 4.2
    width: float = 1.75
    tall: float = 1.45
    boxy: bool = False
    braking: Callable[[float], bool] = lambda _: False

    @classmethod
    def draw(cls, rng: np.random.Generator, course: Callable[[float], Course]) -> Self:
        """A vehicle by chance on the given course."""
        value, tint = rng.uniform(50, 225), rng.normal(0, 16, 3)
        r, g, b = (int(np.clip(value + t, 20, 240)) for t in tint)
        if rng.random() < 0.2:
            return cls(course, (r, g, b), 4.9, 1.9, 2.1, boxy=True)
        return cls(course, (r, g, b), float(rng.uniform(3.8, 4.5)), 1.75, float(rng.uniform(1.4, 1.55)))

    def depth(self, t: float) -> float | None:
        """Distance of its middle from the camera in metres."""
        return self.course(t).z

    def cast(self, mask: Canvas, camera: Camera, t: float, sun: tuple[float, float]) -> None:
        """Draw the shadow on a mask."""
        place = self.course(t)
        cos, sin = math.cos(place.yaw), math.sin(place.yaw)
        corners = []
        for f, side in ((-0.5, -0.55), (0.5, -0.55), (0.5, 0.55), (-0.5, 0.55)):
            f, side = f * self.length, side * self.width
            x, z = place.x + f * cos - side * sin + 0.4 * sun[0], place.z + f * sin + side * cos
            corners.append(camera.pixel((x, 0.0, max(z, 1.0))))
        polygon(mask, corners, (72, 72, 72))

    def paint(self, canvas: Canvas, camera: Camera, t: float) -> None:
        """Draw the vehicle."""
        place = self.course(t)
        if abs(place.x) > camera.reach(max(place.z, 1.5)) + self.length or place.z < 2.5:
            return
        cos, sin = math.cos(place.yaw), math.sin(place.yaw)

        def world(f: float, u: float, side: float) -> Point:
            return place.x + f * cos - side * sin, u, place.z + f * sin + side * cos

        half, tall = self.length / 2, self.tall
        nose, tail = half - place.front, -half + place.rear
        waist = 0.62 * tall if not self.boxy else 0.5 * tall
        lower = [(tail, 0.28), (nose, 0.28), (nose, 0.9 * waist), (nose - 0.25, waist), (tail + 0.1, waist)]
        if self.boxy:
            upper = [(tail, waist), (nose - 0.3, waist), (nose - 0.75, tall), (tail + 0.05, tall)]
        else:
            upper = [
                (tail + 0.25, waist),
                (nose - 0.29 * self.length, waist),
                (nose - 0.46 * self.length, tall),
                (tail + 0.2 * self.length, tall),
            ]
        side = 1.0 if (place.x * sin - place.z * cos) > 0 else -1.0
        edge = side * self.width / 2
        for profile, cabin in ((lower, False), (upper, True)):
            self._paint_prism(canvas, camera, world, profile, cabin=cabin)
            panel = [camera.pixel(world(f, u, edge)) for f, u in profile]
            polygon(canvas, panel, self.paintwork if not cabin else shade(self.paintwork, 0.92))
            if cabin:
                middle_f, middle_u = (sum(c) / len(profile) for c in zip(*profile, strict=True))
                glass = [
                    (middle_f + 0.84 * (f - middle_f), middle_u + 0.66 * (u - middle_u)) for f, u in profile
                ]
                polygon(canvas, [camera.pixel(world(f, u, edge)) for f, u in glass], (46, 56, 68))
                pillar = middle_f + 0.05 * self.length
                ends = (world(pillar, waist, edge), world(pillar, tall - 0.08, edge))
                line(
                    canvas,
                    (camera.pixel(ends[0]), camera.pixel(ends[1])),
                    self.paintwork,
                    0.07 * camera.scale(place.z),
                )
            else:
                outline(canvas, panel, shade(self.paintwork, 0.6))
        self._paint_wheels(canvas, camera, world, place, edge)
        self._paint_lamps(canvas, camera, world, (tail, nose), braking=self.braking(t))

    def _paint_prism(
        self,
        canvas: Canvas,
        camera: Camera,
        world: Callable[[float, float, float], Point],
        profile: list[tuple[float, float]],
        *,
        cabin: bool,
    ) -> None:
        half = self.width / 2
        for (f0, u0), (f1, u1) in pairwise([*profile, profile[0]]):
            a, b = world(f0, u0, -half), world(f1, u1, -half)
            # The outward normal of the face, in the profile's plane and then in the world.
            length = math.hypot(f1 - f0, u1 - u0)
            normal_f, normal_u = (u1 - u0) / length, -(f1 - f0) / length
            origin, tip = world(0, 0, 0), world(normal_f, 0, 0)
            n = tip[0] - origin[0], normal_u, tip[2] - origin[2]
            if n[0] * -a[0] + n[1] * (camera.above - a[1]) + n[2] * -a[2] <= 0:
                continue
            c, d = world(f1, u1, half), world(f0, u0, half)
            glass = cabin and abs(normal_u) < 0.9
            colour = (
                (60, 72, 84) if glass else shade(self.paintwork, 1.0 + 0.25 * normal_u - 0.12 * abs(normal_f))
            )
            polygon(canvas, [camera.pixel(p) for p in (a, b, c, d)], colour)

    def _paint_wheels(
        self,
        canvas: Canvas,
        camera: Camera,
        world: Callable[[float, float, float], Point],
        place: Course,
        edge: float,
    ) -> None:
        radius = 0.33
        turned = (place.x * math.cos(place.yaw) + place.z * math.sin(place.yaw)) / radius
        for f in (-0.31 * self.length, 0.31 * self.length):
            for r, colour in ((radius, (26, 26, 28)), (0.18, (128, 130, 134))):
                ring = [(f + r * math.cos(a), radius + r * math.sin(a)) for a in _TURN]
                polygon(canvas, [camera.pixel(world(*p, edge)) for p in ring], colour)
            spoke = 0.17 * math.cos(turned), 0.17 * math.sin(turned)
            ends = (
                world(f - spoke[0], radius - spoke[1], edge),
                world(f + spoke[0], radius + spoke[1], edge),
            )
            line(canvas, (camera.pixel(ends[0]), camera.pixel(ends[1])), (50, 50, 54), 1)

    def _paint_lamps(
        self,
        canvas: Canvas,
        camera: Camera,
        world: Callable[[float, float, float], Point],
        ends: tuple[float, float],
        *,
        braking: bool,
    ) -> None:
        camera_at = world(0, 0, 0)
        for f, colour in ((ends[0], (255, 60, 40) if braking else (130, 20, 20)), (ends[1], (250, 244, 214))):
            tip = world(math.copysign(1.0, f), 0, 0)
            if (tip[0] - camera_at[0]) * -tip[0] + (tip[2] - camera_at[2]) * -tip[2] <= 0:
                continue
            for side in (-0.38 * self.width, 0.38 * self.width):
                corners = [
                    (f, 0.6, side - 0.15),
                    (f, 0.6, side + 0.15),
                    (f, 0.76, side + 0.15),
                    (f, 0.76, side - 0.15),
                ]
                polygon(canvas, [camera.pixel(world(*c)) for c in corners], colour)


_TURN = [2 * math.pi * i / 12 for i in range(12)]


def drive(
    x: float, z: float, speed: float, *, yaw: float = 0.0, passes: float = 0.0
) -> Callable[[float], Course]:
    """Drive straight on at `speed` (m/s), so as to be at (x, z) at second `passes`."""
    cos, sin = math.cos(yaw), math.sin(yaw)
    return lambda t: Course(x + cos * speed * (t - passes), z + sin * speed * (t - passes), yaw)


def jolt(
    before: Callable[[float], Course],
    hit: float,
    *,
    after: tuple[float, float, float],
    crush: tuple[float, float] = (0.0, 0.0),
    slow: float = 0.35,
) -> Callable[[float], Course]:
    """A course that a blow changes.

    Args:
        before: The course until then.
        hit: Second of the blow.
        after: Velocity in x and z (m/s) and turn (rad/s) right after it; friction makes them die away.
        crush: How far front and rear are pressed in, metres.
        slow: Time constant of the friction in seconds.
    """
    start = before(hit)

    def course(t: float) -> Course:
        if t < hit:
            return before(t)
        gone = slow * (1 - math.exp(-(t - hit) / slow))
        pressed = min((t - hit) / 0.1, 1.0)
        return Course(
            start.x + after[0] * gone,
            start.z + after[1] * gone,
            start.yaw + after[2] * gone,
            max(start.front, crush[0] * pressed),
            max(start.rear, crush[1] * pressed),
        )

    return course
