"""The network of RTFM: features that know their neighbours and the whole video, and a logit of each.

Paper: Tian et al., "Weakly-supervised Video Anomaly Detection with Robust Temporal Feature Magnitude
Learning", ICCV 2021, https://arxiv.org/abs/2101.10030.
Reference read for facts: the authors' release (no licence). Layers are the release's, normalisation and
biases included; its attention, a product without a softmax, is computed in an order whose memory grows with
the length of a video, not with its square.
"""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn

from vadlab.nets.seeded_dropout import SeededDropout

__all__ = ["Attention", "RTFMNet", "TemporalNet"]

DILATIONS = (1, 2, 4)
SECOND = 128


class Attention(nn.Module):
    """What each position takes from all: x + BN(W y), y_i = the mean over j of <theta x_i, phi x_j> g x_j.

    The last normalisation begins at zero, so that an untrained block changes nothing.

    Args:
        channels: Of the input; half as many within.
    """

    def __init__(self, channels: int):
        super().__init__()
        inner = max(1, channels // 2)
        self.theta, self.phi, self.g = (nn.Conv1d(channels, inner, 1) for _ in range(3))
        self.out, self.norm = nn.Conv1d(inner, channels, 1), nn.BatchNorm1d(channels)
        nn.init.zeros_(self.norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, t) to the same."""
        theta, phi, g = self.theta(x), self.phi(x), self.g(x)
        together = torch.einsum("bct,bet->bce", phi, g) / x.shape[2]
        taken: Tensor = self.norm(self.out(torch.einsum("bct,bce->bet", theta, together)))
        return x + taken


class TemporalNet(nn.Module):
    """Three dilated convolutions and an attention over time, side by side, fused and added to the input.

    Args:
        dim: Length d of a feature, a multiple of 4: each of the four gives a quarter of it.
    """

    def __init__(self, dim: int):
        super().__init__()
        quarter = dim // 4
        self.pyramid = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(dim, quarter, 3, padding=dilation, dilation=dilation),
                nn.ReLU(),
                nn.BatchNorm1d(quarter),
            )
            for dilation in DILATIONS
        )
        self.reduce = nn.Sequential(nn.Conv1d(dim, quarter, 1, bias=False), nn.ReLU())
        self.attention = Attention(quarter)
        self.fuse = nn.Sequential(
            nn.Conv1d(dim, dim, 3, padding=1, bias=False), nn.ReLU(), nn.BatchNorm1d(dim)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(b, t, d) to the same."""
        x = rearrange(x, "b t d -> b d t")
        local = [level(x) for level in self.pyramid]
        fused: Tensor = self.fuse(torch.cat([*local, self.attention(self.reduce(x))], dim=1))
        return rearrange(x + fused, "b d t -> b t d")


class RTFMNet(nn.Module):
    """Features of clips or segments to temporal features and logits of scores.

    Args:
        dim: Length d of a feature, a multiple of 4 (2,048).
        hidden: Width of the first of the three layers that score; the second has 128.
        dropout: Rate on the temporal features and after the first two layers.
    """

    def __init__(self, dim: int, *, hidden: int = 512, dropout: float = 0.7):
        super().__init__()
        self.temporal = TemporalNet(dim)
        self.first, self.second = nn.Linear(dim, hidden), nn.Linear(hidden, SECOND)
        self.score = nn.Linear(SECOND, 1)
        self.on_features, self.after_first, self.after_second = (
            SeededDropout(dropout, number=i) for i in range(3)
        )
        for module in self.modules():
            if isinstance(module, nn.Conv1d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor, seeds: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(b, t, d) to features (b, t, d) and logits (b, t) of scores; `seeds` (b,) as in SeededDropout."""
        features = self.on_features(self.temporal(x), seeds)
        x = self.after_first(torch.relu(self.first(features)), seeds)
        x = self.after_second(torch.relu(self.second(x)), seeds)
        return features, rearrange(self.score(x), "b t 1 -> b t")
