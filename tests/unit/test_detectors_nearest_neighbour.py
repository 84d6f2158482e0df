"""The nearest training video, against scikit-learn's classifier and a plain loop."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler, normalize

from vadlab.detectors.nearest_neighbour import NearestNeighbour
from vadlab.errors import UsageError
from vadlab.spans import windows
from vadlab.types import Features, Sample, Video, VideoLabel

NAMES = ("Fighting", "Fire", "Loitering")


def sample(seed: int, y: Any = None, n: int = 6, dim: int = 8) -> Sample[Features, Any]:
    rng = np.random.default_rng(seed)
    values = (rng.normal(size=(n, dim)) * np.geomspace(0.1, 10, dim) + 2).astype(np.float32)
    values.flags.writeable = False  # as features mapped from a file are
    video = Video(f"v{seed}", Path("v"), 16 * n, Fraction(25), (8, 8))
    return Sample(video, windows(16 * n, 16, 16), Features(values), y)


TRAIN = [sample(i, VideoLabel(i % 2 == 1, NAMES[i % 3]), n=4 + i % 3) for i in range(30)]
NEW = [sample(100 + i) for i in range(20)]


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("standardise", [False, True])
def test_categories_are_those_of_a_neighbours_classifier(k: int, *, standardise: bool) -> None:
    scaler = StandardScaler().fit(np.concatenate([s.x.values for s in TRAIN]).astype(np.float64))

    def vectors(samples: list[Sample[Features, Any]]) -> np.ndarray:
        clips = [s.x.values.astype(np.float64) for s in samples]
        return normalize([(scaler.transform(c) if standardise else c).mean(axis=0) for c in clips])

    classifier = KNeighborsClassifier(k).fit(vectors(TRAIN), [s.y.category for s in TRAIN])
    detector = NearestNeighbour(k=k, standardise=standardise).fit(TRAIN)
    found = [detector.score(s).categories for s in NEW]
    assert {c.names for c in found if c} == {tuple(classifier.classes_)}
    shares = np.concatenate([c.probabilities for c in found if c])
    np.testing.assert_allclose(shares, classifier.predict_proba(vectors(NEW)), atol=1e-6)
    assert len(set(shares.argmax(axis=1))) == 3
    np.testing.assert_array_equal([c.spans for c in found if c], [[[0, 96]]] * len(NEW))


def test_scores_are_the_differences_of_the_least_distances() -> None:
    scores = NearestNeighbour().fit(TRAIN).score(NEW[0])
    for value, clip in zip(scores.values, NEW[0].x.values.astype(np.float64), strict=True):
        least = {False: np.inf, True: np.inf}
        for s in TRAIN:
            mean = s.x.values.astype(np.float64).mean(axis=0)
            distance = np.linalg.norm(clip / np.linalg.norm(clip) - mean / np.linalg.norm(mean))
            least[s.y.abnormal] = min(least[s.y.abnormal], distance)
        assert value == pytest.approx(least[False] - least[True], abs=1e-6)


def test_a_training_video_is_its_own_nearest() -> None:
    detector = NearestNeighbour().fit(TRAIN)
    for s in TRAIN:
        categories = detector.score(s).categories
        assert categories is not None
        assert categories.names[int(categories.probabilities.argmax())] == s.y.category


def test_videos_without_a_category_have_no_vote() -> None:
    known = [s for s in TRAIN if s.y.category == "Fire"]
    rest = [Sample(s.video, s.spans, s.x, VideoLabel(s.y.abnormal)) for s in TRAIN if s.y.category != "Fire"]
    categories = NearestNeighbour().fit(known + rest).score(NEW[0]).categories
    assert categories is not None and categories.names == ("Fire",)
    assert NearestNeighbour().fit(rest).score(NEW[0]).categories is None


def test_more_neighbours_than_videos_are_all_videos() -> None:
    categories = NearestNeighbour(k=99).fit(TRAIN).score(NEW[0]).categories
    assert categories is not None
    np.testing.assert_allclose(categories.probabilities, [[1 / 3] * 3])


def test_wrong_requests_are_refused() -> None:
    with pytest.raises(UsageError, match="one neighbour"):
        NearestNeighbour(k=0)
    with pytest.raises(UsageError, match="normal and abnormal"):
        NearestNeighbour().fit([s for s in TRAIN if s.y.abnormal])
