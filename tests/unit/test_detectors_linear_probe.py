"""The linear probe, against scikit-learn's own pipeline."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vadlab.detectors.linear_probe import LinearProbe
from vadlab.errors import UsageError
from vadlab.spans import windows
from vadlab.types import Features, FrameLabels, Sample, Video


def sample(
    i: int, category: str | None, *, abnormal: bool, n_frames: int = 96
) -> Sample[Features, FrameLabels]:
    rng = np.random.default_rng(i)
    spans = windows(n_frames, 16, 16)
    labels = FrameLabels.from_spans([(20, 70)] if abnormal else [], n_frames, category=category)
    values = rng.normal(size=(len(spans), 6)) * [1, 5, 0.1, 1, 1, 1] + [0, 30, 0, 0, 0, 0]
    values[:, 0] += np.array([labels.mask()[a:b].mean() for a, b in spans])
    values[:, 3] += len(category or "")
    values[:, 5] = 7  # never varies
    video = Video(f"v{i}", Path("v"), n_frames, Fraction(25), (8, 8))
    return Sample(video, spans, Features(values.astype(np.float32)), labels)


def world(*categories: str | None) -> list[Sample[Features, FrameLabels]]:
    return [sample(i, categories[i % len(categories)], abnormal=i % 3 == 0) for i in range(12)]


def oracle(x: np.ndarray, y: np.ndarray, **options: Any) -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, **options)).fit(x, y)


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("categories", [("Fire", "Falling"), ("Fire", "Falling", "Crowd")])
def test_is_scikit_learns_regression(categories: tuple[str, ...], balanced: bool) -> None:
    train = world(*categories)
    probe = LinearProbe(c=0.3, balanced=balanced).fit(train)
    x = np.concatenate([s.x.values for s in train]).astype(np.float64)
    # Of frames 20 to 70, clips 1 (12 of 16) to 3 (all) are abnormal; of clip 4 only 6 of 16 frames.
    y = np.concatenate([np.isin(np.arange(6), (1, 2, 3)) & s.y.abnormal for s in train])
    names = np.repeat([s.y.category for s in train], 6)
    options = {"C": 0.3, "class_weight": "balanced" if balanced else None}
    new = sample(99, "Fire", abnormal=True)
    scores = probe.score(Sample(new.video, new.spans, new.x, None))
    expected = oracle(x, y, **options).predict_proba(new.x.values)[:, 1]
    np.testing.assert_allclose(scores.values, expected, atol=2e-5)
    of_category = oracle(x, names, **options)
    assert scores.categories is not None and list(scores.categories.names) == of_category.classes_.tolist()
    np.testing.assert_allclose(
        scores.categories.probabilities, of_category.predict_proba(new.x.values), atol=2e-5
    )


def test_videos_without_category_teach_no_category() -> None:
    with_some = world("Fire", None, "Falling")
    known = [s for s in with_some if s.y.category]
    x = np.concatenate([s.x.values for s in known]).astype(np.float64)
    every = np.concatenate([s.x.values for s in with_some]).astype(np.float64)
    scaler = StandardScaler().fit(every)  # features are standardised by all clips
    names = np.repeat([s.y.category for s in known], 6)
    model = LogisticRegression(max_iter=2000).fit(scaler.transform(x), names)
    new = sample(99, None, abnormal=False)
    scores = LinearProbe().fit(with_some).score(Sample(new.video, new.spans, new.x, None))
    assert scores.categories is not None and scores.categories.names == ("Falling", "Fire")
    np.testing.assert_allclose(
        scores.categories.probabilities, model.predict_proba(scaler.transform(new.x.values)), atol=2e-5
    )


@pytest.mark.parametrize("categories", [("Fire",), (None,)])
def test_one_category_or_none_is_no_choice(categories: tuple[str | None]) -> None:
    train = world(*categories)
    assert LinearProbe().fit(train).score(train[0]).categories is None  # type: ignore[arg-type]


def test_share_of_abnormal_frames_that_makes_a_clip_abnormal() -> None:
    one = sample(0, None, abnormal=True)  # clips hold 0, 12, 16, 16, 6 and 0 abnormal frames
    for share, clips in {0.1: [1, 2, 3, 4], 6 / 16: [1, 2, 3, 4], 0.5: [1, 2, 3], 1.0: [2, 3]}.items():
        assert np.flatnonzero(LinearProbe(positive_share=share)._clip_labels(one)).tolist() == clips


def test_refusals() -> None:
    normal, abnormal = sample(0, None, abnormal=False), sample(1, None, abnormal=True)
    with pytest.raises(UsageError, match="6 normal, 0 abnormal"):
        LinearProbe().fit([normal])
    short = Sample(abnormal.video, abnormal.spans[1:4], Features(abnormal.x.values[1:4]), abnormal.y)
    with pytest.raises(UsageError, match="0 normal, 3 abnormal"):
        LinearProbe().fit([short])
    with pytest.raises(UsageError, match="at least one"):
        LinearProbe().fit([])
    for settings in ({"c": 0.0}, {"c": -1.0}, {"positive_share": 0.0}, {"positive_share": 1.1}):
        with pytest.raises(UsageError, match="c > 0"):
            LinearProbe(**settings)
    with pytest.raises(UsageError, match="max_iterations"):
        LinearProbe(max_iterations=0)
