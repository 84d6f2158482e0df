"""What the addresses below `annotate` take and answer."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from vadlab.annotations.marks import Mark, one_line
from vadlab.annotations.operations import Document, Kind
from vadlab.errors import DataError, UsageError

__all__ = [
    "DocumentOut",
    "Labels",
    "LabelsIn",
    "MarkIn",
    "MarkOut",
    "OperationIn",
    "Person",
    "ReviewVideo",
    "Started",
    "VideoInList",
    "VideoList",
    "VideoOut",
    "document_out",
    "mark_in",
    "marks_out",
    "person_name",
    "progress_of",
]


class MarkOut(BaseModel):
    """One event that a person marked; frames, half-open."""

    id: str
    start: int
    stop: int
    category: str | None
    note: str | None


class DocumentOut(BaseModel):
    """One person's marks of one video, or the decision about it."""

    revision: int
    finished: bool
    sealed: bool
    by: str | None
    marks: list[MarkOut]
    can_undo: bool
    can_redo: bool


class VideoInList(BaseModel):
    """A video of the list, and how far the asking person is with it."""

    path: str
    part: str | None
    state: Literal["new", "begun", "finished", "sealed"]
    n_marks: int
    n_finished: int
    decided: bool


class VideoList(BaseModel):
    """What there is to annotate."""

    folder: str
    videos: list[VideoInList]
    categories: list[str]
    formats: list[str]
    annotators: list[str]


class VideoOut(BaseModel):
    """One video's frames, and the asking person's marks; `settled` once the frames are known by decoding."""

    path: str
    n_frames: int
    fps: float
    stamp: str
    settled: bool
    warning: str | None
    document: DocumentOut


class MarkIn(BaseModel):
    """A mark to make or change."""

    id: str = Field(max_length=64)
    start: int = Field(ge=0, le=10**9)
    stop: int = Field(ge=1, le=10**9)
    category: str | None = Field(default=None, max_length=100)
    note: str | None = Field(default=None, max_length=2000)


class OperationIn(BaseModel):
    """One thing that a person does to their marks, or to the decision."""

    id: str = Field(max_length=64, description="Made by the client; sent again, it is done once.")
    annotator: str = Field(min_length=1, max_length=80)
    video: str = Field(max_length=1000)
    kind: Kind
    base: int = Field(ge=0, le=10**9, description="Revision that the client has seen.")
    decision: bool = Field(default=False, description="About the decision instead of the own marks.")
    mark: str | None = Field(default=None, max_length=64)
    marks: list[MarkIn] = Field(default=[], max_length=5000)


class Person(BaseModel):
    """What one person marked."""

    annotator: str
    marks: list[MarkOut]


class ReviewVideo(BaseModel):
    """All finished marks of one video, what they come to, and what was decided."""

    people: list[Person]
    share: list[tuple[int, int, float]]
    agreed: list[MarkOut]
    reasons: list[str]
    votes: dict[str, int]
    decision: DocumentOut


class Labels(BaseModel):
    """What the labels come to; `written` is empty where they were only looked at."""

    changes: list[str]
    n_merged: int
    n_decided: int
    unfinished: list[str]
    written: list[str]


class LabelsIn(BaseModel):
    """How to make the labels."""

    threshold: float = Field(default=0.5, gt=0, le=1, description="Share of the annotators.")


class Started(BaseModel):
    """What became of an imported file: videos that got marks, and those where there was work already."""

    started: list[str]
    left: list[str]


def person_name(text: str) -> str:
    """A person's name as one line.

    Raises:
        UsageError: If nothing is left.
    """
    name = one_line(text)
    if name is None:
        raise UsageError("a name is needed", found=repr(text))
    return name


def mark_in(mark: MarkIn) -> Mark:
    """A mark as it came in a request.

    Raises:
        UsageError: If it holds no frame.
    """
    try:
        return Mark(mark.start, mark.stop, mark.category, mark.note)
    except DataError as error:
        raise UsageError(error.message, expected=error.expected, found=error.found) from error


def marks_out(marks: dict[Any, Mark]) -> list[MarkOut]:
    """Marks by id, sorted by time."""
    ordered = sorted(marks.items(), key=lambda item: (item[1].start, item[1].stop, str(item[0])))
    return [
        MarkOut(id=str(name), start=one.start, stop=one.stop, category=one.category, note=one.note)
        for name, one in ordered
    ]


def document_out(document: Document) -> DocumentOut:
    """A document as it is told."""
    return DocumentOut(
        revision=document.revision,
        finished=document.finished,
        sealed=document.sealed,
        by=document.by,
        marks=marks_out(dict(document.marks)),
        can_undo=bool(document.past),
        can_redo=bool(document.future),
    )


def progress_of(document: Document) -> dict[str, Any]:
    """The fields `state` and `n_marks` of `VideoInList`."""
    begun = "begun" if document.revision else "new"
    state = "sealed" if document.sealed else "finished" if document.finished else begun
    return {"state": state, "n_marks": len(document.marks)}
