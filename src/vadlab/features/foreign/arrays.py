"""Arrays from foreign files: npy, npz, h5, safetensors and text, read without executing anything."""

from __future__ import annotations

import importlib
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from vadlab.csv_table import Problem, refuse
from vadlab.errors import DataError, UsageError

__all__ = ["ARCHIVES", "array_names", "load"]

T = TypeVar("T")

ARCHIVES = (".npz", ".h5", ".hdf5", ".safetensors")  # hold named arrays
DAMAGE = (
    ValueError,
    OSError,
    EOFError,
    KeyError,
    TypeError,
    SyntaxError,
    zipfile.BadZipFile,
    SafetensorError,
)


def array_names(file: Path) -> tuple[str, ...]:
    """Names of the arrays in an archive, sorted; in h5 with `/` between groups.

    Raises:
        DataError: If it is missing or damaged.
        UsageError: If it is h5 and h5py is not installed.
    """
    if file.suffix == ".npz":
        return _guarded(file, lambda: _npz_names(file))
    if file.suffix == ".safetensors":
        return _guarded(file, lambda: tuple(sorted(_safetensors_names(file))))
    return _guarded(file, lambda: tuple(sorted(_in_h5(file, _h5_names))))


def load(file: Path, name: str | None = None) -> NDArray[Any]:
    """One array of numbers; a `.npy` file is mapped, so what is not used is not read.

    Args:
        file: npy, npz, h5, hdf5, safetensors or txt.
        name: Of the array in an archive.

    Raises:
        DataError: If the file is missing, damaged, or holds no array of numbers (object arrays are pickles
            and are refused); of a text, if any line is malformed, telling every one.
        UsageError: If it is h5 and h5py is not installed.
    """
    readers: dict[str, Callable[[], NDArray[Any]]] = {
        ".npy": lambda: np.load(file, mmap_mode="r", allow_pickle=False),
        ".npz": lambda: _npz_array(file, str(name)),
        ".h5": lambda: _in_h5(file, lambda content: np.asarray(content[str(name)])),
        ".hdf5": lambda: _in_h5(file, lambda content: np.asarray(content[str(name)])),
        ".safetensors": lambda: _safetensors_array(file, str(name)),
        ".txt": lambda: _text(file),
    }
    if file.suffix not in readers:
        raise DataError("features of this kind are not known", file=file, expected=" | ".join(readers))
    array = _guarded(file, readers[file.suffix])
    if array.dtype.kind not in "fiu":
        raise DataError(
            f"{name or 'the array'} holds no numbers", file=file, expected="numbers", found=array.dtype
        )
    return array


def _guarded(file: Path, read: Callable[[], T]) -> T:
    try:
        return read()
    except FileNotFoundError as error:
        raise DataError("no such file", file=file) from error
    except DAMAGE as error:
        text = str(error)
        pickled = "pickle" in text or "Python objects" in text
        raise DataError(
            "the file cannot be read",
            file=file,
            expected="an array of numbers",
            found="pickled objects, which can run code and are not loaded" if pickled else text,
            remedy="save plain arrays of numbers with numpy.save"
            if pickled
            else "download or copy it again: it may have been cut short",
        ) from error


def _npz_names(file: Path) -> tuple[str, ...]:
    with np.load(file, allow_pickle=False) as archive:
        return tuple(sorted(archive.files))


def _npz_array(file: Path, name: str) -> NDArray[Any]:
    with np.load(file, allow_pickle=False) as archive:
        return np.asarray(archive[name])


def _safetensors_names(file: Path) -> list[str]:
    with safe_open(file, framework="numpy") as archive:
        return list(archive.keys())


def _safetensors_array(file: Path, name: str) -> NDArray[Any]:
    with safe_open(file, framework="numpy") as archive:
        return np.asarray(archive.get_tensor(name))


def _in_h5(file: Path, use: Callable[[Mapping[str, Any]], T]) -> T:
    try:
        h5py = importlib.import_module("h5py")
    except ImportError as error:
        raise UsageError(
            f"{file} needs the package h5py, which is not installed",
            remedy="pip install h5py; or save the arrays with numpy.savez and import that",
        ) from error
    with h5py.File(file, "r") as content:
        return use(content)


def _h5_names(content: Mapping[str, Any], prefix: str = "") -> list[str]:
    names: list[str] = []
    for key, item in content.items():
        names += _h5_names(item, f"{prefix}{key}/") if hasattr(item, "items") else [f"{prefix}{key}"]
    return names


def _text(file: Path) -> NDArray[np.float32]:
    rows: list[NDArray[np.float32]] = []
    problems: list[Problem] = []
    width: int | None = None
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        cells = line.replace(",", " ").split()
        if not cells:
            continue
        width = len(cells) if width is None else width
        if len(cells) != width:
            problems.append(Problem(number, "all", f"{width} numbers, as in line 1", f"{len(cells)}"))
            continue
        try:
            rows.append(np.array(cells, dtype=np.float32))
        except ValueError as error:
            problems.append(Problem(number, "all", "numbers", str(error)))
    refuse(file, problems)
    return np.stack(rows) if rows else np.zeros((0, 0), dtype=np.float32)
