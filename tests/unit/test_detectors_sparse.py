"""Sparse combination learning, against least squares and scikit-learn."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA, TruncatedSVD

from vadlab import config, training
from vadlab.detectors.sparse import Sparse, least_of_each, principal_axes
from vadlab.errors import UsageError
from vadlab.types import Sample, Video
from vadlab.video.cubes import CubeForm, moving_cubes

QUICK = {"scales": "finest", "gradients": "t", "dim": 12, "bases": 4, "motion": 1.0}


class Memory:
    def __init__(self, frames: np.ndarray):
        self.frames = frames

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self.frames)


def sample(frames: np.ndarray) -> Sample[Memory, None]:
    n, h, w, _ = frames.shape
    starts = np.arange(n)
    video = Video("v", Path("v"), n, Fraction(25), (w, h))
    return Sample(video, np.stack([starts, starts + 1], axis=1), Memory(frames), None)


def walk(n: int, *, row: int = 40, speed: int = 3, start: int = 0, height: int = 20) -> np.ndarray:
    """A grey bar that walks to the right over a black ground."""
    frames = np.zeros((n, 120, 160, 3), dtype=np.uint8)
    for t in range(n):
        left = start + speed * t
        frames[t, row : row + height, left : left + 12] = 150
    return frames


def flicker(n: int, *, row: int = 40, column: int = 70) -> np.ndarray:
    """One region full of noise."""
    frames = np.zeros((n, 120, 160, 3), dtype=np.uint8)
    spot = np.random.default_rng(0).integers(0, 256, (n, 10, 10, 1))
    frames[:, row : row + 10, column : column + 10] = spot
    return frames


def cubes_of(frames: np.ndarray, **form: Any) -> np.ndarray:
    return np.concatenate([run.x for run in moving_cubes(frames, CubeForm(**form))])


FINEST = {"sizes": ((160, 120),), "gradients": "t", "motion": 1.0}


@pytest.mark.parametrize("dictionaries", ["region", "global"])
@pytest.mark.parametrize("update", ["gradient", "closed"])
def test_training_cubes_are_explained(dictionaries: str, update: str) -> None:
    train = [sample(walk(40)), sample(walk(40, speed=2, start=30))]
    detector = Sparse(**QUICK, dictionaries=dictionaries, update=update, combinations=500).fit(train)  # type: ignore[arg-type]
    for video in train:
        scores = detector.score(video)
        assert 0 < scores.values.max() < detector.max_error
    assert detector.score(sample(flicker(12))).values.max() > 3 * detector.max_error


def test_a_score_is_the_largest_least_squares_error_of_the_frames_cubes() -> None:
    train, new = walk(40), walk(30, speed=4, start=5)
    detector = Sparse(**QUICK, dictionaries="global").fit([sample(train)])  # type: ignore[arg-type]
    known = cubes_of(train, **FINEST)
    pca = PCA(12, svd_solver="full").fit(known)
    combinations = detector.state()["combinations"]
    expected = np.zeros(26)
    for run in moving_cubes(new, CubeForm(**FINEST)):  # type: ignore[arg-type]
        reduced = (run.x - pca.mean_) @ detector.state()["axes"]
        reduced /= np.linalg.norm(reduced, axis=1, keepdims=True)
        for place, x in zip(run.place, reduced, strict=True):
            fits = [np.linalg.lstsq(s, x, rcond=None)[0] for s in combinations]
            error = min(((x - s @ b) ** 2).sum() for s, b in zip(combinations, fits, strict=True))
            expected[place] = max(expected[place], error)
    scores = detector.score(sample(new))
    np.testing.assert_allclose(scores.values, expected, atol=1e-5)
    assert scores.spans.tolist() == [[0, 5], *([t, t + 1] for t in range(5, 30))]
    # The axes are scikit-learn's, but for their signs.
    cosines = np.abs(np.sum(detector.state()["axes"].T * pca.components_, axis=1))
    np.testing.assert_allclose(cosines, 1, atol=1e-4)


@pytest.mark.parametrize("shape", [(300, 30), (20, 60)])
@pytest.mark.parametrize("centre", [True, False])
def test_pca_is_scikit_learns(centre: bool, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    x = (rng.normal(size=shape) * np.geomspace(1, 0.05, shape[1]) + 0.3).astype(np.float32)
    mean, axes, variances = principal_axes(x, 8, centre=centre)
    if centre:
        peer = PCA(8, svd_solver="full").fit(x.astype(np.float64))
        np.testing.assert_allclose(mean, peer.mean_, atol=1e-6)
        expected = peer.explained_variance_ * (len(x) - 1) / len(x)
    else:
        peer = TruncatedSVD(8, algorithm="arpack").fit(x.astype(np.float64))
        assert not mean.any()
        expected = peer.singular_values_**2 / len(x)
    np.testing.assert_allclose(variances, expected, rtol=1e-4)
    np.testing.assert_allclose(np.abs(np.sum(axes.T * peer.components_, axis=1)), 1, atol=1e-4)


def test_pca_of_few_vectors_or_none() -> None:
    x = np.random.default_rng(0).normal(size=(4, 9)).astype(np.float32)
    assert principal_axes(x, 6, centre=True)[1].shape == (9, 3)
    assert principal_axes(x, 6, centre=False)[1].shape == (9, 4)
    for few in (x[:0], np.repeat(x[:1], 3, axis=0)):
        mean, axes, variances = principal_axes(few, 6, centre=True)
        assert mean.shape == (9,) and axes.shape == (9, 0) and variances.shape == (0,)


def test_normalisations() -> None:
    train = [sample(walk(40))]
    x = cubes_of(walk(40), **FINEST)
    after = Sparse(**QUICK, normalise="pca-unit").fit(train)  # type: ignore[arg-type]
    np.testing.assert_allclose(np.linalg.norm(after._reduced(x, after.state()), axis=1), 1, rtol=1e-5)
    before = Sparse(**QUICK, normalise="unit-pca", centre=False).fit(train)  # type: ignore[arg-type]
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    np.testing.assert_allclose(
        before._reduced(7 * x, before.state()), unit @ before.state()["axes"], atol=1e-5
    )
    detector = Sparse(**QUICK, normalise="pca-zscore").fit(train)  # type: ignore[arg-type]
    zscore = detector._reduced(x, detector.state())
    np.testing.assert_allclose(zscore.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose((zscore**2).mean(axis=0), 1 / 12, rtol=1e-3)


def test_regions_know_only_their_own_motion() -> None:
    here, there = sample(walk(40)), sample(walk(40, row=80))
    by_region = Sparse(**QUICK).fit([here])  # type: ignore[arg-type]
    everywhere = Sparse(**QUICK, dictionaries="global").fit([here])  # type: ignore[arg-type]
    assert by_region.score(there).values.max() == 1
    assert everywhere.score(there).values.max() < everywhere.max_error


def test_what_stands_still_is_normal() -> None:
    detector = Sparse(**QUICK).fit([sample(walk(40))])  # type: ignore[arg-type]
    still = np.full((9, 120, 160, 3), 77, dtype=np.uint8)
    assert not detector.score(sample(still)).values.any()
    # And where all of training stood still, whatever moves is not.
    unmoved = Sparse(**QUICK).fit([sample(still)])  # type: ignore[arg-type]
    assert unmoved.score(sample(walk(12))).values.max() == 1


def test_measures_of_a_frame() -> None:
    largest = np.array([[0.0, 0.05, 0.5], [0.3, 0.01, 0.02], [0.0, 0.0, 0.04]], dtype=np.float32)
    expected = {"max": [0.5, 0.3, 0.04], "sum": [0.55, 0.33, 0.04], "votes": [3, 4, 0]}
    for measure, values in expected.items():
        found = Sparse(measure=measure)._measured(largest)  # type: ignore[arg-type]
        np.testing.assert_allclose(found, values, rtol=1e-6)
        assert found.dtype == np.float32


@pytest.mark.parametrize(("stride", "n"), [(1, 11), (2, 11), (3, 12), (5, 16), (5, 3)])
def test_spans_follow_each_other(stride: int, n: int) -> None:
    detector = Sparse(**QUICK, stride=stride).fit([sample(walk(20))])  # type: ignore[arg-type]
    spans = detector.score(sample(walk(n))).spans
    assert spans[0].tolist() == [0, min(5, n)]
    assert (spans[1:, 0] == spans[:-1, 1]).all() and (np.diff(spans[1:]) == stride).all()
    assert 0 <= n - spans[-1, 1] < stride


def test_draws_depend_on_the_seed_and_caps_hold() -> None:
    train = [sample(walk(40)), sample(walk(40, speed=2))]
    few = {"cubes_per_video": 30, "cubes_for_pca": 40}
    states = [Sparse(**QUICK, **few, seed=seed).fit(train).state() for seed in (0, 0, 1)]  # type: ignore[arg-type]
    np.testing.assert_array_equal(states[0]["axes"], states[1]["axes"])
    assert not np.array_equal(states[0]["axes"], states[2]["axes"])
    drawn, region = Sparse(**QUICK)._drawn(train[0], 30, (1, 0), {})  # type: ignore[arg-type]
    assert drawn.shape == (30, 500) and region.shape == (30,)


@pytest.mark.parametrize("dictionaries", ["region", "global"])
def test_progress_reaches_its_end_step_by_step(dictionaries: str) -> None:
    told: list[tuple[int, int]] = []
    place = training.Runtime(progress=lambda done, total, _: told.append((done, total)))
    with training.runtime(place):
        Sparse(**QUICK, dictionaries=dictionaries).fit([sample(walk(20))] * 3)  # type: ignore[arg-type]
    total = 2 * 3 + 2 + (1 if dictionaries == "global" else 192)
    assert told == [(done, total) for done in range(1, total + 1)]


def test_the_demos_recipe_is_the_demos() -> None:
    recipe = config.read_recipe(Path(__file__).parents[2] / "recipes" / "sparse-authors-demo.toml")
    detector = config.build(Sparse, recipe)
    form = detector._form()
    assert form.sizes == ((160, 120),) and form.gradients == "t" and form.blur
    assert (detector.max_error, detector.dim, detector.bases, detector.motion) == (0.21, 100, 20, 5.0)
    assert not detector.centre and detector.cubes_per_video == 10_000
    train = [sample(np.concatenate([walk(20), walk(20, row=10)]))]
    learned = detector.fit(train).state()
    np.testing.assert_array_equal(learned["mean"], 0)
    assert len(learned["counts"]) == 1  # one dictionary for all regions


def test_refusals() -> None:
    with pytest.raises(UsageError, match="at least one"):
        Sparse().fit([])
    for settings in ({"dim": 0}, {"max_error": 0.0}, {"step": -1.0}, {"motion": -1.0}, {"cubes_for_pca": 0}):
        with pytest.raises(UsageError, match="numbers of things"):
            Sparse(**settings)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="stride"):
        Sparse(stride=6)
    with pytest.raises(UsageError, match="bases < dim"):
        Sparse(dim=20)


def test_the_least_keys_of_each_kind_are_kept_in_order() -> None:
    rng = np.random.default_rng(0)
    kinds, keys = rng.integers(5, size=200), rng.random(200)
    expected = [i for i in range(200) if np.sum(keys[kinds == kinds[i]] < keys[i]) < 30]
    assert least_of_each(kinds, keys, 30).tolist() == expected and len(expected) == 150
