"""ToI-C3D, a re-implementation of TCNN as a classifier of videos: features of all clips, pooled into one.

Papers: Hou, Chen and Shah, "Tube Convolutional Neural Network (T-CNN) for Action Detection in Videos", ICCV
2017, https://arxiv.org/abs/1703.10664, for tube-of-interest pooling and C3D's layers; Sultani, Chen and Shah,
CVPR 2018, https://arxiv.org/abs/1801.04264, for its use on whole videos. No reference code was read.

What differs: the convolutions are those of the features that it is given, and are not trained. On C3D's pool5
this is the pooling of the paper with the whole frame as the tube, but for the cut of a 7x7 map into 4x4 bins,
which is pool5's own. Beside the network stands a linear output on the pooled features, which tells whether
they are abnormal; it shares no parameter with the categories, which are those of a network without it.
"""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn

from vadlab.nets.seeded_dropout import SeededDropout

__all__ = ["TCNNNet", "tube_pool"]


def tube_pool(x: Tensor, valid: Tensor) -> Tensor:
    """The largest value of each feature over the clips of a tube.

    Args:
        x: (b, t, d).
        valid: (b, t) bool, whether there is such a clip; one at least in each row.

    Returns:
        (b, d).
    """
    return x.masked_fill(~rearrange(valid, "b t -> b t 1"), -torch.inf).amax(dim=1)


class TCNNNet(nn.Module):
    """Features of a video's clips to logits of its category and of its being abnormal.

    Args:
        dim: Length d of a clip's features (8,192 for C3D's pool5).
        n_categories: C.
        hidden: Width of fc6 and fc7.
        dropout: Rate after either.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, dim: int, n_categories: int, *, hidden: int = 4096, dropout: float = 0.5):
        super().__init__()
        # Shifting and scaling a feature by positive numbers commutes with taking its maximum.
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("deviation", torch.ones(dim))
        self.fc6, self.fc7 = nn.Linear(dim, hidden), nn.Linear(hidden, hidden)
        self.category, self.abnormal = nn.Linear(hidden, n_categories), nn.Linear(dim, 1)
        self.after_fc6, self.after_fc7 = (SeededDropout(dropout, number=i) for i in range(2))

    def forward(self, x: Tensor, valid: Tensor, seeds: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(b, t, d) and (b, t) bool to logits (b, C) and (b,); `seeds` (b,) of the dropout, in training."""
        pooled = (tube_pool(x, valid) - self.mean) / self.deviation
        x = self.after_fc6(torch.relu(self.fc6(pooled)), seeds)
        x = self.after_fc7(torch.relu(self.fc7(x)), seeds)
        return self.category(x), rearrange(self.abnormal(pooled), "b 1 -> b")
