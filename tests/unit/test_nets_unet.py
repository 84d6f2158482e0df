"""The U-Net and its discriminator: published sizes, sides of all maps, and where skips and ReLUs stand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from vadlab.nets.unet import PatchDiscriminator, UNet


def size(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_sizes_of_the_release() -> None:
    assert size(UNet()) == 7_704_195
    assert size(PatchDiscriminator()) == 6_831_489


def test_no_layer_normalises() -> None:
    kinds = {type(m) for network in (UNet(channels=4), PatchDiscriminator()) for m in network.modules()}
    assert not [kind for kind in kinds if "Norm" in kind.__name__]


def test_maps_of_the_decoder_are_skipped_ones_and_nothing_below_zero() -> None:
    torch.manual_seed(0)
    network, seen = UNet(channels=4), {}
    for name in ("down1", "down2", "down3", "bottom"):
        getattr(network, name).register_forward_hook(lambda _, x, y, name=name: seen.update({name: y}))
    for name in ("after1", "after2", "after3"):
        getattr(network, name).register_forward_pre_hook(lambda _, x, name=name: seen.update({name: x[0]}))
    made = network(torch.rand(2, 12, 32, 24) * 2 - 1)
    assert made.shape == (2, 3, 32, 24) and made.abs().max() <= 1
    shapes = {name: (maps.shape[1], maps.shape[2]) for name, maps in seen.items()}
    assert [shapes[n] for n in ("down1", "down2", "down3", "bottom")] == [(4, 32), (8, 16), (16, 8), (32, 4)]
    for level, channels in ((1, 4), (2, 8), (3, 16)):
        joined, skipped = seen[f"after{level}"], seen[f"down{level}"]
        assert torch.equal(joined[:, :channels], skipped)
        up = joined[:, channels:]
        assert up.shape == skipped.shape and up.min() == 0 and up.max() > 0  # a ReLU follows each step up


def test_patches_of_a_frame() -> None:
    network, sides = PatchDiscriminator(channels=2), []
    for layer in network.layers:
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda _, x, y: sides.append(y.shape[-1]))
    verdict = network(torch.rand(1, 3, 256, 256))
    assert sides == [129, 65, 33, 34, 35]
    assert verdict.shape == (1, 1, 35, 35) and 0 < verdict.min() < verdict.max() < 1
    assert [layer.negative_slope for layer in network.layers if isinstance(layer, nn.LeakyReLU)] == [0.2] * 4


@pytest.mark.parametrize("side", [16, 24, 40])
def test_small_frames_are_judged(side: int) -> None:
    assert PatchDiscriminator(channels=2)(torch.zeros(1, 3, side, side)).shape[:2] == (1, 1)
