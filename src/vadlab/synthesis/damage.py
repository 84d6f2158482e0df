"""Plots in which things are broken, thrown down or burn: Destroy, Drop, Fire.

A plot puts its actors on the stage and returns when the unusual happens, as (start, stop) in seconds;
nothing for the harmless version.
"""

from __future__ import annotations

import math

from vadlab.synthesis import gestures as g
from vadlab.synthesis import key_poses as key
from vadlab.synthesis.camera import Point
from vadlab.synthesis.drawing import Colour
from vadlab.synthesis.extras import Spans, approach, bystanders, colour, leave, new_seed, passers_by, spot
from vadlab.synthesis.fire_and_smoke import Fire, Smoke
from vadlab.synthesis.free_fall import GLASS, Missile, Shards
from vadlab.synthesis.people import Held, Look, Person, Script
from vadlab.synthesis.poses import Motion, ease, held, keyed
from vadlab.synthesis.props import Pane, Prop, bin_, box, carried_box, club, gloves, stall
from vadlab.synthesis.render import Stage
from vadlab.synthesis.vehicles import Course, Vehicle

__all__ = ["destroy", "drop", "fire"]


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
    stage.add(Pane(pane, z, blows, new_seed(stage)), Person(look, script, [Held(club(0.75, (70, 66, 62)))]))
    middle = (pane[0] + pane[1]) / 2, (pane[2] + pane[3]) / 2, z - 0.1
    for blow in blows:
        stage.add(Shards(middle, blow, GLASS, n=26, push=(0.0, 0.5, -1.1), extent=0.45, seed=new_seed(stage)))
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
            0.9, keyed((0.0, key.CARRY), (0.4, key.REACH), (0.9, key.STAND)), yaw=0.0 if side > 0 else math.pi
        )
        stage.add(
            Prop((x, 0.0, z), bin_(paint)),
            Person(look, script, [Held(carried_box((190, 170, 140), 0.2), stop=start + 0.4)]),
        )
        return []
    kicks = int(rng.integers(1, 3))
    script.act(
        0.55,
        keyed((0.0, key.STAND), (0.2, key.CHAMBER), (0.35, key.KICK), (0.55, key.STAND)),
        yaw=0.0 if side > 0 else math.pi,
    )
    hit = start + 0.33

    def tilt(t: float) -> float:
        share = min(max((t - hit) / 0.55, 0.0), 1.0)
        return side * 1.5 * math.pow(share, 1.7)

    spill: tuple[Colour, ...] = ((222, 218, 206), (170, 60, 50), (70, 110, 70), (210, 180, 90))
    stage.add(
        Shards(
            (x + 0.8 * side, 0.3, z),
            hit + 0.35,
            spill,
            n=20,
            push=(1.2 * side, 1.0, -0.4),
            seed=new_seed(stage),
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
        toss = keyed(
            (0.0, key.CARRY), (0.2, key.RAISED), (0.3, key.RAISED), (0.42, key.STRUCK), (0.6, key.STAND)
        )
        thrower.act(0.25, held(key.CARRY)).act(0.6, toss)
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
            seed=new_seed(stage),
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
    script.act(0.9, keyed((0.0, key.CARRY), (0.6, key.STOOP), (0.9, key.STOOP)))
    script.act(0.5, keyed((0.0, key.STOOP), (0.5, key.STAND)))
    leave(stage, script, side=side, speed=1.3)
    put = when + 0.7
    stage.add(Person(Look.draw(rng), script, [Held(carried_box(goods), stop=put)]))
    stage.add(Prop((x - side * 0.32, 0.0, z - 0.1), box(goods), start=put))


def _startled(stage: Stage, place: tuple[float, float], when: float) -> None:
    rng, (x, z) = stage.rng, place
    side = 1 if rng.random() < 0.5 else -1
    script = approach(stage, (x + side * 0.9, z - 0.3), when, side=side)
    script.act(
        0.7, keyed((0.0, key.STAND), (0.12, key.REEL), (0.7, key.STAND)), to=(x + side * 1.5, 0.0, z - 0.4)
    )
    leave(stage, script, side=side, speed=2.6)
    stage.add(Person(Look.draw(rng), script))


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
                    seed=new_seed(stage),
                )
            )
        bystanders(stage, int(rng.integers(1, 4)), focus=(x, z), start=start, stop=0.0)
        passers_by(stage, int(rng.integers(1, 5)), avoid=z)
        return []

    def height(t: float) -> float:
        grown = burn * ease((t - start + 0.1) / 1.3)
        return grown * (1 - ease((t - out + 0.7) / 0.7)) if quenched else grown

    z_flame = z - (1.0 if kind == 2 else 0.4 if kind == 1 else 0.1)
    stage.add(Fire((x, up, z_flame), width, height, new_seed(stage)))
    stage.add(
        Smoke(
            lambda _: (x, up + 0.5 * burn, z_flame),
            lambda t: 0.85 * min(height(t) / burn * 1.5, 1.0),
            (44, 42, 42),
            rise=1.5,
            spread=0.3,
            wind=float(rng.normal(0, 0.35)),
            seed=new_seed(stage),
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
    script.act(stop - start + 0.3, held(key.SHOVE._replace(lean=0.15)), yaw=math.pi if side > 0 else 0.0)
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
        seed=new_seed(stage),
    )
    stage.add(jet)
