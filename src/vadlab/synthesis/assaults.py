"""Plots between few people: Fighting, Violence, Hurt, Thiefing.

A plot puts its actors on the stage and returns when the unusual happens, as (start, stop) in seconds;
nothing for the harmless version.
"""

from __future__ import annotations

import math

import numpy as np

from vadlab.synthesis import gestures as g
from vadlab.synthesis import key_poses as key
from vadlab.synthesis.dogs import Dog, Trot
from vadlab.synthesis.extras import Spans, approach, bystanders, colour, leave, passers_by, spot
from vadlab.synthesis.people import Held, Look, Person, Script
from vadlab.synthesis.poses import Motion, ease, held, keyed
from vadlab.synthesis.props import Leash, Prop, bag, bench, broom, carried_bag, club, gloves
from vadlab.synthesis.render import Stage

__all__ = ["fighting", "hurt", "thiefing", "violence"]


def fighting(stage: Stage, *, abnormal: bool) -> Spans:
    """Two people meet and exchange blows; or shake hands, hug, train with pads, talk."""
    rng, end = stage.rng, stage.seconds
    x, z = spot(stage)
    meet = float(rng.uniform(0.16, 0.3)) * end
    start = meet + float(rng.uniform(0.15, 0.6))
    stop = min(start + float(rng.uniform(1.3, 2.6)), end - 0.5)
    twice = abnormal and stop < end - 2.2
    spans = [(start, stop)] + ([(stop + 0.7, end - 0.4)] if twice else [])
    gap = 0.49 if abnormal else float(rng.uniform(0.4, 0.46))
    left = approach(stage, (x - gap, z), meet, side=-1)
    right = approach(stage, (x + gap, z + 0.05), meet, side=1)
    looks = Look.draw(rng), Look.draw(rng)
    things: tuple[list[Held], list[Held]] = ([], [])
    kind = int(rng.integers(4))
    for a, b in spans:
        left.wait(a, g.talk(), yaw=0.0)
        right.wait(a, g.talk(2.0), yaw=math.pi)
        seconds = b - a
        if abnormal:
            motions = _exchange(rng, seconds)
            push = float(rng.normal(0, 0.35))
        else:
            motions = _harmless(kind)
            push = 0.0
            if kind == 2:
                things[0].append(Held(gloves((40, 44, 120), 0.1), a - 0.4, b + 0.3))
                things[1].append(Held(gloves((150, 30, 30), 0.14), a - 0.4, b + 0.3))
        left.act(seconds, motions[0], to=(left.x + push, 0.0, z), yaw=0.0)
        right.act(seconds, motions[1], to=(right.x + push, 0.0, z + 0.05), yaw=math.pi)
    if rng.random() < 0.6:
        leave(stage, left, side=-1, speed=float(rng.uniform(1.2, 3.2) if abnormal else rng.uniform(1.2, 1.6)))
    left.wait(end + 1, g.idle(rng))
    leave(stage, right, side=1 if rng.random() < 0.8 or abnormal else -1, speed=float(rng.uniform(1.2, 1.7)))
    stage.add(Person(looks[0], left, things[0]), Person(looks[1], right, things[1]))
    bystanders(stage, int(rng.integers(0, 3)), focus=(x, z), start=start, stop=stop if abnormal else 0.0)
    passers_by(stage, int(rng.integers(1, 4)), avoid=z)
    return spans if abnormal else []


def _exchange(rng: np.random.Generator, seconds: float) -> tuple[Motion, Motion]:
    sides: tuple[list[tuple[float, str]], list[tuple[float, str]]] = ([], [])
    t, attacker = 0.3, int(rng.integers(2))
    while t < seconds - 0.1:
        blow = str(rng.choice(["jab", "jab", "hook", "kick"]))
        sides[attacker].append((t, blow))
        sides[1 - attacker].append((t + 0.04, "gut" if blow == "kick" else "hit"))
        t += float(rng.uniform(0.42, 0.6))
        if rng.random() < 0.6:
            attacker = 1 - attacker
    return g.blows(sides[0]), g.blows(sides[1])


