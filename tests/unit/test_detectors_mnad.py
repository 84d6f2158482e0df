"""MNAD's scores against loops over its network, and what its memory does at test time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from frame_videos import moving_bar, noise, sample
from torch.nn.functional import mse_loss

from vadlab import config, training
from vadlab.detectors.mnad import MNAD
from vadlab.errors import UsageError
from vadlab.nets.mnad import updated

RECIPES = Path(__file__).parents[2] / "recipes"
SMALL = {"size": 16, "channels": 4, "items": 4, "batch": 4, "steps": 6}
TRAIN = [noise(0, 9), noise(1, 7)]
NEW = noise(2, 12)


def fitted(**settings: object) -> MNAD:
    return MNAD(**(SMALL | settings)).fit([sample(v) for v in TRAIN])


def again(detector: MNAD, **settings: object) -> MNAD:
    """The same training under other settings of the test."""
    return replace(detector, **settings).restore(detector.state())


def measured(detector: MNAD, frames: np.ndarray, *, below: float) -> np.ndarray:
    """(n - 4, 2) PSNR and compactness, frame by frame."""
    network, memory = detector.network_, detector.network_.memory
    x = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 127.5 - 1
    rows = []
    with torch.no_grad():
        for t in range(4, len(frames)):
            made, queries = network(x[t - 4 : t].reshape(1, 12, 16, 16), memory)
            error = ((made[0] + 1) / 2 - (x[t] + 1) / 2).double() ** 2
            nearest = torch.stack([memory[int((memory @ q).argmax())] for q in queries])
            rows.append((10 * np.log10(1 / float(error.mean())), float(mse_loss(queries, nearest))))
            weight = 1 - torch.exp(-error)
            if float((weight * error).sum() / weight.sum()) < below:
                memory = updated(queries, memory)
    return np.array(rows)


@pytest.fixture(scope="module")
def detector() -> MNAD:
    return fitted()


@pytest.mark.parametrize("below", [0.0, 0.01, 10.0])
def test_score_is_mixed_in_deviations_of_the_training_frames(detector: MNAD, below: float) -> None:
    known = np.concatenate([measured(detector, v, below=0) for v in TRAIN])
    new = (measured(detector, NEW, below=below) - known.mean(0)) / known.std(0)
    scores = again(detector, update_below=below).score(sample(NEW))
    np.testing.assert_allclose(scores.values, 0.4 * new[:, 1] - 0.6 * new[:, 0], rtol=1e-3, atol=1e-3)
    assert scores.spans.tolist() == [[t, t + 1] for t in range(4, 12)]


def test_the_releases_scale_is_one_less_its_normality(detector: MNAD) -> None:
    rows = measured(detector, NEW, below=0.01)
    scaled = (rows - rows.min(0)) / (rows.max(0) - rows.min(0))
    normality = 0.6 * scaled[:, 0] + 0.4 * (1 - scaled[:, 1])
    scores = again(detector, scale="video").score(sample(NEW))
    np.testing.assert_allclose(scores.values, 1 - normality, atol=1e-4)
    still = again(detector, scale="video").score(sample(np.full((8, 16, 16, 3), 90, np.uint8)))
    assert np.isfinite(still.values).all()


def test_the_memory_learns_in_training_and_stays_of_unit_length(detector: MNAD) -> None:
    with training.seeded(0):
        start = detector._build().memory
    memory = torch.from_numpy(detector.state()["network.memory"])
    assert not torch.allclose(memory, start, atol=1e-3)
    np.testing.assert_allclose(memory.norm(dim=1), 1, rtol=1e-5)


def test_updates_stop_at_the_gate(detector: MNAD) -> None:
    never, always = (again(detector, update_below=b).score(sample(NEW)).values for b in (0.0, 10.0))
    assert never[0] == always[0] and not np.allclose(never[1:], always[1:])  # a frame is scored before


def test_videos_do_not_see_each_other_unless_asked(detector: MNAD) -> None:
    alone = again(detector, update_below=10.0)
    first = alone.score(sample(NEW)).values
    alone.score(sample(noise(5, 9)))
    np.testing.assert_array_equal(alone.score(sample(NEW)).values, first)
    carried = again(detector, update_below=10.0, reset_per_video=False)
    np.testing.assert_array_equal(carried.score(sample(NEW)).values, first)
    assert not np.allclose(carried.score(sample(NEW)).values, first)
    carried.restore(carried.state())
    np.testing.assert_array_equal(carried.score(sample(NEW)).values, first)


def test_reconstruction_scores_every_frame_by_itself() -> None:
    made = fitted(task="reconstruction", update_below=0.0)
    scores = made.score(sample(NEW))
    assert scores.spans.tolist() == [[t, t + 1] for t in range(12)]
    backwards = made.score(sample(NEW[::-1])).values
    np.testing.assert_allclose(backwards, scores.values[::-1], rtol=1e-4, atol=1e-4)


def test_without_memory_the_score_is_the_psnr_alone() -> None:
    made = fitted(use_memory=False)
    assert made.state()["network.memory"].size == 0
    loud, quiet = (made._mixed(np.array([[20.0, d]]), np.array([[10.0, 0], [5, 1e-6]])) for d in (0, 9))
    assert loud == quiet == -2
    assert np.isfinite(made.score(sample(NEW)).values).all()


def test_losses_are_logged_and_weighed() -> None:
    rows: list[dict[str, float]] = []
    with training.runtime(training.Runtime(progress=lambda done, steps, losses: rows.append(losses))):
        fitted(lambda_compact=0.3, lambda_separate=0.2)
    for row in rows:
        wanted = row["pixels"] + 0.3 * row["compact"] + 0.2 * row["separate"]
        assert row["loss"] == pytest.approx(wanted, rel=1e-5)


def test_epochs_are_passes_over_all_windows() -> None:
    steps: list[int] = []
    with training.runtime(training.Runtime(progress=lambda done, all_steps, losses: steps.append(all_steps))):
        fitted(steps=0, epochs=3)
    assert steps == [6] * 6  # 5 + 3 windows in batches of 4


def test_time_has_a_direction() -> None:
    """A bar that goes right is predicted better than one that goes left."""
    made = MNAD(**(SMALL | {"steps": 120, "channels": 8, "learning_rate": 2e-3})).fit(
        [sample(moving_bar(s, 20)) for s in (0, 3)]
    )
    right, left = moving_bar(1, 20), moving_bar(1, 20)[::-1]
    assert made.score(sample(left)).values.min() > made.score(sample(right)).values.max()


@pytest.mark.parametrize("wrong", [{"size": 20}, {"items": 1}, {"context": 0}, {"batch": 0}])
def test_refusals(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="mnad cannot work"):
        MNAD(**(SMALL | wrong))


@pytest.mark.parametrize("path", sorted(RECIPES.glob("mnad*.toml")), ids=lambda path: path.stem)
def test_recipes_keep_to_the_published_numbers(path: Path) -> None:
    settings = config.build(MNAD, config.read_recipe(path))
    rebuilds = settings.task == "reconstruction"
    weights = (settings.lambda_compact, settings.lambda_separate, settings.mix, settings.update_below)
    assert weights == ((0.01, 0.01, 0.7, 0.015) if rebuilds else (0.1, 0.1, 0.6, 0.01))
    assert rebuilds == ("reconstruction" in path.name)
