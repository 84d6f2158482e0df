"""Words of neighbouring places, numbered alike: word 7 here means what word 7 means next door."""

from __future__ import annotations

import warnings
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

__all__ = ["learn_words", "nearest_words"]

Array: TypeAlias = NDArray[np.float64]


def learn_words(x: Array, n: int, *, replicates: int, seed: int, like: Array | None = None) -> Array:
    """Centres of k-means, in the order that suits those of a neighbour best.

    Args:
        x: (m, d) vectors, m at least n.
        n: Words; there are fewer distinct ones where there are fewer distinct vectors.
        replicates: Beginnings of k-means, of which the best result is kept.
        seed: Of the beginnings.
        like: (n, d) the neighbour's words: each word takes the number of one of them, such that the squared
            distances between words of one number sum to the least.

    Returns:
        (n, d) words.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct vectors than words
        words: Array = KMeans(n, n_init=replicates, max_iter=100, random_state=seed).fit(x).cluster_centers_
    if like is None:
        return words
    _, order = linear_sum_assignment(cdist(like, words, "sqeuclidean"))
    return words[order]


def nearest_words(x: Array, words: Array) -> tuple[NDArray[np.int64], Array]:
    """The word nearest to each vector.

    Args:
        x: (m, d).
        words: (m, n, d), a vocabulary for each vector, or (n, d), one for all.

    Returns:
        numbers: (m,) of the words.
        squared: (m,) squared distances to them.
    """
    squared = ((x[:, None] - words) ** 2).sum(axis=-1)
    numbers = squared.argmin(axis=1)
    return numbers, squared[np.arange(len(x)), numbers]
