"""RTFM: magnitudes, the bags' representatives, and both forms of its losses, against loops."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from vadlab import config
from vadlab.bags import Batch, Draw
from vadlab.detectors.rtfm import RTFM
from vadlab.errors import UsageError
from vadlab.spans import windows
from vadlab.types import Features, Sample, Video, VideoLabel

RECIPES = Path(__file__).parents[2] / "recipes"


def sample(n_frames: int, *, abnormal: bool = False, dim: int = 8) -> Sample[Features, VideoLabel]:
    spans = windows(n_frames, 16, 16)
    values = np.random.default_rng(n_frames).normal(size=(len(spans), dim)).astype(np.float32)
    values.flags.writeable = False
    video = Video("v", Path("v"), n_frames, Fraction(25), (8, 8))
    return Sample(video, spans, Features(values), VideoLabel(abnormal))


PAIR = [sample(800), sample(640, abnormal=True)]


class Given(torch.nn.Module):
    """Takes its input for features, and scores it as told."""

    def __init__(self, scores: torch.Tensor):
        super().__init__()
        self.scores = scores

    def forward(self, x: torch.Tensor, seeds: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x, torch.logit(self.scores)


def losses_of(detector: RTFM, features: torch.Tensor, scores: torch.Tensor) -> dict[str, float]:
    """The losses of features (b, s, d) and scores (b, s), half of the bags abnormal."""
    n = len(scores)
    draw = Draw(PAIR, abnormal=n // 2, normal=n // 2)
    batch = Batch(
        features,
        torch.ones(scores.shape, dtype=torch.bool),
        torch.arange(n) < n // 2,
        torch.arange(n),
        torch.arange(n),
        torch.arange(n),
    )
    found = detector._losses(Given(scores), batch, draw)  # type: ignore[arg-type]
    return {name: float(value.detach()) for name, value in found.items()}


@pytest.fixture
def features() -> torch.Tensor:
    return torch.randn(6, 8, 5, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def scores() -> torch.Tensor:
    return 0.05 + 0.9 * torch.rand(6, 8, generator=torch.Generator().manual_seed(1))


def representatives(features: torch.Tensor, *, top: int) -> list[list[int]]:
    """Of each bag, the segments with the longest features."""
    return [
        sorted(range(len(bag)), key=lambda s: sum(v * v for v in bag[s]), reverse=True)[:top]
        for bag in features.tolist()
    ]


def test_defaults_are_the_papers() -> None:
    detector = RTFM()
    assert (detector.segments, detector.top, detector.margin) == (32, 3, 100)
    assert (detector.hidden, detector.dropout) == (512, 0.7)
    assert detector.lambda_magnitude == 1 / detector.margin
    assert (detector.learning_rate, detector.weight_decay) == (1e-3, 5e-4)
    assert (detector.abnormal_per_batch, detector.normal_per_batch) == (32, 32)


def test_losses_of_the_paper(features: torch.Tensor, scores: torch.Tensor) -> None:
    detector = RTFM(segments=8, margin=1.5, lambda_magnitude=0.5, lambda_smooth=0.3, lambda_sparse=0.2)
    found = losses_of(detector, features, scores)
    x, f = features.double().numpy(), scores.double().numpy()
    chosen = representatives(features, top=3)
    length = [np.mean([np.linalg.norm(x[b, s]) for s in chosen[b]]) for b in range(6)]
    hinge = np.mean([max(0, 1.5 - length[a] + length[n]) for a in range(3) for n in range(3, 6)])
    entropy = np.mean([-np.log(f[b, s] if b < 3 else 1 - f[b, s]) for b in range(6) for s in chosen[b]])
    smooth = np.mean([np.sum((f[b, 1:] - f[b, :-1]) ** 2) for b in range(3)])
    sparse = np.mean([f[b].sum() for b in range(3)])
    assert found["magnitude"] == pytest.approx(hinge, rel=1e-5)
    assert found["classification"] == pytest.approx(entropy, rel=1e-5)
    assert found["smooth"] == pytest.approx(smooth, rel=1e-5)
    assert found["sparse"] == pytest.approx(sparse, rel=1e-5)
    assert found["loss"] == pytest.approx(entropy + 0.5 * hinge + 0.3 * smooth + 0.2 * sparse, rel=1e-5)


def test_the_magnitude_loss_is_zero_once_separated(scores: torch.Tensor) -> None:
    features = torch.zeros(6, 8, 5)
    features[:3, 2:5, 0] = 100  # three segments of each abnormal bag are enough
    assert losses_of(RTFM(segments=8), features, scores)["magnitude"] == 0
    features[3, 0, 1] = 30  # one segment of one normal bag, of which three are averaged
    assert losses_of(RTFM(segments=8), features, scores)["magnitude"] == pytest.approx(10 / 3)


def test_the_worst_mistakes_are_learned_from() -> None:
    """A normal clip whose score rounds to 1: its loss is its logit, and so large is its gradient."""
    logits = torch.tensor([[-40.0, 0.0], [40.0, 40.0]], requires_grad=True)
    seeds = torch.arange(2)
    batch = Batch(torch.ones(2, 2, 4), torch.ones(2, 2, dtype=torch.bool), seeds < 1, seeds, seeds, seeds)

    def network(x: torch.Tensor, seeds: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x, logits

    draw = Draw(PAIR, abnormal=1, normal=1)
    found = RTFM(segments=2, top=2)._losses(network, batch, draw)["classification"]  # type: ignore[arg-type]
    assert found.item() == pytest.approx((40 + np.log(2) + 40 + 40) / 4)
    (gradient,) = torch.autograd.grad(found, logits)
    assert gradient.flatten().tolist() == pytest.approx([-0.25, -0.125, 0.25, 0.25])


def test_losses_of_the_release(features: torch.Tensor, scores: torch.Tensor) -> None:
    recipe = config.read_recipe(RECIPES / "rtfm-authors-code.toml")
    # Dropout of the competing magnitudes has a test of its own.
    detector = config.build(RTFM, recipe | {"segments": 8, "margin": 1.5, "dropout": 0.0})
    found = losses_of(detector, features, scores)
    x, f = features.double().numpy(), scores.double().numpy()
    chosen = representatives(features, top=3)
    length = [np.linalg.norm(np.mean([x[b, s] for s in chosen[b]], axis=0)) for b in range(6)]
    squared = np.mean([(abs(1.5 - length[b]) + length[b + 3]) ** 2 for b in range(3)])
    bag = [np.mean([f[b, s] for s in chosen[b]]) for b in range(6)]
    entropy = np.mean([-np.log(bag[b] if b < 3 else 1 - bag[b]) for b in range(6)])
    # The abnormal bags one after the other, as one long video.
    row = [score for bag in f[:3] for score in bag]
    smooth = sum((after - before) ** 2 for before, after in pairwise(row))
    sparse = np.sqrt(sum(score**2 for score in row))
    assert found["magnitude"] == pytest.approx(squared, rel=1e-5)
    assert found["classification"] == pytest.approx(entropy, rel=1e-5)
    assert found["smooth"] == pytest.approx(smooth, rel=1e-5)
    assert found["sparse"] == pytest.approx(sparse, rel=1e-5)
    assert found["loss"] == pytest.approx(entropy + 1e-4 * squared + 8e-4 * smooth + 8e-3 * sparse, rel=1e-5)


def test_magnitudes_drop_out_of_the_release_s_competition() -> None:
    """Only one segment has a score that is not 0.5; where its magnitude drops out, another is taken."""
    features, scores = torch.ones(2, 8, 5), torch.full((2, 8), 0.5)
    features[:, 4], scores[:, 4] = 10, 0.9
    alone = RTFM(segments=8, top=1, authors_losses=True, dropout=0.0)
    assert losses_of(alone, features, scores)["classification"] == pytest.approx(
        -(np.log(0.9) + np.log(0.1)) / 2
    )
    often = RTFM(segments=8, top=1, authors_losses=True, dropout=0.999)
    assert losses_of(often, features, scores)["classification"] == pytest.approx(-np.log(0.5))


def test_all_clips_of_a_video_are_scored_together() -> None:
    detector = RTFM(steps=2, hidden=4, abnormal_per_batch=2, normal_per_batch=2).fit(PAIR)
    one = sample(330)
    scores = detector.score(one)
    assert scores.spans.tolist() == one.spans.tolist()
    shorter = Sample(one.video, one.spans[:10], Features(one.x.values[:10].copy()), None)
    # The attention looks at all clips, so those that are gone change the first one's score.
    assert detector.score(shorter).values[0] != scores.values[0]


def test_settings_that_fit_no_batch_are_refused() -> None:
    with pytest.raises(UsageError, match="choose so many"):
        RTFM(segments=2)
    with pytest.raises(UsageError, match="one by one"):
        RTFM(authors_losses=True, normal_per_batch=3)
    with pytest.raises(UsageError, match="multiple of 4"):
        RTFM().fit([sample(80, dim=6), sample(80, dim=6, abnormal=True)])
