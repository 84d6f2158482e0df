"""Arrays that may be larger than memory, in an unnamed file that goes when they are no longer used."""

from __future__ import annotations

import shutil
import tempfile
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from vadlab.errors import UsageError

__all__ = ["scratch_array"]


def scratch_array(
    shape: tuple[int, ...], dtype: DTypeLike, *, of: str, less: str = "fewer videos"
) -> NDArray[Any]:
    """A writable array of zeros, mapped from a temporary file.

    Args:
        shape: Of the array.
        dtype: Of its values.
        of: What it will hold, for the message.
        less: What to train on would take less room, for the message.

    Raises:
        UsageError: If the disk lacks the room.
    """
    needed, folder = int(np.prod(shape)) * np.dtype(dtype).itemsize, tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UsageError(
            f"there is no room for {of}",
            file=folder,
            expected=f"{needed / 2**30:.1f} GiB",
            found=f"{free / 2**30:.1f} GiB free",
            remedy=f"set TMPDIR to a folder on a larger disk, or train on {less}",
        )
    with tempfile.TemporaryFile() as file:  # the mapping keeps it
        return np.memmap(file, dtype=dtype, mode="w+", shape=shape)
