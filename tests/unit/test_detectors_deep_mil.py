"""DeepMIL: its bags, its losses and its spans, against loops."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from vadlab import config
from vadlab.bags import Batch, Draw
from vadlab.detectors.deep_mil import DeepMIL
from vadlab.errors import UsageError
from vadlab.spans import windows
from vadlab.types import Features, Sample, Video, VideoLabel

RECIPES = Path(__file__).parents[2] / "recipes"


def sample(n_frames: int, *, abnormal: bool = False, seed: int = 0) -> Sample[Features, VideoLabel]:
    spans = windows(n_frames, 16, 16)
    values = np.random.default_rng(seed).normal(size=(len(spans), 6)).astype(np.float32)
    values.flags.writeable = False
    video = Video("v", Path("v"), n_frames, Fraction(25), (8, 8))
    return Sample(video, spans, Features(values), VideoLabel(abnormal))


PAIR = [sample(800), sample(800, abnormal=True, seed=1)]


class Given(torch.nn.Module):
    """Gives scores whatever it is shown, and keeps what that was."""

    def __init__(self, scores: torch.Tensor):
        super().__init__()
        self.scores, self.kernel = scores, torch.nn.Parameter(torch.tensor([[3.0], [4.0]]))

    def forward(self, x: torch.Tensor, seeds: torch.Tensor | None = None) -> torch.Tensor:
        self.seen = x
        return self.scores


def losses_of(detector: DeepMIL, scores: torch.Tensor) -> dict[str, float]:
    """The losses of given scores (b, s), half of the bags abnormal."""
    n = len(scores)
    draw = Draw(PAIR, abnormal=n // 2, normal=n // 2)
    batch = Batch(
        torch.zeros(*scores.shape, 1),
        torch.ones(scores.shape, dtype=torch.bool),
        torch.arange(n) < n // 2,
        torch.arange(n),
        torch.arange(n),
        torch.zeros(n, dtype=torch.int64),
    )
    found = detector._losses(Given(scores), batch, draw)  # type: ignore[arg-type]
    return {name: float(value.detach()) for name, value in found.items()}


def test_defaults_are_the_papers() -> None:
    detector = DeepMIL()
    assert (detector.segments, detector.hidden, detector.dropout, detector.top) == (32, 512, 0.6, 1)
    assert (detector.lambda_smooth, detector.lambda_sparse, detector.lambda_weights) == (8e-5, 8e-5, 0.01)
    assert (detector.optimiser, detector.learning_rate, detector.steps) == ("adagrad", 0.001, 20_000)
    assert (detector.abnormal_per_batch, detector.normal_per_batch) == (30, 30)


@pytest.mark.parametrize("top", [1, 3, 8])
def test_losses_are_the_papers_objective(top: int) -> None:
    detector = DeepMIL(segments=8, top=top, lambda_smooth=0.5, lambda_sparse=0.25, lambda_weights=0.1)
    scores = torch.rand(6, 8, generator=torch.Generator().manual_seed(0))
    found = losses_of(detector, scores)
    f = scores.tolist()
    best = [sum(sorted(row)[-top:]) / top for row in f]
    ranking = sum(max(0.0, 1 - a + n) for a in best[:3] for n in best[3:]) / 9
    smooth = sum((row[s] - row[s + 1]) ** 2 for row in f[:3] for s in range(7)) / 3
    sparse = sum(sum(row) for row in f[:3]) / 3
    assert found["ranking"] == pytest.approx(ranking)
    assert found["smooth"] == pytest.approx(smooth) and found["sparse"] == pytest.approx(sparse)
    # The kernel (3, 4) has the norm 5.
    assert found["loss"] == pytest.approx(ranking + 0.5 * smooth + 0.25 * sparse + 0.1 * 5)


def test_the_ranking_loss_is_zero_once_separated() -> None:
    scores = torch.zeros(4, 8)
    scores[:2, 3] = 1  # one segment of each abnormal bag is enough
    assert losses_of(DeepMIL(segments=8), scores)["ranking"] == 0
    scores[3, 0] = 0.5  # and one of a normal bag too much
    assert losses_of(DeepMIL(segments=8), scores)["ranking"] == pytest.approx(0.25)


@pytest.mark.parametrize("normalise", ["segments", "clips", "none"])
def test_unit_length_after_or_before_averaging(normalise: str) -> None:
    detector = DeepMIL(segments=4, normalise=normalise)  # type: ignore[arg-type]
    x = PAIR[0].x.values[:10]
    rows, spans = detector._rows(x)
    for row, (start, stop) in zip(rows, spans, strict=True):
        clips = [c / np.linalg.norm(c) if normalise == "clips" else c for c in x[start:stop]]
        mean = sum(clips) / len(clips)
        mean = mean / np.linalg.norm(mean) if normalise == "segments" else mean
        np.testing.assert_allclose(row, mean, atol=1e-6)
    assert not detector._rows(np.zeros((3, 6), dtype=np.float32))[0].any()


@pytest.mark.parametrize("n_frames", [9, 40, 512, 530, 1600])
def test_segments_scores_cover_the_frames_of_their_clips(n_frames: int) -> None:
    detector = DeepMIL(steps=1, hidden=4).fit(PAIR)
    one = sample(n_frames)
    network = Given(torch.arange(32.0)[None])
    detector.network_ = network  # type: ignore[assignment]
    scores = detector.score(one)
    n = len(one.spans)
    for i, (span, value) in enumerate(zip(scores.spans.tolist(), scores.values, strict=True)):
        first = i * n // 32
        last = max(first + 1, (i + 1) * n // 32) - 1
        assert span == [one.spans[first, 0], one.spans[last, 1]] and value == i
        mean = one.x.values[first : last + 1].mean(axis=0)
        np.testing.assert_allclose(network.seen[0, i], mean / np.linalg.norm(mean), atol=1e-6)
    assert scores.spans.min() == 0 and scores.spans.max() == one.spans[-1, 1]


def test_gradients_reach_the_highest_segments_only() -> None:
    scores = torch.rand(4, 8, requires_grad=True)
    draw = Draw(PAIR, abnormal=2, normal=2)
    batch = Batch(
        torch.zeros(4, 8, 1),
        torch.ones(4, 8, dtype=torch.bool),
        torch.arange(4) < 2,
        torch.arange(4),
        torch.arange(4),
        torch.zeros(4, dtype=torch.int64),
    )
    found = DeepMIL(segments=8)._losses(Given(scores), batch, draw)  # type: ignore[arg-type]
    (gradient,) = torch.autograd.grad(found["ranking"], scores)
    assert ((gradient != 0) == (scores == scores.max(dim=1, keepdim=True).values)).all()
    assert (gradient[:2] <= 0).all() and (gradient[2:] >= 0).all()


def test_the_lad_authors_recipe() -> None:
    detector = config.build(DeepMIL, config.read_recipe(RECIPES / "deep_mil-lad-authors.toml"))
    scores = torch.rand(6, 32)
    found = losses_of(detector, scores)
    mean = scores.mean(dim=1)
    hinges = (1 - mean[:3, None] + mean[3:]).clamp(min=0)
    assert found["loss"] == pytest.approx(hinges.mean().item())  # no constraint, no norm
    network = detector._build(6).eval()
    x = torch.randn(2, 5, 6)
    logit = torch.logit(network(x))
    torch.testing.assert_close(torch.logit(network(x.mean(0, keepdim=True))), logit.mean(0, keepdim=True))
    assert isinstance(detector._optimiser(network), torch.optim.Adam)


def test_the_release_recipe() -> None:
    detector = config.build(DeepMIL, config.read_recipe(RECIPES / "deep_mil-authors-code.toml"))
    assert detector._rows(np.eye(64, dtype=np.float32))[1].max() == 63
    assert isinstance(detector._optimiser(detector._build(6)), torch.optim.Adagrad)
    # 0.001 w^2 on 30 times the loss: its gradient, by ours.
    assert detector.weight_decay == pytest.approx(2 * 0.001 / 30, rel=1e-3)


def test_a_bag_has_no_more_scores_than_segments() -> None:
    with pytest.raises(UsageError, match="average so many"):
        DeepMIL(segments=8, top=9)
