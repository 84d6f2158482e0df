"""The folder's own tables as a format: `annotators.csv`, or `annotations.csv` as one person's marks."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from vadlab.annotation_table import Annotator, read_annotators, read_rows, write_annotators
from vadlab.annotations.marks import AnnotatedVideo, Annotation, Mark
from vadlab.annotations.reading import Imported, Reading, read_bytes
from vadlab.annotations.video_list import VideoList

__all__ = ["TIMED", "read", "to_annotation", "to_row", "write"]

TIMED = False
"""Whether the file counts in seconds, so that frame rates must be known."""


def read(file: Path, videos: VideoList, *, annotator: str | None = None) -> Imported:
    """Read either table; which it is, its header says.

    Args:
        file: The table.
        videos: The videos it may speak of.
        annotator: Whose marks they are, needed for an `annotations.csv`.

    Raises:
        DataError: If the table is malformed, or speaks of unknown videos or frames; all are listed.
        UsageError: If nobody says who annotated.
    """
    header = next(csv.reader([read_bytes(file).split(b"\n", 1)[0].decode("utf-8-sig", "replace")]), [])
    reading = Reading(file, videos, annotator=annotator)
    if "split" in [name.strip() for name in header]:
        for row in read_rows(file):
            where = row.path
            if row.abnormal and not row.events:
                reading.lost("videos that are only known to be abnormal somewhere are left out")
            elif (video := reading.video(row.path, where)) is not None:
                name = reading.open(video, None, where)
                for span in row.events:
                    reading.mark(video, name, span, where=where, category=row.category)
        return reading.done()
    for mark in read_annotators(file):
        where = f"{mark.path}, {mark.annotator}"
        video = reading.video(mark.path, where)
        if video is None:
            continue
        name = reading.open(video, mark.annotator, where)
        for one in to_annotation(mark).marks:
            reading.mark(
                video, name, (one.start, one.stop), where=where, category=one.category, note=one.note
            )
    return reading.done()


def write(file: Path, videos: Sequence[AnnotatedVideo]) -> tuple[str, ...]:
    """Write an `annotators.csv`; returns what is lost: nothing."""
    rows = [to_row(video.video.path, annotation) for video in videos for annotation in video.annotations]
    write_annotators(file, rows)
    return ()


def to_annotation(row: Annotator) -> Annotation:
    """A row of `annotators.csv` as an annotation."""
    empty = (None,) * len(row.events)
    parts = zip(row.events, row.categories or empty, row.notes or empty, strict=True)
    return Annotation(row.annotator, tuple(Mark(*span, category, note) for span, category, note in parts))


def to_row(path: str, annotation: Annotation) -> Annotator:
    """An annotation as a row of `annotators.csv`."""
    categories = tuple(mark.category for mark in annotation.marks)
    notes = tuple(mark.note for mark in annotation.marks)
    return Annotator(
        path,
        annotation.annotator,
        annotation.spans,
        categories if any(categories) else (),
        notes if any(notes) else (),
    )
