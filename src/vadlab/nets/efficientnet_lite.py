"""EfficientNet-Lite0, an image network without squeezing and with ReLU6 throughout.

Papers: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019,
https://arxiv.org/abs/1905.11946; the Lite variant is Google's release in tensorflow/tpu (Apache-2.0), whose
table of blocks this follows. Read for facts: the names and shapes of the pinned weights (Apache-2.0); the
parameters have those names without their leading underscores.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (PyTorch's own customary name)
from torch.nn.functional import relu6

from vadlab.nets.i3d import same_padding

__all__ = ["Block", "EfficientNetLite0", "SameConv"]

EPS = 1e-3
STEM, HEAD = 32, 1280
# Repeats, kernel, stride of the first, expansion, output channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class SameConv(nn.Conv2d):
    """A convolution with TensorFlow's 'SAME' padding, whose odd pixel goes right and below."""

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, h, w) to (b, o, ceil(h / stride), ceil(w / stride))."""
        sides = zip(x.shape[2:], self.kernel_size, self.stride, strict=True)
        top_bottom, left_right = (same_padding(n, k, s) for n, k, s in sides)
        return super().forward(F.pad(x, [*left_right, *top_bottom]))


class Block(nn.Module):
    """Expansion, a convolution of each channel by itself, projection; the input is added where it fits.

    Args:
        channels: Of the input.
        out: Of the output.
        kernel: Side of the kernels.
        stride: Of the convolution.
        expand: Times as many channels within; with 1 there is no expansion.
    """

    def __init__(self, channels: int, out: int, *, kernel: int, stride: int, expand: int):
        super().__init__()
        inner = channels * expand
        self.expands, self.adds = expand > 1, stride == 1 and channels == out
        if self.expands:
            self.expand_conv = nn.Conv2d(channels, inner, 1, bias=False)
            self.bn0 = nn.BatchNorm2d(inner, eps=EPS)
        self.depthwise_conv = SameConv(inner, inner, kernel, stride, groups=inner, bias=False)
        self.bn1 = nn.BatchNorm2d(inner, eps=EPS)
        self.project_conv = nn.Conv2d(inner, out, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out, eps=EPS)

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, h, w) to (b, out, ceil(h / stride), ceil(w / stride))."""
        y = relu6(self.bn0(self.expand_conv(x))) if self.expands else x
        y = self.bn2(self.project_conv(relu6(self.bn1(self.depthwise_conv(y)))))
        out: Tensor = x + y if self.adds else y
        return out


class EfficientNetLite0(nn.Module):
    """RGB images to a map of 1,280 channels at a 32nd of the size, or to classes.

    Args:
        n_classes: Of the classifier.
    """

    channels = HEAD

    def __init__(self, n_classes: int = 1000):
        super().__init__()
        self.conv_stem = SameConv(3, STEM, 3, 2, bias=False)
        self.bn0 = nn.BatchNorm2d(STEM, eps=EPS)
        blocks, channels = [], STEM
        for repeats, kernel, stride, expand, out in STAGES:
            for i in range(repeats):
                first = stride if i == 0 else 1
                blocks.append(Block(channels, out, kernel=kernel, stride=first, expand=expand))
                channels = out
        self.blocks = nn.Sequential(*blocks)
        self.conv_head = nn.Conv2d(channels, HEAD, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(HEAD, eps=EPS)
        self.fc = nn.Linear(HEAD, n_classes)

    def features(self, pixels: Tensor) -> Tensor:
        """(b, 3, h, w) RGB in 0..255 to (b, 1280, ceil(h / 32), ceil(w / 32)), in 0..6."""
        x = relu6(self.bn0(self.conv_stem((pixels - 127) / 128)))
        features: Tensor = relu6(self.bn1(self.conv_head(self.blocks(x))))
        return features

    def forward(self, pixels: Tensor) -> Tensor:
        """(b, 3, h, w) RGB in 0..255 to logits (b, n_classes)."""
        logits: Tensor = self.fc(self.features(pixels).mean((2, 3)))
        return logits
