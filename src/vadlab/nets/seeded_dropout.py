"""Dropout whose masks are a function of each item's seed, and of nothing else.

A plain dropout takes its masks from one global stream, so that a resumed training, or one shared by several
processes, gets others than an uninterrupted one. Here an item's mask goes with the item.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["SeededDropout"]


class SeededDropout(nn.Module):
    """Set numbers to zero in training, and scale the others by 1 / (1 - rate).

    Args:
        rate: Probability to drop a number, in 0..1, 1 excluded.
        number: Which dropout of its network this is; each has masks of its own.
    """

    def __init__(self, rate: float, *, number: int = 0):
        super().__init__()
        self.rate, self.number = rate, number

    def forward(self, x: Tensor, seeds: Tensor | None = None) -> Tensor:
        """(b, ...) to the same; `seeds` (b,) int64, one an item, is needed in training only.

        An item's mask begins alike however long the item is, so padding changes nothing before it.

        Raises:
            ValueError: If seeds are missing in training.
        """
        if not self.training or self.rate == 0:
            return x
        if seeds is None:
            raise ValueError("dropout needs a seed for every item in training")
        generator = torch.Generator(x.device)
        kept = torch.empty_like(x)
        for mask, seed in zip(kept, seeds.tolist(), strict=True):
            mask.bernoulli_(1 - self.rate, generator=generator.manual_seed(seed + self.number))
        return x * kept / (1 - self.rate)
