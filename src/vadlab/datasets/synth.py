"""A generated set in the shape of LAD: 14 categories of drawn scenes, exact events, five annotators."""

from __future__ import annotations

import itertools
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from vadlab.annotation_table import (
    AnnotationTable,
    Annotator,
    Row,
    Spans,
    read_annotators,
    write_annotators,
    write_rows,
)
from vadlab.errors import DataError, UsageError
from vadlab.files import read_json, write_json
from vadlab.layouts.listed import ListedVideos
from vadlab.progress import Report
from vadlab.synthesis.scenes import CATEGORIES, SceneVideo, scene, simulated_annotators
from vadlab.types import Entry, FrameLabels
from vadlab.video.encode import write_video

__all__ = ["Synth", "generate"]

VERSION = 1  # of what is drawn: raise it when the same settings give other videos
SETTINGS = "synth.json"
MARKS = "annotators.csv"


class Synth(ListedVideos):
    """A set that `generate` made.

    Args:
        root: Its folder.

    Raises:
        DataError: If the folder holds no complete generated set.
    """

    name: ClassVar[str] = "synth"
    licence: ClassVar[str] = "Apache-2.0, as the code that draws it"
    home: ClassVar[str] = "vadlab data synth OUT"
    published: ClassVar[dict[str, int]] = {}

    def __init__(self, root: Path) -> None:
        for file in (SETTINGS, "annotations.csv"):
            if not (root / file).is_file():
                raise DataError(
                    "no complete generated set",
                    file=root,
                    expected=f"{SETTINGS} and annotations.csv, which is written last",
                    found=f"no {file}",
                    remedy=f"vadlab data synth {root}",
                )
        self.root = root
        self._table = AnnotationTable(root)
        self._keep(self._table.entries)
        found = {entry.category for entry in self._table.entries}
        self.categories = tuple(category for category in CATEGORIES if category in found)

    def labels(self, entry: Entry, n_frames: int) -> FrameLabels:
        """The exact events, as drawn.

        Raises:
            DataError: If the video has not `n_frames` frames.
        """
        return self._table.labels(entry, n_frames)

    def annotators(self) -> dict[str, tuple[Spans, ...]]:
        """What each simulated annotator marked, by video id; for `annotations.consensus`."""
        marks: dict[str, list[Spans]] = {}
        for mark in read_annotators(self.root / MARKS):
            marks.setdefault(mark.path.removesuffix(".mp4"), []).append(mark.events)
        return {name: tuple(spans) for name, spans in marks.items()}


def generate(
    root: Path,
    *,
    train: int = 2,
    test: int = 1,
    categories: Sequence[str] = CATEGORIES,
    seed: int = 0,
    size: tuple[int, int] = (320, 240),
    workers: int = 1,
    progress: Report | None = None,
) -> Synth:
    """Draw the videos and write the set; run again, it draws only what is missing.

    The videos and tables depend on the arguments alone, not on the number of workers. The table
    `annotations.csv` is written last: where it stands, the set is complete.

    Args:
        root: Folder to write to; it must be new, empty, or hold a set of the same settings.
        train: Normal, and as many abnormal, videos of each category to train with.
        test: The same to test with; by default there are 84 videos in all.
        categories: Some of `synthesis.scenes.CATEGORIES`.
        seed: Seed of all scenes, at least 0.
        size: (width, height) in pixels.
        workers: Number of processes.
        progress: Called with (videos done, videos in all, the last one's path).

    Raises:
        UsageError: If a category is unknown or named twice, a number is negative, there is nothing to
            draw, or the size is too small.
        DataError: If the folder holds anything else, or a set of other settings.
    """
    wanted: dict[str, Any] = {
        "version": VERSION,
        "train": train,
        "test": test,
        "categories": sorted(set(categories)),
        "seed": seed,
        "size": list(size),
    }
    tasks = _tasks(root, train, test, categories, seed=seed, size=size)
    _scene(tasks[0])  # refuses an impossible size before anything is written
    _claim(root, wanted)
    rows: list[Row] = []
    marks: list[Annotator] = []
    for done, (row, of_row) in enumerate(_drawn(tasks, workers), start=1):
        rows.append(row)
        marks += of_row
        if progress is not None:
            progress(done, len(tasks), row.path)
    write_annotators(root / MARKS, sorted(marks, key=lambda mark: (mark.path, mark.annotator)))
    write_rows(root / "annotations.csv", sorted(rows, key=lambda row: row.path))
    return Synth(root)


