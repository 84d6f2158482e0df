"""The detector tcnn: it learns what a maximum over clips shows, and its answers are its network's."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from vadlab.detectors.tcnn import TCNN
from vadlab.errors import UsageError
from vadlab.spans import windows
from vadlab.types import Features, Sample, Video, VideoLabel

NAMES = ("Crash", "Fire", "Panic")
DIM = 12
SMALL = {"hidden": 32, "learning_rate": 3e-3, "steps": 150, "abnormal_per_batch": 9, "normal_per_batch": 9}


def sample(seed: int, category: str | None, *, abnormal: bool, n: int = 20) -> Sample[Features, VideoLabel]:
    """One clip in twenty tells the category, and another whether the video is abnormal."""
    rng = np.random.default_rng(seed)
    values = rng.uniform(0, 1, (n, DIM)).astype(np.float32)
    values[rng.integers(n), NAMES.index(category or "Fire")] = 4
    values[rng.integers(n), 5] += 4 * abnormal
    values.flags.writeable = False  # as features mapped from a file are
    video = Video(f"v{seed}", Path("v"), 16 * n, Fraction(25), (8, 8))
    return Sample(video, windows(16 * n, 16, 16), Features(values), VideoLabel(abnormal, category))


TRAIN = [sample(i, NAMES[i % 3], abnormal=i % 2 == 0) for i in range(36)]
NEW = [sample(100 + i, NAMES[i % 3], abnormal=i % 2 == 0) for i in range(18)]


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "standardised"])
def detector(request: pytest.FixtureRequest) -> TCNN:
    return TCNN(**SMALL, standardise=request.param).fit(TRAIN)  # type: ignore[arg-type]


def test_one_telling_clip_among_many_is_enough(detector: TCNN) -> None:
    """The mean over clips would bury it: 4 / 20 among noise of a deviation of 0.3 / sqrt(20)."""
    found = [detector.score(s).categories for s in NEW]
    right = [
        c.names[int(c.probabilities.argmax())] == s.y.category for c, s in zip(found, NEW, strict=True) if c
    ]
    assert np.mean(right) > 0.9
    hot = [detector.score(s).values[s.x.values[:, 5].argmax()] for s in NEW]
    abnormal = np.array([s.y.abnormal for s in NEW])
    assert np.min(np.array(hot)[abnormal]) > np.max(np.array(hot)[~abnormal])


def test_answers_are_the_networks(detector: TCNN) -> None:
    scores, network = detector.score(NEW[0]), detector.network_
    assert network is not None and scores.categories is not None
    x = torch.from_numpy(NEW[0].x.values.copy())
    with torch.no_grad():
        category, _ = network(x[None], torch.ones(1, 20, dtype=torch.bool))
        alone = [network(row[None, None], torch.ones(1, 1, dtype=torch.bool))[1] for row in x]
    np.testing.assert_allclose(scores.categories.probabilities, torch.softmax(category, 1), rtol=1e-5)
    np.testing.assert_allclose(scores.values, torch.sigmoid(torch.cat(alone)), rtol=1e-4)
    np.testing.assert_array_equal(scores.categories.spans, [[0, 320]])


def test_the_order_of_clips_does_not_matter_to_the_category(detector: TCNN) -> None:
    backwards = Sample(NEW[0].video, NEW[0].spans, Features(NEW[0].x.values[::-1].copy()), None)
    one, other = detector.score(NEW[0]), detector.score(backwards)
    assert one.categories is not None and other.categories is not None
    np.testing.assert_array_equal(one.categories.probabilities, other.categories.probabilities)
    np.testing.assert_allclose(one.values[::-1], other.values, rtol=1e-5)


def test_moments_are_those_of_the_training_clips() -> None:
    network = TCNN(**(SMALL | {"steps": 1}), standardise=True).fit(TRAIN).network_  # type: ignore[arg-type]
    clips = np.concatenate([s.x.values for s in TRAIN]).astype(np.float64)
    assert network is not None
    np.testing.assert_allclose(network.mean, clips.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(network.deviation, clips.std(axis=0), rtol=1e-5)


def test_videos_without_a_category_teach_none() -> None:
    """They may come, and their category is never learned; without any category it cannot work."""
    mixed = [
        s if i % 4 else Sample(s.video, s.spans, s.x, VideoLabel(s.y.abnormal)) for i, s in enumerate(TRAIN)
    ]
    assert TCNN(**(SMALL | {"steps": 2})).fit(mixed).categories_ == NAMES  # type: ignore[arg-type]
    nameless = [Sample(s.video, s.spans, s.x, VideoLabel(s.y.abnormal)) for s in TRAIN]
    with pytest.raises(UsageError, match="with a category"):
        TCNN(**SMALL).fit(nameless)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="one clip"):
        TCNN(clips=0)
