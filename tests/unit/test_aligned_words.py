"""Words and their numbers, against all permutations and scikit-learn."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from sklearn.cluster import KMeans

from vadlab.aligned_words import learn_words, nearest_words


def heaps(seed: int, centres: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate([centre + rng.normal(0, 0.01, (30, centres.shape[1])) for centre in centres])


def test_words_are_the_middles_of_heaps() -> None:
    centres = np.random.default_rng(0).random((6, 5))
    words = learn_words(heaps(1, centres), 6, replicates=5, seed=0)
    found = [np.abs(words - centre).max(axis=1).min() for centre in centres]
    assert max(found) < 0.02


def test_a_word_has_the_number_of_its_neighbours() -> None:
    centres = np.random.default_rng(0).random((6, 5))
    moved = learn_words(heaps(2, centres + 0.03), 6, replicates=5, seed=3, like=centres)
    np.testing.assert_allclose(moved, centres + 0.03, atol=0.02)


def test_no_other_order_suits_better() -> None:
    rng = np.random.default_rng(5)
    like, x = rng.random((5, 3)), rng.random((80, 3))
    words = learn_words(x, 5, replicates=2, seed=0, like=like)
    free = learn_words(x, 5, replicates=2, seed=0)
    assert sorted(words.tolist()) == sorted(free.tolist())
    least = min(((free[list(order)] - like) ** 2).sum() for order in permutations(range(5)))
    np.testing.assert_allclose(((words - like) ** 2).sum(), least)


def test_nearest_words_are_what_k_means_predicts() -> None:
    rng = np.random.default_rng(1)
    x = rng.random((100, 5))
    peer = KMeans(7, n_init=1, random_state=0).fit(x)
    numbers, squared = nearest_words(x, peer.cluster_centers_)
    np.testing.assert_array_equal(numbers, peer.predict(x))
    np.testing.assert_allclose(squared.sum(), peer.inertia_)
    own = rng.random((100, 4, 5))
    numbers, squared = nearest_words(x, own)
    for i in range(100):
        assert squared[i] == min(((x[i] - word) ** 2).sum() for word in own[i])
        assert numbers[i] == np.argmin([((x[i] - word) ** 2).sum() for word in own[i]])


def test_fewer_distinct_vectors_than_words() -> None:
    words = learn_words(np.repeat(np.eye(3), 5, axis=0), 6, replicates=1, seed=0)
    assert words.shape == (6, 3)
    assert nearest_words(np.eye(3), words)[1].max() < 1e-12