def _harmless(kind: int) -> tuple[Motion, Motion]:
    if kind == 0:
        return g.shaking_hands, g.shaking_hands
    if kind == 1:
        clasp = keyed((0.0, key.STAND), (0.4, key.HUG))
        return clasp, clasp
    if kind == 2:
        jabs = [(0.3 + 0.55 * i, ("jab", "hook")[i % 2]) for i in range(10)]
        return g.blows(jabs), held(key.PADS)
    return g.talk(1.0), g.talk(4.0)


def violence(stage: Stage, *, abnormal: bool) -> Spans:
    """One or more people beat another who cannot defend himself; or sweep, chat, pass with a stick."""
    rng, end = stage.rng, stage.seconds
    x, z = spot(stage, spread=0.3)
    start = float(rng.uniform(0.25, 0.42)) * end
    stop = min(start + float(rng.uniform(1.6, 3.0)), end - 0.4)
    side = 1 if rng.random() < 0.5 else -1  # where the attackers come from
    n = int(rng.integers(1, 4))
    armed = n == 1 or rng.random() < 0.4
    facing = 0.0 if side > 0 else math.pi
    victim = approach(stage, (x, z), float(rng.uniform(0.3, 0.8)) * start, side=-side)
    if not abnormal:
        return _beside(stage, victim, (x, z), start, stop, side)
    period = float(rng.uniform(0.6, 0.8))
    victim.wait(start + 0.6 * period, g.idle(rng), yaw=facing)
    down = key.LIE_BACK if n > 1 and rng.random() < 0.6 else key.COWER
    sink = keyed((0.0, key.STAND), (0.15, key.DOUBLED), (0.45, key.DOUBLED), (0.8, down))
    writhe = g.writhing(down)
    victim.act(stop - victim.time, lambda t: sink(t) if t < 0.8 else writhe(t))
    victim.wait(min(stop + 1.2, end), g.writhing(down))
    victim.act(1.0, keyed((0.0, down), (0.5, key.KNEEL), (1.0, key.STAND)))
    stage.add(Person(Look.draw(rng), victim))
    for i in range(n):
        angle = (0.0, 0.9, -0.9)[i]
        dx, dz = side * 0.72 * math.cos(angle), 0.6 * math.sin(angle) + 0.02
        if down is key.LIE_BACK and i:
            dx -= side * 0.35
        script = approach(
            stage, (x + dx, z + dz), start - 0.1 * i, side=side, speed=float(rng.uniform(1.4, 2.2))
        )
        motion = g.swings(period) if armed else (g.kicks(period * 0.9) if i % 2 else _punches(period))
        phase = 0.2 * i
        script.act(stop - script.time, _late(motion, phase), yaw=math.atan2(-dz, -dx))
        leave(stage, script, side=side, speed=float(rng.uniform(1.5, 3.6)))
        things = [Held(club(float(rng.uniform(0.6, 0.85)), (92, 62, 38)))] if armed else []
        stage.add(Person(Look.draw(rng), script, things))
    bystanders(stage, int(rng.integers(0, 3)), focus=(x, z), start=start, stop=stop)
    passers_by(stage, int(rng.integers(1, 4)), avoid=z)
    return [(start, stop)]


def _late(motion: Motion, phase: float) -> Motion:
    return lambda t: motion(t + phase)


def _punches(period: float) -> Motion:
    low = key.JAB._replace(lean=0.55, right_hand_u=-0.2)
    return keyed(
        (0.0, key.GUARD), (0.35 * period, key.WIND), (0.55 * period, low), (period, key.GUARD), loop=period
    )