@dataclass(frozen=True)
class _Task:
    """One video to draw."""

    root: Path
    path: str
    part: str
    category: str
    abnormal: bool
    seed: int
    size: tuple[int, int]


def _tasks(
    root: Path, train: int, test: int, categories: Sequence[str], *, seed: int, size: tuple[int, int]
) -> list[_Task]:
    known = set(categories) <= set(CATEGORIES) and len(set(categories)) == len(categories) > 0
    if not known or min(train, test, seed) < 0 or train + test == 0:
        raise UsageError(
            "cannot generate such a set",
            expected=f"some of {', '.join(CATEGORIES)}, each once; numbers of 0 or more; a video",
            found=f"{', '.join(categories) or 'no category'}; train {train}, test {test}, seed {seed}",
        )
    tasks: list[_Task] = []
    for category, abnormal in itertools.product(categories, (False, True)):
        for index, part in enumerate(["train"] * train + ["test"] * test):
            path = f"{category}/v_{category}_{'a' if abnormal else 'n'}_{index:03d}_{seed}.mp4"
            # Each video has a seed of its own, so that more videos leave the others as they are.
            words = np.random.SeedSequence([seed, CATEGORIES.index(category), abnormal, index])
            own = int(words.generate_state(1)[0])
            tasks.append(_Task(root, path, part, category, abnormal, own, size))
    return tasks


def _claim(root: Path, wanted: dict[str, Any]) -> None:
    """Write the settings into a new folder; in an older one, compare them."""
    if (root / SETTINGS).is_file():
        there = read_json(root / SETTINGS)
        keys = sorted(key for key in wanted.keys() | there.keys() if wanted.get(key) != there.get(key))
        if keys:
            raise DataError(
                "the folder holds a generated set of other settings",
                file=root,
                expected={key: wanted.get(key) for key in keys},
                found={key: there.get(key) for key in keys},
                remedy="choose another folder, or delete this one",
            )
    elif root.exists() and any(root.iterdir()):
        raise DataError(
            "the folder is not empty, and not a generated set",
            file=root,
            expected=f"a new folder, or one with {SETTINGS}",
            found=", ".join(sorted(path.name for path in root.iterdir())[:10]),
            remedy="choose another folder",
        )
    else:
        write_json(root / SETTINGS, wanted)


def _drawn(tasks: Sequence[_Task], workers: int) -> Iterator[tuple[Row, list[Annotator]]]:
    if workers <= 1:
        yield from map(_draw, tasks)
        return
    # Started anew, not forked: a fork copies the locks of whatever threads the caller runs.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        try:
            for future in as_completed([pool.submit(_draw, task) for task in tasks]):
                yield future.result()
        finally:
            # After an error or Ctrl-C no new video is begun.
            pool.shutdown(cancel_futures=True)


def _scene(task: _Task) -> SceneVideo:
    return scene(task.category, abnormal=task.abnormal, seed=task.seed, size=task.size)


def _draw(task: _Task) -> tuple[Row, list[Annotator]]:
    """Write one video unless it is there, and return its row and its annotators' marks."""
    drawn = _scene(task)
    path = task.root / task.path
    # A video has its name only when it is whole, so one that is there is complete.
    if not path.exists():
        write_video(path, drawn.frames(), fps=drawn.fps)
    row = Row(
        path=task.path,
        part=task.part,
        category=task.category,
        abnormal=task.abnormal,
        events=drawn.events,
        n_frames=drawn.n_frames,
        fps=drawn.fps,
    )
    people = simulated_annotators(drawn.events, drawn.n_frames, seed=task.seed)
    return row, [
        Annotator(task.path, f"annotator{number}", spans) for number, spans in enumerate(people, start=1)
    ]
