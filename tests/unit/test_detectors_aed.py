"""The paper's detector: windows, batches, losses, and the named deviations of the authors' release."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from vadlab.detectors import aed
from vadlab.detectors.aed import AED
from vadlab.errors import UsageError
from vadlab.evaluation.frames import to_frames
from vadlab.evaluation.rules import get
from vadlab.spans import windows
from vadlab.types import Features, FrameLabels, Sample, Video


def sample(
    n_frames: int, abnormal: tuple[int, int] | None = None, *, name: str = "v", seed: int = 0
) -> Sample[Features, FrameLabels]:
    """Row j of the features begins with the clip's number, so that windows can be recognised."""
    spans = windows(n_frames, 16, 16)
    values = np.random.default_rng(seed).normal(size=(len(spans), 32)).astype(np.float32)
    values[:, 0] = np.arange(len(spans))
    video = Video(name, Path(name), n_frames, Fraction(25), (8, 8))
    labels = FrameLabels.from_spans([abnormal] if abnormal else [], n_frames, category="Fire")
    return Sample(video, spans, Features(values), labels)


def test_defaults_are_the_papers() -> None:
    detector = AED()
    assert (detector.k, detector.hidden, detector.layers) == (5, 128, 2)
    assert (detector.lambda_category, detector.lambda_score) == (1, 10)
    assert (detector.learning_rate, detector.weight_decay) == (3e-4, 5e-4)
    assert detector.abnormal_per_batch + detector.normal_per_batch == 60
    assert detector.window_frames == 80


def test_scrambled_windows_are_those_of_the_release() -> None:
    """Twenty clips, K = 5: window 3 should hold clips 3 to 7; the release's view gives 3 7 7 11 15."""
    assert aed._scrambled(20, 5)[3].tolist() == [3, 7, 7, 11, 15]
    # Fifty clips: the first window is spread over the whole video.
    assert aed._scrambled(50, 5)[0].tolist() == [0, 10, 20, 30, 40]
    # One window only: nothing to scramble.
    assert aed._scrambled(3, 5).tolist() == [[0, 1, 2, 2, 2]]


def test_scores_cover_every_frame_of_every_clip() -> None:
    detector = AED(steps=1, hidden=4).fit([sample(200), sample(200, (16, 90), name="a")])
    scores = detector.score(sample(170))  # ten clips, ten frames over
    n_covering = np.zeros(170, dtype=int)
    for start, stop in scores.spans:
        n_covering[start:stop] += 1
    # Windows at a stride of one clip: 1, 2, .. 5 of them over a clip, then 5, then fewer.
    by_clip = [1, 2, 3, 4, 5, 5, 4, 3, 2, 1]
    assert n_covering[:160].tolist() == np.repeat(by_clip, 16).tolist()
    assert not n_covering[160:].any()
    assert scores.categories is not None
    assert scores.categories.spans.tolist() == [[16 * i, 16 * i + 80] for i in range(6)]


def test_a_window_scores_its_own_clips() -> None:
    """A network that copies its input's first number into all scores shows which clips it was given."""
    detector = AED(steps=1, hidden=4).fit([sample(200), sample(200, (16, 90), name="a")])

    class Copy(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            by_frame = x[:, :, :1].expand(-1, -1, 16).reshape(len(x), -1)
            return by_frame, torch.zeros(len(x), 1)

    detector.network_ = Copy()  # type: ignore[assignment]
    frame_scores, _ = to_frames(detector.score(sample(170)), get("strict"))
    np.testing.assert_array_equal(frame_scores[:160], np.repeat(np.arange(10), 16))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_losses_are_equations_6_to_8(reduction: str) -> None:
    detector = AED(steps=1, hidden=4, reduction=reduction, lambda_category=2.0, lambda_score=3.0)  # type: ignore[arg-type]
    pair = [sample(200), sample(200, (16, 90), name="a")]
    detector.fit(pair)
    all_windows = detector._windows(pair)
    batch = all_windows.stack(all_windows.all())
    network = detector.network_
    assert network is not None
    losses = detector._losses(network, batch, torch.device("cpu"))
    with torch.no_grad():
        scores, logits = network(torch.from_numpy(batch.features))
    target = batch.labels
    # |s - label| < 1 always, so smooth-L1 is half the squared error.
    half_squares = 0.5 * (scores.numpy() - target) ** 2
    wanted = half_squares.mean() if reduction == "mean" else half_squares.sum()
    assert losses["score"].item() == pytest.approx(wanted, rel=1e-5)
    # One category only: its probability is 1 and the cross-entropy 0.
    assert logits is not None and losses["category"].item() == pytest.approx(0, abs=1e-6)
    assert losses["loss"].item() == pytest.approx(3 * wanted, rel=1e-5)


def test_standardised_features_have_unit_moments() -> None:
    train = [sample(800, seed=1), sample(800, (16, 90), name="a", seed=2)]
    detector = AED(steps=1, hidden=4, standardise=True).fit(train)
    stacked = np.concatenate([detector._standardised(s.x.values) for s in train])
    np.testing.assert_allclose(stacked.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(stacked.std(0), 1, atol=1e-4)


def test_selection_by_validation_needs_validation_videos() -> None:
    pair = [sample(200), sample(200, (16, 90), name="a")]
    with pytest.raises(UsageError, match="validation"):
        AED(steps=1, select="val").fit(pair)
    AED(steps=1, hidden=4, select="val").fit(pair, pair)


def test_needs_both_kinds_of_video() -> None:
    with pytest.raises(UsageError, match="1 normal, 0 abnormal"):
        AED().fit([sample(200)])


def test_features_must_fill_the_map() -> None:
    video = Video("v", Path("v"), 32, Fraction(25), (8, 8))
    odd = Features(np.zeros((2, 30), dtype=np.float32))
    spans = windows(32, 16, 16)
    labels = [FrameLabels.from_spans(s, 32) for s in ([], [(0, 16)])]
    with pytest.raises(UsageError, match="multiple of 16"):
        AED().fit([Sample(video, spans, odd, y) for y in labels])
