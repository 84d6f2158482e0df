"""Plots of many people, or of one who stays: Crowd, Panic, Trampled, Loitering.

A plot puts its actors on the stage and returns when the unusual happens, as (start, stop) in seconds;
nothing for the harmless version.
"""

from __future__ import annotations

import math

import numpy as np

from vadlab.synthesis import gestures as g
from vadlab.synthesis import key_poses as key
from vadlab.synthesis.extras import Spans, approach, bystanders, leave, passers_by, spot
from vadlab.synthesis.fire_and_smoke import Smoke
from vadlab.synthesis.people import Look, Person, Script, Stance
from vadlab.synthesis.poses import held
from vadlab.synthesis.render import Stage

__all__ = ["crowd", "loitering", "panic", "trampled"]

_DENSE, _WITHIN = 0.75, 1.9  # a crowd has formed when that share of it is within that many metres


def crowd(stage: Stage, *, abnormal: bool) -> Spans:
    """People from all sides gather closely; or walk about, sparse."""
    rng, end = stage.rng, stage.seconds
    x, z = spot(stage, spread=0.25)
    gathered = float(rng.uniform(0.36, 0.52)) * end
    parted = end + 2 if rng.random() < 0.3 else 1.1 * gathered + float(rng.uniform(0.15, 0.28)) * end
    scripts = []
    for i in range(int(rng.integers(15, 20))) if abnormal else range(0):
        r, angle = 0.38 * math.sqrt(i), 2.4 * i  # a sunflower: even and dense
        goal = x + r * math.cos(angle), z + 0.8 * r * math.sin(angle)
        side, arrives = (1 if i % 2 else -1), gathered * float(rng.uniform(0.65, 1.1))
        far = side * float(rng.uniform(0.7, 2.2)) * arrives
        script = Script(goal[0] + far, float(rng.uniform(stage.site.near, stage.site.far)))
        script.walk(*goal, until=arrives)
        script.wait(
            parted + float(rng.uniform(0, 0.3)),
            g.talk(float(i)),
            yaw=angle + math.pi + float(rng.normal(0, 0.4)),
        )
        leave(stage, script, side=1 if math.cos(angle) > 0 else -1, speed=float(rng.uniform(1.3, 2.0)))
        scripts.append(script)
        stage.add(Person(Look.draw(rng), script))
    passers_by(stage, int(rng.integers(3, 6) if abnormal else rng.integers(5, 10)))
    if not abnormal:
        bystanders(stage, int(rng.integers(1, 4)), focus=(x, z), start=gathered, stop=0.0)
        return []
    return _dense(scripts, (x, z), end)


def _dense(scripts: list[Script], focus: tuple[float, float], end: float) -> Spans:
    """From the first to the last moment at which the crowd is one."""
    times = np.arange(0, end, 0.04)
    counts = []
    for t in times:
        near = (
            math.hypot(s.x - focus[0], s.z - focus[1]) < _WITHIN for s in (q.at(float(t)) for q in scripts)
        )
        counts.append(sum(near))
    dense = np.flatnonzero(np.array(counts) >= _DENSE * len(scripts))
    return [(float(times[dense[0]]), float(times[dense[-1]]) + 0.04)]


def panic(stage: Stage, *, abnormal: bool) -> Spans:
    """A crowd suddenly runs apart; or strolls on, with some joggers."""
    rng, end, site = stage.rng, stage.seconds, stage.site
    x, z = spot(stage, spread=0.3)
    start = float(rng.uniform(0.28, 0.5)) * end
    calm = start + float(rng.uniform(1.2, 1.8)) if rng.random() < 0.4 else end + 1
    bang = abnormal and rng.random() < 0.35
    runners = []
    for i in range(int(rng.integers(9, 14))):
        z0 = float(rng.uniform(site.near, site.far))
        x0 = float(rng.uniform(-0.9, 0.9)) * site.camera.reach(z0)
        if i % 3 == 0:
            script = Script(x0, z0, float(rng.uniform(0, 2 * math.pi))).wait(start, g.idle(rng))
        else:
            came = float(rng.uniform(0.8, 1.3)) * start * (1 if rng.random() < 0.5 else -1)
            script = Script(x0 - came, z0).walk(x0, z0, until=start)
        if abnormal:
            script.wait(start + float(rng.uniform(0.0, 0.22)))
            way = 1 if x0 - x + float(rng.normal(0, 0.4)) > 0 else -1
            speed, span = float(rng.uniform(3.0, 4.6)), min(calm, end + 1) - script.time
            goal_z = float(np.clip(z0 + (z0 - z) * rng.uniform(0.2, 0.9), 0.85 * site.near, site.far))
            script.walk(x0 + way * speed * span, goal_z, speed=speed)
            runners.append(script)
            leave(stage, script, side=way, speed=1.4)
        else:
            speed = float(rng.uniform(0.9, 1.5) if rng.random() < 0.85 else 3.0)
            leave(stage, script, side=1 if script.at(start).yaw < 1 else -1, speed=speed)
        script.wait(end + 1, g.idle(rng))
        stage.add(Person(Look.draw(rng), script))
    if bang:
        puff = float(rng.uniform(0.5, 1.0))
        stage.add(
            Smoke(lambda _: (x, 0.1, z), lambda t: puff if start < t < start + 0.5 else 0.0, (120, 116, 110))
        )
    if not abnormal:
        return []
    return [(start + 0.04, max(min(calm + 0.1, _emptied(stage, runners, start)), start + 0.5))]


