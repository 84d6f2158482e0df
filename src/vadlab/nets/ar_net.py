"""The network of AR-Net: one hidden layer as wide as the features, each clip on its own.

Paper: Wan, Fang, Xia and Mei, "Weakly Supervised Video Anomaly Detection via Center-guided Discriminative
Learning", ICME 2020, https://arxiv.org/abs/2104.07268.
Reference read for facts: the authors' release (MIT), whose Model_single this equals.
"""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn

from vadlab.nets.seeded_dropout import SeededDropout

__all__ = ["ARNetwork"]


class ARNetwork(nn.Module):
    """Features of clips to scores in 0..1.

    Args:
        dim: Length d of a clip's features (2,048 for two-stream I3D).
        dropout: Rate after the hidden layer.
    """

    def __init__(self, dim: int, *, dropout: float = 0.7):
        super().__init__()
        self.hidden, self.score = nn.Linear(dim, dim), nn.Linear(dim, 1)
        self.dropout = SeededDropout(dropout)
        for layer in (self.hidden, self.score):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, seeds: Tensor | None = None) -> Tensor:
        """(b, t, d) to (b, t); `seeds` (b,) of the dropout, in training."""
        x = self.dropout(torch.relu(self.hidden(x)), seeds)
        return torch.sigmoid(rearrange(self.score(x), "b t 1 -> b t"))
