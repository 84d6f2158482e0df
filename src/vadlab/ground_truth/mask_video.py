"""Mask videos, white where abnormal, as LV has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vadlab.video.decode import VideoFrames

__all__ = ["read_frames"]


def read_frames(file: Path) -> NDArray[np.bool_]:
    """(frames,) bool: abnormal where any pixel is brighter than half; less is the codec's noise.

    Raises:
        DataError: If the file is no video, or damaged.
    """
    return np.array([bool((frame > 127).any()) for frame in VideoFrames(file)])
