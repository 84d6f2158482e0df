"""Dropout by seed: an item's mask is its own, wherever and with whatever it is computed."""

from __future__ import annotations

import pytest
import torch

from vadlab.nets.seeded_dropout import SeededDropout

SEEDS = torch.tensor([5, 2**62, 7])


def test_drops_at_its_rate_and_keeps_the_mean() -> None:
    out = SeededDropout(0.7)(torch.ones(3, 300, 40), SEEDS)
    assert sorted(set(out.flatten().tolist())) == pytest.approx([0, 1 / 0.3])
    assert (out == 0).float().mean().item() == pytest.approx(0.7, abs=0.01)
    assert out.mean().item() == pytest.approx(1, abs=0.03)


def test_masks_go_with_the_items() -> None:
    x = torch.rand(3, 50, 8) + 1
    drop = SeededDropout(0.5)
    together = drop(x, SEEDS)
    for order in ([2, 0], [1], [0, 1, 2]):
        assert torch.equal(drop(x[order], SEEDS[order]), together[order])
    assert not torch.equal(together[0] == 0, together[1] == 0)
    assert not torch.equal(together == 0, SeededDropout(0.5, number=1)(x, SEEDS) == 0)


@pytest.mark.parametrize("length", [1, 3, 17, 200])
def test_padding_changes_nothing_before_it(length: int) -> None:
    x = torch.rand(3, 300, 24) + 1
    drop = SeededDropout(0.5)
    assert torch.equal(drop(x[:, :length], SEEDS), drop(x, SEEDS)[:, :length])


def test_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    SeededDropout(0.5)(torch.ones(3, 4), SEEDS)
    assert torch.equal(torch.get_rng_state(), before)


def test_does_nothing_when_not_training() -> None:
    x = torch.rand(3, 4)
    assert torch.equal(SeededDropout(0.5).eval()(x), x)
    assert torch.equal(SeededDropout(0.0)(x), x)
    with pytest.raises(ValueError, match="seed"):
        SeededDropout(0.5)(x)
