"""Mixtures of one number, against scikit-learn, SciPy and the definition of AIC."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.mixture import GaussianMixture

from vadlab.mixtures import fit_mixture, log_density


def numbers(seed: int, n: int = 400) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(10, 2, n // 2), rng.normal(60, 5, n // 4), rng.normal(200, 9, n // 4)])


def test_parts_are_found() -> None:
    weights, means, variances = fit_mixture(numbers(0), 4, seed=0)
    assert weights.sum() == pytest.approx(1)
    order = np.argsort(-weights)[:3]
    np.testing.assert_allclose(np.sort(means[order]), [10, 60, 200], rtol=0.05)
    np.testing.assert_allclose(variances[order].max(), 81, rtol=0.3)


def test_density_is_a_sum_of_bells() -> None:
    mixtures = np.stack([fit_mixture(numbers(seed), 4, seed=0) for seed in range(3)])
    x = np.array([12.0, 100.0, 190.0])
    expected = [
        sum(w * norm.pdf(v, m, s**0.5) for w, m, s in zip(*mixture, strict=True))
        for v, mixture in zip(x, mixtures, strict=True)
    ]
    np.testing.assert_allclose(np.exp(log_density(x, mixtures)), expected, rtol=1e-9)
    # Far away a density underflows, its logarithm does not.
    assert -1e9 < log_density(np.array([1e4]), mixtures[:1])[0] < -1000


@pytest.mark.parametrize("seed", range(4))
def test_the_least_aic_chooses(seed: int) -> None:
    x = numbers(seed, n=60) if seed % 2 else np.random.default_rng(seed).normal(5, 1, 60)
    chosen = fit_mixture(x, 4, seed=seed)
    k = int((chosen[0] > 0).sum())
    log_likelihood = log_density(x, np.broadcast_to(chosen, (len(x), 3, 4))).sum()
    aic = 2 * (3 * k - 1) - 2 * log_likelihood
    peers = [
        GaussianMixture(n, reg_covar=1e-3, random_state=seed).fit(x[:, None]).aic(x[:, None])
        for n in (1, 2, 3, 4)
    ]
    assert aic == pytest.approx(min(peers), rel=1e-6)
    assert k == 1 + int(np.argmin(peers))


def test_few_numbers_and_equal_ones() -> None:
    for none in (np.array([]), np.array([3.0])):
        mixture = fit_mixture(none, 3, seed=0)
        assert not mixture[0].any()
        assert log_density(np.array([3.0]), mixture[None])[0] == -np.inf
    weights, means, variances = fit_mixture(np.full(50, 7), 3, seed=0)
    assert weights.tolist() == [1, 0, 0]
    assert means[0] == 7 and variances[0] == pytest.approx(1e-3)
    assert (fit_mixture(np.array([1, 1, 9, 9]), 4, seed=0)[0] > 0).sum() <= 2
