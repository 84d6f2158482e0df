"""OGNet's two networks: a generator that rebuilds grey patches, and a discriminator of its patches.

Paper: Zaheer, Lee, Astrid, Lee, "Old is Gold: Redefining the Adversarially Learned One-Class Classifier
Training Paradigm", CVPR 2020, https://arxiv.org/abs/2004.07657.
Reference read for facts: the authors' PyTorch release (MIT). The generator neither pads nor strides: each of
its convolutions takes four pixels from a side, and each transposed one gives them back.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

__all__ = ["SMALLEST", "Discriminator", "Generator"]

KERNEL = 5
SMALLEST = 4 * (KERNEL - 1) + 1  # the side of a patch of which the encoder leaves one pixel


class Generator(nn.Module):
    """Grey patches to grey patches.

    Args:
        channels: Maps of the first layer; each of three more has twice as many.
    """

    def __init__(self, *, channels: int = 64):
        super().__init__()
        a, b, c, d = (channels * 2**level for level in range(4))
        self.encoder = nn.Sequential(
            *(nn.Conv2d(1, a, KERNEL), nn.BatchNorm2d(a), nn.ReLU()),
            *(nn.Conv2d(a, b, KERNEL), nn.BatchNorm2d(b), nn.ReLU()),
            # The release turns the order round from here on.
            *(nn.Conv2d(b, c, KERNEL), nn.ReLU(), nn.BatchNorm2d(c)),
            *(nn.Conv2d(c, d, KERNEL), nn.ReLU(), nn.BatchNorm2d(d)),
        )
        layers: list[nn.Module] = []
        for x, y in pairwise((d, c, b, a)):
            layers += [nn.ConvTranspose2d(x, y, KERNEL), nn.BatchNorm2d(y), nn.ReLU()]
        self.decoder = nn.Sequential(*layers, nn.ConvTranspose2d(a, 1, KERNEL), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        """(b, 1, s, s) -> (b, 1, s, s) in -1..1; s is `SMALLEST` at least."""
        made: Tensor = self.decoder(self.encoder(x))
        return made


class Discriminator(nn.Module):
    """Grey patches to the logit of how abnormal each is: real patches are 0, made ones 1.

    Args:
        side: Of a patch, in pixels.
        channels: Maps of the first layer; each of three more has twice as many.
    """

    def __init__(self, *, side: int = 45, channels: int = 64):
        super().__init__()
        widths = (1, *(channels * 2**level for level in range(4)))
        layers: list[nn.Module] = []
        for x, y in pairwise(widths):
            layers += [nn.Conv2d(x, y, KERNEL, stride=2, padding=2), nn.BatchNorm2d(y), nn.ReLU()]
            side = -(-side // 2)
        del layers[-2]  # the last layer has no batch norm
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * side**2, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(b, 1, side, side) -> (b,)."""
        logits: Tensor = self.layers(x)
        return logits[:, 0]
