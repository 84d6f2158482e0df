"""C3D, eight 3x3x3 convolutions and three fully connected layers over 16 frames.

Paper: Tran, Bourdev, Fergus, Torresani and Paluri, "Learning Spatiotemporal Features with 3D Convolutional
Networks", ICCV 2015, https://arxiv.org/abs/1412.0767. Reference read for facts: the authors' Caffe release
(CC BY-NC 3.0).

What differs: nothing by default. PyTorch ports pad the last pooling by one pixel on every side, where Caffe
lets its last windows reach over the border, so that their windows lie one pixel further up and left;
`padded_pool5` does as they do.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (PyTorch's own customary name)

from vadlab.errors import UsageError

__all__ = ["C3D", "DIMS", "LAYERS", "Layer"]

Layer = Literal["pool5", "fc6", "fc7", "fc8"]
LAYERS: tuple[Layer, ...] = get_args(Layer)
DIMS: dict[Layer, int] = {"pool5": 8192, "fc6": 4096, "fc7": 4096}
"""Numbers that a layer gives; those of fc8 are the classes."""

_CLIP = (3, 16, 112, 112)
_CONVS = {
    "conv1a": (3, 64),
    "conv2a": (64, 128),
    "conv3a": (128, 256),
    "conv3b": (256, 256),
    "conv4a": (256, 512),
    "conv4b": (512, 512),
    "conv5a": (512, 512),
    "conv5b": (512, 512),
}
_POOLED = ("conv2a", "conv3b", "conv4b")  # after which space and time are halved; conv1a halves space alone


class C3D(nn.Module):
    """A clip of 16 frames to the output of a layer.

    The initialisation keeps activations of unit order for input in 0..255, so that untrained features are
    usable as random projections (He et al., ICCV 2015; the authors drew from normal distributions).

    Args:
        last: The layer that is given out; those after it are not made.
        n_classes: Of fc8 (487 in Sports-1M).
        dropout: Rate after fc6 and fc7, in training only.
        padded_pool5: Pool last as PyTorch ports do.
    """

    def __init__(
        self, last: Layer = "fc8", *, n_classes: int = 487, dropout: float = 0.5, padded_pool5: bool = False
    ) -> None:
        super().__init__()
        self.last, self.padded_pool5 = last, padded_pool5
        for name, (before, after) in _CONVS.items():
            self.add_module(name, nn.Conv3d(before, after, 3, padding=1))
        sizes = {"fc6": (8192, 4096), "fc7": (4096, 4096), "fc8": (4096, n_classes)}
        self.dense = tuple(layer for layer in LAYERS[1:] if LAYERS.index(layer) <= LAYERS.index(last))
        for name in self.dense:
            self.add_module(name, nn.Linear(*sizes[name]))
        self.dropout = nn.Dropout(dropout)
        for module in self.children():
            if isinstance(module, nn.Conv3d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(torch.as_tensor(module.bias))
        with torch.no_grad():
            self.get_submodule("conv1a").get_parameter("weight").div_(64)  # the deviation of grey levels

    def forward(self, x: Tensor) -> Tensor:
        """Clips to the output of the layer `last`, after its ReLU; fc8 has none.

        Args:
            x: (b, 3, 16, 112, 112), grey levels without their mean, blue first.

        Returns:
            (b, 8192) of pool5, channel by channel, each a 4x4 map row by row; (b, 4096); or (b, n_classes).

        Raises:
            UsageError: If a clip has another form.
        """
        if x.ndim != 5 or tuple(x.shape[1:]) != _CLIP:
            raise UsageError(
                "C3D cannot read this clip",
                expected=f"(b, {', '.join(map(str, _CLIP))})",
                found=tuple(x.shape),
            )
        for name in _CONVS:
            x = F.relu(self.get_submodule(name)(x), inplace=True)
            if name == "conv1a":
                x = F.max_pool3d(x, (1, 2, 2))
            elif name in _POOLED:
                x = F.max_pool3d(x, 2)
        x = F.max_pool3d(x, 2, padding=(0, 1, 1)) if self.padded_pool5 else F.max_pool3d(x, 2, ceil_mode=True)
        x = x.flatten(1)
        for name in self.dense:
            x = self.get_submodule(name)(x)
            if name != "fc8":
                x = F.relu(x, inplace=True)
            if name != self.last:
                x = self.dropout(x)
        return x
