"""CUHK Avenue: 16 and 21 .avi files, pixel masks in .mat files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.io

from vadlab.miniatures.avenue_videos import write_videos
from vadlab.miniatures.drawn_video import N_FRAMES, masks

__all__ = ["write"]


def write(root: Path) -> None:
    """Make the tree."""
    folder = root / "ground_truth_demo" / "testing_label_mask"
    folder.mkdir(parents=True)
    cells = np.empty((1, N_FRAMES), dtype=object)
    for number, mask in enumerate(masks(abnormal=True)):
        cells[0, number] = mask.astype(np.uint8)
    for video in write_videos(root):
        scipy.io.savemat(folder / f"{video}_label.mat", {"volLabel": cells}, do_compression=True)
