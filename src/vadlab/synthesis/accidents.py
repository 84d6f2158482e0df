"""Plots of accidents: Crash, Falling, FallIntoWater.

A plot puts its actors on the stage and returns when the unusual happens, as (start, stop) in seconds;
nothing for the harmless version.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from vadlab.synthesis import gestures as g
from vadlab.synthesis import key_poses as key
from vadlab.synthesis.camera import Point
from vadlab.synthesis.extras import Spans, approach, bystanders, leave, new_seed, passers_by, spot, traffic
from vadlab.synthesis.fire_and_smoke import Smoke
from vadlab.synthesis.free_fall import GLASS, GRAVITY, Missile, Shards, Splash
from vadlab.synthesis.people import Look, Person, Script
from vadlab.synthesis.poses import ease, held, keyed
from vadlab.synthesis.render import Stage
from vadlab.synthesis.vehicles import Course, Vehicle, drive, jolt

__all__ = ["crash", "fall_into_water", "falling"]


def crash(stage: Stage, *, abnormal: bool) -> Spans:
    """Two vehicles, or a vehicle and a walker, collide; or they pass, or the car brakes in time."""
    rng, road = stage.rng, stage.site.road
    assert road is not None
    near, far = road[0] + 1.4, road[1] - 1.4
    hit = float(rng.uniform(0.3, 0.5)) * stage.seconds
    x = float(rng.uniform(-1.8, 1.8))
    plot = (_rear_end, _side_on, _run_over)[rng.integers(3)]
    stop = plot(stage, (x, near), hit, abnormal=abnormal)
    traffic(stage, int(rng.integers(0, 3)), lanes=None if plot is _rear_end and not abnormal else (far,))
    bystanders(stage, int(rng.integers(0, 3)), focus=(x, near), start=hit, stop=stop if abnormal else 0.0)
    passers_by(stage, int(rng.integers(1, 3)))
    return [(hit - 0.04, stop)] if abnormal else []


def _rear_end(stage: Stage, place: tuple[float, float], hit: float, *, abnormal: bool) -> float:
    rng, (x, z) = stage.rng, place
    stop = min(hit + float(rng.uniform(1.5, 2.2)), stage.seconds)
    speed = float(rng.uniform(6.5, 9.0))
    first = Vehicle.draw(rng, lambda _: Course(x + 2.2, z, 0.0))
    second = Vehicle.draw(rng, lambda _: Course(x - 2.2, z, 0.0))
    touch = x + 2.2 - first.length / 2 - second.length / 2
    if not abnormal:
        # It brakes and comes to rest behind the other, or overtakes it.
        if rng.random() < 0.5:
            begin = hit - 0.7
            braked = _braked((touch - 0.9, z), begin, 1.4, speed=speed)
            standing = _pull_off(lambda _: Course(x + 2.2, z, 0.0), stop, 5.0)
            stage.add(_on(first, standing, hit + 9), _on(second, braked, begin))
        else:
            stage.add(_on(first, drive(x + 2.2, z, 6.0, passes=hit), 99.0))
            stage.add(_on(second, drive(x, z + 3.1, speed + 2, passes=hit), 99.0))
        return stop
    share = float(rng.uniform(0.4, 0.6))
    before = drive(touch, z, speed, passes=hit)
    turn = float(rng.normal(0, 0.5))
    struck = jolt(lambda _: Course(x + 2.2, z, 0.0), hit, after=(share * speed, 0.3, turn), crush=(0.0, 0.45))
    striking = jolt(before, hit, after=(share * speed * 0.75, -0.2, -0.8 * turn), crush=(0.5, 0.0))
    stage.add(_on(first, _pull_off(struck, stop, 5.0), -1.0), _on(second, striking, hit - 0.25))
    _wreckage(stage, (touch + second.length / 2 + 0.3, 0.6, z - 0.9), hit, stop + 0.3)
    return stop


def _side_on(stage: Stage, place: tuple[float, float], hit: float, *, abnormal: bool) -> float:
    rng, (x, z) = stage.rng, place
    stop = min(hit + float(rng.uniform(1.5, 2.2)), stage.seconds)
    side = 1 if rng.random() < 0.5 else -1
    speed, other_speed = float(rng.uniform(6.5, 9.0)), float(rng.uniform(5.5, 7.0))
    yaw = 0.0 if side > 0 else math.pi
    # They come towards each other; in the crash one swerves into the other's lane.
    gap = 1.6
    across = z + 3.0
    if not abnormal:
        stage.add(Vehicle.draw(rng, drive(x - side * gap, z, speed, yaw=yaw, passes=hit)))
        stage.add(
            Vehicle.draw(rng, drive(x + side * gap, across, other_speed, yaw=math.pi - yaw, passes=hit))
        )
        return stop
    swerve = 0.55

    def straying(t: float) -> Course:
        share = ease((t - hit + swerve) / swerve)
        heading = math.pi - yaw + side * 0.75 * share
        way = other_speed * (t - hit)
        return Course(x + side * gap - side * way, across - (across - z - 0.3) * share**1.5, heading)

    one = drive(x - side * gap, z, speed, yaw=yaw, passes=hit)
    spin = float(rng.uniform(1.2, 2.4)) * side
    first = jolt(one, hit, after=(side * speed * 0.15, -0.9, -0.8 * spin), crush=(0.55, 0.0))
    second = jolt(straying, hit, after=(side * speed * 0.22, 0.9, 1.1 * spin), crush=(0.5, 0.0))
    stage.add(_on(Vehicle.draw(rng, one), first, hit - 0.2), _on(Vehicle.draw(rng, one), second, hit - 0.4))
    _wreckage(stage, (x, 0.6, z - 0.9), hit, stop + 0.3)
    return stop


def _run_over(stage: Stage, place: tuple[float, float], hit: float, *, abnormal: bool) -> float:
    rng, (x, z) = stage.rng, place
    stop = min(hit + float(rng.uniform(1.9, 2.6)), stage.seconds)
    speed = float(rng.uniform(6.0, 8.5))
    walker = Script(x, z - 1.4 * hit + 0.1).walk(x, z, until=hit)
    car = Vehicle.draw(rng, lambda _: Course(0, 0, 0))
    touch = x - car.length / 2 - 0.15
    straight = drive(touch, z, speed, passes=hit)
    if not abnormal:
        # The walker has crossed before the car comes, or the car comes to rest before the walker.
        walker = Script(x, z - 1.5 * (hit - 0.9)).walk(x, z + 5.0, speed=1.5).walk(x - 9, z + 5.2)
        if rng.random() < 0.5:
            stage.add(_on(car, drive(touch - 1.0, z, speed, passes=hit + 0.5), 99.0))
        else:
            begin = hit - 1.2
            braked = _braked((touch - 1.2, z), begin, 1.2, speed=speed)
            stage.add(_on(car, _pull_off(braked, hit + 2.0, 5.0), begin))
        stage.add(Person(Look.draw(rng), walker))
        return stop
    fly, way = 0.62, 0.45 * speed

    def flight(t: float) -> Point:
        share = min(t / fly, 1.0)
        return (
            x + way * share,
            max(0.0, 3.1 * min(t, fly) - 4.9 * min(t, fly) ** 2 - 0.05 * share),
            z - 0.25 * share,
        )

    tumble = keyed((0.0, key.STAND), (0.12, key.REEL), (0.35, key.SLIP), (fly, key.LIE_BACK))
    lie = g.writhing(key.LIE_BACK)
    walker.act(
        max(stop - hit, fly + 0.1), lambda t: tumble(t) if t < fly else lie(t), path=flight, yaw=math.pi
    )
    if stage.seconds - walker.time > 1.3:
        walker.act(1.2, g.get_up(key.LIE_BACK, 1.2))
        walker.wait(stage.seconds + 1, held(key.DOUBLED))
    else:
        walker.wait(stage.seconds + 1, lie)
    course = jolt(straight, hit, after=(0.8 * speed, 0.0, 0.0), crush=(0.15, 0.0), slow=0.3)
    stage.add(Person(Look.draw(rng), walker), _on(car, course, hit - 0.1))
    return stop


def _on(vehicle: Vehicle, course: Callable[[float], Course], brakes: float) -> Vehicle:
    return replace(vehicle, course=course, braking=lambda t: brakes <= t < brakes + 2.5)


def _braked(
    rest: tuple[float, float], begin: float, seconds: float, *, speed: float
) -> Callable[[float], Course]:
    """Drive to the right, brake evenly from `begin` on, and stand at `rest` (x, z) after so many seconds."""
    x, z = rest
    before = drive(x - 0.5 * speed * seconds, z, speed, passes=begin)

    def braking(t: float) -> Course:
        left = seconds - min(max(t - begin, 0.0), seconds)
        return before(t) if t < begin else Course(x - 0.5 * speed * left**2 / seconds, z, 0.0)

    return braking


def _pull_off(course: Callable[[float], Course], start: float, speed: float) -> Callable[[float], Course]:
    """Follow a course until `start`, then roll away straight on with gentle acceleration."""

    def rolling(t: float) -> Course:
        at = course(min(t, start))
        if t <= start:
            return at
        gone = t - start
        way = speed * (gone - 0.8 * (1 - math.exp(-gone / 0.8)))
        return at._replace(x=at.x + way * math.cos(at.yaw), z=at.z + way * math.sin(at.yaw))

    return rolling


def _wreckage(stage: Stage, point: Point, hit: float, stop: float) -> None:
    stage.add(
        Shards(
            point, hit, (*GLASS, (40, 40, 44)), n=30, push=(0.0, 1.8, -0.7), scatter=1.9, seed=new_seed(stage)
        )
    )
    if stage.rng.random() < 0.7:
        x, _, z = point
        stage.add(
            Smoke(
                lambda _: (x, 0.8, z),
                lambda t: 0.7 * ease((t - hit) / 0.3) * ease((stop - t) / 0.5),
                (168, 166, 162),
                seed=new_seed(stage),
            )
        )


def falling(stage: Stage, *, abnormal: bool) -> Spans:
    """Somebody trips or slips and lies on the ground; or squats, stoops, kneels."""
    rng, end = stage.rng, stage.seconds
    x, z = spot(stage)
    start = float(rng.uniform(0.22, 0.42)) * end
    side = 1 if rng.random() < 0.5 else -1
    speed = float(rng.uniform(1.1, 1.8))
    script = approach(stage, (x, z), start, side=-side, speed=speed)
    yaw = (0.0 if side > 0 else math.pi) + float(rng.uniform(-0.35, 0.35))
    spans: Spans = []
    if abnormal:
        front = rng.random() < 0.6
        seconds = float(rng.uniform(0.6, 0.85))
        down, lying = (g.fall_front, key.LIE_FRONT) if front else (g.fall_back, key.LIE_BACK)
        motion, lie = down(seconds), g.writhing(lying) if rng.random() < 0.5 else held(lying)
        lies = seconds + float(rng.uniform(0.5, 1.2))
        slide = x + side * (0.3 if front else 0.5)
        script.act(lies, lambda t: motion(t) if t < seconds else lie(t), to=(slide, 0.0, z), yaw=yaw)
        rises = float(rng.uniform(1.0, 1.4))
        if script.time + rises < end - 0.3:
            script.act(rises, g.get_up(lying, rises))
            spans = [(start + 0.04, script.time)]
        else:
            script.wait(end + 1, lie)
            spans = [(start + 0.04, end)]
    else:
        pose = (
            key.SQUAT,
            key.STOOP,
            key.KNEEL,
            key.COWER._replace(left_hand_u=-0.4, right_hand_u=-0.4, lean=0.7),
        )[rng.integers(4)]
        down_for = float(rng.uniform(0.8, 2.0))
        script.act(down_for, keyed((0.0, key.STAND), (0.4, pose)), yaw=yaw)
        script.act(0.45, keyed((0.0, pose), (0.45, key.STAND)))
    leave(stage, script, side=side, speed=speed)
    script.wait(end + 1, g.idle(rng))
    stage.add(Person(Look.draw(rng), script))
    bystanders(stage, int(rng.integers(0, 3)), focus=(x, z), start=start, stop=spans[0][1] if spans else 0.0)
    passers_by(stage, int(rng.integers(1, 4)), avoid=z)
    return spans


def fall_into_water(stage: Stage, *, abnormal: bool) -> Spans:
    """Somebody falls off the quay into the water; or walks along it, stops, throws a stone, feeds ducks."""
    rng, end, site = stage.rng, stage.seconds, stage.site
    assert site.water is not None
    level, z = site.water, site.near - 0.15
    x = float(rng.uniform(-0.4, 0.4)) * site.camera.reach(z)
    side = 1 if rng.random() < 0.5 else -1
    start = float(rng.uniform(0.22, 0.4)) * end
    script = approach(stage, (x, z), start, side=-side, speed=float(rng.uniform(1.1, 1.7)))
    look = Look.draw(rng)
    passers_by(stage, int(rng.integers(1, 5)), avoid=z)
    if not abnormal:
        bystanders(stage, int(rng.integers(0, 2)), focus=(x, z), start=start, stop=0.0)
        _by_the_water(stage, script, look, start, side, level)
        return []
    wet_z = z - float(rng.uniform(1.2, 1.9))
    away = x + side * float(rng.uniform(0.4, 0.9))
    sunk = level - 1.08

    deep, flight = sunk - 0.45, 0.75
    hop = deep / flight + 0.5 * GRAVITY * flight  # the speed at which he leaves the ground, to be deep then

    def plunge(t: float) -> Point:
        share = min(t / flight, 1.0)
        y = hop * t - 0.5 * GRAVITY * t * t if t < flight else deep
        return x + (away - x) * share, y, z + (wet_z - z) * share

    script.act(0.3, keyed((0.0, key.STAND), (0.3, key.SLIP._replace(left_foot_u=0.1))))
    entered = start + 0.3 + (hop + math.sqrt(hop * hop - 2 * GRAVITY * level)) / GRAVITY
    script.act(
        flight, keyed((0.0, key.SLIP), (0.3, key.TRIP), (flight, key.TRIP._replace(lean=0.9))), path=plunge
    )
    into = plunge(entered - start - 0.3)
    out = start + float(rng.uniform(2.3, 3.0))
    climbs = out + 1.0 < end - 0.3 and rng.random() < 0.75

    def bob(t: float) -> Point:
        y = sunk + 0.12 * math.sin(2.6 * t) - 0.45 * math.exp(-3 * t)
        return away - 0.1 * side * math.sin(1.1 * t), y, wet_z

    script.act((out if climbs else end + 1) - script.time, g.struggling, path=bob)
    stop = end
    person = Person(look, script, stop=entered)
    swimmer = Person(look, script, hidden_below=level, start=entered)
    if climbs:
        script.act(0.6, g.struggling, to=(away, sunk + 0.35, site.near - 0.75))
        climb = script.time
        script.act(0.7, keyed((0.0, key.RAISED), (0.35, key.CRAWL), (0.7, key.KNEEL)), to=(away, 0.0, z))
        stop = climb + 0.6
        script.wait(end + 1, held(key.KNEEL))
        swimmer = Person(look, script, hidden_below=level, start=entered, stop=climb + 0.1)
        stage.add(Person(look, script, start=climb + 0.1))
    stage.add(person, swimmer, Splash((into[0], level, into[2]), entered, 1.0, new_seed(stage)))
    for t in np.arange(entered + 0.8, min(out if climbs else end, end), 0.45):
        stage.add(Splash((away + float(rng.normal(0, 0.2)), level, wet_z), float(t), 0.22, new_seed(stage)))
    bystanders(stage, int(rng.integers(0, 3)), focus=(away, z), start=start, stop=stop)
    return [(start, stop)]


def _by_the_water(stage: Stage, script: Script, look: Look, start: float, side: int, level: float) -> None:
    rng, z = stage.rng, script.z
    kind = rng.integers(3)
    if kind == 0:  # throws a stone
        toss = keyed((0.0, key.STAND), (0.3, key.WIND), (0.45, key.REACH), (0.8, key.STAND))
        script.act(0.8, toss, yaw=-math.pi / 2 + 0.6 * side)
        stone = Missile((script.x, 1.3, z - 0.3), (side * 0.8, 1.5, -2.2), start + 0.42, (60, 60, 60), 0.07)
        goal = stone.point(99.0)
        stage.add(stone, Splash((goal[0], level, goal[2]), stone.landing + 0.05, 0.3, new_seed(stage)))
    elif kind == 1:  # squats at the edge
        script.act(float(rng.uniform(1.0, 1.8)), held(key.SQUAT), yaw=-math.pi / 2 + 0.5 * side)
    else:
        script.wait(start + float(rng.uniform(0.5, 1.5)), g.idle(rng), yaw=-math.pi / 2)
    leave(stage, script, side=side, speed=1.3)
    stage.add(Person(look, script))
