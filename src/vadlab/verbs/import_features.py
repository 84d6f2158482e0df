"""vadlab features import: other people's features as a store of one of our datasets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vadlab import files, progress
from vadlab.errors import DataError
from vadlab.features.foreign.backbone import ImportedFeatures
from vadlab.features.foreign.finding import Piece, find
from vadlab.features.foreign.frame_counts import video_facts
from vadlab.features.foreign.layouts import Layout
from vadlab.features.foreign.placing import Grid, place
from vadlab.features.foreign.rows import Crop, Rows, read_rows
from vadlab.features.foreign.sources import FILE, Source, digest_of, read_sources, write_sources
from vadlab.features.store import MANIFEST, Store
from vadlab.types import Features, Sample
from vadlab.verbs.data import open_dataset

__all__ = ["Foreign", "Import", "import_features"]

_UNKNOWN = "imported, not known"  # what the manifest calls weights and flow method


@dataclass(frozen=True)
class Foreign:
    """Where features come from and how they are to be read.

    Args:
        layout: How files and axes are.
        source: The folder, or one file.
        crop: A crop's number, "mean", or "all" as a stream each.
        grid: Which frames a row covers.
        wanted: A list of the files to use, or None for all.
        frames: Where frame counts come from: a table `video,n_frames[,fps]`, a feature store, or None to
            decode every video.
    """

    layout: Layout
    source: Path
    crop: Crop = "mean"
    grid: Grid = field(default_factory=Grid)
    wanted: Path | None = None
    frames: Path | None = None


@dataclass(frozen=True)
class Import:
    """What was done.

    Args:
        store: The store's folder.
        done: Ids of the videos imported now.
        kept: Number of videos that the store had already.
        failed: Id and reason of each video that could not be imported.
        without: Ids of the dataset's videos that the source has no features of.
        unused: Names in the source that mean no video of the dataset.
        notes: What was mended, a line a video.
    """

    store: Path
    done: tuple[str, ...]
    kept: int
    failed: tuple[tuple[str, str], ...]
    without: tuple[str, ...]
    unused: tuple[str, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"store": str(self.store), "failed": dict(self.failed)}


def import_features(foreign: Foreign, dataset: str, root: Path, *, out: Path) -> Import:
    """Write foreign features of a dataset's videos into a store; what it has already is kept.

    A video that fails does not stop the others. `sources.csv` in the store tells each video's files with
    their SHA-256, and the manifest the SHA-256 of that.

    Args:
        foreign: The features.
        dataset: Catalogue name of the dataset.
        root: Its folder.
        out: The store's folder.

    Raises:
        DataError: If there are no such features, names are ambiguous, or a table or list is malformed.
        UsageError: If the crop is not there.
        StoreError: If the folder holds features made in another way, or the disk is full.
    """
    entries = {entry.id: entry for entry in open_dataset(dataset, root).entries()}
    found = find(foreign.layout, foreign.source, entries, wanted=foreign.wanted)
    video_of = video_facts(foreign.frames)
    crops = _usual_crops(found.videos.values())
    store = _opened(foreign, out)
    sources = {} if store is None else read_sources(out)
    gone = set(() if store is None else store.missing(sources))
    digests: dict[Path, str] = {}
    done: list[str] = []
    failed: list[tuple[str, str]] = []
    notes: list[str] = []
    todo = {name: pieces for name, pieces in found.videos.items() if name not in sources or name in gone}
    try:
        with progress.bar("import") as report:
            for number, (name, pieces) in enumerate(todo.items(), start=1):
                report(number, len(todo), name)
                try:
                    rows = read_rows(
                        foreign.layout,
                        pieces,
                        crop=foreign.crop,
                        crops=crops,
                        cut="cut" in foreign.grid.align,
                    )
                    video = video_of(entries[name])
                    placed = place(len(rows.values), video.n_frames, foreign.grid)
                    if store is None:
                        store = Store.create(out, _manifest(foreign, rows.streams, rows.n_crops))
                    _refuse_others(store, rows, pieces[0])
                except DataError as error:
                    failed.append((name, str(error)))
                    continue
                values = rows.values[: len(placed.spans)]
                digest = digest_of((piece.file for piece in pieces), digests)
                sample = Sample(video, placed.spans, Features(values, known_finite=True), None)
                store.write(sample, source_hash=digest)
                note = "; ".join(text for text in (rows.note, placed.note) if text)
                notes += [f"{name}: {note}"] if note else []
                sources[name] = Source(
                    _told(pieces), digest, str(len(rows.values)), str(len(values)), str(video.n_frames), note
                )
                done.append(name)
    finally:
        if store is not None and done:
            told = {"file": FILE, "videos": len(sources), "sha256": write_sources(out, sources)}
            files.write_json(out / MANIFEST, {**store.manifest, "sources": told})
    return Import(
        store=out,
        done=tuple(done),
        kept=len(found.videos) - len(todo),
        failed=tuple(failed),
        without=tuple(name for name in entries if name not in found.videos),
        unused=found.unused,
        notes=tuple(notes),
    )


def _usual_crops(videos: Iterable[Sequence[Piece]]) -> list[int] | None:
    """The crop numbers that most videos have files of; None if crops are no files."""
    numbers = Counter(
        tuple(sorted({piece.crop for piece in pieces if piece.crop is not None})) for pieces in videos
    )
    return list(numbers.most_common(1)[0][0]) or None


def _opened(foreign: Foreign, out: Path) -> Store | None:
    """The store of an earlier import; None if it is new.

    Raises:
        StoreError: If it holds features made in another way; its sources alone may be others.
    """
    if not (out / MANIFEST).exists():
        return None
    earlier = files.read_json(out / MANIFEST)
    facts = earlier.get("backbone", {}).get("facts", {})
    wanted = _manifest(foreign, earlier.get("streams", {}), facts.get("crops", 0))
    return Store.open(out, manifest={**wanted, "sources": earlier.get("sources")})


def _manifest(foreign: Foreign, streams: Mapping[str, int], n_crops: int) -> dict[str, Any]:
    segments = foreign.grid.segments
    clip = None if segments else foreign.grid.stride
    return {
        "format": 1,
        "streams": dict(streams),
        "backbone": {
            "name": f"{ImportedFeatures.__module__}:{ImportedFeatures.__name__}",
            "settings": {"layout": foreign.layout.name},
            "facts": {
                "weights": {stream: {"name": f"{_UNKNOWN} ({foreign.layout.name})"} for stream in streams},
                "licence": "not known",
                "layout": foreign.layout.what,
                "crops": n_crops,
                "crop": foreign.crop if n_crops else "the files know no crops",
                "crop order": "as in the files; which is which is not known",
            },
        },
        "flow": {"name": _UNKNOWN, "settings": {}, "facts": {}} if "flow" in streams else None,
        "clip_length": clip,
        "clip_stride": clip,
        "segments": segments,
        "tail": "as imported",
        "align": sorted(foreign.grid.align),
        "sources": None,
    }


def _refuse_others(store: Store, rows: Rows, piece: Piece) -> None:
    streams, crops = store.manifest["streams"], store.manifest["backbone"]["facts"]["crops"]
    if rows.streams != streams or rows.n_crops != crops:
        raise DataError(
            "the features have other columns or crops than the store",
            file=piece.file,
            expected=f"{_of(streams)}, {crops} crops",
            found=f"{_of(rows.streams)}, {rows.n_crops} crops",
            remedy="import each kind of features into a store of its own",
        )


def _of(streams: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {width}" for name, width in streams.items())


def _told(pieces: Sequence[Piece]) -> str:
    return ";".join(f"{piece.file}#{piece.array}" if piece.array else str(piece.file) for piece in pieces)
