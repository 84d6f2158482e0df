"""`sources.csv` in a store of imported features: the files that each video's features came from."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from vadlab import files
from vadlab.csv_table import write_lines
from vadlab.errors import StoreError

__all__ = ["FILE", "Source", "digest_of", "read_sources", "write_sources"]

FILE = "sources.csv"


@dataclass(frozen=True)
class Source:
    """Where one video's features came from; all as text.

    Args:
        files: Paths with `;` between, an archive's array behind `#`.
        sha256: Of the file; of several, of the lines of their names and SHA-256s.
        rows: Rows in the files.
        kept: Rows in the store.
        n_frames: Frames of the video.
        note: What was mended, or nothing.
    """

    files: str
    sha256: str
    rows: str
    kept: str
    n_frames: str
    note: str


_HEADER = ("video", *(field.name for field in fields(Source)))


def digest_of(paths: Iterable[Path], known: dict[Path, str]) -> str:
    """SHA-256 of a video's files; `known` keeps those of single files, as archives serve many videos."""
    each = list(dict.fromkeys(paths))
    for path in each:
        if path not in known:
            known[path] = files.digest(path)
    if len(each) == 1:
        return known[each[0]]
    return hashlib.sha256("".join(f"{path.name}\0{known[path]}\n" for path in each).encode()).hexdigest()


def read_sources(store: Path) -> dict[str, Source]:
    """Sources by video id; empty where there is no such file.

    Raises:
        StoreError: If it is damaged.
    """
    path = store / FILE
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    if not rows or tuple(rows[0]) != _HEADER or any(len(row) != len(_HEADER) for row in rows):
        raise StoreError(
            "the list of sources is damaged",
            file=path,
            expected=",".join(_HEADER),
            remedy="delete it and run the same command again",
        )
    return {row[0]: Source(*row[1:]) for row in rows[1:]}


def write_sources(store: Path, sources: Mapping[str, Source]) -> str:
    """Write the file, sorted by video; its SHA-256."""
    write_lines(store / FILE, _HEADER, ((name, *astuple(sources[name])) for name in sorted(sources)))
    return files.digest(store / FILE)
