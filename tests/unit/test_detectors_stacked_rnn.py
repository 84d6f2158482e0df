"""The stacked RNN's scores against loops over patches, and what it was trained on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from frame_videos import noise, sample

from vadlab import config
from vadlab.detectors.stacked_rnn import StackedRNN
from vadlab.errors import UsageError, WeightsError

RECIPES = Path(__file__).parents[2] / "recipes"
SMALL = {"image_weights": "random", "size": 32, "hidden": 16, "steps": 5, "learning_rate": 0.01}
TRAIN = [noise(0, 12, 32), noise(1, 7, 32)]
NEW = noise(2, 11, 32)


def fitted(**settings: object) -> StackedRNN:
    return StackedRNN(**(SMALL | settings)).fit([sample(v) for v in TRAIN])


@pytest.fixture(scope="module")
def detector() -> StackedRNN:
    return fitted()


def errors(detector: StackedRNN, frames: np.ndarray) -> np.ndarray:
    """(n, 21) half squared errors, one frame at a time."""
    network, images = detector.network_, detector.image_network_
    carried, rows = network.beginning(21), []
    for frame in frames:
        x = torch.from_numpy(next(images.patches([frame])))
        with torch.no_grad():
            rebuilt, _, carried = network(x, carried)
        rows.append(((x - rebuilt)[0].double().numpy() ** 2).sum(axis=1) / 2)
    return np.array(rows)


def test_defaults_are_the_papers_and_the_releases() -> None:
    detector = StackedRNN()
    assert (detector.layers, detector.hidden, detector.size, detector.length) == (3, 2048, 224, 10)
    assert (detector.lambda_sparse, detector.lambda_coherent, detector.bandwidth) == (0.1, 0.1, 100)
    assert (detector.learning_rate, detector.batch, detector.steps) == (1e-4, 4, 20_000)


@pytest.mark.parametrize("output", ["ae", "tsc"])
def test_score_is_the_whole_frames_error(output: str) -> None:
    detector = fitted(output=output)
    scores = detector.score(sample(NEW))
    np.testing.assert_allclose(scores.values, errors(detector, NEW)[:, 0], rtol=1e-4)
    assert scores.spans.tolist() == [[t, t + 1] for t in range(11)]


def test_score_of_a_pyramid_is_the_mean_of_its_levels_largest_errors(detector: StackedRNN) -> None:
    other = replace(detector, patches="pyramid").restore(detector.state())
    scores = other.score(sample(NEW)).values
    by_patch = errors(other, NEW)
    wanted = [(e[0] + max(e[1:5]) + max(e[5:21])) / 3 for e in by_patch]
    np.testing.assert_allclose(scores, wanted, rtol=1e-4)


def test_a_video_begins_anew(detector: StackedRNN) -> None:
    alone = detector.score(sample(NEW)).values
    detector.score(sample(TRAIN[0]))
    np.testing.assert_array_equal(detector.score(sample(NEW)).values, alone)
    later = detector.score(sample(NEW[5:])).values
    assert not np.isclose(later[0], alone[5], rtol=1e-3), "within a video the codes are carried"


def test_only_the_dictionary_is_trained_by_tsc() -> None:
    before, after = fitted(output="tsc", steps=0).state(), fitted(output="tsc").state()
    assert sorted(before) == ["image_network", "network.A", "network.g", "network.l1", "network.l2"]
    assert [key for key in before if not np.array_equal(before[key], after[key])] == ["network.A"]
    before, after = fitted(steps=0).state(), fitted().state()
    changed = {key for key in before if not np.array_equal(before[key], after[key])}
    assert changed == {"network.A", "network.Z", "network.g", "network.l1", "network.l2"}


def test_training_lowers_the_error() -> None:
    start, end = fitted(steps=0), fitted(steps=200)
    assert errors_of(end) < 0.5 * errors_of(start)


def errors_of(detector: StackedRNN) -> float:
    detector.score(sample(TRAIN[0]))
    return float(errors(detector, TRAIN[0]).mean())


def test_other_weights_than_the_trainings_are_refused(detector: StackedRNN) -> None:
    state = detector.state()
    assert state["image_network"].tolist() == ["random, seed 0"]
    other = replace(detector, seed=1).restore(state)
    with pytest.raises(WeightsError, match="another network") as error:
        other.score(sample(NEW))
    assert "random, seed 0" in str(error.value) and "random, seed 1" in str(error.value)


def test_missing_weights_are_an_error_that_says_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VADLAB_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match="vadlab weights fetch efficientnet-lite0-imagenet"):
        StackedRNN().fit([sample(NEW)])


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(UsageError, match="cannot work"):
        StackedRNN(layers=0)
    with pytest.raises(UsageError, match="too small"):
        fitted(size=24)


@pytest.mark.parametrize("recipe", sorted(path.name for path in RECIPES.glob("stacked_rnn-*.toml")))
def test_recipes(recipe: str) -> None:
    config.build(StackedRNN, config.read_recipe(RECIPES / recipe))
