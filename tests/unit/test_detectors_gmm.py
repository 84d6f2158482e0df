"""Region features under mixtures: what it learns of a walk, and what it finds odd then."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from frame_videos import MemoryFrames, sample

from vadlab import config
from vadlab.detectors.gmm import GMM
from vadlab.errors import StoreError, UsageError
from vadlab.kernels.background_mixture import MEAN
from vadlab.types import Sample
from vadlab.video.foreground import ForegroundForm, lasting, learned
from vadlab.video.perspective import cells, locations
from vadlab.video.region_features import RegionForm, regions, small_greys

RECIPES = Path(__file__).parents[2] / "recipes"

Blind: TypeAlias = Sample[Any, None]

SMALL: dict[str, Any] = {
    "width": 60, "height": 40, "length": 5, "least": 20, "words": 6, "warm_up": 60, "replicates": 1
}  # fmt: skip


def walk(n: int = 50, *, row: int = 13, speed: float = 1.0, start: int = 0, seed: int = 0) -> Blind:
    """A textured block that walks to the right, round and round, over a textured ground."""
    rng = np.random.default_rng(0)
    ground, block = rng.integers(60, 90, (40, 60)), rng.integers(120, 256, (10, 10))
    noise = np.random.default_rng([seed, 1]).normal(0, 1, (n, 40, 60))
    frames = ground[None] + noise
    for t in range(n):
        columns = (int(start + speed * t) + np.arange(10)) % 60
        frames[t, row : row + 10, columns] = block.T
    grey = np.clip(np.rint(frames), 0, 255).astype(np.uint8)
    return sample(np.repeat(grey[..., None], 3, axis=3), f"walk{seed}")


def train() -> list[Blind]:
    return [walk(start=15 * seed, seed=seed) for seed in range(4)]


@cache
def trained(table: str = "frequency", background: str = "training") -> GMM:
    return GMM(**SMALL, table=table, background=background).fit(train())  # type: ignore[arg-type]


@pytest.mark.parametrize("table", ["frequency", "transition"])
@pytest.mark.parametrize("background", ["training", "video"])
def test_other_speeds_and_places_are_odd(table: str, background: str) -> None:
    detector = trained(table, background)
    usual = detector.score(walk(start=31, seed=9)).values
    assert np.quantile(usual, 0.95) < 4
    for odd in (walk(speed=3.0, seed=9), walk(row=28, seed=9)):
        assert np.median(detector.score(odd).values) > usual.max()


def test_scores_cover_every_frame_once() -> None:
    spans = trained().score(walk(n=12)).spans
    assert spans.tolist() == [[0, 7], *([t, t + 1] for t in range(7, 12))]  # 5 frames agree 3 times
    assert trained().score(walk(n=3)).spans.tolist() == [[0, 3]]


def test_costs_are_standardised_by_training() -> None:
    detector = trained()
    values = [detector.score(video) for video in train()]
    costs = np.array([pair for v in train() for _, *pair in detector._costs(detector.learned_, v)])
    shift, scale = detector.state()["scale"]
    np.testing.assert_allclose(costs.mean(axis=0), shift)
    np.testing.assert_allclose(costs.std(axis=0), scale, rtol=1e-6)
    expected = ((costs - costs.mean(axis=0)) / costs.std(axis=0)).max(axis=1)
    np.testing.assert_allclose(np.concatenate([v.values for v in values]), expected, rtol=1e-4, atol=1e-4)


def test_models_are_of_the_points_around_and_of_each_cell() -> None:
    state = trained().state()
    form = RegionForm(width=60, height=40, length=5)
    found = [at for v in train() for at in regions(v.x, form, state["background"])]
    places = np.concatenate([at.places for at in found])
    amounts = np.concatenate([at.motion[:, 0] for at in found])
    grid = locations(40, 60)
    for i, (y, x) in enumerate(grid.places):
        near = (np.abs(places - (y, x)) <= 4 + 0.02 * y).all(axis=1)
        weights, means, _ = state["flow"][i]
        assert weights.any() == (near.sum() >= 20)
        if weights.any():  # a mixture has the mean of its samples
            assert weights @ means == pytest.approx(amounts[near].mean(), rel=1e-3)
    for c in range(len(cells(40, 60).boxes)):
        values = [at.occupancy[c] for at in found if at.active[c]]
        weights, means, _ = state["occupancy"][c]
        assert state["seen"][c] == (len(values) > 0)
        assert weights.any() == (len(values) > 1)
        if weights.any():
            assert weights @ means == pytest.approx(np.mean(values), rel=1e-3)
    assert 0 < state["flow"][:, 0].any(axis=1).sum() < len(grid.places)
    assert 0 < state["seen"].sum() < len(state["seen"])


def test_tables() -> None:
    table = trained().state()["table"]
    assert table.shape == (7, 7) and table[:-1, :-1].max() == 1
    np.testing.assert_array_equal(table, table.T)
    # h_j + h_k is additive: what two words differ by does not depend on the third.
    differences = table[:-1, :-1] - table[:1, :-1]
    np.testing.assert_allclose(differences, differences[:, :1].repeat(6, axis=1), atol=1e-12)
    table = trained("transition").state()["table"]
    np.testing.assert_allclose(table[:-1, :-1].sum(axis=1), 1)
    assert not np.array_equal(table, table.T)


def test_background_is_learned_from_frames_spread_over_all_videos() -> None:
    every = np.concatenate([list(small_greys(v.x, RegionForm(width=60, height=40))) for v in train()])
    expected = lasting(learned(every[np.arange(60) * 200 // 60], ForegroundForm(warm_up=60)))
    np.testing.assert_array_equal(trained().state()["background"], expected)
    # With fewer frames than the warm-up has, each is taken several times.
    few = [walk(n=3), walk(n=1, seed=1)]
    every = np.concatenate([list(small_greys(v.x, RegionForm(width=60, height=40))) for v in few])
    known = GMM(**{**SMALL, "warm_up": 9}).fit(few).state()["background"]
    np.testing.assert_array_equal(
        known, lasting(learned(np.repeat(every, [3, 2, 2, 2], axis=0), ForegroundForm()))
    )
    assert not trained("frequency", "video").state()["background"].size


def test_no_picture_of_who_passes_is_kept() -> None:
    """The block is 120 and brighter, the ground below 100.

    What stood in the first frames counts as background for a while, so some places keep it.
    """
    videos = [walk(start=15 * seed, seed=seed, row=10 * seed) for seed in range(4)]
    detector = GMM(**{**SMALL, "warm_up": 200})
    state = detector._nothing()
    for video, own in detector._spread(videos):
        detector._watch(video, own, state)
    every = state["background"]
    detector._settle(state)
    shown, kept = ((known[..., MEAN] >= 120).any(axis=2).mean() for known in (every, state["background"]))
    assert shown > 10 * kept


def test_states_that_hold_frames_are_refused() -> None:
    state = trained().state()
    with pytest.raises(StoreError, match="train it again"):
        GMM(**SMALL).restore(state | {"background": np.zeros((60, 40, 60), np.uint8)})
    # Those without any are as they were.
    other = trained("frequency", "video").state() | {"background": np.zeros((0, 40, 60), np.uint8)}
    GMM(**SMALL, background="video").restore(other).score(walk(n=10))


def test_points_kept_have_a_cap_for_each_video() -> None:
    state: dict[str, Any] = {}
    for samples, expected in ((500_000, 46 * 40), (100, 25)):
        detector = GMM(**SMALL, samples=samples)
        state = detector._nothing()
        detector._collect(train()[0], -(-samples // 4), 0, state)
        assert len(state["points"]) <= expected
    assert len(state["points"]) == 25


def test_refusals() -> None:
    with pytest.raises(UsageError, match="at least one"):
        GMM().fit([])
    for settings in ({"words": 0}, {"noise": 0.0}, {"seed": -1}, {"agree": 0}):
        with pytest.raises(UsageError, match="these settings"):
            GMM(**settings)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="learning rate"):
        GMM(rate=1.5)
    with pytest.raises(UsageError, match="as small as this"):
        GMM(height=31)
    with pytest.raises(UsageError, match="more words than samples"):
        GMM(least=44)


def test_recipes_change_one_thing_each() -> None:
    changed = {}
    for path in sorted(RECIPES.glob("gmm-*.toml")):
        given = tomllib.loads(path.read_text())
        assert config.build(GMM, given) != GMM()
        changed |= given
    assert changed == {"table": "transition", "background": "video", "warm_up": 300}


def test_frames_are_read_again_and_again_but_not_kept() -> None:
    """One reading for the background, one for features, one for the scale; one more for transitions."""
    for table, expected in (("frequency", 3), ("transition", 4)):
        readings: list[int] = []

        class Counting(MemoryFrames):
            def __iter__(self) -> Any:
                readings.append(1)  # noqa: B023 (used within the turn)
                return super().__iter__()

        video = walk(n=30)
        watched = Sample(video.video, video.spans, Counting(video.x.frames), None)
        GMM(**SMALL, table=table).fit([watched])  # type: ignore[arg-type]
        assert len(readings) == expected
