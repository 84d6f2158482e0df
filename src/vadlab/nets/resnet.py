"""ResNet of bottlenecks: 50, 101 or 152 layers, with the customary names of the parameters.

Paper: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", CVPR 2016,
https://arxiv.org/abs/1512.03385.

Two forms are in use. Today's strides in the 3x3 convolution of a block, pads the pooling evenly and scales
pixels by mean and deviation. The authors' own, which came with Caffe, strides in the first 1x1 convolution,
pools without padding but beyond the end, and takes the mean off pixels in 0..255. Both from memory of
their published definitions.
"""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn.functional import relu

__all__ = ["DEPTHS", "Bottleneck", "ResNet"]

# Layers to the blocks of each stage.
DEPTHS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
EXPANSION = 4
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, R, G, B in 0..1


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions, added to the input or to its projection.

    Args:
        channels: Of the input.
        width: Of the 3x3 convolution; the output has 4 times as many.
        stride: Of the block.
        caffe: Strides in the first 1x1 convolution, instead of the 3x3 one.
    """

    def __init__(self, channels: int, width: int, *, stride: int, caffe: bool):
        super().__init__()
        out = EXPANSION * width
        first, second = (stride, 1) if caffe else (1, stride)
        self.conv1 = nn.Conv2d(channels, width, 1, first, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, second, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.downsample: nn.Module | None = None
        if stride > 1 or channels != out:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out)
            )

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, h, w) to (b, 4 * width, h / stride, w / stride)."""
        y = relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(relu(self.bn2(self.conv2(y)))))
        return relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """RGB images to a map of 2,048 channels at a 32nd of the size, or to classes.

    Args:
        depth: 50, 101 or 152.
        n_classes: Of the classifier.
        caffe: The form of the authors' own weights; see the module.
    """

    channels = 512 * EXPANSION

    def __init__(self, depth: int, n_classes: int = 1000, *, caffe: bool = False):
        super().__init__()
        self.caffe = caffe
        self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, padding=0 if caffe else 1, ceil_mode=caffe)
        channels = 64
        stages = []
        for i, repeats in enumerate(DEPTHS[depth]):
            width, blocks = 64 * 2**i, []
            for block in range(repeats):
                stride = 2 if i > 0 and block == 0 else 1
                blocks.append(Bottleneck(channels, width, stride=stride, caffe=caffe))
                channels = EXPANSION * width
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.fc = nn.Linear(channels, n_classes)

    def features(self, pixels: Tensor) -> Tensor:
        """(b, 3, h, w) RGB in 0..255 to (b, 2048, h / 32, w / 32), 0 or more."""
        x = self.maxpool(relu(self.bn1(self.conv1(self._scaled(pixels)))))
        features: Tensor = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return features

    def forward(self, pixels: Tensor) -> Tensor:
        """(b, 3, h, w) RGB in 0..255 to logits (b, n_classes)."""
        logits: Tensor = self.fc(self.features(pixels).mean((2, 3)))
        return logits

    def _scaled(self, pixels: Tensor) -> Tensor:
        mean, deviation = (
            rearrange(torch.tensor(of, device=pixels.device), "c -> c 1 1") for of in (MEAN, DEVIATION)
        )
        return pixels - 255 * mean if self.caffe else (pixels / 255 - mean) / deviation
