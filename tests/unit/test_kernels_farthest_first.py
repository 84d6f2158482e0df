"""The greedy coreset, against its slow statement and the best of all subsets."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from vadlab.kernels.farthest_first import farthest_first


def cloud(seed: int, n: int, d: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def radius(points: np.ndarray, chosen: np.ndarray) -> float:
    """The largest distance of any point to its nearest chosen one."""
    return float(cdist(points, points[chosen]).min(axis=1).max())


@pytest.mark.parametrize(("n", "d"), [(7, 1), (40, 3), (90, 130)])
def test_is_the_slow_statement(n: int, d: int) -> None:
    points = cloud(n, n, d)
    distances = cdist(points, points)
    expected = [2]
    while len(expected) < n // 2:
        expected.append(int(distances[:, expected].min(axis=1).argmax()))
    assert farthest_first(points, n // 2, 2).tolist() == expected


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 9), st.integers(1, 4), st.data())
def test_radius_is_at_most_twice_the_best(seed: int, n: int, k: int, data: st.DataObject) -> None:
    points = cloud(seed, n, 2)
    k = min(k, n)
    best = min(radius(points, np.array(subset)) for subset in combinations(range(n), k))
    start = data.draw(st.integers(0, n - 1))
    assert radius(points, farthest_first(points, k, start)) <= 2 * best + 1e-5


def test_points_that_coincide_are_chosen_once() -> None:
    places = np.array([[0, 0], [3e3, 0], [0, 5e3]], dtype=np.float32)
    points = places[np.arange(30) % 3]
    assert farthest_first(points, 10, 0).tolist() == [0, 2, 1]


def test_can_choose_all() -> None:
    points = cloud(0, 12, 2)
    assert sorted(farthest_first(points, 12, 5).tolist()) == list(range(12))
