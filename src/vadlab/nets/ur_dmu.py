"""The network of UR-DMU: clips that attend to all and to near ones, and two memories that they question.

Paper: Zhou, Yu, Yang, "Dual Memory Units with Uncertainty Regulation for Weakly Supervised Video Anomaly
Detection", AAAI 2023, https://arxiv.org/abs/2302.05160.
Reference read for facts: the authors' release (MIT), github.com/henrryzh1/UR-DMU. Layers, normalisations and
initialisation are the release's; with its weights and inputs its scores are those of this network. Its
attention to near clips is computed block by block, in memory that grows with the length of a video.
"""

from __future__ import annotations

import math

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from vadlab.nets.seeded_dropout import SeededDropout

__all__ = ["GlobalLocalAttention", "Memory", "URDMUNet", "near_shares", "top_count"]

LAYERS = 2
HEADS = 4
SCORER = 128
SCALE = math.e  # clips over which near attention falls to 1 / e
REACH = 64  # clips; farther ones weigh less than 1e-10
BLOCK = 512  # clips summed at a time, so that memory grows with the length, not its square


def top_count(n: int) -> int:
    """How many of n stand for all: n / 16, rounded down, and one more."""
    return n // 16 + 1


def near_shares(x: Tensor) -> Tensor:
    """(b, t, d) to sums of what near clips give: to a clip k away, a share in proportion to exp(-k / e).

    A clip's shares sum to one, as in the release; so those that a clip takes sum to less at a video's ends,
    and to a little more next to them.
    """
    n, parts = x.shape[1], []
    place = torch.arange(n, device=x.device)
    # Two geometric series: what a clip gives to itself and those before it, and to those after it.
    before, after = (torch.exp(-k.to(x.dtype) / SCALE) for k in (place + 1, n - place))
    near = math.exp(-1 / SCALE)
    x = x / ((1 + near - before - after) / (1 - near))[:, None]
    for start in range(0, n, BLOCK):
        low, high = max(0, start - REACH), min(n, start + BLOCK + REACH)
        distance = (place[start : start + BLOCK, None] - place[low:high]).abs()
        parts.append(torch.exp(-distance.to(x.dtype) / SCALE) @ x[:, low:high])
    return torch.cat(parts, dim=1)


class GlobalLocalAttention(nn.Module):
    """What each clip takes from all that are like it, and from those near it, side by side.

    Args:
        dim: Length of the features, a multiple of the heads.
    """

    def __init__(self, dim: int):
        super().__init__()
        self.project = nn.Linear(dim, 4 * dim, bias=False)
        self.out = nn.Linear(2 * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """(b, t, d) to the same."""
        query, key, value, near = self.project(x).chunk(4, dim=2)
        q, k, v = (rearrange(part, "b t (h d) -> b h t d", h=HEADS) for part in (query, key, value))
        alike = rearrange(scaled_dot_product_attention(q, k, v), "b h t d -> b t (h d)")
        taken: Tensor = self.out(torch.cat([alike, near_shares(near)], dim=2))
        return taken


class Layer(nn.Module):
    """Attention and two layers for each clip by itself, both after a normalisation and added to their input.

    Args:
        dim: Length of the features.
        dropout: Rate after the attention, and after both layers.
        number: Of the layer, for its masks.
    """

    def __init__(self, dim: int, *, dropout: float, number: int):
        super().__init__()
        self.before_attention, self.before_inner = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = GlobalLocalAttention(dim)
        self.inner, self.outer = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.drops = nn.ModuleList(SeededDropout(dropout, number=3 * number + i) for i in range(3))

    def forward(self, x: Tensor, seeds: Tensor | None) -> Tensor:
        """(b, t, d) to the same; `seeds` (b,) as in SeededDropout."""
        after_attention, after_inner, after_outer = self.drops
        x = x + after_attention(self.attention(self.before_attention(x)), seeds)
        y = after_inner(gelu(self.inner(self.before_inner(x))), seeds)
        out: Tensor = x + after_outer(self.outer(y), seeds)
        return out


class Memory(nn.Module):
    """Items that are learned, and how much each clip resembles them.

    Args:
        items: In the memory, M.
        dim: Length of each.
    """

    def __init__(self, items: int, dim: int):
        super().__init__()
        bound = dim**-0.5
        self.items = nn.Parameter(torch.empty(items, dim).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Question the memory.

        Args:
            x: (b, t, d).

        Returns:
            (b, t) in 0..1, the mean resemblance to the M / 16 + 1 items most alike; and (b, t, d), the items
            summed by resemblance.
        """
        alike = torch.sigmoid(x @ self.items.mT / x.shape[2] ** 0.5)
        best = alike.topk(top_count(len(self.items)), dim=2).values.mean(dim=2)
        return best, alike @ self.items


class URDMUNet(nn.Module):
    """Features of clips to scores.

    Args:
        dim: Length d of a feature.
        hidden: Length of the embedded features, a multiple of 4.
        items: In each memory.
        dropout: Rate in the attention's layers.
    """

    def __init__(self, dim: int, *, hidden: int = 512, items: int = 60, dropout: float = 0.5):
        super().__init__()
        self.embed = nn.Conv1d(dim, hidden, 3, padding=1)
        self.layers = nn.ModuleList(Layer(hidden, dropout=dropout, number=i) for i in range(LAYERS))
        self.abnormal, self.normal = Memory(items, hidden), Memory(items, hidden)
        self.mean, self.log_variance = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden)
        self.first, self.second = nn.Linear(2 * hidden, SCORER), nn.Linear(SCORER, 1)

    def embedded(self, x: Tensor, seeds: Tensor | None = None) -> Tensor:
        """(b, t, d) to (b, t, hidden); `seeds` (b,) as in SeededDropout."""
        x = torch.relu(self.embed(rearrange(x, "b t d -> b d t")))
        x = rearrange(x, "b d t -> b t d")
        for layer in self.layers:
            x = layer(x, seeds)
        return x

    def scored(self, embedded: Tensor, recalled: Tensor) -> Tensor:
        """Embedded features and what both memories recall, (b, t, hidden) each, to (b, t) in 0..1."""
        y = torch.relu(self.first(torch.cat([embedded, recalled], dim=2)))
        return torch.sigmoid(rearrange(self.second(y), "b t 1 -> b t"))

    def forward(self, x: Tensor) -> Tensor:
        """(b, t, d) to scores (b, t) in 0..1, without chance."""
        h = self.embedded(x)
        recalled = self.mean(self.abnormal(h)[1]) + self.mean(self.normal(h)[1])
        return self.scored(h, recalled)
