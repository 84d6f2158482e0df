"""vadlab extract: features of a dataset's videos into a store, only what is missing."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vadlab import progress
from vadlab.distributed.ray import Cluster, extract_on_cluster
from vadlab.errors import UsageError, VadlabError
from vadlab.features.extract import Extractor
from vadlab.features.pipeline import Job, fill
from vadlab.features.store import MANIFEST, Store
from vadlab.types import Entry
from vadlab.video.container import promised

__all__ = ["Extraction", "extract", "parse_shard", "settings_of_store"]

FEW = 50  # videos, whose headers are read in no time even from a disk of the network


@dataclass(frozen=True)
class Extraction:
    """What was done.

    Args:
        store: The store.
        done: Ids of the videos extracted now.
        kept: Number of videos that the store had already.
        failed: Id and reason of each video that failed.
        n_clips: Clips extracted now.
        seconds: Wall time.
    """

    store: Store
    done: tuple[str, ...]
    kept: int
    failed: tuple[tuple[str, str], ...]
    n_clips: int
    seconds: float


def parse_shard(text: str) -> tuple[int, int]:
    """`"2/4"` to (2, 4): the second of four parts.

    Raises:
        UsageError: If it is not of that form.
    """
    part, slash, parts = text.partition("/")
    if not (slash and part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise UsageError(f"cannot read the shard {text!r}", expected="i/n with 1 <= i <= n, such as 2/4")
    return int(part), int(parts)


def extract(
    entries: Sequence[Entry],
    out: Path,
    extractor: Extractor,
    *,
    shard: tuple[int, int] = (1, 1),
    cluster: Cluster | None = None,
) -> Extraction:
    """Extract the features that the store lacks; a video that fails does not stop the others.

    Args:
        entries: Videos, as a dataset lists them.
        out: The store's folder; made if absent.
        extractor: How.
        shard: (i, n): do the i-th of n parts, counted from 1; run the parts anywhere, into one folder.
        cluster: Machines of a Ray cluster that do it; None for this process.

    Raises:
        UsageError: If Ray is not installed or there is no such cluster.
        StoreError: If the folder holds features made in another way, or the disk is full.
    """
    started = time.monotonic()
    store = Store.create(out, extractor.facts())
    part, parts = shard
    mine = sorted(entries, key=lambda entry: entry.id)[part - 1 :: parts]
    missing = set(store.missing([entry.id for entry in mine]))
    # Time goes with length, and length with bytes; of many videos that is all one knows before decoding.
    todo = [(entry, _bytes(entry.path)) for entry in mine if entry.id in missing]
    total = sum(size for _, size in todo)
    sizes = {entry.id: size for entry, size in todo}
    done: list[str] = []
    failed: list[tuple[str, str]] = []
    n_clips = finished = 0
    promised_clips = _clips_promised([entry for entry, _ in todo], extractor)
    with progress.bar("extract", counted=False) as report:

        def tick(clips: int) -> None:
            rate = clips / max(time.monotonic() - started, 1e-9)
            told = f"{len(done) + len(failed)}/{len(todo)} videos, {rate:.1f} clips/s"
            if promised_clips and len(done) + len(failed) < len(todo):
                report(min(clips, promised_clips), promised_clips, told)
            else:
                report(finished, total, told)

        # The longest first, so that at the end none is waited for.
        todo.sort(key=lambda one: -one[1])
        jobs = [Job(entry.id, entry.path, entry.fps) for entry, _ in todo]
        if cluster is None:
            work = fill(store, jobs, extractor, progress=tick)
        else:
            work = extract_on_cluster(jobs, store, cluster)
        with closing(work):
            for one in work:
                if one.error is None:
                    done.append(one.id)
                else:
                    failed.append((one.id, one.error))
                n_clips += one.n_clips
                finished += sizes[one.id]
                tick(n_clips)
    seconds = time.monotonic() - started
    return Extraction(store, tuple(done), len(mine) - len(todo), tuple(failed), n_clips, seconds)


def settings_of_store(store: Path, backbone: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """A backbone's settings, with engine and precision of the store's features where they are left to us.

    So an extraction that goes on elsewhere, where another engine is fastest, still makes equal features.

    Args:
        store: A store's folder; it need not exist.
        backbone: Catalogue name.
        settings: Chosen settings; "auto", or none, leaves one open.
    """
    chosen = dict(settings)
    if (store / MANIFEST).exists():
        made = Store.open(store).manifest["backbone"]
        for key in ("engine", "precision"):
            if made["name"] == backbone and key in made["settings"] and chosen.get(key, "auto") == "auto":
                chosen[key] = made["settings"][key]
    return chosen


def _clips_promised(entries: Sequence[Entry], extractor: Extractor) -> int:
    """The clips of a few videos by their headers, so that the bar moves within a long one; 0 if not known."""
    if len(entries) > FEW:
        return 0
    clips = 0
    for entry in entries:
        try:
            video = promised(entry.path, id=entry.id, fps=entry.fps)
        except VadlabError:
            continue  # it will fail, and be told of
        if video is None:
            return 0
        clips += extractor.n_clips(video.n_frames)
    return clips


def _bytes(path: Path) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.iterdir())
    return path.stat().st_size if path.exists() else 1
