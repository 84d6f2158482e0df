"""OGNet's networks: published sizes, sides of all maps, and what stands where."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from vadlab.nets.ognet import SMALLEST, Discriminator, Generator


def size(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def sides(network: nn.Module, side: int) -> list[int]:
    """Of the maps after each convolution."""
    found: list[int] = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.register_forward_hook(lambda _, x, y: found.append(y.shape[-1]))
    network(torch.zeros(2, 1, side, side))
    return found


def kinds(layers: nn.Sequential) -> str:
    """A letter a layer: Convolution, Transposed one, Batch norm, ReLU, tanH."""
    letters = {"Conv2d": "C", "ConvTranspose2d": "T", "BatchNorm2d": "B", "ReLU": "R", "Tanh": "H"}
    return "".join(letters.get(type(layer).__name__, "-") for layer in layers)


def test_sizes_of_the_release() -> None:
    assert size(Generator()) == 8_609_025
    assert size(Discriminator()) == 4_308_865


def test_the_generator_neither_pads_nor_strides() -> None:
    assert sides(Generator(channels=2), 45) == [41, 37, 33, 29, 33, 37, 41, 45]
    network = Generator(channels=2)
    # The last two encoder layers normalise after the ReLU, unlike the first two.
    assert kinds(network.encoder) == "CBRCBRCRBCRB"
    assert kinds(network.decoder) == "TBRTBRTBRTH"


def test_the_discriminator_halves_and_does_not_normalise_last() -> None:
    assert sides(Discriminator(channels=2), 45) == [23, 12, 6, 3]
    assert kinds(Discriminator(channels=2).layers) == "CBRCBRCBRCR--"


@pytest.mark.parametrize("side", [SMALLEST, 24, 31])
def test_other_patches(side: int) -> None:
    x = torch.rand(3, 1, side, side) * 2 - 1
    made = Generator(channels=2)(x)
    assert made.shape == x.shape and made.abs().max() <= 1
    assert Discriminator(side=side, channels=2)(made).shape == (3,)


def test_a_pixel_sees_sixteen_on_each_side_and_no_more() -> None:
    """8 valid convolutions of 5 reach 16 pixels; pooling or striding would reach further."""
    torch.manual_seed(0)
    network = Generator(channels=8).double().eval()
    x = torch.rand(1, 1, 45, 45, dtype=torch.float64, requires_grad=True)
    network(x)[0, 0, 22, 22].backward()
    seen = np.argwhere(x.grad[0, 0].numpy() != 0)
    assert seen.min(axis=0).tolist() == [6, 6] and seen.max(axis=0).tolist() == [38, 38]
