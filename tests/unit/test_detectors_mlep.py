"""Losses against loops, which clips are drawn at each label level, and the scores."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from frame_videos import noise, sample
from torch import nn

from vadlab import config, training
from vadlab.detectors.mlep import MLEP, Few, Pick, Triplet, clip_normality, margin_losses, turned
from vadlab.errors import UsageError
from vadlab.frame_windows import FrameWindow, FrameWindows
from vadlab.nets.mlep import MLEPNet
from vadlab.types import FrameLabels, Supervision, VideoLabel

RECIPES = Path(__file__).parents[2] / "recipes"
SMALL = {"size": 8, "channels": 1, "steps": 3, "tune_steps": 3}
MASK = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0], dtype=bool)


def videos(level: str) -> list:
    """Two normal videos and two abnormal ones, labelled as far as the level allows."""
    if level == "none":
        return [sample(noise(i, 12)) for i in range(2)]
    made = []
    for i in range(4):
        mask = MASK & (i >= 2)
        y = FrameLabels.from_mask(mask) if level == "frame" else VideoLabel(bool(mask.any()))
        made.append(dataclasses.replace(sample(noise(i, 12)), y=y))
    return made


def clips_of(k: int) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (k, 2, 5, 3, 8, 8), dtype=np.uint8))


def network_of() -> MLEPNet:
    with training.seeded(0):
        return MLEPNet(channels=1)


@pytest.mark.parametrize("margin", [1.0, 0.0])
def test_losses_are_those_of_plain_loops(margin: float) -> None:
    network, clips = network_of(), clips_of(3)
    normality = np.array([[1.0, 0.7], [0.2, 0.4]])
    found = margin_losses(
        network, clips, torch.tensor(normality, dtype=torch.float32), margin=margin, weight=0.5
    )
    absolute, embedded = np.zeros((3, 2)), []
    for kind, clip in enumerate(clips):
        frames = torch.from_numpy(clip).float() / 127.5 - 1
        with torch.no_grad():
            made, h = network(frames[:, :4])
        absolute[kind] = (made - frames[:, 4]).abs().mean((1, 2, 3)).numpy()
        embedded.append(h.double().numpy())
    a, p, n = embedded
    gap = margin + np.mean((a - p) ** 2) - np.mean((a - n) ** 2)  # over the batch and all elements
    hinge = np.abs(normality[0] - normality[1]).mean() * max(0.0, gap)
    assert found["margin"].item() == pytest.approx(hinge, abs=1e-6)
    assert found["positive"].item() == pytest.approx((normality[0] * absolute[1]).mean(), rel=1e-5)
    wanted = absolute[0].mean() + (normality[0] * absolute[1]).mean() + 0.5 * hinge
    assert found["loss"].item() == pytest.approx(wanted, rel=1e-5)


class Flat(nn.Module):
    """Embeds a clip as the level of its first frame, and predicts black."""

    def forward(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        level = frames[:, 0, :1, :4, :4] * 127.5
        return torch.zeros_like(frames[:, -1]), level


def test_the_margin_loss_is_zero_once_kinds_are_apart() -> None:
    def level(value: int) -> np.ndarray:
        return np.full((2, 5, 3, 8, 8), value, dtype=np.uint8)

    kinds = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    for negative, wanted in ((100, 1.0 + 4), (102, 1.0 + 4 - 4), (103, 0.0), (120, 0.0)):
        losses = margin_losses(
            Flat(), (level(100), level(98), level(negative)), kinds, margin=1.0, weight=1.0
        )
        assert losses["margin"].item() == pytest.approx(wanted, abs=1e-3)


def test_the_negatives_prediction_is_not_trained() -> None:
    network, clips = network_of(), clips_of(3)
    kinds = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    before = margin_losses(network, clips, kinds, margin=1.0, weight=1.0)["loss"]
    clips[2][:, -1] = 255 - clips[2][:, -1]  # the frame to be predicted
    assert torch.equal(margin_losses(network, clips, kinds, margin=1.0, weight=1.0)["loss"], before)
    clips[2][:, 0] = 0
    assert not torch.equal(margin_losses(network, clips, kinds, margin=1.0, weight=1.0)["loss"], before)


def test_a_clip_is_normal_if_half_of_it_is() -> None:
    labels = FrameLabels.from_mask(MASK)
    slow = [float(sum(not m for m in MASK[i : i + 4]) >= 2) for i in range(9)]
    assert clip_normality(labels, 4).tolist() == slow
    slow = [float(sum(not m for m in MASK[i : i + 5]) >= 3) for i in range(8)]
    assert clip_normality(labels, 5).tolist() == slow
    assert clip_normality(FrameLabels.from_mask(MASK[6:9]), 5).tolist() == [0.0]


def few_of(level: str, *, reverse: bool = False) -> Few:
    abnormal = videos(level)[2:]
    return Few(FrameWindows(abnormal, length=5, size=8, grey=False), abnormal, reverse=reverse)


def test_clips_are_of_the_kind_that_is_wanted() -> None:
    few, rng = few_of("frame"), np.random.default_rng(0)
    seen: list[set[int]] = [set(), set()]
    for step in range(60):
        triplets = few.triplets(step, [FrameWindow(0, 0)] * 2, rng)
        clips, normality = few.clips(triplets)
        assert normality.tolist() == [[1.0, 1.0], [0.0, 0.0]]
        for kind, of in enumerate(clips):
            for clip in of:
                where = [
                    i for i in range(16) if (few.windows.stack([few.windows.window(i)])[0] == clip).all()
                ]
                seen[kind].update(where)
    wanted = np.concatenate([clip_normality(FrameLabels.from_mask(MASK), 5)] * 2)
    assert [sorted(s) for s in seen] == [np.flatnonzero(wanted == k).tolist() for k in (1, 0)]


def test_reversed_clips_have_their_frames_the_other_way_round() -> None:
    (clips,) = clips_of(1)
    found = turned(clips, [True, False])
    assert np.array_equal(found[0], clips[0][::-1]) and np.array_equal(found[1], clips[1])
    few = few_of("frame")
    pick = Pick(0, 0.3, backwards=False)
    flipped = dataclasses.replace(pick, backwards=True)
    forth, back = (few.clips([Triplet(0, FrameWindow(0, 0), False, p, p)])[0] for p in (pick, flipped))
    assert np.array_equal(forth[0][0], back[0][0][::-1])
    drawn = few_of("frame", reverse=True).triplets(0, [FrameWindow(0, 0)] * 300, np.random.default_rng(0))
    assert 100 < sum(t.backwards for t in drawn) < 200


def test_measured_normality_spans_each_video() -> None:
    few = few_of("video")
    levels = np.arange(16.0) ** 2
    rows = iter(range(0, 16, 4))
    few.measure(lambda windows: levels[(at := next(rows)) : at + len(windows)])
    wanted = [(v - v[0]) / (v[-1] - v[0]) for v in (levels[:8], levels[8:])]
    np.testing.assert_allclose(few.normality, np.concatenate(wanted), rtol=1e-6)
    pick = Pick(1, 0.999, backwards=False)
    _, normality = few.clips([Triplet(0, FrameWindow(0, 0), False, pick, pick)])
    assert normality[0, 0] == 1 and normality[1, 0] == max(w for w in wanted[1] if w < 0.5)


@pytest.mark.parametrize(
    ("level", "supervision", "steps", "kinds"),
    [
        ("none", Supervision.UNSUPERVISED, 3, [{"loss"}] * 3),
        ("frame", Supervision.FULL, 3, [{"loss", "anchor", "positive", "margin"}] * 3),
        ("video", Supervision.WEAK, 6, [{"loss"}] * 3 + [{"loss", "anchor", "positive", "margin"}] * 3),
    ],
)
def test_what_each_level_learns(
    level: str, supervision: Supervision, steps: int, kinds: list[set[str]]
) -> None:
    rows: list[dict[str, float]] = []
    detector = MLEP(labels=level, **SMALL)
    assert detector.supervision is supervision
    with training.runtime(training.Runtime(progress=lambda done, total, losses: rows.append(losses))):
        detector.fit(videos(level))
    assert [set(row) for row in rows] == kinds and len(rows) == steps
    again = MLEP(labels=level, **SMALL).fit(videos(level)).state()
    assert all((again[k] == v).all() for k, v in detector.state().items())


def test_score_is_the_psnr_with_its_sign_turned() -> None:
    detector, new = MLEP(labels="none", **SMALL).fit(videos("none")), noise(9, 13, side=8)
    scores = detector.score(sample(new))
    assert scores.spans[:, 0].tolist() == list(range(4, 13))
    x = torch.from_numpy(new).permute(0, 3, 1, 2).float() / 127.5 - 1
    for (start, _), value in zip(scores.spans.tolist(), scores.values, strict=True):
        with torch.no_grad():
            made = detector.network_(x[start - 4 : start][None])[0][0]
        squared = (((made - x[start]) / 2).double() ** 2).mean().item()
        assert value == pytest.approx(10 * np.log10(squared), rel=1e-4)

    early = dataclasses.replace(detector, authors_alignment=True).restore(detector.state())
    found = early.score(sample(new))
    assert found.spans[:, 0].tolist() == list(range(13))
    # Clips begin at 0, 5 and 8; the last one's value is the last frame's.
    wanted = np.interp(np.arange(13), [0, 5, 12], scores.values[[0, 5, 8]])
    np.testing.assert_allclose(found.values, wanted, rtol=1e-5)


def test_missing_kinds_are_refused() -> None:
    with pytest.raises(UsageError, match="needs abnormal"):
        MLEP(labels="video", **SMALL).fit(videos("video")[:2])
    with pytest.raises(UsageError, match="needs normal"):
        MLEP(labels="frame", **SMALL).fit(videos("frame")[2:])


@pytest.mark.parametrize("wrong", [{"size": 10}, {"size": 4}, {"context": 0}, {"strides": (0,)}])
def test_refusals(wrong: dict) -> None:
    with pytest.raises(UsageError, match="mlep cannot work"):
        MLEP(**(SMALL | wrong))


@pytest.mark.parametrize("path", sorted(RECIPES.glob("mlep*.toml")), ids=lambda path: path.stem)
def test_recipes_keep_to_the_published_numbers(path: Path) -> None:
    settings, paper = config.build(MLEP, config.read_recipe(path)), MLEP()
    for name in ("context", "margin", "lambda_margin", "batch", "learning_rate"):
        assert getattr(settings, name) == getattr(paper, name), name
