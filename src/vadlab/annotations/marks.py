"""What people marked in videos, in memory: the form that all file formats are read into and written from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction

from vadlab.annotation_table import Spans
from vadlab.errors import DataError

__all__ = ["UNNAMED", "AnnotatedVideo", "Annotation", "ListedVideo", "Mark", "one_line"]

UNNAMED = "abnormal"
"""The label of an event without a category, in formats where an event must have one."""


@dataclass(frozen=True)
class Mark:
    """One event that one person marked.

    Args:
        start: Its first frame.
        stop: The frame after its last.
        category: Name, or None; "abnormal" counts as None. Made one line, as the note is.
        note: Free text, or None.

    Raises:
        DataError: If it holds no frame, or starts before frame 0.
    """

    start: int
    stop: int
    category: str | None = None
    note: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop:
            raise DataError(
                "a marked event holds no frame or starts before the video",
                expected="0 <= start < stop",
                found=f"{self.start}-{self.stop}",
            )
        category = one_line(self.category)
        object.__setattr__(self, "category", None if category == UNNAMED else category)
        object.__setattr__(self, "note", one_line(self.note))


@dataclass(frozen=True)
class Annotation:
    """All that one person marked in one video, sorted by start; without marks it was seen as normal.

    Events of one person may overlap, as two things can happen at once.

    Raises:
        DataError: If the annotator has no name.
    """

    annotator: str
    marks: tuple[Mark, ...] = ()

    def __post_init__(self) -> None:
        name = one_line(self.annotator)
        if name is None:
            raise DataError("an annotator has no name", found=repr(self.annotator))
        object.__setattr__(self, "annotator", name)
        order = sorted(self.marks, key=lambda m: (m.start, m.stop, m.category or "", m.note or ""))
        object.__setattr__(self, "marks", tuple(order))

    @property
    def spans(self) -> Spans:
        """The marked frames, half-open."""
        return tuple((mark.start, mark.stop) for mark in self.marks)


@dataclass(frozen=True)
class ListedVideo:
    """A video as `annotations.csv` lists it.

    Args:
        path: Relative to the table's folder, with `/`.
        id: The path without a file's suffix.
        n_frames: Number of frames that decoding yields, or None where unknown.
        fps: Frames per second, or None where unknown.
        part: "train", "val", "test", or None where unknown.
    """

    path: str
    id: str
    n_frames: int | None = None
    fps: Fraction | None = None
    part: str | None = None


@dataclass(frozen=True)
class AnnotatedVideo:
    """A video and what each of its annotators marked, sorted by their names.

    Raises:
        DataError: If an annotator comes twice, or an event ends after the video.
    """

    video: ListedVideo
    annotations: tuple[Annotation, ...]

    def __post_init__(self) -> None:
        names = Counter(annotation.annotator for annotation in self.annotations)
        twice = sorted(name for name, count in names.items() if count > 1)
        if twice:
            raise DataError(f"{self.video.path} was annotated twice by the same", found=", ".join(twice))
        n_frames = self.video.n_frames
        late = [
            f"{annotation.annotator}: {mark.start}-{mark.stop}"
            for annotation in self.annotations
            for mark in annotation.marks
            if n_frames is not None and mark.stop > n_frames
        ]
        if late:
            raise DataError(
                f"events end after the video {self.video.path}",
                expected=f"stops up to {n_frames} frames",
                found=", ".join(late),
                remedy="check the marks against the frame count that decoding yields",
            )
        order = sorted(self.annotations, key=lambda annotation: annotation.annotator)
        object.__setattr__(self, "annotations", tuple(order))


def one_line(text: str | None) -> str | None:
    """The text with single spaces, without signs that XML cannot hold; None if nothing is left."""
    if text is None:
        return None
    seen = "".join(sign for sign in text if sign.isprintable() or sign.isspace())
    return " ".join(seen.split()) or None
