"""Means over windows of a map, from the whole down to small patches.

Source: Luo, Liu, Gao, "A Revisit of Sparse Coding Based Anomaly Detection in Stacked RNN Framework", ICCV
2017, and its release: of a 7x7 map, windows of 7, 4 and 2 cells make 1 + 4 + 16 patches.
"""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor

from vadlab.errors import UsageError

__all__ = ["LEVEL_SIZES", "pooled"]

LEVELS = (1, 2, 4)  # windows along a side
LEVEL_SIZES = [windows**2 for windows in LEVELS]


def pooled(maps: Tensor) -> Tensor:
    """Patches of square maps, row by row, the whole map first.

    Windows begin every ceil(side / s) cells, s = 1, 2, 4, and end with the map, so that each level covers
    each cell once; the last window of a row may be smaller.

    Args:
        maps: (b, c, side, side).

    Returns:
        (b, 21, c).

    Raises:
        UsageError: If the maps are too small for so many patches.
    """
    side = maps.shape[-1]
    if [len(_spans(side, windows)) for windows in LEVELS] != list(LEVELS):
        raise UsageError(
            "the frames are too small to be cut into patches",
            expected="maps of 4, 7, 8, or 10 and more cells a side",
            found=f"{side} cells",
            remedy='a larger size; the networks but "random" make a cell of 32 pixels',
        )
    patches = [
        maps[:, :, top:bottom, left:right].mean((2, 3))
        for windows in LEVELS
        for (top, bottom), (left, right) in product(_spans(side, windows), repeat=2)
    ]
    return torch.stack(patches, dim=1)


def _spans(side: int, windows: int) -> list[tuple[int, int]]:
    step = -(-side // windows)
    return [(start, min(start + step, side)) for start in range(0, side, step)]
