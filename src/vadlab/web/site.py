"""What one server shows: the runs and watch folders below a root folder."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vadlab.errors import DataError
from vadlab.evaluation.places import METRICS

__all__ = ["MissingError", "Site", "Upload"]

DEPTH = 5  # folders below the root; demo/runs/aed is three deep
SECONDS_KEPT = 3.0  # the list of folders; several requests of one page share a walk
RUN_MARKS = (METRICS, "run.json")
WATCH_MARKS = ("watch.json", "status.json", "events.sqlite")


class MissingError(DataError):
    """There is nothing under the name that a request gives; answered with 404."""


@dataclass(frozen=True)
class Upload:
    """Limits of videos sent to be scored.

    Args:
        max_bytes: Of one file.
        max_waiting: Jobs that may wait or run at a time.
    """

    max_bytes: int = 2_000_000_000
    max_waiting: int = 20


@dataclass
class Site:
    """The folder that a server shows, and its settings.

    Requests name runs and watch folders by keys of `runs` and `watches`, never by a path, so that no
    request reaches a folder which is not in these lists. A key is the path below the root with `~` for `/`.

    Args:
        root: A run, a watch folder, or a folder with such folders in it.
        datasets: Dataset name to its folder, where it is no longer at the place of the training.
        upload: Limits of uploaded videos.
        uploads: Where uploaded videos and their scores are kept; None takes `uploads` in the root.
        playback: Where playable copies of videos are kept; None takes the cache folder.
    """

    root: Path
    datasets: dict[str, Path] = field(default_factory=dict)
    upload: Upload = field(default_factory=Upload)
    uploads: Path | None = None
    playback: Path | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _found: tuple[float, dict[str, Path], dict[str, Path]] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.root = self.root.resolve()

    def runs(self) -> dict[str, Path]:
        """Key to folder of all runs, sorted by key."""
        return self._lists()[0]

    def watches(self) -> dict[str, Path]:
        """Key to folder of all watch folders, sorted by key."""
        return self._lists()[1]

    def run(self, key: str) -> Path:
        """A run's folder.

        Raises:
            MissingError: If there is no such run.
        """
        return _chosen(self.runs(), key, "run")

    def watch(self, key: str) -> Path:
        """A watch folder.

        Raises:
            MissingError: If there is none of that key.
        """
        return _chosen(self.watches(), key, "watch folder")

    def shown(self, folder: Path) -> str:
        """A folder as pages name it: its path below the root, else its last part; no page needs more."""
        if folder != self.root and folder.is_relative_to(self.root):
            return folder.relative_to(self.root).as_posix()
        return folder.name

    def _lists(self) -> tuple[dict[str, Path], dict[str, Path]]:
        with self._lock:
            if self._found is None or time.monotonic() - self._found[0] > SECONDS_KEPT:
                runs: dict[str, Path] = {}
                watches: dict[str, Path] = {}
                for folder, names in _folders(self.root, DEPTH):
                    if names.intersection(RUN_MARKS):
                        runs[self._key(folder)] = folder
                    elif names.intersection(WATCH_MARKS):
                        watches[self._key(folder)] = folder
                self._found = (time.monotonic(), runs, watches)
            return self._found[1], self._found[2]

    def _key(self, folder: Path) -> str:
        parts = folder.relative_to(self.root).parts
        return "~".join(parts) if parts else self.root.name or "root"


def _chosen(folders: dict[str, Path], key: str, what: str) -> Path:
    folder = folders.get(key)
    if folder is None:
        known = ", ".join(list(folders)[:5]) or "none"
        raise MissingError(f"there is no {what} {key!r}", expected=known)
    return folder


def _folders(folder: Path, depth: int) -> Iterator[tuple[Path, frozenset[str]]]:
    """Each folder, sorted, with its file names; not into links, hidden folders, runs and watch folders."""
    try:
        with os.scandir(folder) as found:
            entries = list(found)
    except OSError:
        return  # what cannot be read is not shown
    names = frozenset(entry.name for entry in entries if entry.is_file())
    yield folder, names
    if depth and not names.intersection(RUN_MARKS + WATCH_MARKS):
        below = [e.name for e in entries if e.is_dir(follow_symlinks=False) and not e.name.startswith(".")]
        for name in sorted(below):
            yield from _folders(folder / name, depth - 1)
