"""The network of the LAD paper: ConvLSTM over clip features, a score head and a category head.

Paper: Wan et al., "Anomaly detection in video sequences: A benchmark and computational model",
IET Image Processing 2021, https://doi.org/10.1049/ipr2.12258, Secs. 4 and 5.1.
Reference read for facts: the authors' PyTorch release (no licence file), whose class AED_T this equals in
layers and parameter count. Differs from the paper's text as that release does: the 2,048 of its fully
connected stack is the flattened state, and only the ConvLSTM and the shared layer have biases.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from einops import rearrange
from torch import Tensor, nn

from vadlab.nets.convlstm import ConvLSTM

__all__ = ["AEDNet"]

SIDE = 4  # a feature vector is laid out as a (d / 16, 4, 4) map; for I3D the grid has no spatial meaning


class AEDNet(nn.Module):
    """K clip features to K * m frame scores and C category logits.

    Args:
        dim: Length d of a clip feature, a multiple of 16 (2,048 for two-stream I3D).
        k: Clips in a window.
        clip_length: Frames in a clip, m.
        n_categories: C; 0 leaves the category head out.
        hidden: Channels of the ConvLSTM states.
        layers: ConvLSTM layers.
        peephole: As in Eqs. 1, 2 and 4 (the authors' code has none).
    """

    def __init__(
        self,
        dim: int,
        *,
        k: int = 5,
        clip_length: int = 16,
        n_categories: int = 14,
        hidden: int = 128,
        layers: int = 2,
        peephole: bool = False,
    ):
        super().__init__()
        channels = [dim // SIDE**2] + [hidden] * layers
        self.recurrent = nn.ModuleList(
            ConvLSTM(a, b, side=SIDE, peephole=peephole) for a, b in pairwise(channels)
        )
        self.shared = nn.Linear(hidden * SIDE**2, 1024)
        self.score = nn.Sequential(
            nn.Linear(1024, 512, bias=False), nn.ReLU(), nn.Linear(512, k * clip_length, bias=False)
        )
        self.category = (
            nn.Sequential(
                nn.Linear(1024, 512, bias=False), nn.ReLU(), nn.Linear(512, n_categories, bias=False)
            )
            if n_categories
            else None
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """(b, k, d) -> frame scores (b, k * m) in 0..1, category logits (b, C) or None.

        Both have x's dtype, under autocast too.
        """
        maps = rearrange(x, "b k (c h w) -> b k c h w", h=SIDE, w=SIDE)
        *before, final = self.recurrent
        for layer in before:
            maps = layer(maps)
        last = final(maps, last=True)
        shared = torch.relu(self.shared(rearrange(last, "b c h w -> b (c h w)")))
        logits = self.category(shared).to(x.dtype) if self.category is not None else None
        return torch.sigmoid(self.score(shared).to(x.dtype)), logits
