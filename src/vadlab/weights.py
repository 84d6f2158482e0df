"""Pretrained weights: fetched or imported once, checked, and kept in the user's cache.

Nothing is downloaded unless asked for, every download is checked against its pinned hash, and what
passes is checked name by name and shape by shape, then kept as safetensors. `VADLAB_CACHE` moves the
cache.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from vadlab import cache, files
from vadlab.errors import UsageError, WeightsError
from vadlab.pretrained import downloads, i3d_state, pinned_weights, weight_files
from vadlab.pretrained.i3d_state import State, inflate_flow
from vadlab.pretrained.pinned_weights import Archive, Weights

__all__ = [
    "digest",
    "fetch",
    "import_file",
    "inflate_flow",
    "installed",
    "known",
    "load",
    "locate",
]

RESERVED = ("auto", "random", "rgb-inflated")  # settings of the backbones, never files


def known() -> tuple[Weights, ...]:
    """All pinned weights."""
    return pinned_weights.KNOWN


def installed() -> tuple[str, ...]:
    """Sorted names of the weights in the cache, the user's own among them."""
    return tuple(sorted(path.stem for path in _folder().glob("*.safetensors")))


def locate(name: str) -> Path | None:
    """The cached safetensors file, or None."""
    path = _target(name)
    return path if path.is_file() else None


def load(name: str) -> State:
    """The parameters and statistics of cached weights, float32, under their customary names.

    Raises:
        WeightsError: If they are not in the cache (nothing is downloaded), or the file is damaged.
        UsageError: If the name is unknown.
    """
    path = _cached(name)
    try:
        tree = safetensors.numpy.load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise WeightsError(
            "the cached weights cannot be read",
            file=path,
            found=str(error),
            remedy=f"delete the file, then {_commands(name)}",
        ) from error
    record = _find(name)
    return i3d_state.from_tree(tree, path, in_channels=record.in_channels if record else None)


def digest(name: str) -> str:
    """SHA-256 of the cached safetensors file, as a feature store records it.

    Raises:
        WeightsError: If they are not in the cache.
        UsageError: If the name is unknown.
    """
    return files.digest(_cached(name))


def fetch(name: str, *, progress: downloads.Progress | None = None, url: str | None = None) -> Path:
    """Download, check and convert pinned weights, unless they are in the cache already.

    A download that was cut off goes on where it stopped.

    Args:
        name: One of `known()`.
        progress: Called with the bytes so far and in all.
        url: A folder on a web server that holds the original files, instead of their origin; the
            environment variable VADLAB_WEIGHTS_URL does the same.

    Returns:
        The cached safetensors file.

    Raises:
        WeightsError: If the file cannot be had, or is not the pinned one.
        UsageError: If the name is unknown.
    """
    record = _pinned(name)
    found = locate(name)
    if found is not None:
        return found
    part = _folder() / f"{record.origin.file}.part"
    part.parent.mkdir(parents=True, exist_ok=True)
    try:
        downloads.download(_address(record, url), part, progress=progress)
    except downloads.DownloadError as error:
        raise WeightsError(
            f"cannot download the weights {name!r}",
            file=record.origin.file,
            expected=f"{record.source}, {record.hash}",
            found=str(error),
            remedy=f"{_commands(name)}; a download that was cut off goes on where it stopped",
        ) from error
    try:
        _check_hash(part, record, remedy=f"the download was deleted; {_commands(name)}")
        state = _read_pinned(part, record)
    finally:
        # Complete but wrong, or converted: of no further use in either case.
        part.unlink(missing_ok=True)
    return _store(state, name, source_hash=record.hash)


