"""Combination learning, against least squares and data whose combinations are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import subspace_angles

from vadlab.combination_learning import CombinationLearning, errors, span

HOW = CombinationLearning(
    bases=3, max_error=0.01, most=32, update="gradient", step=1e-4, alternations=50, seed=0
)


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def subspaces(seed: int, k: int, *, d: int = 20, s: int = 3, n: int = 60, noise: float = 0.0) -> np.ndarray:
    """Unit vectors, n from each of k subspaces, (k n, d)."""
    rng = np.random.default_rng(seed)
    parts = [rng.normal(size=(n, s)) @ rng.normal(size=(s, d)) for _ in range(k)]
    return unit(unit(np.concatenate(parts)) + noise * rng.normal(size=(k * n, d)))


@given(st.integers(0, 1000), st.integers(1, 4), st.integers(1, 6), st.integers(7, 12))
def test_errors_are_those_of_least_squares_and_of_the_papers_projector(
    seed: int, k: int, s: int, d: int
) -> None:
    rng = np.random.default_rng(seed)
    bases, x = rng.normal(size=(k, d, s)), rng.normal(size=(5, d))
    found = errors(x, np.stack([span(b, s) for b in bases]))
    fits = [((x.T - b @ np.linalg.lstsq(b, x.T, rcond=None)[0]) ** 2).sum(axis=0) for b in bases]
    np.testing.assert_allclose(found, np.min(fits, axis=0), atol=1e-10)
    projectors = [b @ np.linalg.inv(b.T @ b) @ b.T - np.eye(d) for b in bases]
    papers = np.min([((r @ x.T) ** 2).sum(axis=0) for r in projectors], axis=0)
    np.testing.assert_allclose(found, papers, atol=1e-7)


def test_span_of_dependent_vectors() -> None:
    rng = np.random.default_rng(0)
    two = rng.normal(size=(8, 2))
    basis = span(two @ rng.normal(size=(2, 5)), 6)
    assert basis.shape == (8, 6)
    np.testing.assert_allclose(basis.T @ basis, np.diag([1, 1, 0, 0, 0, 0]), atol=1e-12)
    assert subspace_angles(basis[:, :2], two).max() < 1e-9
    assert not span(np.zeros((8, 2)), 3).any()
    assert not span(np.zeros((8, 0)), 3).any()


@pytest.mark.parametrize("update", ["gradient", "closed"])
@pytest.mark.parametrize(("k", "s", "max_error"), [(1, 3, 0.01), (3, 3, 0.01), (5, 4, 0.05)])
def test_every_training_vector_is_explained_in_the_end(update: str, k: int, s: int, max_error: float) -> None:
    x = subspaces(k, k, noise=0.02)
    how = replace(HOW, update=update, bases=s, max_error=max_error, most=1000)  # type: ignore[arg-type]
    combinations = how.learn(x)
    assert errors(x, combinations).max() < max_error
    assert len(combinations) <= -(-len(x) // s)  # a pass explains more than a few
    for basis in combinations:
        norms = np.linalg.norm(basis, axis=0)
        np.testing.assert_allclose(basis.T @ basis, np.diag((norms > 0.5).astype(float)), atol=1e-10)


@pytest.mark.parametrize("update", ["gradient", "closed"])
def test_one_subspace_is_found(update: str) -> None:
    x = subspaces(7, 1, n=200)
    combinations = replace(HOW, update=update).learn(x)  # type: ignore[arg-type]
    assert len(combinations) == 1
    assert subspace_angles(combinations[0], np.linalg.svd(x)[2][:3].T).max() < 1e-6


def test_the_bases_of_the_larger_subspace_come_first() -> None:
    x = np.concatenate([subspaces(1, 1, n=300, noise=0.01), subspaces(2, 1, n=30, noise=0.01)])
    first = replace(HOW, max_error=0.02, step=1.0).learn(x)[0]
    assert subspace_angles(first, np.linalg.svd(x[:300])[2][:3].T).max() < 0.1


def test_an_update_never_makes_the_covered_vectors_error_larger() -> None:
    x = subspaces(3, 2, noise=0.1).T
    bases = unit(np.random.default_rng(0).normal(size=(3, 20))).T

    def error(b: np.ndarray) -> float:
        return float(((x - b @ np.linalg.lstsq(b, x, rcond=None)[0]) ** 2).sum())

    for how in (replace(HOW, step=1e-4), replace(HOW, step=1e3), replace(HOW, update="closed")):
        found = [bases]
        for _ in range(6):
            found.append(how._improved(found[-1], x))
            np.testing.assert_allclose(np.linalg.norm(found[-1], axis=0), 1)
        fell = np.diff([error(b) for b in found])
        assert (fell <= 1e-9).all() and fell.sum() < -1e-3


def test_the_gradient_step_is_that_of_finite_differences() -> None:
    x = subspaces(4, 2).T
    bases = unit(np.random.default_rng(1).normal(size=(3, 20))).T
    beta = np.linalg.lstsq(bases, x, rcond=None)[0]

    def error(b: np.ndarray) -> float:
        return float(((x - b @ beta) ** 2).sum())

    gradient = np.zeros_like(bases)
    for i in np.ndindex(bases.shape):
        change = np.zeros_like(bases)
        change[i] = 1e-6
        gradient[i] = (error(bases + change) - error(bases - change)) / 2e-6
    moved = bases - 1e-4 * gradient
    expected = moved / np.linalg.norm(moved, axis=0)
    np.testing.assert_allclose(replace(HOW, step=1e-4)._improved(bases, x), expected, atol=1e-7)


def test_few_vectors_equal_vectors_and_none() -> None:
    x = subspaces(0, 1, s=5, n=2)
    few = HOW.learn(x)
    assert len(few) == 1 and errors(x, few).max() < 1e-12
    same = np.repeat(x[:1], 50, axis=0)
    assert len(HOW.learn(same)) == 1
    assert HOW.learn(np.empty((0, 20))).shape == (0, 20, 3)


def test_stops_at_the_most() -> None:
    x = unit(np.random.default_rng(0).normal(size=(200, 20)))
    assert len(replace(HOW, most=2).learn(x)) == 2
