"""People: how they look, what they do one action after another, and how they are drawn."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np

from vadlab.synthesis.camera import Camera, Pixel, Point
from vadlab.synthesis.drawing import Canvas, Colour, disc, ellipse, line, polygon, shade
from vadlab.synthesis.poses import Motion, Pose, ease, gait, held, mix, stride, two_bones

__all__ = ["Body", "Held", "Look", "Person", "Script", "Stance"]

_BLEND = 0.22  # seconds in which one action passes into the next
_THIGH, _SHIN, _TORSO, _UPPER_ARM, _FOREARM = 0.44, 0.45, 0.5, 0.29, 0.28
_SKIN: tuple[Colour, ...] = ((236, 192, 160), (214, 164, 128), (176, 122, 88), (120, 80, 58), (246, 208, 180))
_HAIR: tuple[Colour, ...] = ((32, 26, 24), (70, 46, 30), (120, 86, 50), (104, 98, 92), (24, 24, 30))


class Stance(NamedTuple):
    """Where a person is and in which pose: position in metres, yaw in radians (0 right, pi/2 away)."""

    x: float
    y: float
    z: float
    yaw: float
    pose: Pose


@dataclass(frozen=True)
class Look:
    """Size and clothes of a person; `tall` is relative to 1.75 m."""

    tall: float
    shirt: Colour
    trousers: Colour
    shoes: Colour
    skin: Colour
    hair: Colour
    coat: bool
    stout: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Self:
        """A look by chance."""
        return cls(
            tall=float(rng.uniform(0.93, 1.06)),
            shirt=_cloth(rng, (60, 225)),
            trousers=_cloth(rng, (30, 120)),
            shoes=_cloth(rng, (20, 70)),
            skin=_SKIN[rng.integers(len(_SKIN))],
            hair=_HAIR[rng.integers(len(_HAIR))],
            coat=bool(rng.random() < 0.25),
            stout=float(rng.uniform(0.9, 1.15)),
        )


def _cloth(rng: np.random.Generator, brightness: tuple[int, int]) -> Colour:
    hue, saturation = rng.uniform(0, 2 * math.pi), rng.uniform(0.04, 0.4)
    value = rng.uniform(*brightness)
    r, g, b = (value * (1 + saturation * math.cos(hue - shift)) for shift in (0.0, 2.1, 4.2))
    return tuple(int(min(max(c, 0), 255)) for c in (r, g, b))  # type: ignore[return-value]


class Script:
    """What one person does, action after action; `at` gives the stance at any second.

    Actions start where and when the one before ended; poses and turns pass over smoothly.
    """

    def __init__(self, x: float, z: float, yaw: float = 0.0, *, y: float = 0.0) -> None:
        """Stand at (x, y, z) in metres, facing `yaw`."""
        self.x, self.y, self.z, self.yaw = x, y, z, yaw
        self.time = 0.0
        self._strides = 0.0
        self._starts: list[float] = []
        self._actions: list[Callable[[float], Stance]] = []

    def walk(self, x: float, z: float, *, speed: float = 1.35, until: float | None = None) -> Self:
        """Go straight to (x, z); with `until` as fast as is needed to be there at that second."""
        x0, y0, z0, phase = self.x, self.y, self.z, self._strides
        distance = math.hypot(x - x0, z - z0)
        if until is not None:
            speed = distance / max(until - self.time, 0.04)
        seconds = distance / max(speed, 0.05)
        yaw = math.atan2(z - z0, x - x0) if distance > 0.02 else self.yaw
        step = stride(speed)

        def action(t: float) -> Stance:
            share = min(t / seconds, 1.0) if seconds else 1.0
            pose = gait(phase + share * distance / step, speed)
            return Stance(x0 + (x - x0) * share, y0, z0 + (z - z0) * share, yaw, pose)

        self._strides = phase + distance / step
        return self._add(action, seconds)

    def act(
        self,
        seconds: float,
        motion: Motion,
        *,
        to: Point | None = None,
        yaw: float | None = None,
        path: Callable[[float], Point] | None = None,
    ) -> Self:
        """Do something for some seconds.

        Args:
            seconds: How long; 0 or less does nothing.
            motion: Pose by the seconds since the action began.
            to: Be moved to this point, eased.
            yaw: Turn to this direction.
            path: Be moved along this path (seconds since the action began to a point) instead.
        """
        if seconds <= 0:
            return self
        start = (self.x, self.y, self.z)
        target, facing = to or start, self.yaw if yaw is None else yaw

        def action(t: float) -> Stance:
            if path is not None:
                return Stance(*path(t), facing, motion(t))
            share = ease(t / seconds)
            x, y, z = (a + (b - a) * share for a, b in zip(start, target, strict=True))
            return Stance(x, y, z, facing, motion(t))

        return self._add(action, seconds)

    def wait(self, until: float, motion: Motion | None = None, *, yaw: float | None = None) -> Self:
        """Stay until that second."""
        return self.act(until - self.time, motion or held(Pose()), yaw=yaw)

    def _add(self, action: Callable[[float], Stance], seconds: float) -> Self:
        self._starts.append(self.time)
        self._actions.append(action)
        self.x, self.y, self.z, self.yaw, _ = action(seconds)
        self.time += seconds
        return self

    def at(self, t: float) -> Stance:
        """The stance at second t; after the last action the person goes on in it."""
        if not self._actions:
            return Stance(self.x, self.y, self.z, self.yaw, Pose())
        i = max(bisect_right(self._starts, t) - 1, 0)
        local = t - self._starts[i]
        now = self._actions[i](local)
        if i == 0 or local >= _BLEND:
            return now
        before = self._actions[i - 1](self._starts[i] - self._starts[i - 1])
        share = ease(local / _BLEND)
        turn = (now.yaw - before.yaw + math.pi) % (2 * math.pi) - math.pi
        return now._replace(yaw=before.yaw + turn * share, pose=mix(before.pose, now.pose, share))


class Body(NamedTuple):
    """World points of a body; pairs are (left, right)."""

    head: Point
    neck: Point
    hips: Point
    shoulders: tuple[Point, Point]
    hip_ends: tuple[Point, Point]
    knees: tuple[Point, Point]
    feet: tuple[Point, Point]
    toes: tuple[Point, Point]
    elbows: tuple[Point, Point]
    hands: tuple[Point, Point]


def body(stance: Stance, tall: float) -> Body:
    """The world points of a person of relative size `tall` in a stance."""
    x0, y0, z0, yaw, p = stance
    cos, sin = math.cos(yaw) * tall, math.sin(yaw) * tall

    def world(f: float, u: float, side: float) -> Point:
        return x0 + f * cos - side * sin, y0 + u * tall, z0 + f * sin + side * cos

    neck_f = p.hip_f + _TORSO * math.sin(p.lean)
    neck_u = p.hip_u + _TORSO * math.cos(p.lean)
    tilt = 0.9 * p.lean + p.nod
    hip, shoulder = (p.hip_f, p.hip_u), (neck_f, neck_u - 0.04 * math.cos(p.lean))
    knees, feet, toes, elbows, hands = [], [], [], [], []
    for foot, hand, out, side in (
        ((p.left_foot_f, p.left_foot_u), (p.left_hand_f, p.left_hand_u), p.left_hand_o, 1),
        ((p.right_foot_f, p.right_foot_u), (p.right_hand_f, p.right_hand_u), p.right_hand_o, -1),
    ):
        knee, end = two_bones(hip, (foot[0], foot[1] + 0.06), _THIGH, _SHIN, side=1)
        knees.append(world(knee[0], max(knee[1], 0.06), side * 0.1))
        feet.append(world(end[0], end[1], side * 0.1))
        # A raised foot points down, a standing one forward, a lying one along the leg.
        drop = min(max(end[1] - 0.06, 0.0), 0.25)
        toes.append(world(end[0] + 0.17 - 0.3 * drop, end[1] - 0.04 - 0.5 * drop, side * 0.12))
        reach = shoulder[0] + hand[0], shoulder[1] + hand[1]
        elbow, grip = two_bones(shoulder, reach, _UPPER_ARM, _FOREARM, side=-1)
        elbows.append(world(elbow[0], max(elbow[1], 0.05), side * (0.19 + 0.5 * out)))
        hands.append(world(grip[0], max(grip[1], 0.04), side * (0.19 + out)))
    return Body(
        head=world(neck_f + 0.2 * math.sin(tilt), neck_u + 0.2 * math.cos(tilt), 0.0),
        neck=world(neck_f, neck_u, 0.0),
        hips=world(*hip, 0.0),
        shoulders=(world(*shoulder, 0.18), world(*shoulder, -0.18)),
        hip_ends=(world(*hip, 0.11), world(*hip, -0.11)),
        knees=(knees[0], knees[1]),
        feet=(feet[0], feet[1]),
        toes=(toes[0], toes[1]),
        elbows=(elbows[0], elbows[1]),
        hands=(hands[0], hands[1]),
    )


@dataclass(frozen=True)
class Held:
    """A thing in a person's hands.

    Args:
        paint: Draws it, given canvas, camera and body.
        start, stop: Seconds between which it is held.
    """

    paint: Callable[[Canvas, Camera, Body], None]
    start: float = -math.inf
    stop: float = math.inf


@dataclass
class Person:
    """One person of a scene.

    Args:
        look: Size and clothes.
        script: What the person does.
        things: What the person holds.
        hidden_below: Height in metres below which the body is hidden (by water, by a window sill), or None.
        start, stop: Seconds between which the person is there.
    """

    look: Look
    script: Script
    things: list[Held] = field(default_factory=list)
    hidden_below: float | None = None
    start: float = -math.inf
    stop: float = math.inf

    def body(self, t: float) -> Body:
        """World points at second t."""
        return body(self.script.at(t), self.look.tall)

    def depth(self, t: float) -> float | None:
        """Distance from the camera in metres, or None when not there."""
        return self.script.at(t).z if self.start <= t < self.stop else None

    def cast(self, mask: Canvas, camera: Camera, t: float, sun: tuple[float, float]) -> None:
        """Draw the shadow on a mask."""
        stance = self.script.at(t)
        if self.hidden_below is not None or _out_of_view(camera, stance):
            return
        points = body(stance, self.look.tall)
        (hx, hy, hz), (fx, _, fz) = points.head, _middle(points.feet)
        foot = camera.pixel((fx, 0.0, fz))
        hip = points.hips
        tips = [(p[0] + sun[0] * p[1], 0.0, max(p[2] + sun[1] * p[1], 1.0)) for p in (hip, (hx, hy, hz))]
        scale = camera.scale(fz)
        middle, tip = camera.pixel(tips[0]), camera.pixel(tips[1])
        ellipse(mask, foot, (0.32 * scale, 0.1 * scale), (62, 62, 62))
        line(mask, (foot, middle), (48, 48, 48), 0.26 * scale)
        line(mask, (middle, tip), (48, 48, 48), 0.3 * scale)

    def paint(self, canvas: Canvas, camera: Camera, t: float) -> None:
        """Draw the person."""
        stance = self.script.at(t)
        if _out_of_view(camera, stance):
            return
        points = body(stance, self.look.tall)
        hidden = None
        if self.hidden_below is not None:
            row = max(int(camera.pixel((0.0, self.hidden_below, stance.z))[1]), 0)
            hidden = row, canvas[row:].copy()
        _paint_body(canvas, camera, points, self.look, stance.yaw)
        for thing in self.things:
            if thing.start <= t < thing.stop:
                thing.paint(canvas, camera, points)
        if hidden is not None:
            canvas[hidden[0] :] = hidden[1]


def _out_of_view(camera: Camera, stance: Stance) -> bool:
    return abs(stance.x) > camera.reach(stance.z) + 2.5  # metres, for a lying body and its shadow


def _middle(pair: tuple[Point, Point]) -> Point:
    (ax, ay, az), (bx, by, bz) = pair
    return (ax + bx) / 2, (ay + by) / 2, (az + bz) / 2


def _paint_body(canvas: Canvas, camera: Camera, b: Body, look: Look, yaw: float) -> None:
    scale = camera.scale(b.hips[2]) * look.tall
    wide = scale * look.stout
    at = camera.pixel
    far, near = (0, 1) if math.cos(yaw) > 0 else (1, 0)
    away = math.sin(yaw)

    def arm(side: int, light: float) -> None:
        shoulder, elbow, hand = at(b.shoulders[side]), at(b.elbows[side]), at(b.hands[side])
        sleeve = shade(look.shirt, light)
        line(canvas, (shoulder, elbow), sleeve, 0.125 * wide)
        line(canvas, (elbow, hand), sleeve, 0.1 * scale)
        disc(canvas, hand, 0.058 * scale, shade(look.skin, light))

    def leg(side: int, light: float) -> None:
        cloth = shade(look.trousers, light)
        hip, knee, foot = at(b.hip_ends[side]), at(b.knees[side]), at(b.feet[side])
        line(canvas, (foot, at(b.toes[side])), shade(look.shoes, light), 0.1 * scale)
        line(canvas, (hip, knee), cloth, 0.185 * wide)
        line(canvas, (knee, foot), cloth, 0.135 * scale)

    arms_before = away > 0.6
    if away > -0.6:
        arm(far, 0.68)
    if arms_before:
        arm(near, 0.8)
    leg(far, 0.72)
    leg(near, 1.0)
    neck, hips = at(b.neck), at(b.hips)
    low = hips if not look.coat else at(_toward(b.hips, _middle(b.knees), 0.5))
    line(canvas, (_between(neck, hips, 0.16), _between(hips, neck, 0.08)), look.shirt, 0.25 * wide)
    spread = 0.03 * scale
    corners = [at(b.shoulders[0]), at(b.shoulders[1]), at(b.hip_ends[1]), at(b.hip_ends[0])]
    polygon(canvas, corners, look.shirt)
    line(canvas, (corners[0], corners[1]), look.shirt, 0.12 * wide)
    if look.coat:
        line(canvas, (hips, low), look.shirt, 0.27 * wide + spread)
    head = at(b.head)
    line(canvas, (neck, head), shade(look.skin, 0.8), 0.1 * scale)
    disc(canvas, head, 0.118 * scale, look.hair if away > 0.75 else look.skin)
    if away <= 0.75:
        _paint_hair(canvas, b, head, at, scale, look, yaw)
    if away <= -0.6:
        arm(far, 0.82)
    if not arms_before:
        arm(near, 0.88)


def _paint_hair(
    canvas: Canvas, b: Body, head: Pixel, at: Callable[[Point], Pixel], scale: float, look: Look, yaw: float
) -> None:
    # The crown lies along the neck, and to the back of the head when seen from the side.
    up_x, up_y = head[0] - at(b.neck)[0], head[1] - at(b.neck)[1]
    length = math.hypot(up_x, up_y) or 1.0
    back = -0.05 * math.cos(yaw)
    crown = head[0] + 0.055 * scale * up_x / length + back * scale, head[1] + 0.055 * scale * up_y / length
    disc(canvas, crown, 0.098 * scale, look.hair)


def _toward(a: Point, b: Point, share: float) -> Point:
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share


def _between(a: Pixel, b: Pixel, share: float) -> Pixel:
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share
