"""Plots in which something breaks, burns or falls: Crash, Destroy, Drop, FallIntoWater, Falling, Fire.

A plot puts its actors on the stage and returns when the unusual happens, as (start, stop) in seconds;
nothing for the harmless version.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from vadlab.synthesis import gestures as g
from vadlab.synthesis.camera import Point
from vadlab.synthesis.drawing import Colour
from vadlab.synthesis.effects import GRAVITY, Fire, Missile, Shards, Smoke, Splash
from vadlab.synthesis.extras import Spans, approach, bystanders, colour, leave, passers_by, spot, traffic
from vadlab.synthesis.people import Held, Look, Person, Script
from vadlab.synthesis.poses import Motion, ease, held, keyed
from vadlab.synthesis.props import Pane, Prop, bin_, box, carried_box, club, gloves, stall
from vadlab.synthesis.render import Stage
from vadlab.synthesis.vehicles import Course, Vehicle, drive, jolt

__all__ = ["crash", "destroy", "drop", "fall_into_water", "falling", "fire"]

_GLASS: tuple[Colour, ...] = ((206, 222, 228), (168, 190, 198), (120, 140, 150))


def _seed(stage: Stage) -> int:
    return int(stage.rng.integers(2**31))


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
            point, hit, (*_GLASS, (40, 40, 44)), n=30, push=(0.0, 1.8, -0.7), scatter=1.9, seed=_seed(stage)
        )
    )
    if stage.rng.random() < 0.7:
        x, _, z = point
        stage.add(
            Smoke(
                lambda _: (x, 0.8, z),
                lambda t: 0.7 * ease((t - hit) / 0.3) * ease((stop - t) / 0.5),
                (168, 166, 162),
                seed=_seed(stage),
            )
        )


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
            rest = touch - 0.9
            back = drive(rest - 0.5 * speed * 1.4, z, speed, passes=begin)

            def brake(t: float) -> Course:
                gone = min(max(t - begin, 0.0), 1.4)
                return back(t) if t < begin else Course(rest - 0.5 * speed * (1.4 - gone) ** 2 / 1.4, z, 0.0)

            standing = _pull_off(lambda _: Course(x + 2.2, z, 0.0), stop, 5.0)
            stage.add(_on(first, standing, hit + 9), _on(second, brake, begin))
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


def _on(vehicle: Vehicle, course: Callable[[float], Course], brakes: float) -> Vehicle:
    return replace(vehicle, course=course, braking=lambda t: brakes <= t < brakes + 2.5)


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
            begin, rest = hit - 1.2, touch - 1.2
            back = drive(rest - 0.5 * speed * 1.2, z, speed, passes=begin)

            def brake(t: float) -> Course:
                gone = min(max(t - begin, 0.0), 1.2)
                return back(t) if t < begin else Course(rest - 0.5 * speed * (1.2 - gone) ** 2 / 1.2, z, 0.0)

            stage.add(_on(car, _pull_off(brake, hit + 2.0, 5.0), begin))
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

    tumble = keyed((0.0, g.STAND), (0.12, g.REEL), (0.35, g.SLIP), (fly, g.LIE_BACK))
    lie = g.writhing(g.LIE_BACK)
    walker.act(
        max(stop - hit, fly + 0.1), lambda t: tumble(t) if t < fly else lie(t), path=flight, yaw=math.pi
    )
    if stage.seconds - walker.time > 1.3:
        walker.act(1.2, g.get_up(g.LIE_BACK, 1.2))
        walker.wait(stage.seconds + 1, held(g.DOUBLED))
    else:
        walker.wait(stage.seconds + 1, lie)
    course = jolt(straight, hit, after=(0.8 * speed, 0.0, 0.0), crush=(0.15, 0.0), slow=0.3)
    stage.add(Person(Look.draw(rng), walker), _on(car, course, hit - 0.1))
    return stop


def destroy(stage: Stage, *, abnormal: bool) -> Spans:
    """A window is smashed or a bin kicked over; or the window is wiped, something put into the bin."""
    rng, end, site = stage.rng, stage.seconds, stage.site
    start = float(rng.uniform(0.25, 0.42)) * end
    side = 1 if rng.random() < 0.5 else -1
    panes = [p for p in site.panes if abs(p[0] + p[1]) / 2 < 0.6 * site.camera.reach(site.wall)]
    look = Look.draw(rng)
    if panes and rng.random() < 0.6:
        pane = panes[rng.integers(len(panes))]
        z, x = site.wall - 0.55, (pane[0] + pane[1]) / 2 - 0.25 * side
        script = approach(stage, (x, z), start, side=-side)
        spans = _smash(stage, script, look, pane, start) if abnormal else []
        if not abnormal:
            script.act(float(rng.uniform(1.5, 2.8)), g.wiping, yaw=math.pi / 2 - 0.5 * side)
            stage.add(Person(look, script, [Held(gloves((228, 214, 120), 0.09))]))
    else:
        x, z = spot(stage, spread=0.3)
        script = approach(stage, (x - 0.62 * side, z), start, side=-side)
        spans = _topple(stage, script, look, (x, z), start, side=side, abnormal=abnormal)
    leave(stage, script, side=side, speed=float(rng.uniform(2.5, 4.0) if abnormal else rng.uniform(1.1, 1.6)))
    script.wait(end + 1, g.idle(rng))
    bystanders(stage, int(rng.integers(0, 2)), focus=(x, z), start=start, stop=spans[0][1] if spans else 0.0)
    passers_by(stage, int(rng.integers(1, 4)), avoid=z)
    return spans


def _smash(
    stage: Stage, script: Script, look: Look, pane: tuple[float, float, float, float], start: float
) -> Spans:
    rng, z = stage.rng, stage.site.wall
    period, n = float(rng.uniform(0.55, 0.75)), int(rng.integers(2, 5))
    n = max(1, min(n, int((stage.seconds - start - 0.8) / period)))
    script.act(n * period, g.swings(period), yaw=math.pi / 2 - 0.75 * math.copysign(1, script.x - pane[0]))
    blows = tuple(start + (i + 0.75) * period for i in range(n))
    stage.add(Pane(pane, z, blows, _seed(stage)), Person(look, script, [Held(club(0.75, (70, 66, 62)))]))
    middle = (pane[0] + pane[1]) / 2, (pane[2] + pane[3]) / 2, z - 0.1
    for blow in blows:
        stage.add(Shards(middle, blow, _GLASS, n=26, push=(0.0, 0.5, -1.1), extent=0.45, seed=_seed(stage)))
    return [(start + 0.1, min(blows[-1] + 0.7, stage.seconds))]


def _topple(
    stage: Stage,
    script: Script,
    look: Look,
    place: tuple[float, float],
    start: float,
    *,
    side: int,
    abnormal: bool,
) -> Spans:
    rng, (x, z) = stage.rng, place
    paint = colour(rng, 40, 130)
    if not abnormal:
        script.act(
            0.9, keyed((0.0, g.CARRY), (0.4, g.REACH), (0.9, g.STAND)), yaw=0.0 if side > 0 else math.pi
        )
        stage.add(
            Prop((x, 0.0, z), bin_(paint)),
            Person(look, script, [Held(carried_box((190, 170, 140), 0.2), stop=start + 0.4)]),
        )
        return []
    kicks = int(rng.integers(1, 3))
    script.act(
        0.55,
        keyed((0.0, g.STAND), (0.2, g.CHAMBER), (0.35, g.KICK), (0.55, g.STAND)),
        yaw=0.0 if side > 0 else math.pi,
    )
    hit = start + 0.33

    def tilt(t: float) -> float:
        share = min(max((t - hit) / 0.55, 0.0), 1.0)
        return side * 1.5 * math.pow(share, 1.7)

    spill: tuple[Colour, ...] = ((222, 218, 206), (170, 60, 50), (70, 110, 70), (210, 180, 90))
    stage.add(
        Shards(
            (x + 0.8 * side, 0.3, z), hit + 0.35, spill, n=20, push=(1.2 * side, 1.0, -0.4), seed=_seed(stage)
        )
    )
    stop = hit + 1.2
    if kicks > 1:
        script.act(0.75, g.kicks(0.75), to=(x - 0.2 * side, 0.0, z))
        stop = max(stop, script.time + 0.2)
    stage.add(Prop((x, 0.0, z), bin_(paint, tilt)), Person(look, script))
    return [(start + 0.08, min(stop, stage.seconds))]


def drop(stage: Stage, *, abnormal: bool) -> Spans:
    """Somebody throws things out of an upper window; or wipes it, waves, while others carry boxes."""
    rng, end, site = stage.rng, stage.seconds, stage.site
    pane = site.panes[rng.integers(len(site.panes))]
    x, floor = (pane[0] + pane[1]) / 2 + float(rng.uniform(-0.2, 0.2)), pane[2] - 0.75
    thrower = Script(x, site.wall + 0.2, -math.pi / 2, y=floor)
    spans: Spans = []
    t = float(rng.uniform(0.2, 0.4)) * end
    kind = rng.integers(3)
    things = []
    while abnormal and t < end - 1.9 and len(spans) < 2:
        thrower.wait(t - 0.25, g.talk())
        release = t + 0.3
        goods = colour(rng, 70, 235)
        toss = keyed((0.0, g.CARRY), (0.2, g.RAISED), (0.3, g.RAISED), (0.42, g.STRUCK), (0.6, g.STAND))
        thrower.act(0.25, held(g.CARRY)).act(0.6, toss)
        things.append(Held(carried_box(goods, 0.34), t - 0.25, release))
        push = float(rng.uniform(-0.6, 0.6)), 0.6, float(rng.uniform(-2.6, -1.6))
        missile = Missile(
            (x, floor + 1.6, site.wall - 0.3), push, release, goods, float(rng.uniform(0.16, 0.24))
        )
        pieces = goods, (214, 206, 190), (96, 74, 56)
        burst = Shards(
            missile.point(99.0),
            missile.landing,
            pieces,
            n=24,
            push=(0, 1.6, -0.2),
            size=0.14,
            seed=_seed(stage),
        )
        stage.add(missile, burst)
        spans.append((t, min(missile.landing + 0.6, end)))
        t = missile.landing + 0.6 + float(rng.uniform(0.5, 1.2))
        if rng.random() < 0.5:
            break
    idle: Motion = (g.wiping, g.waving, g.talk(1.0))[kind]
    thrower.wait(end + 1, idle if not abnormal else g.talk())
    stage.add(Person(Look.draw(rng), thrower, things, hidden_below=pane[2]))
    below = x + float(rng.uniform(-1, 1)), float(rng.uniform(site.near, site.far - 1.0))
    if not abnormal or rng.random() < 0.4:
        _carrier(stage, below)
    if abnormal and rng.random() < 0.6:
        _startled(stage, (x, site.wall - 2.2), spans[0][1] - 0.6)
    passers_by(stage, int(rng.integers(1, 4)))
    return spans


def _carrier(stage: Stage, place: tuple[float, float]) -> None:
    rng, (x, z) = stage.rng, place
    side = 1 if rng.random() < 0.5 else -1
    when = float(rng.uniform(0.25, 0.5)) * stage.seconds
    goods = colour(rng, 110, 190)
    script = approach(stage, (x, z), when, side=side, speed=1.1)
    script.act(0.9, keyed((0.0, g.CARRY), (0.6, g.STOOP), (0.9, g.STOOP)))
    script.act(0.5, keyed((0.0, g.STOOP), (0.5, g.STAND)))
    leave(stage, script, side=side, speed=1.3)
    put = when + 0.7
    stage.add(Person(Look.draw(rng), script, [Held(carried_box(goods), stop=put)]))
    stage.add(Prop((x - side * 0.32, 0.0, z - 0.1), box(goods), start=put))


def _startled(stage: Stage, place: tuple[float, float], when: float) -> None:
    rng, (x, z) = stage.rng, place
    side = 1 if rng.random() < 0.5 else -1
    script = approach(stage, (x + side * 0.9, z - 0.3), when, side=side)
    script.act(0.7, keyed((0.0, g.STAND), (0.12, g.REEL), (0.7, g.STAND)), to=(x + side * 1.5, 0.0, z - 0.4))
    leave(stage, script, side=side, speed=2.6)
    stage.add(Person(Look.draw(rng), script))


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

    script.act(0.3, keyed((0.0, g.STAND), (0.3, g.SLIP._replace(left_foot_u=0.1))))
    entered = start + 0.3 + (hop + math.sqrt(hop * hop - 2 * GRAVITY * level)) / GRAVITY
    script.act(flight, keyed((0.0, g.SLIP), (0.3, g.TRIP), (flight, g.TRIP._replace(lean=0.9))), path=plunge)
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
        script.act(0.7, keyed((0.0, g.RAISED), (0.35, g.CRAWL), (0.7, g.KNEEL)), to=(away, 0.0, z))
        stop = climb + 0.6
        script.wait(end + 1, held(g.KNEEL))
        swimmer = Person(look, script, hidden_below=level, start=entered, stop=climb + 0.1)
        stage.add(Person(look, script, start=climb + 0.1))
    stage.add(person, swimmer, Splash((into[0], level, into[2]), entered, 1.0, _seed(stage)))
    for t in np.arange(entered + 0.8, min(out if climbs else end, end), 0.45):
        stage.add(Splash((away + float(rng.normal(0, 0.2)), level, wet_z), float(t), 0.22, _seed(stage)))
    bystanders(stage, int(rng.integers(0, 3)), focus=(away, z), start=start, stop=stop)
    return [(start, stop)]


def _by_the_water(stage: Stage, script: Script, look: Look, start: float, side: int, level: float) -> None:
    rng, z = stage.rng, script.z
    kind = rng.integers(3)
    if kind == 0:  # throws a stone
        toss = keyed((0.0, g.STAND), (0.3, g.WIND), (0.45, g.REACH), (0.8, g.STAND))
        script.act(0.8, toss, yaw=-math.pi / 2 + 0.6 * side)
        stone = Missile((script.x, 1.3, z - 0.3), (side * 0.8, 1.5, -2.2), start + 0.42, (60, 60, 60), 0.07)
        goal = stone.point(99.0)
        stage.add(stone, Splash((goal[0], level, goal[2]), stone.landing + 0.05, 0.3, _seed(stage)))
    elif kind == 1:  # squats at the edge
        script.act(float(rng.uniform(1.0, 1.8)), held(g.SQUAT), yaw=-math.pi / 2 + 0.5 * side)
    else:
        script.wait(start + float(rng.uniform(0.5, 1.5)), g.idle(rng), yaw=-math.pi / 2)
    leave(stage, script, side=side, speed=1.3)
    stage.add(Person(look, script))


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
        down, lying = (g.fall_front, g.LIE_FRONT) if front else (g.fall_back, g.LIE_BACK)
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
        pose = (g.SQUAT, g.STOOP, g.KNEEL, g.COWER._replace(left_hand_u=-0.4, right_hand_u=-0.4, lean=0.7))[
            rng.integers(4)
        ]
        down_for = float(rng.uniform(0.8, 2.0))
        script.act(down_for, keyed((0.0, g.STAND), (0.4, pose)), yaw=yaw)
        script.act(0.45, keyed((0.0, pose), (0.45, g.STAND)))
    leave(stage, script, side=side, speed=speed)
    script.wait(end + 1, g.idle(rng))
    stage.add(Person(Look.draw(rng), script))
    bystanders(stage, int(rng.integers(0, 3)), focus=(x, z), start=start, stop=spans[0][1] if spans else 0.0)
    passers_by(stage, int(rng.integers(1, 4)), avoid=z)
    return spans


def fire(stage: Stage, *, abnormal: bool) -> Spans:
    """A bin, stall or parked car catches fire; or steam rises from a drain, in the same place."""
    rng, end = stage.rng, stage.seconds
    x, z = spot(stage, spread=0.4)
    start = float(rng.uniform(0.25, 0.5)) * end
    out = start + float(rng.uniform(1.8, 2.8))
    quenched = out < end - 0.6 and rng.random() < 0.6
    paint = colour(rng, 60, 190)
    kind = rng.integers(3)
    width, tall, up = ((0.6, 0.9, 0.75), (1.7, 1.3, 0.8), (1.6, 1.1, 0.75))[kind]
    if kind == 0:
        stage.add(Prop((x, 0.0, z), bin_(paint)))
    elif kind == 1:
        stage.add(Prop((x, 0.0, z), stall(paint), width=2.0))
    else:
        heading = 0.0 if rng.random() < 0.5 else math.pi
        stage.add(Vehicle.draw(rng, lambda _: Course(x, z, heading)))
    burn = tall * float(rng.uniform(0.85, 1.25))
    if not abnormal:
        source = x + float(rng.uniform(-1, 1)), 0.0, z - 0.5
        dense, since = float(rng.uniform(0.55, 0.9)), float(rng.uniform(-3, 0.3 * end))
        if rng.random() < 0.7:
            stage.add(
                Smoke(
                    lambda _: source,
                    lambda t: dense * (0.7 + 0.3 * math.sin(1.7 * t)) if t > since else 0.0,
                    (216, 218, 220),
                    rise=0.9,
                    wind=float(rng.normal(0, 0.25)),
                    seed=_seed(stage),
                )
            )
        bystanders(stage, int(rng.integers(1, 4)), focus=(x, z), start=start, stop=0.0)
        passers_by(stage, int(rng.integers(1, 5)), avoid=z)
        return []

    def height(t: float) -> float:
        grown = burn * ease((t - start + 0.1) / 1.3)
        return grown * (1 - ease((t - out + 0.7) / 0.7)) if quenched else grown

    z_flame = z - (1.0 if kind == 2 else 0.4 if kind == 1 else 0.1)
    stage.add(Fire((x, up, z_flame), width, height, _seed(stage)))
    stage.add(
        Smoke(
            lambda _: (x, up + 0.5 * burn, z_flame),
            lambda t: 0.85 * min(height(t) / burn * 1.5, 1.0),
            (44, 42, 42),
            rise=1.5,
            spread=0.3,
            wind=float(rng.normal(0, 0.35)),
            seed=_seed(stage),
        )
    )
    if quenched:
        _quench(stage, (x, up, z_flame), out - 1.2, out)
    bystanders(stage, int(rng.integers(1, 4)), focus=(x, z), start=start, stop=end)
    passers_by(stage, int(rng.integers(0, 3)), avoid=z)
    return [(start, out if quenched else end)]


def _quench(stage: Stage, goal: Point, start: float, stop: float) -> None:
    rng, (x, y, z) = stage.rng, goal
    side = 1 if rng.random() < 0.5 else -1
    script = approach(stage, (x + 2.0 * side, z - 0.1), start, side=side, speed=2.4)
    script.act(stop - start + 0.3, held(g.SHOVE._replace(lean=0.15)), yaw=math.pi if side > 0 else 0.0)
    leave(stage, script, side=side, speed=1.3)
    stage.add(Person(Look.draw(rng), script, [Held(carried_box((180, 30, 26), 0.24))]))

    def nozzle(t: float) -> Point:
        sweep = (37.0 * t) % 1.0  # puffs are born all along the jet
        return x + side * 1.5 * (1 - sweep), y + 0.3 * (1 - sweep), z - 0.05

    jet = Smoke(
        nozzle,
        lambda t: 0.8 if start + 0.2 < t < stop else 0.0,
        (232, 234, 236),
        rise=0.4,
        life=0.9,
        seed=_seed(stage),
    )
    stage.add(jet)
