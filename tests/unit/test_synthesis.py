"""Generated scenes: exact truth, determinism, and motion that obeys what it claims to obey."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from vadlab.errors import UsageError
from vadlab.synthesis.camera import Camera
from vadlab.synthesis.dogs import Dog
from vadlab.synthesis.free_fall import Missile
from vadlab.synthesis.people import Person
from vadlab.synthesis.poses import gait, stride, two_bones
from vadlab.synthesis.scenes import CATEGORIES, SceneVideo, scene, simulated_annotators
from vadlab.synthesis.vehicles import Vehicle

SMALL = (160, 120)
BOTH = list(itertools.product(CATEGORIES, (False, True)))


def mask(video: SceneVideo) -> NDArray[np.bool_]:
    truth = np.zeros(video.n_frames, dtype=bool)
    for start, stop in video.events:
        truth[start:stop] = True
    return truth


def people(video: SceneVideo) -> list[Person]:
    return [actor for actor in video._stage.actors if isinstance(actor, Person)]


def test_categories_are_those_of_lad_in_the_order_of_its_class_indices():
    assert (
        *("Crash", "Crowd", "Destroy", "Drop", "FallIntoWater", "Falling", "Fighting", "Fire"),
        *("Hurt", "Loitering", "Panic", "Thiefing", "Trampled", "Violence"),
    ) == CATEGORIES


@pytest.mark.parametrize(("category", "abnormal"), BOTH)
def test_events_lie_within_the_video_and_leave_normal_frames(category: str, abnormal: bool):
    for seed in range(8):
        video = scene(category, abnormal=abnormal, seed=seed, size=SMALL)
        assert 100 <= video.n_frames <= 161
        assert video.n_frames % 16 != 0
        assert bool(video.events) == abnormal
        ends = [0, *itertools.chain.from_iterable(video.events), video.n_frames]
        assert ends == sorted(ends)
        assert all(start < stop for start, stop in video.events)
        assert all(a[1] < b[0] for a, b in itertools.pairwise(video.events))
        if abnormal:
            assert 0.08 < mask(video).mean() < 0.92
            assert not mask(video)[0]


@pytest.mark.parametrize(("category", "abnormal"), BOTH)
def test_frames_have_the_promised_form_and_come_again_the_same(category: str, abnormal: bool):
    first = list(itertools.islice(scene(category, abnormal=abnormal, seed=3).frames(), 3))
    again = list(itertools.islice(scene(category, abnormal=abnormal, seed=3).frames(), 3))
    other = next(scene(category, abnormal=abnormal, seed=4).frames())
    for a, b in zip(first, again, strict=True):
        assert a.shape == (240, 320, 3)
        assert a.dtype == np.uint8
        assert 25 < a.mean() < 235
        np.testing.assert_array_equal(a, b)
    assert (first[0] != other).mean() > 0.3
    assert (first[0] != first[1]).any()


@pytest.mark.parametrize(("category", "size"), [("Crash", (160, 120)), ("FallIntoWater", (192, 108))])
def test_as_many_frames_as_promised_at_any_size_and_twice_the_same(category: str, size: tuple[int, int]):
    video = scene(category, abnormal=True, seed=1, size=size)
    frames = list(video.frames())
    assert len(frames) == video.n_frames
    assert {frame.shape for frame in frames} == {(size[1], size[0], 3)}
    np.testing.assert_array_equal(frames[-1], list(video.frames())[-1])


def test_unknown_category_and_tiny_picture_are_refused():
    with pytest.raises(UsageError, match="FallIntoWater"):
        scene("Thieving", abnormal=True, seed=0)
    with pytest.raises(UsageError, match="64x48"):
        scene("Fire", abnormal=True, seed=0, size=(32, 24))


@pytest.mark.parametrize("seed", range(3))
def test_fire_shows_in_the_event_and_not_outside(seed: int):
    video = scene("Fire", abnormal=True, seed=seed, size=SMALL)
    frames = np.stack(list(video.frames())).astype(np.int64)
    red, green, blue = np.moveaxis(frames, -1, 0)
    flames = ((red > 170) & (red > blue + 90) & (red >= green)).sum(axis=(1, 2))
    truth = mask(video)
    still = np.median(flames[: video.events[0][0]])  # warm walls do not burn
    assert np.median(flames[truth]) > still + 60
    assert flames[: video.events[0][0]].max() < np.median(flames[truth])


@pytest.mark.parametrize("seed", range(6))
def test_a_person_lies_in_the_event_of_falling_and_in_no_normal_video(seed: int):
    video = scene("Falling", abnormal=True, seed=seed, size=SMALL)
    heads = np.array([people(video)[0].body(i / 25).head[1] for i in range(video.n_frames)])
    start, stop = video.events[0]
    assert heads[start:stop].min() < 0.35
    assert heads[: start + 1].min() > 1.3
    if stop < video.n_frames:
        assert heads[stop:].min() > 1.2
    harmless = scene("Falling", abnormal=False, seed=seed, size=SMALL)
    assert min(people(harmless)[0].body(i / 25).head[1] for i in range(harmless.n_frames)) > 0.6


@pytest.mark.parametrize("seed", range(6))
def test_somebody_is_below_the_quay_in_the_event_of_falling_into_water_only(seed: int):
    video = scene("FallIntoWater", abnormal=True, seed=seed, size=SMALL)
    low = np.array([min(p.script.at(i / 25).y for p in people(video)) for i in range(video.n_frames)])
    truth = mask(video)
    assert low[truth].min() < -0.9
    assert low[~truth].min() > -0.25
    assert (low[truth] < -0.5).mean() > 0.4


@pytest.mark.parametrize("seed", range(6))
def test_in_a_crash_something_is_thrown_out_of_its_course_when_the_event_begins(seed: int):
    def jerk(video: SceneVideo, around: int) -> float:
        changes = []
        for car in (a for a in video._stage.actors if isinstance(a, Vehicle)):
            x = np.array([car.course(i / 25).x for i in range(around - 4, around + 5)])
            changes.append(float(np.abs(np.diff(x, 2)).max()) * 25)  # change of speed between frames, m/s
        return max(changes)

    abnormal = scene("Crash", abnormal=True, seed=seed, size=SMALL)
    assert jerk(abnormal, abnormal.events[0][0]) > 1.0
    harmless = scene("Crash", abnormal=False, seed=seed, size=SMALL)
    assert max(jerk(harmless, i) for i in range(10, harmless.n_frames - 10, 5)) < 1.0


@pytest.mark.parametrize("seed", range(3))
def test_a_crowd_is_denser_in_its_event(seed: int):
    video = scene("Crowd", abnormal=True, seed=seed, size=SMALL)
    gathered = people(video)[:15]

    def spread(i: int) -> float:
        at = np.array([(p.script.at(i / 25).x, p.script.at(i / 25).z) for p in gathered])
        distances = np.hypot(*(at[:, None] - at[None]).transpose(2, 0, 1))
        return float(np.median(distances))

    start, stop = video.events[0]
    assert spread((start + stop) // 2) < 2.2
    assert spread(0) > 2 * spread((start + stop) // 2)


@pytest.mark.parametrize("seed", range(4))
def test_the_dog_is_on_its_victim_in_the_event_of_hurt(seed: int):
    video = scene("Hurt", abnormal=True, seed=seed, size=SMALL)
    dog = next(a for a in video._stage.actors if isinstance(a, Dog))
    victim = people(video)[0]

    def gap(i: int) -> float:
        return abs(dog.path(i / 25).x - victim.script.at(i / 25).x)

    start, stop = video.events[0]
    assert np.median([gap(i) for i in range(start + 18, stop)]) < 1.3
    assert min(gap(i) for i in range(start)) > 2


@pytest.mark.parametrize(("category", "abnormal"), BOTH)
def test_nobody_jumps_from_place_to_place(category: str, abnormal: bool):
    for seed in range(3):
        video = scene(category, abnormal=abnormal, seed=seed, size=SMALL)
        for person in people(video):
            at = np.array([person.script.at(i / 25)[:3] for i in range(video.n_frames)])
            # 10 m/s is a sprinter; one hit by a car or falling into water may be as fast.
            assert np.linalg.norm(np.diff(at, axis=0), axis=1).max() * 25 < 10


def test_the_amount_of_motion_does_not_give_the_answer():
    truth, change = [], []
    for category, abnormal in BOTH:
        video = scene(category, abnormal=abnormal, seed=2, size=SMALL)
        grey = np.stack([frame.mean(axis=2) for frame in video.frames()])
        moved = np.abs(np.diff(grey, axis=0)).mean(axis=(1, 2))
        change.append(np.concatenate([moved[:1], moved]))
        truth.append(mask(video))
    area = roc_auc_score(np.concatenate(truth), np.concatenate(change))
    assert 0.3 < area < 0.7


@given(speed=st.floats(0.6, 5.0), phase=st.floats(0, 3))
def test_a_standing_foot_does_not_slide(speed: float, phase: float):
    # Just after each landing of the left foot, for a tenth of a stride: the body goes on, the foot stays.
    start = math.floor(phase)
    shares = np.linspace(0.02, 0.12, 5)
    places = [(start + s) * stride(speed) + gait(start + s, speed).left_foot_f for s in shares]
    np.testing.assert_allclose(places, places[0], atol=1e-9)
    assert all(gait(start + s, speed).left_foot_u == 0 for s in shares)


@given(
    end=st.tuples(st.floats(-2, 2), st.floats(-2, 2)),
    upper=st.floats(0.2, 0.6),
    lower=st.floats(0.2, 0.6),
    side=st.sampled_from([-1, 1]),
)
def test_bones_keep_their_length(end: tuple[float, float], upper: float, lower: float, side: int):
    joint, tip = two_bones((0.0, 0.0), end, upper, lower, side=side)
    assert math.isclose(math.hypot(*joint), upper, rel_tol=1e-6)
    assert math.isclose(math.dist(joint, tip), lower, rel_tol=1e-6)
    if abs(upper - lower) + 1e-3 < math.hypot(*end) < 0.999 * (upper + lower):
        assert math.dist(tip, end) < 1e-6


def test_a_knee_bends_forward_and_an_elbow_backward():
    knee, _ = two_bones((0.0, 0.9), (0.0, 0.1), 0.44, 0.45, side=1)
    elbow, _ = two_bones((0.0, 1.4), (0.0, 0.9), 0.29, 0.28, side=-1)
    assert knee[0] > 0.1 > -0.05 > elbow[0]


@given(height=st.floats(0.3, 8), up=st.floats(-2, 4))
def test_a_missile_lands_when_its_integrated_flight_does(height: float, up: float):
    missile = Missile((0.0, height, 10.0), (0.5, up, -1.0), 1.0, (9, 9, 9))
    y, v, t, step = height, up, 0.0, 1e-3
    while y > 0:
        v, t = v - 9.81 * step, t + step
        y += v * step
    assert missile.landing == pytest.approx(1.0 + t, abs=0.02)
    assert missile.point(missile.landing)[1] == pytest.approx(0.0, abs=1e-9)


def test_the_camera_shows_an_upright_thing_upright_and_by_similar_triangles():
    camera = Camera(width=320, height=240, focal=400.0, above=3.0, horizon=40.0)
    (u0, v0), (u1, v1) = camera.pixel((1.0, 0.0, 8.0)), camera.pixel((1.0, 1.7, 8.0))
    assert u0 == u1 == 160 + 400 / 8
    assert v0 - v1 == pytest.approx(1.7 * 400 / 8)
    assert camera.pixel((0.0, 3.0, 50.0))[1] == 40.0  # the lens' own height is on the horizon


@st.composite
def spans(draw: st.DrawFn) -> tuple[tuple[tuple[int, int], ...], int]:
    n_frames = draw(st.integers(20, 300))
    cuts = sorted(draw(st.sets(st.integers(0, n_frames), max_size=8)))
    pairs = tuple(zip(cuts[0::2], cuts[1::2], strict=False))
    return pairs, n_frames


@settings(max_examples=200)
@given(case=spans(), seed=st.integers(0, 1000), n_annotators=st.integers(1, 7))
def test_the_majority_of_annotators_is_close_to_the_truth(
    case: tuple[tuple[tuple[int, int], ...], int], seed: int, n_annotators: int
):
    events, n_frames = case
    marks = simulated_annotators(events, n_frames, seed=seed, n_annotators=n_annotators)
    assert marks == simulated_annotators(events, n_frames, seed=seed, n_annotators=n_annotators)
    assert len(marks) == n_annotators
    votes = np.zeros(n_frames)
    for marked in marks:
        ends = list(itertools.chain.from_iterable(marked))
        assert ends == sorted(ends)
        assert all(0 <= start < stop <= n_frames for start, stop in marked)
        assert all(a[1] < b[0] for a, b in itertools.pairwise(marked))
        for start, stop in marked:
            votes[start:stop] += 1 / n_annotators
    majority = np.concatenate([[False], votes >= 0.5 - 1e-9, [False]])
    starts = np.flatnonzero(~majority[:-1] & majority[1:])
    stops = np.flatnonzero(majority[:-1] & ~majority[1:])
    assert len(starts) == len(events)
    for (start, stop), a, b in zip(events, starts, stops, strict=True):
        assert abs(start - a) <= 4
        assert abs(stop - b) <= 4


def test_annotators_differ_and_now_and_then_miss_a_short_event():
    marks = [simulated_annotators(((40, 60),), 120, seed=seed) for seed in range(60)]
    assert all(len(set(five)) > 1 for five in marks)
    missed = [sum(not marked for marked in five) for five in marks]
    assert set(missed) == {0, 1}
