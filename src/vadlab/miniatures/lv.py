"""LV: .avi files, a mask video beside each."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from vadlab.miniatures.drawn_video import masks, write_file
from vadlab.video.encode import write_video

__all__ = ["write"]


def write(root: Path) -> None:
    """Make the tree: 28 videos."""
    for number in range(1, 29):
        write_file(root / f"{number:02d}.avi", abnormal=True)
        white = (
            np.repeat(mask[..., None], 3, axis=-1).astype(np.uint8) * 255 for mask in masks(abnormal=True)
        )
        write_video(root / f"g{number:02d}.avi", white, fps=Fraction(25))
