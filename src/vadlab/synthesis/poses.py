"""Poses of the human body, and motions made of them.

A body stands in its own frame: f forward, u up, l to the side (left positive), in metres for a person
1.75 m tall; the origin is the ground point under it. Knees and elbows follow from where feet and hands
are (two-bone inverse kinematics), so a pose needs only hips, lean, feet and hands.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

__all__ = ["Motion", "Pose", "ease", "fall", "gait", "held", "keyed", "mix", "two_bones"]


class Pose(NamedTuple):
    """Where the body's parts are; hands are relative to their shoulder, `_o` is outward from the body."""

    hip_f: float = 0.0
    hip_u: float = 0.92
    lean: float = 0.03  # torso from upright, radians, forward positive
    nod: float = 0.0  # head against the torso, radians, forward positive
    left_foot_f: float = 0.05
    left_foot_u: float = 0.0
    right_foot_f: float = -0.05
    right_foot_u: float = 0.0
    left_hand_f: float = 0.04
    left_hand_u: float = -0.54
    left_hand_o: float = 0.06
    right_hand_f: float = 0.02
    right_hand_u: float = -0.54
    right_hand_o: float = 0.06


Motion = Callable[[float], Pose]
"""A pose for every second since the motion began."""


def ease(t: float) -> float:
    """0 to 1 with rest at both ends (smoothstep), clipped outside."""
    t = min(max(t, 0.0), 1.0)
    return t * t * (3 - 2 * t)


def mix(a: Pose, b: Pose, share: float) -> Pose:
    """The pose between a (share 0) and b (share 1)."""
    return Pose._make([p + (q - p) * share for p, q in zip(a, b, strict=True)])


def held(pose: Pose) -> Motion:
    """One pose, with the slight sway of breathing."""

    def motion(t: float) -> Pose:
        return pose._replace(
            lean=pose.lean + 0.02 * math.sin(2.1 * t), nod=pose.nod + 0.05 * math.sin(1.3 * t)
        )

    return motion


def keyed(*keys: tuple[float, Pose], loop: float = 0.0) -> Motion:
    """Through key poses at their times in seconds, eased; a loop > 0 repeats after that many seconds."""

    def motion(t: float) -> Pose:
        t = t % loop if loop else t
        if t <= keys[0][0]:
            return keys[0][1]
        for (t0, a), (t1, b) in pairwise(keys):
            if t < t1:
                return mix(a, b, ease((t - t0) / (t1 - t0)))
        return keys[-1][1]

    return motion


def fall(a: Pose, b: Pose, seconds: float) -> Motion:
    """From a down to b under gravity: slow at first, then ever faster, stopped by the ground."""

    def motion(t: float) -> Pose:
        share = min(t / seconds, 1.0)
        return mix(a, b, share * share)

    return motion


def gait(phase: float, speed: float) -> Pose:
    """One moment of walking or running.

    Args:
        phase: Strides since the start; the left foot lands at whole numbers.
        speed: Metres a second; from 2.2 on the body runs.
    """
    running = ease((speed - 1.8) / 1.2)
    stance = 0.6 - 0.24 * running
    reach = stride(speed) * stance / 2
    lift = 0.11 + 0.22 * running
    (lf, lu), (rf, ru) = (_foot(phase + shift, stance, reach, lift) for shift in (0.0, 0.5))
    swing = math.sin(2 * math.pi * (phase + 0.22))
    arm, bent = min(0.12 + 0.09 * speed, 0.32), 0.26 * running
    return Pose(
        hip_u=0.885 - 0.03 * running + (0.02 + 0.03 * running) * math.cos(4 * math.pi * (phase + 0.08)),
        lean=0.05 + 0.05 * speed * (0.4 + 0.6 * running),
        nod=-0.12 * running,
        left_foot_f=lf,
        left_foot_u=lu,
        right_foot_f=rf,
        right_foot_u=ru,
        left_hand_f=0.05 + 0.1 * running - arm * swing,
        left_hand_u=-0.52 + bent + 0.06 * abs(swing),
        right_hand_f=0.05 + 0.1 * running + arm * swing,
        right_hand_u=-0.52 + bent + 0.06 * abs(swing),
    )


def stride(speed: float) -> float:
    """Metres from one landing of a foot to its next, by speed in m/s (a fit to usual cadences)."""
    return 0.62 + 0.48 * min(speed, 4.5)


def _foot(phase: float, stance: float, reach: float, lift: float) -> tuple[float, float]:
    # While it stands, the foot moves back as fast as the body goes forward, so it does not slide.
    phase %= 1.0
    if phase < stance:
        return reach * (1 - 2 * phase / stance), 0.0
    swing = (phase - stance) / (1 - stance)
    return reach * (2 * ease(swing) - 1), lift * math.sin(math.pi * swing) ** 0.8


def two_bones(
    a: tuple[float, float], b: tuple[float, float], upper: float, lower: float, *, side: int
) -> tuple[tuple[float, float], tuple[float, float]]:
    """The joint between two bones, and the end they reach.

    Args:
        a: Where the first bone is fixed.
        b: Where the second should end; farther than both bones reach, the limb is stretched towards it.
        upper: Length of the first bone.
        lower: Length of the second bone.
        side: 1 bends like a knee, -1 like an elbow.
    """
    df, du = b[0] - a[0], b[1] - a[1]
    distance = math.hypot(df, du)
    df, du = (df / distance, du / distance) if distance > 1e-9 else (0.0, -1.0)
    distance = min(max(distance, abs(upper - lower) + 1e-3), (upper + lower) * 0.999)
    along = (upper * upper - lower * lower + distance * distance) / (2 * distance)
    out = side * math.sqrt(max(upper * upper - along * along, 0.0))
    joint = a[0] + df * along - du * out, a[1] + du * along + df * out
    return joint, (a[0] + df * distance, a[1] + du * distance)
