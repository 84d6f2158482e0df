"""Folders of mask images, one a frame, as UCSD has them (.bmp, or .png where re-packaged)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vadlab.video.image_folder import image_paths, read_image

__all__ = ["read_masks"]


def read_masks(folder: Path) -> Iterator[NDArray[np.bool_]]:
    """Yield (height, width) bool for every image, True where it is not black.

    Raises:
        DataError: If the folder holds no image, or one cannot be read.
    """
    for path in image_paths(folder):
        yield np.any(read_image(path), axis=-1)
