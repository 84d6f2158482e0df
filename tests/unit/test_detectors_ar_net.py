"""AR-Net: its two losses against loops over clips."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vadlab import config
from vadlab.bags import Batch
from vadlab.detectors import ar_net
from vadlab.detectors.ar_net import ARNet
from vadlab.errors import UsageError
from vadlab.nets.ar_net import ARNetwork
from vadlab.spans import windows
from vadlab.types import Features, Sample, Video, VideoLabel

RECIPES = Path(__file__).parents[2] / "recipes"


def sample(n_frames: int, *, abnormal: bool = False, seed: int = 0) -> Sample[Features, VideoLabel]:
    spans = windows(n_frames, 16, 16)
    values = np.random.default_rng(seed).normal(size=(len(spans), 6)).astype(np.float32)
    values.flags.writeable = False
    video = Video("v", Path("v"), n_frames, Fraction(25), (8, 8))
    return Sample(video, spans, Features(values), VideoLabel(abnormal))


def batch_of(lengths: list[int], abnormal: list[bool], *, dim: int = 1, seed: int = 0) -> Batch:
    torch.manual_seed(seed)
    longest, n = max(lengths), len(lengths)
    valid = torch.arange(longest) < torch.tensor(lengths)[:, None]
    x = torch.rand(n, longest, dim) * valid[..., None]
    number = torch.arange(n)
    return Batch(x, valid, torch.tensor(abnormal), number, number, number)


def scores_of(batch: Batch) -> torch.Tensor:
    """Random scores, the highest where there is no clip."""
    return torch.where(batch.valid, 0.05 + 0.9 * torch.rand(batch.valid.shape), 0.99)


def test_defaults_are_the_papers() -> None:
    detector = ARNet()
    assert (detector.clips_per_top, detector.lambda_center, detector.dropout) == (4, 20, 0.7)
    assert (detector.learning_rate, detector.weight_decay) == (1e-4, 5e-4)
    assert detector.abnormal_per_batch + detector.normal_per_batch == 60
    assert detector.steps == 20 * 238 and detector.longest == 300


@settings(max_examples=30)
@given(
    lengths=st.lists(st.integers(1, 20), min_size=2, max_size=6),
    clips_per_top=st.integers(1, 6),
    seed=st.integers(0, 1000),
)
def test_the_highest_of_padded_bags_are_those_of_a_loop(
    lengths: list[int], clips_per_top: int, seed: int
) -> None:
    abnormal = [i % 2 == 0 for i in range(len(lengths))]
    batch = batch_of(lengths, abnormal, seed=seed)
    scores = scores_of(batch)
    terms = []
    for row, n, label in zip(scores.double().numpy(), lengths, abnormal, strict=True):
        k = int(np.ceil(n / clips_per_top))
        terms += [-np.log(s if label else 1 - s) for s in sorted(row[:n])[::-1][:k]]
    loss = ar_net._dynamic_mil(scores, batch, clips_per_top=clips_per_top)
    assert loss.item() == pytest.approx(np.mean(terms), rel=1e-4)


@pytest.mark.parametrize(("n", "k"), [(1, 1), (4, 1), (5, 2), (300, 75)])
def test_a_quarter_of_the_clips_rounded_up(n: int, k: int) -> None:
    scores = torch.rand(1, n, requires_grad=True)
    batch = batch_of([n], [True])
    loss = ar_net._dynamic_mil(scores, batch, clips_per_top=4)
    (gradient,) = torch.autograd.grad(loss, scores)
    assert int((gradient != 0).sum()) == k


def test_the_center_loss_is_the_variance_of_normal_videos() -> None:
    lengths, abnormal = [7, 3, 1, 5], [True, False, False, False]
    batch = batch_of(lengths, abnormal, dim=6)
    network = ARNetwork(6).eval()
    found = ARNet()._losses(network, batch)
    scores = network(batch.features).detach().double().numpy()
    by_video = [np.var(row[:n]) for row, n, a in zip(scores, lengths, abnormal, strict=True) if not a]
    assert found["center"].item() == pytest.approx(np.mean(by_video), rel=1e-4)
    assert found["loss"].item() == pytest.approx(
        found["dynamic_mil"].item() + 20 * found["center"].item(), rel=1e-6
    )


def test_the_authors_variance_is_unbiased_and_counts_padding() -> None:
    detector = config.build(ARNet, config.read_recipe(RECIPES / "ar_net-authors-code.toml"))
    batch = batch_of([7, 3, 1, 5], [True, False, False, False], dim=6)
    network = ARNetwork(6).eval()
    scores = network(batch.features).detach().double().numpy()
    found = detector._losses(network, batch)["center"].item()
    assert found == pytest.approx(np.var(scores[1:], axis=1, ddof=1).mean(), rel=1e-4)
    assert detector._losses(network, batch_of([1, 1], [True, False], dim=6))["center"].item() == 0


def test_the_center_loss_of_constant_scores_is_zero() -> None:
    batch = batch_of([7, 3], [False, False])
    scores = torch.where(batch.valid, 0.25, 0.9)
    assert ar_net._variance(scores, batch.valid).tolist() == [0, 0]


def test_the_center_loss_leaves_abnormal_videos_alone() -> None:
    batch = batch_of([7, 3], [True, False])
    scores = scores_of(batch).requires_grad_()

    class Given(torch.nn.Module):
        def forward(self, x: torch.Tensor, seeds: torch.Tensor) -> torch.Tensor:
            return scores

    found = ARNet()._losses(Given(), batch)  # type: ignore[arg-type]
    (gradient,) = torch.autograd.grad(found["center"], scores)
    assert not gradient[0].any() and gradient[1, :3].all() and not gradient[1, 3:].any()


def test_each_clip_is_scored_on_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = ARNet(steps=1).fit([sample(800), sample(800, abnormal=True, seed=1)])
    one = sample(170)
    whole = detector.score(one)
    assert whole.spans.tolist() == one.spans.tolist()
    monkeypatch.setattr(ar_net, "SCORING_BATCH", 3)
    np.testing.assert_allclose(detector.score(one).values, whole.values, rtol=1e-6)


@pytest.mark.parametrize("name", ["clips_per_top", "longest"])
def test_settings_of_zero_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="clips_per_top and longest of 1"):
        ARNet(**{name: 0})
