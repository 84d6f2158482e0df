"""Short motions that scenes are made of: talking, striking, falling, getting up and the like."""

from __future__ import annotations

import math

import numpy as np

from vadlab.synthesis.key_poses import (
    CHAMBER,
    CRAWL,
    DOUBLED,
    GUARD,
    HOOK,
    JAB,
    KICK,
    KNEEL,
    LIE_BACK,
    LIE_FRONT,
    PHONE,
    RAISED,
    REACH,
    READ,
    REEL,
    SHAKE,
    SIT,
    SLIP,
    STAND,
    STRUCK,
    TRIP,
    WIND,
)
from vadlab.synthesis.poses import Motion, Pose, ease, fall, held, keyed, mix


def idle(rng: np.random.Generator) -> Motion:
    """Standing about: waiting, at the telephone, reading, or talking with the hands."""
    choice = rng.integers(4)
    if choice == 3:
        return talk(float(rng.uniform(0, 6)))
    return held((STAND, PHONE, READ)[choice])


def talk(phase: float = 0.0) -> Motion:
    """Standing and talking with the hands."""

    def motion(t: float) -> Pose:
        a, b = math.sin(3.1 * t + phase), math.sin(4.7 * t + 2 * phase)
        return STAND._replace(
            lean=0.05 + 0.03 * a,
            nod=0.08 * b,
            right_hand_f=0.24 + 0.1 * a,
            right_hand_u=-0.3 + 0.14 * b,
            left_hand_f=0.16 + 0.08 * b,
            left_hand_u=-0.38 + 0.1 * a,
        )

    return motion


def blows(times: list[tuple[float, str]]) -> Motion:
    """A boxer's share of a fight: what happens to him at which second.

    Args:
        times: (second, "jab" | "hook" | "kick" | "hit" | "gut"), sorted, at least 0.4 s apart; the first
            three land at that second, the last two are blows received then.
    """
    keys: list[tuple[float, Pose]] = [(0.0, GUARD)]
    for t, what in times:
        if what == "hit":
            new = [(t, GUARD), (t + 0.1, REEL), (t + 0.2, REEL)]
        elif what == "gut":
            new = [(t, GUARD), (t + 0.12, DOUBLED), (t + 0.24, DOUBLED)]
        elif what == "kick":
            new = [(t - 0.22, GUARD), (t - 0.12, CHAMBER), (t, KICK)]
        else:
            new = [(t - 0.2, GUARD), (t - 0.1, WIND), (t, JAB if what == "jab" else HOOK)]
        keys += [(max(s, keys[-1][0] + 0.01), pose) for s, pose in new]
        keys.append((max(t, new[-1][0]) + 0.16, GUARD))
    return keyed(*keys)


def swings(period: float) -> Motion:
    """Striking with something held in both hands, one blow a period (seconds)."""
    return keyed(
        (0.0, STRUCK),
        (0.3 * period, RAISED),
        (0.55 * period, RAISED),
        (0.75 * period, STRUCK),
        (period, STRUCK),
        loop=period,
    )


def kicks(period: float) -> Motion:
    """Kicking low, one kick a period (seconds)."""
    low = KICK._replace(lean=-0.2, right_foot_f=0.7, right_foot_u=0.28)
    return keyed(
        (0.0, GUARD), (0.3 * period, CHAMBER), (0.5 * period, low), (0.8 * period, GUARD), loop=period
    )


def shaking_hands(t: float) -> Pose:
    """Two shakes a second."""
    return SHAKE._replace(right_hand_u=SHAKE.right_hand_u + 0.07 * math.sin(2 * math.pi * 2 * t))


def wiping(t: float) -> Pose:
    """A hand that goes round on a pane before the body."""
    a = 2 * math.pi * 0.9 * t
    return REACH._replace(
        right_hand_f=0.42,
        right_hand_u=0.06 + 0.24 * math.sin(a),
        right_hand_o=0.1 + 0.28 * math.cos(a),
        lean=0.1,
    )


def sweeping(t: float) -> Pose:
    """Both hands on a broom, to and fro."""
    a = 0.16 * math.sin(2 * math.pi * 0.8 * t)
    return STAND._replace(
        lean=0.28,
        right_hand_f=0.3 + a,
        right_hand_u=-0.42,
        left_hand_f=0.22 + 0.5 * a,
        left_hand_u=-0.16,
        left_hand_o=-0.14,
        right_hand_o=-0.06,
    )


def waving(t: float) -> Pose:
    """One arm high, the hand to and fro."""
    return STAND._replace(
        right_hand_f=0.1,
        right_hand_u=0.46,
        right_hand_o=0.12 + 0.16 * math.sin(2 * math.pi * 1.6 * t),
        nod=-0.1,
    )


def struggling(t: float) -> Pose:
    """Keeping the head over water: arms that beat, legs that tread."""
    a, b = math.sin(2 * math.pi * 1.5 * t), math.sin(2 * math.pi * 1.5 * t + 2.0)
    return STAND._replace(
        lean=0.15 + 0.15 * a,
        nod=-0.25,
        left_hand_f=0.2 + 0.2 * b,
        left_hand_u=0.28 + 0.26 * a,
        left_hand_o=0.3,
        right_hand_f=0.2 - 0.2 * b,
        right_hand_u=0.28 - 0.26 * a,
        right_hand_o=0.3,
        left_foot_f=0.25 * a,
        right_foot_f=-0.25 * a,
    )


def writhing(lying: Pose) -> Motion:
    """Lying and moving limbs and head in pain."""

    def motion(t: float) -> Pose:
        a, b = math.sin(5.0 * t), math.sin(3.7 * t + 1)
        return lying._replace(
            nod=lying.nod + 0.12 * b,
            hip_u=lying.hip_u + 0.03 * abs(a),
            left_hand_f=lying.left_hand_f + 0.12 * a,
            right_hand_f=lying.right_hand_f + 0.1 * b,
            right_foot_f=lying.right_foot_f + 0.1 * a * (1 if lying.lean < 0 else -1),
        )

    return motion


def fall_front(seconds: float) -> Motion:
    """Stumble, then drop on hands and face; lies from `seconds` on."""
    trip, drop = 0.4 * seconds, fall(TRIP, LIE_FRONT, 0.6 * seconds)
    return lambda t: mix(STAND, TRIP, ease(t / trip)) if t < trip else drop(t - trip)


def fall_back(seconds: float) -> Motion:
    """The feet slip away, then drop on the back; lies from `seconds` on."""
    slip, drop = 0.4 * seconds, fall(SLIP, LIE_BACK, 0.6 * seconds)
    return lambda t: mix(STAND, SLIP, ease(t / slip)) if t < slip else drop(t - slip)


def get_up(lying: Pose, seconds: float) -> Motion:
    """From lying over hands and knees to standing."""
    first = CRAWL if lying.lean > 0 else SIT._replace(hip_u=0.2, hip_f=-0.4, lean=0.2, left_foot_f=0.1)
    return keyed((0.0, lying), (0.4 * seconds, first), (0.7 * seconds, KNEEL), (seconds, STAND))
