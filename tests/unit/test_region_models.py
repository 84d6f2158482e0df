"""Costs of places, against the products of probabilities that they stand for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from vadlab.region_models import FLOW_LIMIT, OCCUPANCY_LIMIT, RegionModels, frequency_table, transition_table
from vadlab.video.perspective import cells, locations
from vadlab.video.region_features import Regions, support

HEIGHT, WIDTH = 40, 60
GRID, CELLS = locations(HEIGHT, WIDTH), cells(HEIGHT, WIDTH)


def models(**other: Any) -> RegionModels:
    """Two components everywhere, but no model of motion at the left."""
    rng = np.random.default_rng(0)

    def mixtures(n: int, scale: float) -> np.ndarray:
        share = rng.uniform(0.2, 0.8, n)
        weights, means = np.stack([share, 1 - share], axis=1), rng.uniform(0, scale, (n, 2))
        return np.stack([weights, means, rng.uniform(0.1, 0.3, (n, 2)) * scale**2], axis=1)

    flow = mixtures(len(GRID.places), 2.0)
    flow[GRID.places[:, 1] < 15, 0] = 0
    given = {
        "height": HEIGHT,
        "width": WIDTH,
        "flow": flow,
        "words": rng.dirichlet(np.ones(5), (len(GRID.places), 3)),
        "occupancy": mixtures(len(CELLS.boxes), 30.0),
        "seen": np.ones(len(CELLS.boxes), dtype=bool),
        "table": frequency_table(np.array([5, 2, 1])),
        "chained": False,
        "agree": 1,
    }
    return RegionModels(**(given | other))


def world(n_frames: int, seed: int = 3) -> Iterator[Regions]:
    rng = np.random.default_rng(seed)
    for t in range(n_frames):
        places = np.stack([rng.integers(0, HEIGHT, 25), rng.integers(0, WIDTH, 25)], axis=1)
        motion = np.concatenate([rng.uniform(0, 3, (25, 1)), rng.dirichlet(np.ones(5), 25)], axis=1)
        active = rng.random(len(CELLS.boxes)) < 0.6
        yield Regions(t, places, motion, rng.integers(0, 40, len(CELLS.boxes)), active)


def density(x: float, mixture: np.ndarray) -> float:
    return float(sum(w * norm.pdf(x, m, v**0.5) for w, m, v in zip(*mixture, strict=True)))


def maps(given: RegionModels, found: Iterator[Regions]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Probabilities of every pixel and cell, as products over regions in turn."""
    kept = np.full((HEIGHT, WIDTH), 3)
    for at in found:
        p, n, written = np.ones((HEIGHT, WIDTH)), np.zeros((HEIGHT, WIDTH)), np.full((HEIGHT, WIDTH), 3)
        for (y, x), motion in zip(at.places, at.motion, strict=True):
            place = int(((GRID.places - (y, x)) ** 2).sum(axis=1).argmin())
            if not given.flow[place, 0].any():
                continue
            squares = [((motion[1:] - word) ** 2).sum() for word in given.words[place]]
            word = int(np.argmin(squares))
            own = density(motion[0], given.flow[place]) * math.exp(-squares[word])
            top, left, bottom, right = support(np.array([[y, x]]), HEIGHT, WIDTH)[0]
            for i in range(top, bottom):
                for j in range(left, right):
                    earlier = kept[i, j] if given.chained else written[i, j]
                    p[i, j] *= own * given.table[earlier, word]
                    n[i, j] += 1
                    written[i, j] = word
        kept = np.where(written < 3, written, kept)
        one = [
            density(at.occupancy[c], given.occupancy[c]) if at.active[c] else 1.0
            for c in range(len(CELLS.boxes))
        ]
        joint = [
            one[c] * np.prod([0.2 * one[d] for d in np.flatnonzero(CELLS.touching[c])]) if at.active[c] else 1
            for c in range(len(CELLS.boxes))
        ]
        yield p ** (1 / (1 + n)), np.array(joint)


@pytest.mark.parametrize("chained", [False, True])
def test_costs_are_logarithms_of_the_products(chained: bool) -> None:
    table = transition_table(np.array([[4, 0, 1], [2, 2, 2], [0, 0, 9]])) if chained else None
    given = models(chained=chained, **({} if table is None else {"table": table}))
    expected = [
        [max(0, -np.log(pixels.min())), max(0, -np.log(joint.min()))]
        for pixels, joint in maps(given, world(4))
    ]
    found = list(given.costs(world(4)))
    assert [frame for frame, *_ in found] == [0, 1, 2, 3]
    np.testing.assert_allclose([costs for _, *costs in found], expected, rtol=1e-9)