def _emptied(stage: Stage, scripts: list[Script], since: float) -> float:
    """When the last of them has left the view, at most the scene's end."""
    camera = stage.site.camera
    for t in np.arange(since, stage.seconds, 0.04):
        if all(_outside(s.at(float(t)), camera.reach(s.at(float(t)).z)) for s in scripts):
            return float(t)
    return stage.seconds


def _outside(stance: Stance, reach: float) -> bool:
    return abs(stance.x) > reach + 0.3


def trampled(stage: Stage, *, abnormal: bool) -> Spans:
    """A person falls in a hurrying crowd that runs over him; or squats and is passed by on both sides."""
    rng, end, site = stage.rng, stage.seconds, stage.site
    x, z = spot(stage, spread=0.25)
    start = float(rng.uniform(0.22, 0.36)) * end
    side = 1 if rng.random() < 0.5 else -1
    speed = float(rng.uniform(2.2, 3.0))
    fallen = approach(stage, (x, z), start, side=-side, speed=min(speed, 2.2))
    stays = min(start + float(rng.uniform(2.0, 3.2)), end - 0.5)
    if abnormal:
        drop, lie = g.fall_front(0.65), g.writhing(key.LIE_FRONT)
        fallen.act(stays - start, lambda t: drop(t) if t < 0.65 else lie(t))
        fallen.act(1.2, g.get_up(key.LIE_FRONT, 1.2))
    else:
        fallen.act(stays - start, held(key.SQUAT))
    leave(stage, fallen, side=side, speed=1.2)
    fallen.wait(end + 1, g.idle(rng))
    stage.add(Person(Look.draw(rng), fallen))
    last = start + 0.7
    for i in range(-int(rng.integers(5, 9)), int(rng.integers(7, 11))):
        passes = start + 0.75 + 0.24 * i + float(rng.uniform(0, 0.2))
        over = abnormal and i % 2 == 0 and start + 0.7 < passes < stays - 0.2
        aside = float(rng.choice([-1, 1, 1])) * float(rng.uniform(0.75, 1.6))
        lane = float(np.clip(z + (rng.uniform(-0.12, 0.12) if over else aside), site.near, site.far))
        pace = speed * float(rng.uniform(0.9, 1.15))
        script = Script(x - side * pace * passes, lane)
        if over:
            body = x + side * 0.75
            reached, done = passes + 0.1 / pace, passes + 1.5 / pace
            script.walk(body - side * 0.65, lane, until=reached)
            script.y = 0.17  # on the body
            script.walk(body + side * 0.75, lane, until=done)
            script.y = 0.0
            last = max(last, done)
        leave(stage, script, side=side, speed=pace)
        stage.add(Person(Look.draw(rng), script))
    bystanders(stage, int(rng.integers(0, 2)), focus=(x, z), start=start, stop=stays if abnormal else 0.0)
    return [(start, min(max(last, stays), end))] if abnormal else []


def loitering(stage: Stage, *, abnormal: bool) -> Spans:
    """Somebody paces to and fro before a door, looking about; or goes by, goes in, waits a little."""
    rng, end, site = stage.rng, stage.seconds, stage.site
    z = min(site.far - 0.3, site.wall - 0.9)
    x = float(np.clip(site.door, -0.5 * site.camera.reach(z), 0.5 * site.camera.reach(z)))
    side = 1 if rng.random() < 0.5 else -1
    start = float(rng.uniform(0.18, 0.34)) * end
    half = float(rng.uniform(0.5, 0.8))
    script = approach(stage, (x - side * half, z), start, side=side)
    look = Look.draw(rng)
    spans: Spans = []
    stop = math.inf
    if abnormal:
        until = end + 1 if rng.random() < 0.55 else end - float(rng.uniform(0.6, 1.2))
        to = side
        while script.time < until:
            glance = math.pi / 2 if rng.random() < 0.3 else -math.pi / 2
            script.wait(script.time + float(rng.uniform(0.12, 0.4)), yaw=glance)
            script.walk(
                x + to * half, z + float(rng.uniform(-0.15, 0.15)), speed=float(rng.uniform(1.2, 1.6))
            )
            to = -to
        spans = [(start, min(script.time, end))]
        leave(stage, script, side=-side, speed=1.4)
    else:
        kind = rng.integers(3)
        if kind == 0:  # goes in
            script.walk(x, z, speed=1.2).walk(x, site.wall - 0.2, speed=0.9)
            stop = script.time
        elif kind == 1:  # waits a little
            script.wait(start + float(rng.uniform(0.8, 1.6)), g.idle(rng), yaw=-math.pi / 2)
            leave(stage, script, side=-side, speed=1.35)
        else:
            leave(stage, script, side=-side, speed=1.35)
    stage.add(Person(look, script, stop=stop))
    bystanders(stage, int(rng.integers(0, 2)), focus=(x, z), start=start, stop=0.0)
    passers_by(stage, int(rng.integers(1, 5)), avoid=z)
    return spans
