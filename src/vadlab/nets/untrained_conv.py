"""A small image network that never learned anything, for tests and trials."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

__all__ = ["UntrainedConv"]

WIDTHS = (3, 8, 16, 32)


class UntrainedConv(nn.Module):
    """RGB images to a map of 32 channels at an eighth of the size, by three convolutions as they begin."""

    channels = WIDTHS[-1]

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise(WIDTHS):
            convolution = nn.Conv2d(before, after, 3, 2, padding=1)
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            layers += [convolution, nn.ReLU()]
        self.layers = nn.Sequential(*layers)

    def features(self, pixels: Tensor) -> Tensor:
        """(b, 3, h, w) RGB in 0..255 to (b, 32, ceil(h / 8), ceil(w / 8)), 0 or more."""
        maps: Tensor = self.layers(pixels / 127.5 - 1)
        return maps

    def forward(self, pixels: Tensor) -> Tensor:
        """The same as `features`."""
        return self.features(pixels)
