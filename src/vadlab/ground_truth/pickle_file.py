"""Pickled dicts of labels, read without running anything that they ask for."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from vadlab import array_pickle
from vadlab.errors import DataError

__all__ = ["read_dict"]


def read_dict(file: Path) -> dict[str, Any]:
    """A pickled dict of arrays, numbers and lists.

    Raises:
        DataError: If the file is damaged, holds no dict, or asks for anything but NumPy arrays.
    """
    try:
        value = array_pickle.loads(file.read_bytes())
    except (pickle.UnpicklingError, OSError) as error:
        raise DataError(
            "the pickle cannot be read safely",
            file=file,
            expected="a dict of NumPy arrays",
            found=str(error),
            remedy="use the .mat files, or the file as the authors published it",
        ) from error
    if not isinstance(value, dict):
        raise DataError("the pickle is malformed", file=file, expected="a dict", found=type(value).__name__)
    return value