def _beside(
    stage: Stage, other: Script, place: tuple[float, float], start: float, stop: float, side: int
) -> Spans:
    rng, (x, z) = stage.rng, place
    other.wait(stop, g.idle(rng), yaw=0.0 if side > 0 else math.pi)
    leave(stage, other, side=-side, speed=1.3)
    stage.add(Person(Look.draw(rng), other))
    if rng.random() < 0.5:
        sweeper = approach(stage, (x + side * 1.1, z), start, side=side)
        sweeper.act(
            stage.seconds, g.sweeping, to=(x + side * 0.4, 0.0, z - 0.7), yaw=math.pi if side > 0 else 0.0
        )
        stage.add(Person(Look.draw(rng), sweeper, [Held(broom((156, 120, 70)))]))
    else:
        for i in range(int(rng.integers(1, 4))):
            dx, dz = side * 0.8, (0.0, 0.6, -0.6)[i]
            script = approach(stage, (x + dx, z + dz), start - 0.1 * i, side=side)
            script.wait(stop, g.talk(float(i)), yaw=math.atan2(-dz, -dx))
            leave(stage, script, side=side, speed=float(rng.uniform(1.2, 1.7)))
            things = [Held(club(0.8, (92, 62, 38)))] if rng.random() < 0.3 else []
            stage.add(Person(Look.draw(rng), script, things))
    bystanders(stage, int(rng.integers(0, 3)), focus=place, start=start, stop=0.0)
    passers_by(stage, int(rng.integers(1, 4)), avoid=z)
    return []


def hurt(stage: Stage, *, abnormal: bool) -> Spans:
    """A dog attacks a person; or it goes on a leash, is stroked, or runs by."""
    rng, end = stage.rng, stage.seconds
    x, z = spot(stage, spread=0.25)
    start = float(rng.uniform(0.22, 0.4)) * end
    side = 1 if rng.random() < 0.5 else -1  # where the dog comes from
    coat = ((70, 48, 32), (34, 30, 30), (150, 112, 66))[rng.integers(3)]
    size = float(rng.uniform(0.85, 1.05))
    if not abnormal:
        return _walk_the_dog(stage, (x, z), start, side, Dog(lambda _: Trot(0, z, 0), coat, size))
    far, hit = side * 3.4, start + 0.62
    stop = min(hit + float(rng.uniform(1.3, 2.4)), end - 0.4)
    falls = rng.random() < 0.65
    facing = 0.0 if side > 0 else math.pi
    bite_x = x + side * (0.62 if falls else 0.5)

    def path(t: float) -> Trot:
        yaw = math.pi if side > 0 else 0.0
        if t < start:
            return Trot(x + far + 0.02 * math.sin(5 * t), z, yaw)
        if t < hit:
            share = ((t - start) / (hit - start)) ** 1.3
            leap = max(0.0, (share - 0.62) / 0.38)
            lift = 0.45 * math.sin(0.75 * math.pi * leap)
            return Trot(x + far + (bite_x - x - far) * share, z, yaw, lift, 0.5 * leap, 3.2 * share)
        if t < stop:
            tug = math.sin(2 * math.pi * 2.6 * (t - hit))
            return Trot(bite_x + 0.14 * tug, z - 0.03, yaw, 0.06 * abs(tug), 0.28 + 0.2 * tug, 0.35 * tug)
        gone = t - stop
        return Trot(
            bite_x + side * 4.6 * gone, z - 0.1 * gone, 0.0 if side > 0 else math.pi, 0, 0, 2.3 * gone
        )

    victim = approach(stage, (x, z), float(rng.uniform(0.5, 0.95)) * start, side=-side)
    victim.wait(start + 0.3, g.idle(rng), yaw=facing)
    victim.act(hit - victim.time, held(key.REEL))
    if falls:
        drop, lie = g.fall_back(0.7), g.writhing(key.LIE_BACK)
        victim.act(stop - hit, lambda t: drop(t) if t < 0.7 else lie(t))
        victim.wait(min(stop + 0.5, end), lie)
        victim.act(1.3, g.get_up(key.LIE_BACK, 1.3))
    else:
        shake = keyed((0.0, key.REEL), (0.25, key.DOUBLED), (0.5, key.REEL), loop=0.5)
        victim.act(stop - hit, shake, to=(x - side * 0.35, 0.0, z))
        victim.act(0.8, held(key.DOUBLED))
    victim.wait(end + 1, g.idle(rng))
    stage.add(Person(Look.draw(rng), victim), Dog(path, coat, size))
    bystanders(stage, int(rng.integers(0, 3)), focus=(x, z), start=start, stop=stop)
    passers_by(stage, int(rng.integers(1, 4)), avoid=z)
    return [(start, stop)]


