"""Pretrained weights: fetched or imported once, checked, and kept in the user's cache.

Nothing is downloaded unless asked for, every download is checked against its pinned hash, and what
passes is checked name by name and shape by shape, then kept as safetensors. `VADLAB_CACHE` moves the
cache.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import safetensors
import safetensors.numpy

from vadlab import cache, files
from vadlab.errors import UsageError, WeightsError
from vadlab.pretrained import c3d_state, downloads, i3d_state, image_state, pinned_weights, weight_files
from vadlab.pretrained.i3d_state import inflate_flow
from vadlab.pretrained.pinned_weights import Archive, Weights
from vadlab.pretrained.state_check import State

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

Network: TypeAlias = Literal["i3d", "c3d", "c3d-mean", "image"]

RESERVED = ("auto", "random", "rgb-inflated", "levels", "frame")  # settings of the backbones, never files


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


def load(name: str, *, network: Network = "i3d") -> State:
    """The parameters and statistics of cached weights, float32, under their customary names.

    Args:
        name: One of `installed()`.
        network: Whose weights they are to be; "c3d-mean" is the mean clip that a C3D subtracts,
            "image" an EfficientNet-Lite0 or a ResNet.

    Raises:
        WeightsError: If they are not in the cache (nothing is downloaded), are of another network, or the
            file is damaged.
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
    return _state(tree, path, network, in_channels=record.in_channels if record else None)


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
    """Take weights from a file the user has: pinned ones, or an I3D, C3D or image network of their own.

    Args:
        path: For a pinned name the original file (of the package index the archive or its member). Else a
            state dict with the customary names as .safetensors, a PyTorch file, or a pickle of NumPy arrays
            (image networks: EfficientNet-Lite0, or ResNet of 50, 101 or 152 layers); or the mean clip of a
            C3D's training set as .npy.
        name: A pinned name, or a new one of letters, digits, `.`, `_` and `-`.

    Returns:
        The cached safetensors file; for the user's own it records the SHA-256 of `path`.

    Raises:
        WeightsError: If the file is missing, is not the pinned one, or does not hold such a network.
        UsageError: If the name cannot be used.
    """
    _target(name)  # a name that cannot be used is refused before the file is read
    if not path.is_file():
        raise WeightsError("no such file", file=path, remedy=f"vadlab weights import FILE {name}")
    record = _find(name)
    if record is None:
        tree = weight_files.read(path)
        return _store(_state(tree, path, _network(tree)), name, source_hash=f"sha256:{files.digest(path)}")
    if isinstance(record.origin, Archive) and files.digest(path) == record.origin.member_sha256:
        tree = weight_files.read_as_member(path.read_bytes(), record.origin, path)
        state = _state(tree, path, record.network, in_channels=record.in_channels)
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
        content = weight_files.read_member(path, record.origin)
        tree = weight_files.read_as_member(content, record.origin, path)
    else:
        tree = weight_files.read_torch(path)
    return _state(tree, path, record.network, in_channels=record.in_channels)


def _network(tree: object) -> Network:
    """Whose weights a file of the user's own seems to hold."""
    if c3d_state.is_mean(tree):
        return "c3d-mean"
    if image_state.is_image_network(tree):
        return "image"
    return "c3d" if c3d_state.is_c3d(tree) else "i3d"


def _state(tree: object, path: Path, network: Network, *, in_channels: int | None = None) -> State:
    """What a file held, checked as that network's."""
    if network == "c3d-mean":
        return c3d_state.mean_from_tree(tree, path)
    if network == "c3d":
        return c3d_state.from_tree(tree, path)
    if network == "image":
        return image_state.from_tree(tree, path)
    return i3d_state.from_tree(tree, path, in_channels=in_channels)


def _store(state: State, name: str, *, source_hash: str) -> Path:
    target = _target(name)
    arrays = {key: np.ascontiguousarray(value) for key, value in sorted(state.items())}
    # One entry only: the library writes several in random order, and the digest would change.
    files.write_whole(target, safetensors.numpy.save(arrays, metadata={"source": source_hash}))
    return target
