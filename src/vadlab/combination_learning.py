"""Combinations of a few bases, such that every vector is near the span of one of them.

Paper: Lu, Shi and Jia, "Abnormal event detection at 150 FPS in MATLAB", ICCV 2013. It is no sparse
coding: there is no l1 penalty, and each vector is explained by exactly one combination. A combination matters
by its span alone, so it is kept as an orthonormal basis Q of it: with that, the residual of least squares is
||x||^2 - ||Q^T x||^2, which costs a fifth of the paper's ||R x||^2, R = S (S^T S)^-1 S^T - I, for the same
value.

What differs from the paper: the gradient step is never longer than the inverse of the gradient's Lipschitz
constant, beyond which it might diverge where there are many vectors. A pass that covers fewer vectors than a
combination has bases is replaced by the span of the vectors nearest to its first bases; so each pass leaves
fewer, and in the end all are explained.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

import numpy as np
from einops import rearrange, reduce
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import ThreadpoolController

__all__ = ["CombinationLearning", "errors", "span"]

Array: TypeAlias = NDArray[np.float64]

KMEANS_ITERATIONS = 10  # the authors' demo
RIDGE = 1e-6  # on S^T S of unit columns, which k-means on few distinct vectors leaves singular
CONVERGED = 1e-4  # relative change of the covered vectors' summed error
RANK = 1e-6  # directions with less of the largest singular value count as none


@dataclass(frozen=True)
class CombinationLearning:
    """How combinations are learned.

    Args:
        bases: Vectors of a combination, s.
        max_error: Squared error below which a vector is explained, lambda.
        most: Combinations at most; what they leave unexplained stays so.
        update: "gradient", a step of projected descent on the bases; "closed", their least-squares solution.
        step: Length of the gradient step.
        alternations: Of coefficients, bases and coverage in a pass, at most.
        seed: Of k-means.
    """

    bases: int
    max_error: float
    most: int
    update: Literal["gradient", "closed"]
    step: float
    alternations: int
    seed: int

    def learn(self, x: NDArray[np.floating]) -> Array:
        """Pass after pass, a combination for the vectors that those before leave unexplained.

        Args:
            x: (n, d) vectors; n may be 0.

        Returns:
            (k, d, s) orthonormal bases of the combinations' spans, filled up by zero columns.

        Source: the training algorithm of the paper.
        """
        left = np.asarray(x, dtype=np.float64)
        found = np.empty((0, left.shape[1], self.bases))
        # Threads would add up k-means' sums in an order of their own, and results would differ between runs.
        with warnings.catch_warnings(), _threads().limit(limits=1):
            warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct vectors than bases
            while len(left) and len(found) < self.most:
                combination = self._pass(left)[None]
                found = np.concatenate([found, combination])
                left = left[errors(left, combination) >= self.max_error]
        return found

    def _pass(self, x: Array) -> Array:
        """(d, s) the orthonormal basis of one combination."""
        if len(x) <= self.bases:
            return span(x.T, self.bases)
        groups = KMeans(self.bases, n_init=1, max_iter=KMEANS_ITERATIONS, random_state=self.seed).fit(x)
        bases = _unit(groups.cluster_centers_.T)
        every = np.ones(len(x), dtype=bool)
        covered, before = every, np.inf
        for _ in range(self.alternations):
            bases = self._improved(bases, x[covered].T)
            residual = x.T - bases @ _coefficients(bases, x.T)
            error = (residual**2).sum(axis=0)
            now = error < self.max_error
            now = now if now.any() else every
            total = float(error[now].sum())
            if np.array_equal(now, covered) and before - total <= CONVERGED * total:
                break
            covered, before = now, total
        combination = span(bases, self.bases)
        if (errors(x, combination[None]) < self.max_error).sum() < self.bases:
            combination = span(x[groups.transform(x).argmin(axis=0)].T, self.bases)
        return combination

    def _improved(self, bases: Array, x: Array) -> Array:
        """The bases (d, s) after an update for the covered vectors (d, n), as unit columns."""
        coefficients = _coefficients(bases, x)
        moment = coefficients @ coefficients.T
        if self.update == "closed":
            ridge = RIDGE * np.trace(moment) / len(moment) * np.eye(len(moment))
            return _unit(np.linalg.solve(moment + ridge, coefficients @ x.T).T)
        gradient = 2 * (bases @ moment - x @ coefficients.T)
        lipschitz = 2 * np.linalg.eigvalsh(moment)[-1]
        return _unit(bases - min(self.step, 1 / max(lipschitz, np.finfo(float).tiny)) * gradient)


def span(vectors: Array, columns: int) -> Array:
    """(d, columns) orthonormal basis of the span of (d, n) vectors, n <= columns; the rest is zero."""
    if not vectors.shape[1]:
        return np.zeros((len(vectors), columns))
    left, singular, _ = np.linalg.svd(vectors, full_matrices=False)
    kept = left[:, singular > RANK * singular[0]]
    return np.pad(kept, ((0, 0), (0, columns - kept.shape[1])))


def errors(x: NDArray[np.floating], combinations: NDArray[np.floating]) -> NDArray[np.floating]:
    """The least squared error of a vector over the combinations.

    Args:
        x: (n, d).
        combinations: (k, d, s) orthonormal bases, k at least 1.

    Returns:
        (n,) min over k of the least-squares residual, of the arguments' type.

    Source: the test step of the paper, without its early stop, which would cut the error short.
    """
    parts = x @ rearrange(combinations, "k d s -> d (k s)")
    explained = reduce(parts**2, "n (k s) -> n k", "sum", k=len(combinations)).max(axis=1)
    least: NDArray[np.floating] = np.maximum((x**2).sum(axis=1) - explained, 0)
    return least


@cache
def _threads() -> ThreadpoolController:
    """Finding the libraries takes longer than learning from a few vectors does."""
    return ThreadpoolController()


def _coefficients(bases: Array, x: Array) -> Array:
    """(s, n) least-squares coefficients of vectors (d, n)."""
    gram = bases.T @ bases + RIDGE * np.eye(bases.shape[1])
    return np.asarray(np.linalg.solve(gram, bases.T @ x), dtype=np.float64)


def _unit(columns: Array) -> Array:
    norms = np.linalg.norm(columns, axis=0)
    unit: Array = columns / np.where(norms > 0, norms, 1)
    return unit
