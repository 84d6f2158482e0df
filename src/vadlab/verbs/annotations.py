"""vadlab annotations import | export | merge: several people's marks beside a folder's table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from vadlab.annotation_table import Annotator, Row, format_events, read_rows, write_annotators, write_rows
from vadlab.annotations import activitynet, cvat, folder_csv, label_studio, via
from vadlab.annotations.folder_csv import to_annotation, to_row
from vadlab.annotations.marks import AnnotatedVideo, Annotation, Mark
from vadlab.annotations.merge import Merged, merge
from vadlab.annotations.probabilities import write_probabilities
from vadlab.annotations.reading import Imported
from vadlab.annotations.video_list import VideoList
from vadlab.csv_table import listed
from vadlab.errors import DataError, UsageError
from vadlab.verbs.annotated_folder import (
    MARKS,
    TABLE,
    annotated_videos,
    read_marks,
    refuse_nothing,
    video_list,
)

__all__ = [
    "FORMATS",
    "Change",
    "Exported",
    "ImportedMarks",
    "MergedMarks",
    "describe",
    "export_marks",
    "import_marks",
    "merge_marks",
]

CONSENSUS = "consensus"  # the annotator's name where merged events are exported


class Format(Protocol):
    """A module of `vadlab.annotations` that reads and writes one format."""

    TIMED: bool

    def read(self, file: Path, videos: VideoList, *, annotator: str | None = None) -> Imported:
        """Read a file."""
        ...

    def write(self, file: Path, videos: Sequence[AnnotatedVideo]) -> tuple[str, ...]:
        """Write a file; returns what is lost."""
        ...


FORMATS: dict[str, Format] = {
    "activitynet": activitynet,
    "cvat": cvat,
    "folder": folder_csv,
    "label-studio": label_studio,
    "via": via,
}


@dataclass(frozen=True)
class ImportedMarks:
    """What an import did to `annotators.csv`: (video's path, annotator) each, and what was left out."""

    added: tuple[tuple[str, str], ...]
    replaced: tuple[tuple[str, str], ...]
    unchanged: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Exported:
    """What an export wrote, and what was lost by it."""

    n_videos: int
    n_annotators: int
    n_events: int
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """A row of `annotations.csv` before and after a merge."""

    before: Row
    after: Row


@dataclass(frozen=True)
class MergedMarks:
    """What a merge found.

    Args:
        changes: Rows that change.
        n_videos: Videos that somebody annotated.
        unannotated: Paths of the table that nobody annotated; their rows stay.
        ties: Videos on whose category the annotators tie, with the votes; their category stays.
        conflicts: Videos whose category in the table is not the annotators'.
        probabilities: Files with the share of annotators by frame.
    """

    changes: tuple[Change, ...]
    n_videos: int
    unannotated: tuple[str, ...]
    ties: dict[str, dict[str, int]]
    conflicts: dict[str, dict[str, int]]
    probabilities: tuple[Path, ...]


def import_marks(
    format_name: str, file: Path, root: Path, *, annotator: str | None = None, overwrite: bool = False
) -> ImportedMarks:
    """Add a file's marks to `ROOT/annotators.csv`; all or nothing.

    Args:
        format_name: One of `FORMATS`.
        file: The file of that format.
        root: The folder with `annotations.csv`.
        annotator: Whose marks they are, where the file does not say so, or to use another name.
        overwrite: Whether other marks of the same annotator in the same video may be replaced.

    Raises:
        UsageError: If the format is unknown, or nobody says who annotated.
        DataError: If anything is malformed or unknown, or marks are there already.
    """
    rows = read_rows(root / TABLE)
    found = _format(format_name).read(file, video_list(root, rows), annotator=annotator)
    before = {(mark.path, to_annotation(mark).annotator): mark for mark in read_marks(root)}
    after = dict(before)
    added, replaced, unchanged = [], [], []
    for one in found.videos:
        for annotation in one.annotations:
            key = one.video.path, annotation.annotator
            if key not in before:
                added.append(key)
            elif to_annotation(before[key]) == annotation:
                unchanged.append(key)
                continue
            else:
                replaced.append(key)
            after[key] = to_row(one.video.path, annotation)
    if replaced and not overwrite:
        raise DataError(
            f"{len(replaced)} videos have other marks of the same annotator",
            file=root / MARKS,
            found=listed(f"{path}, {name}" for path, name in replaced),
            remedy="give --replace to take the new ones, or another name with --annotator",
        )
    if added or replaced:
        write_annotators(root / MARKS, [after[key] for key in sorted(after)])
    return ImportedMarks(tuple(added), tuple(replaced), tuple(unchanged), found.warnings)


def export_marks(
    format_name: str, root: Path, file: Path, *, annotator: str | None = None, merged: bool = False
) -> Exported:
    """Write the marks of `ROOT/annotators.csv`, or the merged events, as a file of another format.

    Args:
        format_name: One of `FORMATS`.
        root: The folder.
        file: The file to write.
        annotator: Whose marks only.
        merged: Write `annotations.csv` instead, as one annotator called "consensus". So it is too where
            there is no `annotators.csv`.

    Raises:
        UsageError: If the format is unknown or cannot hold several annotators, or the annotator is unknown.
        DataError: If a table is malformed, or a video is needed and missing.
    """
    form = _format(format_name)
    rows = read_rows(root / TABLE)
    warnings: tuple[str, ...] = ()
    if merged or not (root / MARKS).is_file():
        marks, weak = _consensus_marks(rows)
        warnings = (f"videos only known to be abnormal somewhere are left out ({weak})",) if weak else ()
    else:
        marks = read_marks(root)
    names = {mark.annotator for mark in marks}
    if annotator is not None and annotator not in names:
        raise UsageError(
            "no such annotator",
            expected=", ".join(sorted(names)) or "one who marked something",
            found=annotator,
        )
    videos = annotated_videos(
        root, rows, [m for m in marks if annotator in (None, m.annotator)], timed=form.TIMED
    )
    warnings += form.write(file, videos)
    people = [annotation for one in videos for annotation in one.annotations]
    n_events = sum(len(annotation.marks) for annotation in people)
    return Exported(len(videos), len({one.annotator for one in people}), n_events, warnings)


def merge_marks(
    root: Path,
    *,
    threshold: float = 0.5,
    replace_categories: bool = False,
    probabilities: Path | None = None,
    dry_run: bool = False,
) -> MergedMarks:
    """Turn `ROOT/annotators.csv` into the events of `ROOT/annotations.csv`, as LAD's were (paper, Sec. 3.2).

    Split and source stay. A category stays too, unless it is empty or to be replaced; frame counts are
    filled in. Rows of videos that nobody annotated stay as they are. Decisions (`decisions.csv`) are not
    read; `vadlab annotate ROOT --labels` honours them.

    Args:
        root: The folder.
        threshold: Share of the annotators from which a frame is abnormal.
        replace_categories: Take the category that most annotators name, where it is another.
        probabilities: Folder for each frame's share of annotators, a file a video, or None.
        dry_run: Only find out.

    Raises:
        DataError: If a table is malformed, there are no marks, or a video is needed and missing.
        UsageError: If the threshold is out of range.
    """
    rows = read_rows(root / TABLE)
    videos = annotated_videos(root, rows, read_marks(root), timed=False)
    refuse_nothing(root, videos)
    merged = {one.video.path: merge(one, threshold=threshold) for one in videos}
    after = [
        _merged_row(row, merged[row.path], replace_categories=replace_categories)
        if row.path in merged
        else row
        for row in rows
    ]
    written: list[Path] = []
    if not dry_run:
        if probabilities is not None:
            written = [write_probabilities(probabilities, one) for one in merged.values()]
        write_rows(root / TABLE, after)
    categories = {row.path: row.category for row in rows}
    return MergedMarks(
        tuple(Change(old, new) for old, new in zip(rows, after, strict=True) if old != new),
        len(videos),
        tuple(row.path for row in rows if row.path not in merged),
        {path: dict(one.votes) for path, one in merged.items() if one.tied},
        {
            path: dict(one.votes)
            for path, one in merged.items()
            if one.labels.category is not None and categories[path] not in (None, one.labels.category)
        },
        tuple(written),
    )


def describe(change: Change) -> str:
    """A change in one line: `Fire/a.mp4: events 3-9 -> 4-9; category Fire -> Panic`."""
    before, after = change.before, change.after
    parts = []
    if before.events != after.events or before.abnormal != after.abnormal:
        parts.append(f"events {_shown(before)} -> {_shown(after)}")
    if before.category != after.category:
        parts.append(f"category {before.category or 'none'} -> {after.category or 'none'}")
    if before.n_frames != after.n_frames:
        parts.append(f"n_frames {before.n_frames or 'unknown'} -> {after.n_frames}")
    return f"{after.path}: {'; '.join(parts)}"


def _format(name: str) -> Format:
    if name not in FORMATS:
        raise UsageError("no such format", expected=" | ".join(FORMATS), found=name)
    return FORMATS[name]


def _consensus_marks(rows: Sequence[Row]) -> tuple[tuple[Annotator, ...], int]:
    """The table's events as one annotator's marks, and how many videos have a weak label only."""
    full = [row for row in rows if row.events or not row.abnormal]
    marks = [Annotation(CONSENSUS, tuple(Mark(*span, row.category) for span in row.events)) for row in full]
    pairs = zip(full, marks, strict=True)
    return tuple(to_row(row.path, annotation) for row, annotation in pairs), len(rows) - len(full)


def _merged_row(row: Row, merged: Merged, *, replace_categories: bool) -> Row:
    category = merged.labels.category
    taken = category is not None and (row.category is None or replace_categories)
    return replace(
        row,
        abnormal=merged.labels.abnormal,
        events=tuple((start, stop) for start, stop in merged.labels.intervals.tolist()),
        n_frames=merged.labels.n_frames,
        category=category if taken else row.category,
    )


def _shown(row: Row) -> str:
    return format_events(row.events) or ("somewhere" if row.abnormal else "none")
