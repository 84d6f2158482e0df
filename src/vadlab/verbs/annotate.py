"""vadlab annotate: a folder that several people annotate, each for themselves, in one journal."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from vadlab.annotation_table import Annotator, Row, read_rows
from vadlab.annotations.folder_csv import to_annotation
from vadlab.annotations.journal import Journal, StaleError
from vadlab.annotations.marks import AnnotatedVideo, Annotation, ListedVideo, Mark
from vadlab.annotations.operations import DECISION, Document, Kind, Operation
from vadlab.annotations.video_list import Measure, VideoList, listed_video
from vadlab.errors import DataError, UsageError
from vadlab.ground_truth.name_list import VIDEO_SUFFIXES
from vadlab.verbs.annotated_folder import TABLE, read_marks, video_list
from vadlab.verbs.annotations import FORMATS

__all__ = ["JOURNAL", "Project", "new_id", "table_rows"]

JOURNAL = "annotation-journal.sqlite"
DEPTH = 4  # folders below the root in which videos are looked for


class Project:
    """A folder of videos under annotation.

    What the folder's `annotators.csv` says of a person and a video that the journal does not know yet is
    taken into the journal; from then on the journal is what counts.

    Args:
        root: The folder, with `annotations.csv`, video files, or both.
        measure: Finds frame counts and rates that the table does not say; by default by decoding.

    Raises:
        DataError: If there is no video, or a table is malformed.
        StoreError: If the journal cannot be used.
    """

    def __init__(self, root: Path, *, measure: Measure | None = None) -> None:
        self.root = root
        self.rows = table_rows(root)
        listed = [listed_video(root, row) for row in self.rows]
        self.videos = video_list(root, self.rows) if measure is None else VideoList(listed, measure=measure)
        self.of_path = {video.path: video for video in listed}
        self.journal = Journal(root / JOURNAL)
        try:
            self._take_in(read_marks(root))
        except BaseException:
            self.journal.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.journal.close()

    @property
    def categories(self) -> tuple[str, ...]:
        """All names of categories in the table and in anybody's marks, sorted."""
        named = {row.category for row in self.rows}
        named |= {mark.category for one in self.journal.documents().values() for mark in one.marks.values()}
        return tuple(sorted(name for name in named if name is not None))

    def facts(self, path: str) -> ListedVideo:
        """A video with its frame count and rate.

        Raises:
            DataError: If there is no such video, or it cannot be decoded.
        """
        if path not in self.of_path:
            raise DataError(
                "there is no such video", file=self.root, expected="a path of the list", found=path
            )
        return self.videos.with_facts(self.of_path[path])

    def do(self, operation: Operation, *, base: int) -> Document:
        """Do one operation; see `Journal.append`.

        Raises:
            StaleError: If the document has gone on meanwhile.
            UsageError: If a mark ends after the video, or who decides has not looked at the marks.
            DataError: If there is no such video.
        """
        video = self.facts(operation.video)
        late = [mark for mark in operation.marks.values() if mark.stop > (video.n_frames or mark.stop)]
        if late:
            raise UsageError(
                f"a mark ends after the video {video.path}",
                expected=f"stops up to {video.n_frames} frames",
                found=", ".join(f"{mark.start}-{mark.stop}" for mark in late),
            )
        if operation.annotator == DECISION and not self.may_see_all(operation.by, operation.video):
            raise UsageError(
                f"{operation.by} has not looked at the marks of {video.path}",
                remedy="open the video in the review first; it closes your own marks of it",
            )
        return self.journal.append(operation, base=base)

    def may_see_all(self, name: str, path: str) -> bool:
        """Whether a person has closed their own marks of a video to see those of all."""
        return self.journal.document(name, path).sealed

    def finished(self) -> list[AnnotatedVideo]:
        """The videos that somebody has seen to the end, with all such people's marks, in the list's order."""
        people: dict[str, list[Annotation]] = {}
        for (name, path), document in self.journal.documents().items():
            if name != DECISION and document.finished and path in self.of_path:
                people.setdefault(path, []).append(document.annotation(name))
        return [
            AnnotatedVideo(self.facts(path), tuple(people[path])) for path in self.of_path if path in people
        ]

    def decided(self) -> dict[str, Document]:
        """The decisions that are taken, by the video's path."""
        return {
            path: document
            for (name, path), document in self.journal.documents().items()
            if name == DECISION and document.finished and path in self.of_path
        }

    def start_from(self, format_name: str, file: Path, annotator: str) -> tuple[list[str], list[str]]:
        """Put a file's marks where one person has none yet, to be looked through and mended by them.

        Args:
            format_name: One of `vadlab.verbs.annotations.FORMATS`.
            file: The file.
            annotator: Who goes on from them, whoever made them.

        Returns:
            The paths of the videos that got marks, and those that were left as they are, because the person
            has worked on them.

        Raises:
            UsageError: If the format is unknown.
            DataError: If anything is malformed or of unknown videos; all is listed.
        """
        if format_name not in FORMATS:
            raise UsageError("no such format", expected=" | ".join(FORMATS), found=format_name)
        found = FORMATS[format_name].read(file, self.videos, annotator=annotator).videos
        for one in found:  # all or nothing: raises where a mark ends after its video
            AnnotatedVideo(self.facts(one.video.path), one.annotations)
        started, left = [], []
        for one in found:
            path = one.video.path
            if self.journal.document(annotator, path).revision:
                left.append(path)
                continue
            self._replace(annotator, path, one.annotations[0].marks)
            started.append(path)
        return started, left

    def _take_in(self, table: Sequence[Annotator]) -> None:
        known = self.journal.documents()
        for row in table:
            annotation = to_annotation(row)
            if (annotation.annotator, row.path) in known or row.path not in self.of_path:
                continue
            with contextlib.suppress(StaleError):  # another process takes it in just now
                self._replace(annotation.annotator, row.path, annotation.marks)
                self._note("finish", annotation.annotator, row.path)

    def _replace(self, annotator: str, path: str, marks: Sequence[Mark]) -> None:
        operation = Operation(
            new_id(), annotator, annotator, path, "replace", marks={new_id(): mark for mark in marks}
        )
        self.journal.append(operation, base=0)

    def _note(self, kind: Kind, annotator: str, path: str) -> None:
        base = self.journal.document(annotator, path).revision
        self.journal.append(Operation(new_id(), annotator, annotator, path, kind), base=base)


