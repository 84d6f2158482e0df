"""CUHK Avenue: 16 and 21 .avi files, ranges in `avenue.mat`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.io

from vadlab.miniatures.avenue_videos import write_videos
from vadlab.miniatures.drawn_video import EVENT

__all__ = ["write"]


def write(root: Path) -> None:
    """Make the tree."""
    test = write_videos(root)
    cells = np.empty((1, len(test)), dtype=object)
    for number in range(len(test)):
        cells[0, number] = np.array([[EVENT[0] + 1], [EVENT[1]]], np.uint16)  # from 1, inclusive
    scipy.io.savemat(root / "avenue.mat", {"gt": cells})