def test_a_place_must_be_unlikely_in_each_of_the_newest_frames() -> None:
    """As masks at any threshold, joined by "and"."""
    every = list(maps(models(), world(6)))
    found = list(models(agree=3).costs(world(6)))
    assert [t for t, *_ in found] == [2, 3, 4, 5]
    for threshold in (1.0, 1.5, 2.0, 10.0, 20.0):
        for t, *costs in found:
            newest = every[t - 2 : t + 1]
            for i in range(2):
                masks = [-np.log(pair[i]) > threshold for pair in newest]
                assert (costs[i] > threshold) == np.all(masks, axis=0).any()


def test_of_fewer_frames_there_is_one_cost() -> None:
    (only,) = models(agree=3).costs(world(2))
    both = list(maps(models(), world(2)))
    assert only[0] == 1
    assert only[1] == pytest.approx(np.minimum(*(-np.log(pixels) for pixels, _ in both)).max())


def test_unlikely_is_costly_up_to_a_limit() -> None:
    n = len(CELLS.boxes)
    motion = np.array([[1e4, 1, 0, 0, 0, 0]])
    odd = Regions(0, np.array([[20, 40]]), motion, np.full(n, 10_000), np.ones(n, dtype=bool))
    assert list(models().costs([odd])) == [(0, FLOW_LIMIT, OCCUPANCY_LIMIT)]


def test_places_without_models() -> None:
    """Foreground where training had none is abnormal; where it had too little to learn from, it is not."""
    only = np.zeros(len(CELLS.boxes), dtype=bool)
    only[2] = True
    at = Regions(0, np.array([[20, 3]]), np.array([[1e4, 1, 0, 0, 0, 0]]), np.full(len(only), 9), only)
    none = models().occupancy.copy()
    none[:, 0] = 0
    (_, motion, foreground) = next(models(occupancy=none).costs([at]))
    assert motion == 0
    assert foreground == pytest.approx(-CELLS.touching[2].sum() * np.log(0.2))
    (_, _, foreground) = next(models(occupancy=none, seen=~only).costs([at]))
    assert foreground == OCCUPANCY_LIMIT


def test_nothing_costs_nothing() -> None:
    n = len(CELLS.boxes)
    nowhere = np.empty((0, 2), dtype=np.int64)
    still = Regions(7, nowhere, np.empty((0, 6)), np.zeros(n, dtype=np.int64), np.zeros(n, dtype=bool))
    assert list(models().costs([still])) == [(7, 0.0, 0.0)]


def test_pairs_are_words_of_earlier_frames_and_of_this_one() -> None:
    given = models()
    expected = np.zeros((3, 3), dtype=int)
    kept = np.full((HEIGHT, WIDTH), 3)
    for at in world(5):
        written = kept.copy()
        for (y, x), motion in zip(at.places, at.motion, strict=True):
            place = GRID.nearest[y, x]
            if not given.flow[place, 0].any():
                continue
            word = int(((motion[1:] - given.words[place]) ** 2).sum(axis=1).argmin())
            if kept[y, x] < 3:
                expected[kept[y, x], word] += 1
            top, left, bottom, right = support(np.array([[y, x]]), HEIGHT, WIDTH)[0]
            written[top:bottom, left:right] = word
        kept = written
    np.testing.assert_array_equal(given.pairs(world(5)), expected)
    assert expected.sum() > 30


def test_tables() -> None:
    counts = np.array([6, 0, 2])
    table = frequency_table(counts)
    assert table.shape == (4, 4) and (table[-1] == 1).all() and (table[:, -1] == 1).all()
    assert table[0, 0] == 1 and table[0, 2] == table[2, 0] == 8 / 12 and table[1, 1] == 0
    assert (frequency_table(np.zeros(2, dtype=np.int64))[:2, :2] == 0).all()
    table = transition_table(np.array([[3, 1], [0, 0]]))
    np.testing.assert_allclose(table, [[4 / 6, 2 / 6, 1], [0.5, 0.5, 1], [1, 1, 1]])
