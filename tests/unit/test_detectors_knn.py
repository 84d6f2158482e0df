"""Nearest neighbours, against all distances and scikit-learn's scaling."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.preprocessing import StandardScaler, normalize

from vadlab.detectors.knn import KNN
from vadlab.errors import UsageError
from vadlab.spans import windows
from vadlab.types import Features, Sample, Video


def sample(seed: int, n: int = 9, dim: int = 12) -> Sample[Features, None]:
    rng = np.random.default_rng(seed)
    values = (rng.normal(size=(n, dim)) * np.geomspace(0.01, 100, dim) + 3).astype(np.float32)
    values[:, 4] = 7  # never varies
    values.flags.writeable = False  # as features mapped from a file are
    video = Video(f"v{seed}", Path("v"), 16 * n, Fraction(25), (8, 8))
    return Sample(video, windows(16 * n, 16, 16), Features(values), None)


def clips(train: list[Sample[Features, None]]) -> np.ndarray:
    return np.concatenate([s.x.values for s in train]).astype(np.float64)


TRAIN = [sample(i, 5 + i) for i in range(4)]
NEW = sample(99)


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("scale", ["standardise", "l2", "none"])
def test_is_the_mean_of_the_k_least_of_all_distances(scale: str, k: int) -> None:
    known, new = clips(TRAIN), NEW.x.values.astype(np.float64)
    if scale == "standardise":
        scaler = StandardScaler().fit(known)
        known, new = scaler.transform(known), scaler.transform(new)
    elif scale == "l2":
        known, new = normalize(known), normalize(new)
    expected = np.sort(cdist(new, known), axis=1)[:, :k].mean(axis=1)
    scores = KNN(k=k, scale=scale).fit(TRAIN).score(NEW)  # type: ignore[arg-type]
    np.testing.assert_allclose(scores.values, expected, rtol=1e-4)
    np.testing.assert_array_equal(scores.spans, NEW.spans)


def test_large_values_lose_no_digits() -> None:
    """Near 1e4, the squares' float32 steps are larger than the distances sought."""
    known = (1e4 + np.random.default_rng(0).integers(0, 8, (40, 3)) / 8).astype(np.float32)
    new = known[:10] + np.float32(0.0625)
    made = [Sample(NEW.video, NEW.spans, Features(x), None) for x in (known, new)]
    found = KNN(k=1, scale="none").fit(made[:1])
    distances = found.score(Sample(sample(0, 10).video, sample(0, 10).spans, made[1].x, None)).values
    np.testing.assert_allclose(distances, cdist(new, known).min(axis=1), rtol=1e-3)


@pytest.mark.parametrize("projection", [0, 3, 128])
def test_a_full_memory_keeps_clips_that_cover_the_rest(projection: int) -> None:
    rng = np.random.default_rng(1)
    # 8 tight groups far apart, of very different sizes: a random choice would miss the small ones.
    middles = 50 * rng.normal(size=(8, 12))
    group = np.repeat(np.arange(8), [200, 1, 3, 90, 2, 1, 60, 5])
    values = (middles[group] + rng.normal(size=(len(group), 12))).astype(np.float32)
    parts = np.split(values, [70, 71, 300])
    train = [
        Sample(v.video, v.spans, Features(x), None)
        for x, v in ((x, sample(i, len(x))) for i, x in enumerate(parts))
    ]
    fitted = KNN(memory=8, k=1, scale="none", projection=projection).fit(train)
    assert fitted.memory_ is not None and fitted.memory_.shape == (8, 12)
    assert sorted(cdist(fitted.memory_, middles).argmin(axis=1).tolist()) == list(range(8))
    assert (cdist(fitted.memory_, values).min(axis=1) == 0).all()  # clips, not means of clips


def test_memory_that_suffices_keeps_every_clip() -> None:
    n = len(clips(TRAIN))
    every = KNN(memory=n, scale="none").fit(TRAIN)
    np.testing.assert_array_equal(every.memory_, clips(TRAIN).astype(np.float32))
    fewer = KNN(memory=n - 1, scale="none").fit(TRAIN)
    assert fewer.memory_ is not None and len(fewer.memory_) == n - 1


def test_a_clip_from_memory_is_at_no_distance() -> None:
    assert KNN(k=1).fit(TRAIN).score(TRAIN[2]).values.max() < 1e-3


def test_fewer_clips_than_neighbours() -> None:
    scores = KNN(k=50).fit(TRAIN[:1]).score(NEW)
    scaler = StandardScaler().fit(clips(TRAIN[:1]))
    expected = cdist(scaler.transform(NEW.x.values), scaler.transform(TRAIN[0].x.values)).mean(axis=1)
    np.testing.assert_allclose(scores.values, expected, rtol=1e-4)


def test_refusals() -> None:
    with pytest.raises(UsageError, match="at least one"):
        KNN().fit([])
    for settings in ({"k": 0}, {"memory": 0}, {"projection": -1}, {"seed": -1}):
        with pytest.raises(UsageError, match="k >= 1"):
            KNN(**settings)
