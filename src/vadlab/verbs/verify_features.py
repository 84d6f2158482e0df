"""vadlab features verify: how two stores or feature files differ, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadlab import progress
from vadlab.errors import DataError, UsageError
from vadlab.features.compare.videos import VideoComparison, compare_video, explained, findings
from vadlab.features.foreign.arrays import ARCHIVES, array_names, load
from vadlab.features.foreign.names import Names
from vadlab.features.store import MANIFEST, Store

__all__ = ["LOOKED_INTO", "TOLERANCE", "Verification", "verify_features"]

TOLERANCE = 1e-4  # relative difference of features that count as equal
LOOKED_INTO = 10  # different videos for which reasons are sought, spread over all


@dataclass(frozen=True)
class Verification:
    """How two sets of features differ.

    Args:
        equal: Whether every video is there on both sides, and equal within the tolerance.
        videos: The comparison of each video that both have.
        findings: What is different, a line each, the most likely explanation first.
    """

    equal: bool
    videos: tuple[VideoComparison, ...]
    findings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "equal": self.equal,
            "findings": list(self.findings),
            "videos": [one.to_json() for one in self.videos],
        }


@dataclass(frozen=True)
class _Side:
    names: tuple[str, ...]
    read: Callable[[str], NDArray[Any]]
    streams: Mapping[str, int]


def verify_features(
    a: Path, b: Path, *, video: str | None = None, tolerance: float = TOLERANCE
) -> Verification:
    """Compare the features of two stores or files, video by video.

    Args:
        a: A store, or a file: npy or txt of one video; npz, h5 or safetensors of one or of many.
        b: The other; what is found is told as what was done to A.
        video: Compare this one only; None compares all.
        tolerance: Largest relative difference, |B - A| / |A| of a video, of equal features.

    Raises:
        DataError: If a file is missing, malformed or of another kind, or no video is on both sides.
        StoreError: If a store is damaged.
        UsageError: If the video is not there, or the tolerance is negative.
    """
    if not tolerance >= 0:
        raise UsageError("not a tolerance", expected="0 or more", found=tolerance)
    one, other = _side(a), _side(b)
    if video is None:
        pairs, only_a, only_b = _paired(one.names, other.names)
    else:
        pairs, only_a, only_b = {video: (_named(video, one, a), _named(video, other, b))}, [], []
    if not pairs:
        raise DataError(
            "the two sides have no video in common",
            expected=", ".join(one.names[:3]) or "no video",
            found=", ".join(other.names[:3]) or "no video",
            remedy="name the same videos alike, or say which one is meant: --video ID",
        )
    compared: dict[str, VideoComparison] = {}
    with progress.bar("compare") as report:
        for number, (name, (left, right)) in enumerate(pairs.items(), start=1):
            compared[name] = compare_video(
                name, _read(one, left, a), _read(other, right, b), tolerance=tolerance
            )
            report(number, len(pairs), name)
    different = [name for name, found in compared.items() if not found.equal]
    chosen = [different[i] for i in _spread(len(different), LOOKED_INTO)]
    with progress.bar("explain") as report:
        for number, name in enumerate(chosen, start=1):
            left, right = pairs[name]
            compared[name] = explained(compared[name], one.read(left), other.read(right), streams=one.streams)
            report(number, len(chosen), name)
    told = findings(tuple(compared.values()))
    for letter, alone in (("A", only_a), ("B", only_b)):
        if alone:
            more = f" and {len(alone) - 1} more" if len(alone) > 1 else ""
            told.append(f"only in {letter}: {alone[0]}{more}")
    equal = not different and not only_a and not only_b
    return Verification(equal, tuple(compared.values()), tuple(told))


def _side(path: Path) -> _Side:
    if path.is_dir():
        if not (path / MANIFEST).exists():
            raise DataError(
                "the folder is no feature store",
                file=path,
                expected=f"a store ({MANIFEST}), or one file: npy, npz, h5, safetensors, txt",
                remedy="vadlab features import makes a store of a folder of features",
            )
        store = Store.open(path)
        base = path / "videos"
        names = sorted(
            file.relative_to(base).with_suffix("").as_posix() for file in base.rglob("*.safetensors")
        )
        return _Side(tuple(names), lambda name: store.read(name).x.values, store.manifest["streams"])
    if not path.exists():
        raise DataError("no such file or folder", file=path)
    if path.suffix not in ARCHIVES:
        return _Side((path.stem,), lambda _: load(path), {})
    inside = array_names(path)
    if path.suffix == ".safetensors" and "features" in inside:  # a store's file
        return _Side((path.stem,), lambda _: load(path, "features"), {})
    if len(inside) == 1:
        return _Side((path.stem,), lambda _: load(path, inside[0]), {})
    return _Side(inside, lambda name: load(path, name), {})


def _paired(
    a: tuple[str, ...], b: tuple[str, ...]
) -> tuple[dict[str, tuple[str, str]], list[str], list[str]]:
    """Names of A and B that mean the same video, by A's name; and those of either that stand alone."""
    if len(a) == len(b) == 1:
        return {a[0]: (a[0], b[0])}, [], []
    matches = Names(b).find_all(a)
    pairs = {name: (name, found[0]) for name, found in matches.items() if len(found) == 1}
    used = {right for _, right in pairs.values()}
    return pairs, [name for name in a if name not in pairs], [name for name in b if name not in used]


def _named(video: str, side: _Side, path: Path) -> str:
    """The side's name for a video; a single array is that video, whatever its name."""
    if len(side.names) == 1:
        return side.names[0]
    found = Names(side.names).find(video)
    if len(found) != 1:
        raise UsageError(
            f"{path} has {'several videos' if found else 'no video'} {video!r}",
            expected="an id such as " + ", ".join((found or side.names)[:3]),
        )
    return found[0]


def _read(side: _Side, name: str, path: Path) -> NDArray[Any]:
    array = side.read(name)
    if array.ndim not in (2, 3) or array.size == 0:
        raise DataError(
            f"{name} holds no features",
            file=path,
            expected="(clips, dim), or with a third axis of crops",
            found=f"shape {array.shape}",
        )
    return array


def _spread(n: int, most: int) -> list[int]:
    """Up to `most` of n indices, the first and the last among them."""
    return sorted({round(i) for i in np.linspace(0, n - 1, min(n, most))}) if n else []
