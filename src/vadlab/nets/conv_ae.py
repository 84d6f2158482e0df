"""A convolutional autoencoder over a stack of grey frames.

Paper: Hasan, Choi, Neumann, Roy-Chowdhury, Davis, "Learning Temporal Regularity in Video Sequences",
CVPR 2016, https://arxiv.org/abs/1604.04574.
References read for facts: re-implementations of the authors' Caffe network (one Apache-2.0), which agree on
the layers.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn, tanh
from torch.nn.functional import interpolate, max_pool2d, max_unpool2d

from vadlab.nets.channels_last import channels_last

__all__ = ["SMALLEST", "ConvAENet", "Unpooling"]

SMALLEST = 23  # pixels a side, of which two poolings leave one

Unpooling = Literal["indices", "nearest"]


class ConvAENet(nn.Module):
    """A stack of frames to itself, through maps of a sixteenth of its size.

    Args:
        length: Frames in the stack, T.
        channels: Maps of the first layer; the second and third have a half and a quarter of them.
        unpooling: "indices" puts values back where the maxima were; "nearest" repeats them, another model.
    """

    def __init__(self, *, length: int = 10, channels: int = 512, unpooling: Unpooling = "indices"):
        super().__init__()
        wide, middle, narrow = channels, channels // 2, channels // 4
        self.unpooling = unpooling
        self.conv1 = nn.Conv2d(length, wide, 11, stride=4)
        self.conv2 = nn.Conv2d(wide, middle, 5, padding=2)
        self.conv3 = nn.Conv2d(middle, narrow, 3, padding=1)
        self.deconv1 = nn.ConvTranspose2d(narrow, middle, 3, padding=1)
        self.deconv2 = nn.ConvTranspose2d(middle, wide, 5, padding=2)
        self.deconv3 = nn.ConvTranspose2d(wide, length, 11, stride=4)
        for name, values in self.named_parameters():
            (nn.init.zeros_ if name.endswith("bias") else nn.init.xavier_uniform_)(values)

    def forward(self, x: Tensor) -> Tensor:
        """(b, T, h, w) -> (b, T, h, w) in -1..1; h and w are `SMALLEST` at least."""
        first = tanh(self.conv1(channels_last(x)))  # (b, 512, 55, 55) of 227 x 227
        pooled, kept1 = max_pool2d(first, 2, return_indices=True)  # 27 x 27: the last row and column go
        second = tanh(self.conv2(pooled))
        pooled, kept2 = max_pool2d(second, 2, return_indices=True)  # 13 x 13
        code = tanh(self.conv3(pooled))
        wide = self._unpooled(tanh(self.deconv1(code)), kept2, second)
        wide = self._unpooled(tanh(self.deconv2(wide)), kept1, first)
        return tanh(self.deconv3(wide, output_size=list(x.shape[-2:])))

    def _unpooled(self, x: Tensor, kept: Tensor, like: Tensor) -> Tensor:
        """To the height and width of the maps that were pooled."""
        size = list(like.shape[-2:])
        if self.unpooling == "nearest":
            return interpolate(x, size=size)
        return max_unpool2d(x, kept, [2, 2], output_size=size)
