"""Features of regions, against loops over pixels."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from vadlab.video.dense_lucas_kanade import dense_lucas_kanade
from vadlab.video.foreground import ForegroundForm, foreground
from vadlab.video.perspective import cells
from vadlab.video.region_features import RegionForm, _directed, regions, small_greys, support

FORM = RegionForm(width=60, height=40, length=5, points=8, foreground=ForegroundForm(warm_up=20))


def walk(n: int) -> np.ndarray:
    """(n, 80, 120, 3): a textured square that walks over a textured ground."""
    rng = np.random.default_rng(0)
    ground = rng.integers(80, 120, (80, 120))
    square = rng.integers(0, 256, (16, 16))
    frames = np.repeat(ground[None], n, axis=0)
    for t in range(n):
        frames[t, 40 + t : 56 + t, 20 + 2 * t : 36 + 2 * t] = square
    return np.repeat(frames[..., None], 3, axis=3).astype(np.uint8)


def test_features_are_sums_over_regions_and_windows() -> None:
    frames = walk(12)
    found = list(regions(frames, FORM))
    assert [at.frame for at in found] == list(range(4, 12))
    greys = list(small_greys(frames, FORM))
    assert greys[0].shape == (40, 60)
    flows = [np.zeros((40, 60, 2))]
    flows += [dense_lucas_kanade(a, b, noise=FORM.flow_noise) for a, b in pairwise(greys)]
    masks = list(foreground(greys, FORM.foreground))
    for at in found:
        window = range(at.frame - 4, at.frame + 1)
        assert 0 < len(at.places) <= 8
        for (y, x), motion in zip(at.places, at.motion, strict=True):
            reach = round(1.5 * (4 + 0.02 * y))
            amounts = np.zeros(5)
            for t in window:
                for i in range(max(y - reach, 0), min(y + reach + 1, 40)):
                    for j in range(max(x - reach, 0), min(x + reach + 1, 60)):
                        u, v = flows[t][i, j]
                        amounts[int(np.degrees(np.arctan2(v, u)) % 180 // 36)] += np.hypot(u, v)
            assert motion[0] == pytest.approx(amounts.sum(), rel=1e-5)
            np.testing.assert_allclose(motion[1:], amounts / amounts.sum(), atol=1e-3)
        for i, (top, left, bottom, right) in enumerate(cells(40, 60).boxes):
            inside = [int(masks[t][top:bottom, left:right].sum()) for t in window]
            assert at.occupancy[i] == sum(inside)
            assert at.active[i] == (inside[-1] > 0)
    assert found[-1].occupancy.any() and found[-1].motion[:, 0].max() > 10


def test_interest_points_are_the_strongest_where_something_moves() -> None:
    few, many, stronger = (
        list(regions(walk(6), replace(FORM, points=points, contrast=contrast)))[-1].places
        for points, contrast in ((4, 10), (1000, 10), (1000, 60))
    )
    assert len(few) == 4 < len(many) < 1000
    np.testing.assert_array_equal(few, many[:4])
    # The last two frames' squares, at half the size.
    assert (many >= (20, 12)).all() and (many <= (32, 26)).all()
    assert len(stronger) < len(many) and {tuple(p) for p in stronger} <= {tuple(p) for p in many}


def test_a_frame_depends_on_no_later_one() -> None:
    whole, part = list(regions(walk(12), FORM)), list(regions(walk(12)[:8], FORM))
    assert len(part) == 4
    for a, b in zip(whole, part, strict=False):
        for name in ("places", "motion", "occupancy", "active"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def test_opposite_directions_count_as_one() -> None:
    flow = np.random.default_rng(2).normal(size=(20, 30, 2)).astype(np.float32)
    planes = _directed(flow)
    np.testing.assert_array_equal(planes, _directed(-flow))
    np.testing.assert_allclose(planes.sum(axis=0), np.linalg.norm(flow, axis=-1), rtol=1e-6)
    assert _directed(np.array([[[1.0, 0.01]]], dtype=np.float32))[0] > 0
    assert _directed(np.array([[[0.0, 1.0]]], dtype=np.float32))[2] > 0


@pytest.mark.parametrize("n", [1, 4])
def test_a_video_shorter_than_a_window_has_one(n: int) -> None:
    (only,) = regions(walk(n), FORM)
    assert only.frame == n - 1


def test_a_still_video_has_no_motion() -> None:
    for at in regions(walk(1).repeat(7, axis=0), FORM):
        assert not len(at.places) and at.motion.shape == (0, 6) and not at.active.any()


def test_supports_are_cut_off_at_the_border() -> None:
    boxes = support(np.array([[0, 0], [39, 59], [20, 30]]), 40, 60)
    assert boxes.tolist() == [[0, 0, 7, 7], [32, 52, 40, 60], [13, 23, 28, 38]]
