"""The feature store: a manifest that says how, and one safetensors file a video."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from vadlab.csv_table import listed
from vadlab.errors import StoreError, UsageError, VadlabError
from vadlab.files import read_json, write_json, write_whole
from vadlab.types import Features, FloatArray, IntArray, Sample, Video

__all__ = ["Store", "differences", "select_streams"]

MANIFEST = "manifest.json"
SUFFIX = ".safetensors"
PIECE = 1 << 20  # bytes that are read at a time to check a file


@dataclass(frozen=True)
class Store:
    """Features of many videos, all made in the one way that the manifest tells.

    Several processes may write to one store at once: every file is written whole, under its own name.

    Args:
        root: The store's folder.
        manifest: Backbone with its weights and their hashes, flow, clip length and stride, tail rule;
            `manifest["streams"]` maps each stream's name to its number of columns, in column order.
    """

    root: Path
    manifest: Mapping[str, Any]

    @classmethod
    def create(cls, root: Path, manifest: Mapping[str, Any]) -> Store:
        """A new store, or the existing one if its manifest is the same.

        Raises:
            StoreError: If the folder holds features made in another way; the differences are listed.
        """
        if (root / MANIFEST).exists():
            return cls.open(root, manifest=manifest)
        write_json(root / MANIFEST, dict(manifest))
        return cls(root, manifest)

    @classmethod
    def open(cls, root: Path, *, manifest: Mapping[str, Any] | None = None) -> Store:
        """An existing store.

        Args:
            root: Its folder.
            manifest: What its manifest has to be; None takes any.

        Raises:
            StoreError: If there is none, or its manifest is another; the differences are listed.
        """
        if not (root / MANIFEST).exists():
            raise StoreError(
                "this folder is no feature store",
                file=root,
                expected=MANIFEST,
                found="no such file" if root.is_dir() else "no such folder",
                remedy="make one with: vadlab extract DATASET ROOT --out STORE",
            )
        store = cls(root, read_json(root / MANIFEST))
        if manifest is not None:
            store._require(manifest)
        return store

    def path(self, video_id: str) -> Path:
        """The file of one video."""
        return self.root / "videos" / f"{video_id}{SUFFIX}"

    def missing(self, video_ids: Iterable[str]) -> list[str]:
        """Those videos that have no file, or a damaged one."""
        return [video_id for video_id in video_ids if not self._whole(video_id)]

    def require(self, video_ids: Sequence[str]) -> None:
        """Refuse if videos have no file; all of them are named at once.

        Raises:
            StoreError: If any has none.
        """
        absent = [video_id for video_id in video_ids if not self.path(video_id).exists()]
        if absent:
            raise StoreError(
                f"the store has no features of {len(absent)} of the {len(video_ids)} videos",
                file=self.root,
                found=listed(absent),
                remedy="run the same vadlab extract command again: it makes what is missing, or says why it "
                "cannot; videos that cannot be read have to leave the dataset's lists",
            )

    def write(self, sample: Sample[Features, None], *, source_hash: str) -> None:
        """Add one video, whole or not at all.

        Raises:
            StoreError: If rows, columns and spans do not fit the store, or the disk is full.
        """
        video, features, spans = sample.video, sample.x, sample.spans
        if features.values.shape != (len(spans), self.dim):
            raise StoreError(
                "features do not fit their spans or the store",
                file=self.path(video.id),
                expected=(len(spans), self.dim),
                found=features.values.shape,
            )
        facts = {
            "id": video.id,
            "path": str(video.path),
            "n_frames": video.n_frames,
            "fps": str(video.fps),
            "size": list(video.size),
            "source_sha256": source_hash,
        }
        # The format takes an array's memory as it lies: another order than C would come back scrambled.
        arrays: dict[str, NDArray[Any]] = {
            "features": np.asarray(features.values, order="C"),
            "spans": np.asarray(spans, order="C"),
        }
        facts |= {"crc32": _crc(facts, arrays["spans"], arrays["features"].data)}
        # One text, for the format puts several in an order of chance: the same video makes the same file.
        write_whole(self.path(video.id), save(arrays, {"video": json.dumps(facts)}))

    def read(self, video_id: str, *, streams: tuple[str, ...] | None = None) -> Sample[Features, None]:
        """One video's features, of all streams or of some, mapped from the file.

        The values are a read-only view of the file: they take no memory until they are used, and may be
        given up by the system at any time. The file is read once, in pieces, to check it.

        Raises:
            StoreError: If the video is missing or its file is damaged, be it by one bit.
            UsageError: If a stream is not in the store.
        """
        path = self.path(video_id)
        if not path.exists():
            raise StoreError(
                f"the store has no features of {video_id!r}",
                file=path,
                remedy="run the same vadlab extract command again: it does what is missing",
            )
        try:
            with safe_open(path, framework="numpy") as file:
                facts, spans = json.loads(file.metadata()["video"]), file.get_tensor("spans")
                part = file.get_slice("features")
                shape, kind = tuple(part.get_shape()), part.get_dtype()
            video = Video(
                facts["id"],
                Path(facts["path"]),
                facts["n_frames"],
                Fraction(facts["fps"]),
                (facts["size"][0], facts["size"][1]),
            )
            if shape != (len(spans), self.dim) or kind != "F32":
                found = f"features {shape} {kind}, spans {spans.shape}"
                raise ValueError(f"{found}, columns expected {self.dim} F32")
            offset = _features_offset(path)
            written = facts.pop("crc32", None)  # older files have none
            pieces = _pieces(path, offset, 4 * shape[0] * shape[1])
            if written is not None and _crc(facts, spans, *pieces) != written:
                raise ValueError("its content is not what was written")
            values = np.asarray(np.memmap(path, np.dtype("<f4"), "r", offset, shape))
            values = select_streams(values, self.manifest["streams"], streams)
            return Sample(video, spans, Features(values, known_finite=written is not None), None)
        except UsageError:
            raise
        except (SafetensorError, OSError, LookupError, TypeError, ValueError, VadlabError) as error:
            raise StoreError(
                "the feature file is damaged",
                file=path,
                found=str(error),
                remedy="delete it and run the same vadlab extract command again: it does what is missing",
            ) from error

    @property
    def dim(self) -> int:
        """Columns of all streams together."""
        return int(sum(self.manifest["streams"].values()))

    def _require(self, manifest: Mapping[str, Any]) -> None:
        wanted = json.loads(json.dumps(dict(manifest)))  # as JSON gives it back, where a tuple is a list
        differing = list(differences(_ordered(self.manifest), _ordered(wanted)))
        # Of another backbone or flow method everything differs; its name says it all.
        renamed = [
            kind for kind in ("backbone.", "flow.") if any(k == f"{kind}name" for k, _, _ in differing)
        ]
        told = [
            (k, old, new)
            for k, old, new in differing
            if not any(k.startswith(kind) and k != f"{kind}name" for kind in renamed)
        ]
        if told:
            raise StoreError(
                "the store holds features made in another way",
                file=self.root,
                expected="; ".join(f"{k} = {new}" for k, _, new in told),
                found="; ".join(f"{k} = {old}" for k, old, _ in told),
                remedy="make another store (another --out), or use the settings of this one",
            )

    def _whole(self, video_id: str) -> bool:
        # Opening checks the header against the file's length, which finds files that were cut short.
        try:
            with safe_open(self.path(video_id), framework="numpy") as file:
                shape = file.get_slice("features").get_shape()
        except (SafetensorError, OSError):
            return False
        return len(shape) == 2 and shape[1] == self.dim


def select_streams(
    values: FloatArray, widths: Mapping[str, int], streams: tuple[str, ...] | None
) -> FloatArray:
    """The columns of some streams, in the order asked for; all of them for None.

    A view, where the streams asked for are neighbours in that order; else a copy.

    Raises:
        UsageError: If a stream is not there.
    """
    if streams is None or streams == tuple(widths):
        return values
    parts: dict[str, slice] = {}
    start = 0
    for name, width in widths.items():
        parts[name], start = slice(start, start + width), start + width
    unknown = [name for name in streams if name not in parts]
    if unknown or not streams:
        raise UsageError(
            f"the features have no stream {', '.join(unknown) or '(none named)'}",
            expected=", ".join(widths),
        )
    chosen = [parts[name] for name in streams]
    if all(a.stop == b.start for a, b in pairwise(chosen)):
        return values[:, chosen[0].start : chosen[-1].stop]
    return np.concatenate([values[:, columns] for columns in chosen], axis=1)


def _features_offset(path: Path) -> int:
    """Where the features begin in a file whose form safetensors has checked, in bytes."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    return 8 + length + int(header["features"]["data_offsets"][0])


def _pieces(path: Path, offset: int, length: int) -> Iterator[bytes]:
    """A part of a file, read in pieces; through a mapping it would all count as this process's memory."""
    with path.open("rb") as file:
        file.seek(offset)
        while length and (piece := file.read(min(PIECE, length))):
            length -= len(piece)
            yield piece


def _crc(facts: Mapping[str, Any], spans: IntArray, *features: bytes | memoryview) -> str:
    """A checksum of all that a file tells: CRC-32, which is as fast as the file is read."""
    total = 0
    for part in (json.dumps(facts).encode(), spans.tobytes(), *features):
        total = zlib.crc32(part, total)
    return f"{total:08x}"


def _ordered(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """With the order of the streams, which is that of the columns, as a value of its own."""
    return {**manifest, "column order": list(manifest.get("streams", ()))}


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Where two nested mappings differ: the keys with dots between them, the old value, the new one.

    A key that one of them has not is "absent" there.
    """
    for key in sorted({*old, *new}):
        a, b = old.get(key, "absent"), new.get(key, "absent")
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            yield from differences(a, b, f"{prefix}{key}.")
        elif a != b:
            yield f"{prefix}{key}", a, b
