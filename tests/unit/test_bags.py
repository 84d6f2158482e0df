"""Bags: which are drawn, what they hold, and losses across them, against loops."""

from __future__ import annotations

import dataclasses
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vadlab import ranks, training
from vadlab.bags import (
    Bag,
    Batch,
    ClipBags,
    Draw,
    SegmentBags,
    across,
    hinge_over_pairs,
    segment_means,
    segments,
)
from vadlab.errors import UsageError
from vadlab.spans import windows
from vadlab.types import Features, Sample, Video, VideoLabel


def sample(n_clips: int, *, abnormal: bool = False) -> Sample[Features, VideoLabel]:
    """Row j of the features holds the clip's number, from 1, so that clips can be recognised."""
    values = np.repeat(np.arange(1, n_clips + 1, dtype=np.float32)[:, None], 3, axis=1)
    values.flags.writeable = False  # as a file that is mapped into memory
    video = Video("v", Path("v"), 16 * n_clips, Fraction(25), (8, 8))
    return Sample(video, windows(16 * n_clips, 16, 16), Features(values), VideoLabel(abnormal))


@given(n=st.integers(1, 500), count=st.integers(1, 64))
def test_segments_are_even_and_take_every_clip(n: int, count: int) -> None:
    spans = segments(n, count)
    lengths = spans[:, 1] - spans[:, 0]
    assert spans.shape == (count, 2) and spans.min() >= 0 and spans.max() == n
    if n >= count:
        assert spans[0, 0] == 0 and (spans[1:, 0] == spans[:-1, 1]).all()
        assert lengths.max() - lengths.min() <= 1
    else:
        assert (lengths == 1).all() and (np.diff(spans[:, 0]) >= 0).all()
        times = Counter(spans[:, 0].tolist())
        assert times.keys() == set(range(n)) and max(times.values()) - min(times.values()) <= 1


@pytest.mark.parametrize("n", [1, 2, 20, 31, 32, 33, 64, 100, 321])
def test_segments_of_the_release(n: int) -> None:
    """Borders round(linspace(1, n, 33)), halves up; segment i is clips b_i to b_(i+1) - 1, or b_i alone."""
    borders = [int(1 + Fraction(i * (n - 1), 32) + Fraction(1, 2)) for i in range(33)]
    spans = segments(n, 32, last_left_out=True)
    for i, (start, stop) in enumerate(spans.tolist()):
        clips = list(range(borders[i], borders[i + 1])) or [borders[i]]
        assert list(range(start + 1, stop + 1)) == clips
    if n > 32:
        assert spans.max() == n - 1  # the last clip is in none


@pytest.mark.parametrize("n", [1, 7, 31, 32, 33, 64, 75])
def test_segment_means_are_those_of_a_loop(n: int) -> None:
    values = np.random.default_rng(n).normal(size=(n, 5)).astype(np.float32)
    means = segment_means(values, segments(n, 32))
    for i in range(32):
        first, after = i * n // 32, (i + 1) * n // 32
        clips = range(first, after) if after > first else [first]
        for j in range(5):
            by_hand = sum(float(values[c, j]) for c in clips) / len(clips)
            assert means[i, j] == pytest.approx(by_hand, abs=1e-6)


def test_batches_are_balanced_and_a_function_of_the_numbers() -> None:
    videos = [sample(4, abnormal=i < 3) for i in range(10)]
    draw = Draw(videos, abnormal=7, normal=5)
    bags = draw(training.generator(3, 11))
    assert bags == Draw(videos, abnormal=7, normal=5)(training.generator(3, 11))
    assert bags != draw(training.generator(3, 12))
    assert [bag.place for bag in bags] == list(range(12))
    drawn = [bag.video for bag in bags]
    # Three abnormal videos for seven places: each twice, before one comes a third time.
    assert set(drawn[:3]) == set(drawn[3:6]) == {0, 1, 2} and drawn[6] in {0, 1, 2}
    assert len(set(drawn[7:])) == 5 and min(drawn[7:]) >= 3
    assert len({bag.seed for bag in bags}) == 12


@pytest.mark.parametrize("abnormal", [False, True])
def test_a_batch_needs_both_kinds(*, abnormal: bool) -> None:
    with pytest.raises(UsageError, match="needs normal and abnormal"):
        Draw([sample(4, abnormal=abnormal)] * 3, abnormal=1, normal=1)
    with pytest.raises(UsageError, match="1 or more"):
        Draw([sample(4), sample(4, abnormal=True)], abnormal=int(abnormal), normal=int(not abnormal))


def test_segment_bags() -> None:
    videos = [sample(64), sample(2, abnormal=True)]
    bags = SegmentBags(videos, rows=lambda values: segment_means(values, segments(len(values), 4)))
    batch = bags.stack([Bag(1, 0, 5), Bag(0, 1, 6)])
    assert batch.features[:, :, 0].tolist() == [[1, 1, 2, 2], [8.5, 24.5, 40.5, 56.5]]
    assert batch.valid.all() and batch.abnormal.tolist() == [True, False]
    assert batch.videos.tolist() == [1, 0]
    assert batch.places.tolist() == [0, 1] and batch.seeds.tolist() == [5, 6]