def import_file(path: Path, name: str) -> Path:
    """Take weights from a file the user has: pinned ones, or an I3D of their own.

    Args:
        path: For a pinned name the original file (for `i3d-rgb-kinetics` the source archive or its
            member). Else a state dict with the customary names as .safetensors, a PyTorch file, or a
            pickle of NumPy arrays.
        name: A pinned name, or a new one of letters, digits, `.`, `_` and `-`.

    Returns:
        The cached safetensors file; for the user's own it records the SHA-256 of `path`.

    Raises:
        WeightsError: If the file is missing, is not the pinned one, or does not hold an I3D.
        UsageError: If the name cannot be used.
    """
    _target(name)  # a name that cannot be used is refused before the file is read
    if not path.is_file():
        raise WeightsError("no such file", file=path, remedy=f"vadlab weights import FILE {name}")
    record = _find(name)
    if record is None:
        state = i3d_state.from_tree(weight_files.read(path), path)
        return _store(state, name, source_hash=f"sha256:{files.digest(path)}")
    if isinstance(record.origin, Archive) and files.digest(path) == record.origin.member_sha256:
        tree = weight_files.read_pickle(path.read_bytes(), path)
        state = i3d_state.from_tree(tree, path, in_channels=record.in_channels)
    else:
        _check_hash(path, record, remedy="import it under a name of your own, or get the pinned file")
        state = _read_pinned(path, record)
    return _store(state, name, source_hash=record.hash)


def _folder() -> Path:
    return cache.folder() / "weights"


def _target(name: str) -> Path:
    if not re.fullmatch(r"\w[\w.-]*", name) or name in RESERVED:
        raise UsageError(
            f"weights cannot be called {name!r}",
            expected=f"letters, digits, '.', '_' and '-', and none of {', '.join(RESERVED)}",
        )
    return _folder() / f"{name}.safetensors"


def _find(name: str) -> Weights | None:
    """The record of pinned weights; None for the user's own."""
    return next((record for record in known() if record.name == name), None)


def _pinned(name: str) -> Weights:
    record = _find(name)
    if record is None:
        raise UsageError(
            f"no pinned weights {name!r}",
            expected=" | ".join(record.name for record in known()),
            remedy="vadlab weights list",
        )
    return record


def _cached(name: str) -> Path:
    path = locate(name)
    if path is not None:
        return path
    record = _pinned(name)
    raise WeightsError(
        f"the weights {name!r} are not in the cache",
        file=_target(name),
        expected=f"{record.source}, {record.hash}",
        found="no file",
        remedy=_commands(name),
    )


def _commands(name: str) -> str:
    return f"vadlab weights fetch {name} (without network: vadlab weights import FILE {name})"


def _address(record: Weights, url: str | None) -> str:
    mirror = url or os.environ.get("VADLAB_WEIGHTS_URL")
    if mirror:
        return f"{mirror.rstrip('/')}/{record.origin.file}"
    if isinstance(record.origin, Archive):
        return downloads.index_link(record.origin.project, record.origin.file)
    return record.origin.url


def _check_hash(path: Path, record: Weights, *, remedy: str) -> None:
    found = record.origin.hash_of(path)
    if found != record.hash:
        raise WeightsError(
            f"this is not the pinned file of {record.name!r} ({record.source})",
            file=path,
            expected=record.hash,
            found=f"{found} ({path.stat().st_size:,} bytes)",
            remedy=remedy,
        )


def _read_pinned(path: Path, record: Weights) -> State:
    """The state of a file whose hash has been checked."""
    if isinstance(record.origin, Archive):
        tree = weight_files.read_pickle(weight_files.read_member(path, record.origin), path)
    else:
        tree = weight_files.read_torch(path)
    return i3d_state.from_tree(tree, path, in_channels=record.in_channels)


def _store(state: State, name: str, *, source_hash: str) -> Path:
    target = _target(name)
    arrays = {key: np.ascontiguousarray(value) for key, value in sorted(state.items())}
    # One entry only: the library writes several in random order, and the digest would change.
    files.write_whole(target, safetensors.numpy.save(arrays, metadata={"source": source_hash}))
    return target
