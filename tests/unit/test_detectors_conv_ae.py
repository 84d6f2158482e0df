"""The autoencoder's scores and loss against loops over its network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from frame_videos import noise, sample

from vadlab import config, training
from vadlab.detectors.conv_ae import ConvAE
from vadlab.errors import UsageError
from vadlab.frame_windows import FrameWindows
from vadlab.video.transform import to_grey

RECIPES = Path(__file__).parents[2] / "recipes"
SMALL = {"length": 4, "size": 24, "channels": 4, "batch": 3}
TRAIN = [noise(0, 9, 24), noise(1, 5, 24)]


def fitted(**settings: object) -> ConvAE:
    return ConvAE(**(SMALL | {"steps": 3} | settings)).fit([sample(v) for v in TRAIN])


def grey(frames: np.ndarray) -> np.ndarray:
    return np.stack([to_grey(frame) for frame in frames]).astype(np.float64) / 255


MEAN = np.concatenate([grey(v) for v in TRAIN]).mean(0)


def errors(detector: ConvAE, frames: np.ndarray) -> np.ndarray:
    """(windows, 4) absolute errors summed over pixels, window by window."""
    centred = torch.from_numpy(grey(frames) - MEAN).float()
    with torch.no_grad():
        rebuilt = [detector.network_(centred[i : i + 4][None])[0] for i in range(len(frames) - 3)]
    return np.array([(r - centred[i : i + 4]).abs().sum((1, 2)).numpy() for i, r in enumerate(rebuilt)])


def test_a_frames_error_is_the_mean_over_the_windows_that_hold_it() -> None:
    detector, new = fitted(), noise(2, 13, 24)
    scores, of_windows = detector.score(sample(new)), errors(detector, new)
    for t, value in enumerate(scores.values):
        holding = [of_windows[i, t - i] for i in range(len(of_windows)) if 0 <= t - i < 4]
        assert value == pytest.approx(np.mean(holding), rel=1e-5)
    assert scores.spans.tolist() == [[t, t + 1] for t in range(13)]


def test_first_takes_it_from_the_window_that_begins_there() -> None:
    detector, new = fitted(frame_error="first"), noise(2, 13, 24)
    of_windows = errors(detector, new)
    wanted = [*of_windows[:, 0], *of_windows[-1, 1:]]
    np.testing.assert_allclose(detector.score(sample(new)).values, wanted, rtol=1e-5)


@pytest.mark.parametrize("n", [1, 3])
def test_a_short_video_is_one_window_of_repeated_frames(n: int) -> None:
    detector, new = fitted(), noise(3, n, 24)
    repeated = np.concatenate([new, *[new[-1:]] * (4 - n)])
    scores = detector.score(sample(new))
    np.testing.assert_allclose(scores.values, errors(detector, repeated)[0, :n], rtol=1e-5)


def test_the_loss_is_half_the_sum_of_squares_a_window() -> None:
    seen: list[float] = []
    place = training.Runtime(progress=lambda done, steps, losses: seen.append(losses["loss"]))
    with training.runtime(place):
        fitted(steps=1, seed=5)
    with training.seeded(5):
        network = ConvAE(**SMALL, seed=5)._build()
    windows = FrameWindows([sample(v) for v in TRAIN], length=4, size=24, grey=True)
    batch = windows.stack(windows.by_video(training.generator(5, 0), 3, strides=(1, 2, 3)))
    x = torch.from_numpy(batch[:, :, 0] / 255 - MEAN).float()
    wanted = ((network(x) - x).detach().numpy() ** 2).sum() / 2 / 3
    assert seen == [pytest.approx(wanted, rel=1e-4)]


def test_what_it_was_trained_on_is_rebuilt_better() -> None:
    """A still picture, learned by heart, against its own mirror image."""
    rng = np.random.default_rng(0)
    picture = np.repeat(rng.integers(0, 256, (24, 24, 1), dtype=np.uint8), 3, axis=2)
    still, other = (np.stack([p] * 6) for p in (picture, picture[:, ::-1]))
    detector = ConvAE(**SMALL, steps=5).fit([sample(still)])
    assert detector.score(sample(still)).values.max() < 0.2 * detector.score(sample(other)).values.min()


@pytest.mark.parametrize(
    "wrong", [{"size": 22}, {"channels": 3}, {"length": 0}, {"batch": 0}, {"strides": (1, 0)}]
)
def test_refusals(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="conv_ae cannot work"):
        ConvAE(**(SMALL | wrong))


def test_defaults_are_the_papers() -> None:
    default = ConvAE()
    assert (default.length, default.size, default.channels, default.strides) == (10, 227, 512, (1, 2, 3))
    assert (default.learning_rate, default.batch, default.weight_decay) == (1e-3, 32, 5e-4)


@pytest.mark.parametrize("path", sorted(RECIPES.glob("conv_ae*.toml")), ids=lambda path: path.stem)
def test_recipes_keep_to_the_published_numbers(path: Path) -> None:
    settings = config.build(ConvAE, config.read_recipe(path))
    assert (settings.length, settings.size, settings.strides) == (10, 227, (1, 2, 3))