def _walk_the_dog(stage: Stage, place: tuple[float, float], start: float, side: int, dog: Dog) -> Spans:
    rng, (x, z) = stage.rng, place
    yaw = math.pi if side > 0 else 0.0
    if rng.random() < 0.25:  # off the leash, it runs by
        speed = float(rng.uniform(3.5, 5.5))

        def run(t: float) -> Trot:
            way = speed * (t - start)
            return Trot(x - side * way, z - 0.8, yaw, 0.06 * abs(math.sin(2.2 * way)), 0.0, 0.5 * way)

        stage.add(Dog(run, dog.coat, dog.size))
        walker = approach(stage, (x, z), start, side=-side)
        walker.wait(stage.seconds + 1, g.idle(rng))
        stage.add(Person(Look.draw(rng), walker))
    else:
        owner = approach(stage, (x + 0.5 * side, z), start, side=side)
        strokes = rng.random() < 0.5
        if strokes:
            owner.act(1.6, held(key.SQUAT), yaw=yaw)
        else:
            owner.wait(start + 1.2, g.idle(rng), yaw=yaw)
        leave(stage, owner, side=-side, speed=1.3)
        keeper = Person(Look.draw(rng), owner)

        def follow(t: float) -> Trot:
            now = owner.at(t)
            lead = 0.75 + 0.12 * math.sin(1.1 * t)
            if strokes:
                lead -= 0.15 * ease(1 - abs(t - start - 0.8) / 0.8)
            moving = 0.9 * now.x + 0.12 * math.sin(1.1 * t)
            return Trot(now.x - side * lead, z - 0.25, yaw, 0, 0, -side * moving)

        puppy = Dog(follow, dog.coat, dog.size)
        stage.add(keeper, puppy, Leash(lambda t: (keeper.body(t).hands[1], puppy.collar(t))))
    bystanders(stage, int(rng.integers(0, 3)), focus=place, start=start, stop=0.0)
    passers_by(stage, int(rng.integers(1, 4)), avoid=z)
    return []


def thiefing(stage: Stage, *, abnormal: bool) -> Spans:
    """A bag is snatched from a bench or out of a hand; or its owner takes it up and goes."""
    rng, end = stage.rng, stage.seconds
    plot = _from_bench if rng.random() < 0.5 else _from_hand
    start = float(rng.uniform(0.25, 0.45)) * end
    x, z = spot(stage, spread=0.3)
    spans = plot(stage, (x, z), start, abnormal=abnormal)
    passers_by(stage, int(rng.integers(1, 4)), avoid=z)
    return spans


def _out_of_view(stage: Stage, script: Script, since: float) -> float:
    """The first second from `since` on at which a person has left the view, at most the scene's end."""
    camera = stage.site.camera
    for t in np.arange(since, stage.seconds, 0.04):
        now = script.at(float(t))
        if abs(now.x) > camera.reach(now.z) + 0.3:
            return float(t)
    return stage.seconds


