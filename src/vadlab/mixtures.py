"""Gaussian mixtures of one number, with as many components as the data are worth."""

from __future__ import annotations

import warnings
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

__all__ = ["fit_mixture", "log_density"]

Array: TypeAlias = NDArray[np.float64]

ITERATIONS = 100  # of expectation and maximisation, at most
VARIANCE = 1e-3  # added to that of each component


def fit_mixture(x: NDArray[np.number], most: int, *, seed: int) -> Array:
    """The mixture of 1 to `most` components with the least AIC (Akaike, 1974).

    Args:
        x: (n,) numbers.
        most: Components at most; there are never more than distinct numbers.
        seed: Of the k-means that each fit begins with.

    Returns:
        (3, most) weights, means and variances; components that are not there have weight 0 and variance 1,
        which all have where n < 2.
    """
    mixture = np.zeros((3, most))
    mixture[2] = 1
    if len(x) < 2:
        return mixture
    rows = np.asarray(x, dtype=np.float64)[:, None]
    sizes = range(1, min(most, len(np.unique(rows))) + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the iterations are a setting
        fits = [
            GaussianMixture(
                k, covariance_type="diag", reg_covar=VARIANCE, max_iter=ITERATIONS, random_state=seed
            ).fit(rows)
            for k in sizes
        ]
    best = min(fits, key=lambda fit: float(fit.aic(rows)))
    parts = np.stack([best.weights_, best.means_[:, 0], best.covariances_[:, 0]])
    mixture[:, : parts.shape[1]] = parts
    return mixture


def log_density(x: Array, mixtures: Array) -> Array:
    """Natural logarithm of each number's density under a mixture of its own.

    Args:
        x: (n,).
        mixtures: (n, 3, k), as `fit_mixture` gives them.

    Returns:
        (n,), minus infinity where all weights are 0.
    """
    weights, means, variances = np.moveaxis(mixtures, 1, 0)
    exponents = -(np.log(2 * np.pi * variances) + (x[:, None] - means) ** 2 / variances) / 2
    logs: Array = logsumexp(exponents, axis=1, b=weights)
    return logs
