"""The videos and labels behind a run: its dataset, opened where the training found it or where it is now."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vadlab import catalog
from vadlab.datasets._protocol import Dataset
from vadlab.errors import DataError, StoreError, VadlabError
from vadlab.evaluation.places import METRICS
from vadlab.files import read_json
from vadlab.types import Entry, FrameLabels
from vadlab.web.site import MissingError

__all__ = ["DatasetVideos"]

SECONDS_KEPT = 300.0  # a listing; folders of thousands of videos take a while


@dataclass(frozen=True)
class _Opened:
    dataset: Dataset
    entries: Mapping[str, Entry]
    at: float


class DatasetVideos:
    """The datasets of a site's runs; each is listed once and kept for a while.

    Args:
        moved: Dataset name to its folder, where it is no longer at the place of the training.
    """

    def __init__(self, moved: Mapping[str, Path]) -> None:
        self._moved = dict(moved)
        self._opened: dict[tuple[str, Path], _Opened] = {}
        self._lock = threading.Lock()

    def entry(self, run: Path, video: str) -> Entry:
        """A video of the run's dataset.

        Raises:
            MissingError: If the dataset has no such video.
            DataError: If the dataset is not there.
        """
        entry = self._open(run).entries.get(video)
        if entry is None:
            raise MissingError(f"the dataset has no video {video!r}")
        return entry

    def labels(self, run: Path, video: str, n_frames: int) -> FrameLabels | None:
        """The truth of a video; None where the dataset is not there or has no frame labels of it."""
        try:
            opened = self._open(run)
            entry = opened.entries.get(video)
            if entry is None or not opened.dataset.has_frame_labels(entry):
                return None
            return opened.dataset.labels(entry, n_frames)
        except VadlabError:
            return None

    def _open(self, run: Path) -> _Opened:
        name, root = self._place(run)
        with self._lock:
            known = self._opened.get((name, root))
            if known is None or time.monotonic() - known.at > SECONDS_KEPT:
                dataset = catalog.load("datasets", name)(root)
                known = _Opened(dataset, {entry.id: entry for entry in dataset.entries()}, time.monotonic())
                self._opened[name, root] = known
            return known

    def _place(self, run: Path) -> tuple[str, Path]:
        try:
            told = read_json(run / "run.json")["dataset"]
            name, root = str(told["name"]), Path(told["root"])
        except (StoreError, KeyError, TypeError):
            name, root = _imported(run), None
        root = self._moved.get(name, root)
        if root is None or not root.is_dir():
            raise DataError(
                f"the videos of {name} are not at hand",
                file=root,
                remedy=f"start the server with --dataset {name}=FOLDER",
            )
        return name, root


def _imported(run: Path) -> str:
    """The dataset of imported scores, which have no run.json."""
    try:
        findings = read_json(run / METRICS).values()
        return str(next(iter(findings))["run"]["dataset"])
    except (StoreError, KeyError, TypeError, StopIteration) as error:
        raise DataError("the run does not tell its dataset", file=run) from error