def _from_bench(stage: Stage, place: tuple[float, float], start: float, *, abnormal: bool) -> Spans:
    rng, end, (x, z) = stage.rng, stage.seconds, place
    side = 1 if rng.random() < 0.5 else -1
    goods, look = colour(rng, 60, 230), Look.draw(rng)
    taken = start + 0.35
    at = (x + 0.45 * side, 0.48, z - 0.05)
    stage.add(Prop((x, 0.0, z), bench(colour(rng, 60, 140)), width=1.6))
    stage.add(Prop(at, bag(goods), stop=taken, width=0.3))
    owner = Script(x - 0.35 * side, z - 0.02, -math.pi / 2 - 0.4 * side)
    grab = keyed((0.0, key.STAND), (0.35, key.STOOP), (0.6, key.STAND))
    mine = [Held(carried_bag(goods), start=taken)]
    if not abnormal:
        owner.wait(start - 0.6, held(key.SIT)).act(0.6, keyed((0.0, key.SIT), (0.6, key.STAND)))
        owner.act(0.65, grab, yaw=0.0 if side > 0 else math.pi)
        leave(
            stage,
            owner,
            side=side,
            speed=float(rng.uniform(1.2, 1.7) if rng.random() < 0.6 else rng.uniform(2.5, 4)),
        )
        stage.add(Person(look, owner, mine))
        return []
    thief = approach(stage, (x + 0.85 * side, z - 0.2), start, side=side, speed=1.5)
    thief.act(0.5, grab, yaw=math.pi if side > 0 else 0.0)
    leave(stage, thief, side=side, speed=float(rng.uniform(4.0, 5.2)))
    owner.wait(start + 0.4, held(key.SIT)).act(0.45, keyed((0.0, key.SIT), (0.45, key.STAND)))
    owner.act(0.3, held(key.REACH), yaw=0.0 if side > 0 else math.pi)
    if rng.random() < 0.6:
        leave(stage, owner, side=side, speed=3.4)
    owner.wait(end + 1, g.waving)
    stage.add(Person(look, owner), Person(Look.draw(rng), thief, mine))
    return [(start, _out_of_view(stage, thief, start + 0.5))]


def _from_hand(stage: Stage, place: tuple[float, float], start: float, *, abnormal: bool) -> Spans:
    rng, end, (x, z) = stage.rng, stage.seconds, place
    side = 1 if rng.random() < 0.5 else -1  # where both go to
    goods, walk = colour(rng, 60, 230), float(rng.uniform(1.05, 1.35))
    owner = Script(x - side * walk * start, z).walk(x, z, until=start)
    runner_speed = float(rng.uniform(2.8, 3.6))
    runner = Script(x - side * (runner_speed * start + 0.25), z - 0.28).walk(
        x - side * 0.25, z - 0.28, until=start
    )
    taken = start + 0.16
    if not abnormal:
        leave(stage, owner, side=side, speed=walk)
        leave(stage, runner, side=side, speed=runner_speed)
        stage.add(Person(Look.draw(rng), owner, [Held(carried_bag(goods))]), Person(Look.draw(rng), runner))
        return []
    reach = keyed((0.0, key.STAND), (0.16, key.STOOP._replace(hip_u=0.82, lean=0.6)), (0.3, key.STAND))
    runner.act(0.3, reach, to=(x + side * 0.5, 0.0, z - 0.28))
    leave(stage, runner, side=side, speed=float(rng.uniform(4.2, 5.2)))
    owner.act(0.7, keyed((0.0, key.STAND), (0.16, key.TRIP._replace(right_foot_u=0.0)), (0.7, key.STAND)))
    if rng.random() < 0.6:
        leave(stage, owner, side=side, speed=3.2)
    owner.wait(end + 1, g.waving)
    stage.add(
        Person(Look.draw(rng), owner, [Held(carried_bag(goods), stop=taken)]),
        Person(Look.draw(rng), runner, [Held(carried_bag(goods), start=taken)]),
    )
    return [(start, _out_of_view(stage, runner, start + 0.4))]