def new_id() -> str:
    """An id that nothing else has."""
    return uuid.uuid4().hex[:16]


def table_rows(root: Path) -> tuple[Row, ...]:
    """The rows of `annotations.csv`, then a row of the training part for every video file not in it.

    Raises:
        DataError: If the table is malformed, or there is neither a table nor a video.
    """
    rows = read_rows(root / TABLE) if (root / TABLE).is_file() else ()
    listed = {row.path for row in rows}
    files = sorted(set(_video_files(root, DEPTH)) - listed)
    rows += tuple(Row(path, "train", None, abnormal=False) for path in files)
    if not rows:
        raise DataError(
            "there is nothing to annotate",
            file=root,
            expected=f"{TABLE}, or video files ({' '.join(sorted(VIDEO_SUFFIXES))})",
            remedy="give the folder that holds the videos",
        )
    return rows


def _video_files(root: Path, depth: int) -> Iterator[str]:
    try:
        entries = [entry for entry in root.iterdir() if not entry.name.startswith(".")]
    except OSError as error:
        raise DataError(
            "cannot read the folder",
            file=root,
            found=error.strerror,
            remedy="give the folder that holds the videos",
        ) from error
    for entry in entries:
        if entry.is_dir() and depth:
            yield from (f"{entry.name}/{path}" for path in _video_files(entry, depth - 1))
        elif entry.suffix.lower() in VIDEO_SUFFIXES:
            yield entry.name
