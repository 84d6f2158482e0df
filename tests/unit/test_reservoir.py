"""The reservoir: what it keeps, and with which chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from vadlab.reservoir import Reservoir


def kept(size: int, lengths: list[int], seed: int = 0) -> np.ndarray:
    reservoir = Reservoir(size, np.random.default_rng(seed))
    start = 0
    for n in lengths:
        rows = np.arange(start, start + n)
        reservoir.add(rows, np.stack([rows, -rows], axis=1))
        start += n
    rows, pairs = reservoir.rows()
    np.testing.assert_array_equal(pairs, np.stack([rows, -rows], axis=1))
    return np.asarray(rows)


@given(st.integers(1, 20), st.lists(st.integers(0, 30), min_size=1, max_size=8))
def test_keeps_so_many_different_rows_in_order(size: int, lengths: list[int]) -> None:
    rows = kept(size, lengths)
    assert len(rows) == min(size, sum(lengths))
    assert (np.diff(rows) > 0).all()
    if sum(lengths) <= size:
        assert rows.tolist() == list(range(sum(lengths)))


@pytest.mark.parametrize("lengths", [[40], [1] * 40, [3, 0, 30, 7]])
def test_every_row_has_the_same_chance(lengths: list[int]) -> None:
    n_trials = 2000
    counts = np.bincount(np.concatenate([kept(5, lengths, seed) for seed in range(n_trials)]), minlength=40)
    # Any of 40 counts is beyond these bounds with a chance of 1 in 2,500 at most.
    low, high = binom.ppf([5e-6, 1 - 5e-6], n_trials, 5 / 40)
    assert low <= counts.min() and counts.max() <= high


def test_rows_may_be_asked_for_in_between() -> None:
    reservoir = Reservoir(3, np.random.default_rng(1))
    reservoir.add(np.arange(10))
    first = reservoir.rows()[0]
    assert len(first) == 3
    reservoir.add(np.arange(10, 1000))
    assert len(reservoir.rows()[0]) == 3 and reservoir.rows()[0].max() >= 10
