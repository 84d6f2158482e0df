"""NumPy files of frame labels or pixel masks, as ShanghaiTech has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vadlab.errors import DataError
from vadlab.ground_truth.fitting import as_row

__all__ = ["read_frames"]


def read_frames(file: Path) -> NDArray[np.bool_]:
    """Frame labels (frames,) from (frames,), [1, frames] or [frames, 1] of 0 and 1, or pixel masks.

    Pixel masks (frames, height, width) make a frame abnormal where any pixel is not 0. Object arrays
    are pickles, and refused.

    Raises:
        DataError: If the file is missing, damaged, or holds anything else.
    """
    try:
        values = np.load(file, allow_pickle=False)
    except FileNotFoundError as error:
        raise DataError("no such label file", file=file, remedy="unpack the ground truth again") from error
    except Exception as error:  # a damaged file may raise almost anything
        raise DataError(
            "the label file cannot be read",
            file=file,
            expected="a .npy file of numbers",
            found=f"{type(error).__name__}: {error}",
            remedy="unpack the ground truth again",
        ) from error
    if values.ndim == 3 and values.dtype.kind in "biuf":
        return np.asarray(values.any(axis=(1, 2)))
    return as_row(values, file=file)
