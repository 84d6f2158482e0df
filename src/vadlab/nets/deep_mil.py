"""The network of DeepMIL: three fully connected layers that score each segment on its own.

Paper: Sultani, Chen and Shah, "Real-world Anomaly Detection in Surveillance Videos", CVPR 2018,
https://arxiv.org/abs/1801.04264.
References read for facts: the authors' Keras release and the LAD authors' re-run (no licence either).
"""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn

from vadlab.nets.seeded_dropout import SeededDropout

__all__ = ["DeepMILNet"]

BOTTLENECK = 32


class DeepMILNet(nn.Module):
    """Features of segments to scores in 0..1.

    Args:
        dim: Length d of a segment's features (4,096 for C3D's fc6).
        hidden: Width of the first layer; the second has 32.
        dropout: Rate after either.
        relu: Whether the first layer has a ReLU, which the LAD authors' re-run lacks; the second has none.
    """

    def __init__(self, dim: int, *, hidden: int = 512, dropout: float = 0.6, relu: bool = True):
        super().__init__()
        self.first, self.second = nn.Linear(dim, hidden), nn.Linear(hidden, BOTTLENECK)
        self.score = nn.Linear(BOTTLENECK, 1)
        self.after_first, self.after_second = (SeededDropout(dropout, number=i) for i in range(2))
        self.activation = nn.ReLU() if relu else nn.Identity()
        for layer in (self.first, self.second, self.score):
            nn.init.xavier_normal_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, seeds: Tensor | None = None) -> Tensor:
        """(b, s, d) to (b, s); `seeds` (b,) of the dropout, in training."""
        x = self.after_first(self.activation(self.first(x)), seeds)
        x = self.after_second(self.second(x), seeds)
        return torch.sigmoid(rearrange(self.score(x), "b s 1 -> b s"))
