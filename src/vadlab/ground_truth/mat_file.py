"""MATLAB files: rows of frame labels, cells of ranges, cells of pixel masks.

Only numbers and cells are read; nothing that a file holds is run. MATLAB 7.3 writes HDF5, which SciPy
does not read: such a file is refused with the command that saves it in the older form.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from numpy.typing import NDArray

from vadlab.annotation_table import Spans
from vadlab.csv_table import Problem, refuse
from vadlab.errors import DataError
from vadlab.ground_truth.fitting import as_row

__all__ = ["read_mask_cells", "read_masks", "read_range_cells", "read_row"]


def read_row(file: Path, key: str = "gt") -> NDArray[np.bool_]:
    """Frame labels (frames,) from an array [1, frames] or [frames, 1] of 0 and 1.

    Raises:
        DataError: If the file cannot be read, or holds anything else.
    """
    return as_row(_read(file, key), file=file)


def read_range_cells(file: Path, key: str = "gt") -> tuple[Spans, ...]:
    """Spans of every test video, from a cell of [2, events] arrays: first and last frame, counted from 1.

    The form in which Liu et al. (CVPR 2018) distribute `avenue.mat` and `ped2.mat`.

    Raises:
        DataError: If the file cannot be read, or ranges are malformed; tells every one, with the video's
            number as its line.
    """
    videos: list[Spans] = []
    problems: list[Problem] = []
    for number, cell in enumerate(_cells(file, key), start=1):
        ranges = np.asarray(cell)
        if ranges.size and (ranges.ndim != 2 or ranges.shape[0] != 2 or ranges.dtype.kind not in "iuf"):
            problems.append(Problem(number, key, "[2, events]: first and last", f"shape {ranges.shape}"))
            continue
        pairs = [(int(first), int(last)) for first, last in ranges.reshape(2, -1).T]
        problems += [
            Problem(number, key, "1 <= first <= last", f"{first} to {last}")
            for first, last in pairs
            if not 1 <= first <= last
        ]
        videos.append(tuple((first - 1, last) for first, last in pairs))
    refuse(file, problems)
    return tuple(videos)


def read_mask_cells(file: Path, key: str = "volLabel") -> NDArray[np.bool_]:
    """Frame labels (frames,) from a cell of pixel masks, one a frame: abnormal where any pixel is marked.

    Raises:
        DataError: If the file cannot be read or a cell is no picture.
    """
    return np.array([bool(mask.any()) for mask in _pictures(file, key)])


def read_masks(file: Path, key: str = "volLabel") -> Iterator[NDArray[np.bool_]]:
    """Yield the pixel masks themselves, (height, width) bool each.

    Raises:
        DataError: As `read_mask_cells`.
    """
    for mask in _pictures(file, key):
        yield mask != 0


def _pictures(file: Path, key: str) -> Iterator[NDArray[Any]]:
    for number, cell in enumerate(_cells(file, key), start=1):
        mask = np.asarray(cell)
        if mask.ndim != 2 or mask.dtype.kind not in "biuf":
            raise DataError(
                f"frame {number} has no pixel mask",
                file=file,
                expected=f"{key}, a cell with an array [height, width] a frame",
                found=f"shape {list(mask.shape)}, type {mask.dtype}",
                remedy="download the ground truth again",
            )
        yield mask


def _cells(file: Path, key: str) -> NDArray[Any]:
    cells = _read(file, key)
    if cells.dtype != object:
        raise DataError(
            f"the variable {key} is no cell",
            file=file,
            expected="a cell with an array a video or frame",
            found=f"shape {list(cells.shape)}, type {cells.dtype}",
        )
    return cells.ravel()


def _read(file: Path, key: str) -> NDArray[Any]:
    if not file.is_file():
        raise DataError("no such label file", file=file, remedy="unpack the ground truth again")
    with file.open("rb") as stream:
        start = stream.read(128)
    if start.startswith(b"MATLAB 7.3"):
        raise DataError(
            "the file is MATLAB 7.3 (HDF5), which is not read",
            file=file,
            expected="a MATLAB file of version 5 to 7.2",
            found=start[:10].decode("latin1"),
            remedy=f"in MATLAB: x = load('{file.name}'); save('{file.name}', '-struct', 'x', '-v7')",
        )
    try:
        values = scipy.io.loadmat(file, variable_names=[key])
        return np.asarray(values[key])
    except Exception as error:  # a damaged file may raise almost anything
        names = _names(file)
        raise DataError(
            "the label file cannot be read",
            file=file,
            expected=f"a MATLAB file with the variable {key}",
            found=f"variables {', '.join(names)}" if names else f"{type(error).__name__}: {error}",
            remedy="unpack the ground truth again",
        ) from error


def _names(file: Path) -> list[str]:
    try:
        return [name for name, _, _ in scipy.io.whosmat(file)]
    except Exception:  # as above; the cause is told already
        return []
