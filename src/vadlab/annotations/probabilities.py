"""The share of annotators behind each frame as files: probabilistic labels, one file a video."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import safetensors
from numpy.typing import NDArray
from safetensors.numpy import load, save

from vadlab.annotations.merge import Merged
from vadlab.errors import DataError
from vadlab.files import write_whole

__all__ = ["read_probabilities", "write_probabilities"]

TENSOR = "probability"


def write_probabilities(folder: Path, merged: Merged) -> Path:
    """Write `<id>.safetensors` with the tensor `probability`, (n_frames,) float64 in 0..1; its path."""
    file = folder / f"{merged.video.id}.safetensors"
    write_whole(file, save({TENSOR: merged.mean}))
    return file


def read_probabilities(folder: Path, id: str) -> NDArray[np.float64]:  # noqa: A002 - the project's word
    """(n_frames,) probability of each frame of a video to be abnormal.

    Raises:
        DataError: If the file is missing, damaged, or holds anything else.
    """
    file = folder / f"{id}.safetensors"
    try:
        found = load(file.read_bytes())
    except (OSError, safetensors.SafetensorError) as error:
        raise DataError("cannot read the probabilities", file=file, found=str(error)) from error
    values = found.get(TENSOR)
    if (
        values is None
        or values.ndim != 1
        or values.dtype != np.float64
        or not ((values >= 0) & (values <= 1)).all()
    ):
        raise DataError(
            "the file holds no probabilities",
            file=file,
            expected=f"a tensor {TENSOR!r}, (n_frames,) float64 in 0..1",
            found={name: f"{value.shape} {value.dtype}" for name, value in found.items()},
        )
    return values
