"""What goes on besides the plot, in normal and abnormal videos alike: passers-by, bystanders, cars."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np

from vadlab.synthesis import gestures
from vadlab.synthesis.drawing import Colour
from vadlab.synthesis.people import Held, Look, Person, Script
from vadlab.synthesis.props import carried_bag
from vadlab.synthesis.render import Stage
from vadlab.synthesis.vehicles import Vehicle, drive

__all__ = ["Spans", "approach", "bystanders", "colour", "leave", "new_seed", "passers_by", "spot", "traffic"]


Spans: TypeAlias = list[tuple[float, float]]
"""When the unusual happens, as (start, stop) in seconds, sorted, not touching."""


def colour(rng: np.random.Generator, low: int = 40, high: int = 200) -> Colour:
    """A colour for a thing."""
    r, g, b = (int(c) for c in rng.integers(low, high, 3))
    return r, g, b


def new_seed(stage: Stage) -> int:
    """A seed from the stage's chance, for an actor that draws its own."""
    return int(stage.rng.integers(2**31))


def spot(stage: Stage, *, spread: float = 0.35) -> tuple[float, float]:
    """A place (x, z) for the plot, in the nearer part, within `spread` of half the visible width."""
    site = stage.site
    z = float(stage.rng.uniform(site.near + 0.1, site.near + 0.6 * (site.far - site.near)))
    return float(stage.rng.uniform(-spread, spread) * site.camera.reach(z)), z


def approach(
    stage: Stage, goal: tuple[float, float], when: float, *, side: int, speed: float = 1.35
) -> Script:
    """A script that has just come to `goal` (x, z) at second `when`, from the left (side -1) or right (1)."""
    x, z = goal
    speed *= float(stage.rng.uniform(0.88, 1.12))
    start_z = z + float(stage.rng.uniform(-0.4, 0.4))
    return Script(x + side * speed * when, start_z).walk(x, z, until=when)


def leave(stage: Stage, script: Script, *, side: int, speed: float) -> Script:
    """Let a script end with going out of view to the left (-1) or right (1)."""
    site = stage.site
    z = float(np.clip(script.z + stage.rng.uniform(-0.6, 0.6), site.near, site.far))
    return script.walk(side * (site.camera.reach(z) + 1.2), z, speed=speed)


def passers_by(stage: Stage, n: int, *, avoid: float | None = None) -> None:
    """Add n people who cross the view at some time, walking or jogging; one in six close to the camera.

    Args:
        stage: Where to.
        n: How many.
        avoid: Depth in metres that they keep away from, so that they do not walk through the plot.
    """
    rng, site = stage.rng, stage.site
    for _ in range(n):
        z = float(rng.uniform(site.near, site.far))
        if site.water is None and rng.random() < 0.17:
            z = 0.72 * site.near
        if avoid is not None and abs(z - avoid) < 0.7:
            z = avoid + (0.8 if avoid < (site.near + site.far) / 2 else -0.8)
        speed = float(rng.uniform(1.0, 1.7) if rng.random() < 0.8 else rng.uniform(2.4, 3.6))
        side = 1 if rng.random() < 0.5 else -1
        reach = site.camera.reach(z) + 1
        x = -side * speed * float(rng.uniform(-0.1, 1.1)) * stage.seconds
        script = Script(x, z).walk(x + side * (speed * stage.seconds + 2 * reach), z, speed=speed)
        things = [Held(carried_bag(colour(rng)))] if rng.random() < 0.3 else []
        stage.add(Person(Look.draw(rng), script, things))


def bystanders(stage: Stage, n: int, *, focus: tuple[float, float], start: float, stop: float) -> None:
    """Add n people who stand about, and look to the focus (x, z) from `start` to `stop`, if ever."""
    rng, site = stage.rng, stage.site
    for _ in range(n):
        z = float(rng.uniform(site.near, site.far))
        x = float(rng.uniform(-0.85, 0.85)) * site.camera.reach(z)
        if math.hypot(x - focus[0], z - focus[1]) < 1.6:
            x += math.copysign(2.0, x - focus[0])
        script = Script(x, z, float(rng.uniform(0, 2 * math.pi)))
        script.wait(start + float(rng.uniform(0.1, 0.5)), gestures.idle(rng))
        if stop > start:
            script.wait(stop, gestures.talk(), yaw=math.atan2(focus[1] - z, focus[0] - x))
        if rng.random() < 0.5:
            leave(stage, script, side=1 if x > 0 else -1, speed=float(rng.uniform(1.1, 1.6)))
        else:
            script.wait(stage.seconds + 1, gestures.idle(rng))
        stage.add(Person(Look.draw(rng), script))


def traffic(stage: Stage, n: int, *, lanes: tuple[float, ...] | None = None) -> None:
    """Add n vehicles that drive along the road, right in the near lane and left in the far one."""
    rng, road = stage.rng, stage.site.road
    if road is None:
        return
    near, far = road[0] + 1.4, road[1] - 1.4
    taken: dict[float, list[float]] = {}
    for _ in range(n):
        z = float(rng.choice(lanes or (near, far)))
        speed = 7.5 if z == near else 6.0
        passes = float(rng.uniform(-0.2, 1.2)) * stage.seconds
        if any(abs(passes - other) < 1.1 for other in taken.setdefault(z, [])):
            continue
        taken[z].append(passes)
        yaw = 0.0 if z == near else math.pi
        stage.add(Vehicle.draw(rng, drive(0.0, z, speed, yaw=yaw, passes=passes)))