def test_clip_bags_are_padded_with_zeros() -> None:
    bags = ClipBags([sample(2), sample(4, abnormal=True)], limit=10)
    batch = bags.stack([Bag(1, 0, 0), Bag(0, 1, 0)])
    assert batch.features[:, :, 0].tolist() == [[1, 2, 3, 4], [1, 2, 0, 0]]
    assert batch.valid.tolist() == [[True] * 4, [True, True, False, False]]
    assert batch.abnormal.tolist() == [True, False]


@given(n=st.integers(1, 60), limit=st.integers(1, 20), seed=st.integers(0, 2**62))
def test_long_videos_give_so_many_clips(n: int, limit: int, seed: int) -> None:
    bags = ClipBags([sample(n, abnormal=True), sample(n)], limit=limit)
    spread, window = (bags.rows(Bag(video, 0, seed)) for video in (0, 1))
    for rows in (spread, window):
        assert len(rows) == min(n, limit) and rows.min() >= 0 and rows.max() < n
    assert (np.diff(window) == 1).all()
    for row, (start, stop) in zip(spread, segments(n, len(spread)), strict=True):
        assert start <= row < stop  # one of each part of the video
    np.testing.assert_array_equal(spread, bags.rows(Bag(0, 7, seed)))


def placed(places: list[int]) -> Batch:
    n = len(places)
    return Batch(
        torch.zeros(n, 1, 1),
        torch.ones(n, 1, dtype=torch.bool),
        torch.tensor(places) < 3,
        torch.tensor(places),
        torch.tensor(places),
        torch.zeros(n, dtype=torch.int64),
    )


@pytest.fixture
def draw() -> Draw:
    return Draw([sample(4, abnormal=i < 3) for i in range(6)], abnormal=3, normal=2)


def test_the_hinge_is_over_all_pairs(draw: Draw) -> None:
    values = [0.9, 0.1, 0.4, 0.3, 0.6]
    loss = hinge_over_pairs(torch.tensor(values), placed([0, 1, 2, 3, 4]), of=draw, margin=1.0)
    by_hand = sum(max(0.0, 1 - a + n) for a in values[:3] for n in values[3:]) / 6
    assert loss.item() == pytest.approx(by_hand)


def test_the_hinge_is_zero_once_separated(draw: Draw) -> None:
    values = torch.tensor([3.0, 2.5, 2.0, 0.5, 1.0], requires_grad=True)
    loss = hinge_over_pairs(values, placed([0, 1, 2, 3, 4]), of=draw, margin=1.0)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0 and values.grad is not None
    loss = hinge_over_pairs(values, placed([0, 1, 2, 3, 4]), of=draw, margin=1.01)
    assert loss.item() == pytest.approx(0.01 / 6, abs=1e-6)  # of the one pair that is nearest


def test_parts_of_a_batch_have_the_loss_and_gradient_of_the_whole(
    draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = torch.tensor([0.9, 0.1, 0.4, 0.3, 0.6], requires_grad=True)
    whole = hinge_over_pairs(values, placed([0, 1, 2, 3, 4]), of=draw, margin=1.0)
    (wanted,) = torch.autograd.grad(whole, values)
    token = training._parts.set(2)
    gradient = torch.zeros(5)
    for places in ([0, 2, 4], [1, 3]):  # as two processes hold them

        def summed(own: torch.Tensor, places: list[int] = places) -> torch.Tensor:
            others = values.detach().clone()
            others[places] = 0
            return own + others

        monkeypatch.setattr(ranks, "summed", summed)
        loss = hinge_over_pairs(values[places], placed(places), of=draw, margin=1.0)
        assert loss.item() == pytest.approx(whole.item())
        gradient += torch.autograd.grad(loss, values)[0] / 2
    training._parts.reset(token)
    torch.testing.assert_close(gradient, wanted)


def test_losses_across_bags_with_several_values(draw: Draw) -> None:
    values = torch.arange(10.0).reshape(5, 2)
    seen = []

    def loss(abnormal: torch.Tensor, normal: torch.Tensor) -> torch.Tensor:
        seen.extend([abnormal.tolist(), normal.tolist()])
        return abnormal.sum()

    found = across(values, placed([2, 4, 0, 1, 3]), of=draw, loss=loss)
    assert seen == [[[4, 5], [6, 7], [0, 1]], [[8, 9], [2, 3]]]
    assert found.item() == 23


def test_batches_move_with_all_they_hold() -> None:
    batch = placed([0, 1])
    moved = batch.to(torch.device("meta"))
    for part in dataclasses.fields(Batch):
        on = getattr(moved, part.name).device.type
        assert on == ("cpu" if part.name == "seeds" else "meta")
