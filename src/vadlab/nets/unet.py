"""A U-Net that predicts the next frame, and the network that tells its frames from real ones.

Paper: Liu, Luo, Lian, Gao, "Future Frame Prediction for Anomaly Detection - A New Baseline", CVPR 2018,
https://arxiv.org/abs/1712.09867.
References read for facts: the authors' TensorFlow release (no licence file); PyAnomaly (Apache-2.0).
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from vadlab.nets.channels_last import channels_last

__all__ = ["PatchDiscriminator", "UNet"]


class UNet(nn.Module):
    """Stacked frames to the next, without batch norm.

    Args:
        inputs: Channels that come in, 12 for four RGB frames.
        outputs: Channels that go out.
        channels: Maps of the first level; each of three more has twice as many.
    """

    def __init__(self, inputs: int = 12, outputs: int = 3, *, channels: int = 64):
        super().__init__()
        a, b, c, d = (channels * 2**level for level in range(4))
        self.down1, self.down2, self.down3, self.bottom = (
            _block(x, y) for x, y in pairwise((inputs, a, b, c, d))
        )
        self.up3, self.after3 = nn.ConvTranspose2d(d, c, 2, stride=2), _block(d, c)
        self.up2, self.after2 = nn.ConvTranspose2d(c, b, 2, stride=2), _block(c, b)
        self.up1, self.after1 = nn.ConvTranspose2d(b, a, 2, stride=2), _block(b, a)
        self.last = nn.Conv2d(a, outputs, 3, padding=1)
        _xavier(self)

    def forward(self, x: Tensor) -> Tensor:
        """(b, inputs, h, w) -> (b, outputs, h, w) in -1..1; sides are multiples of 8."""
        x1 = self.down1(channels_last(x))
        x2 = self.down2(max_pool2d(x1, 2))
        x3 = self.down3(max_pool2d(x2, 2))
        y = torch.relu(self.up3(self.bottom(max_pool2d(x3, 2))))
        y = torch.relu(self.up2(self.after3(torch.cat([x3, y], dim=1))))
        y = torch.relu(self.up1(self.after2(torch.cat([x2, y], dim=1))))
        return torch.tanh(self.last(self.after1(torch.cat([x1, y], dim=1))))


class PatchDiscriminator(nn.Module):
    """A frame to a map of how real each patch of it looks.

    Args:
        inputs: Channels of a frame.
        channels: Maps of the first layer; the second has twice, the others four times as many.
    """

    def __init__(self, inputs: int = 3, *, channels: int = 128):
        super().__init__()
        widths = (inputs, channels, 2 * channels, 4 * channels, 4 * channels, 1)
        layers: list[nn.Module] = []
        for (a, b), stride in zip(pairwise(widths), (2, 2, 2, 1, 1), strict=True):
            layers += [
                nn.Conv2d(a, b, 4, stride=stride, padding=2, padding_mode="reflect"),
                nn.LeakyReLU(0.2),
            ]
        self.layers = nn.Sequential(*layers[:-1], nn.Sigmoid())
        _xavier(self)

    def forward(self, x: Tensor) -> Tensor:
        """(b, inputs, h, w) -> (b, 1, h', w') in 0..1, 35 x 35 of 256 x 256; sides are 10 at least."""
        maps: Tensor = self.layers(channels_last(x))
        return maps


def _block(a: int, b: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.ReLU(), nn.Conv2d(b, b, 3, padding=1), nn.ReLU())


def _xavier(network: nn.Module) -> None:
    for name, values in network.named_parameters():
        (nn.init.zeros_ if name.endswith("bias") else nn.init.xavier_uniform_)(values)
