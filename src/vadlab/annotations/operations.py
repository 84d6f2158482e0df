"""What a person does to a document of marks, one operation at a time, and the document that follows from it.

A document holds the marks of one annotator in one video, or the decision that is taken about a video. Its
state is nothing but the replay of its operations; nobody writes a state.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, get_args

from vadlab.annotations.marks import Annotation, Mark, one_line
from vadlab.errors import UsageError

__all__ = ["DECISION", "Document", "Kind", "Operation", "apply"]

DECISION = ""
"""Whose document the decision about a video is: nobody's, as annotators have names."""

Kind: TypeAlias = Literal["add", "change", "remove", "replace", "undo", "redo", "finish", "reopen", "reveal"]
"""`replace` puts marks in the place of all; `reveal` notes that the person has seen others' marks."""

Marks: TypeAlias = Mapping[str, Mark]

ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True)
class Operation:
    """One thing that one person did.

    Args:
        id: Made by whoever asks, so that the same request sent twice is done once.
        by: Who did it.
        annotator: Whose document it changes: `by` too, or `DECISION`.
        video: Path of the video, as `annotations.csv` has it.
        kind: What was done.
        mark: Id of the mark, for add, change and remove.
        marks: The new marks by id: one (that of `mark`) for add and change, any number for replace.

    Raises:
        UsageError: If the parts do not fit together.
    """

    id: str
    by: str
    annotator: str
    video: str
    kind: Kind
    mark: str | None = None
    marks: Marks = field(default_factory=dict)

    def __post_init__(self) -> None:
        by, annotator = one_line(self.by), one_line(self.annotator) or DECISION
        object.__setattr__(self, "by", by)
        object.__setattr__(self, "annotator", annotator)
        object.__setattr__(self, "marks", MappingProxyType(dict(self.marks)))
        if by is None:
            raise UsageError("an operation needs a name", expected="who did it", found=repr(self.by))
        if annotator not in (by, DECISION):
            raise UsageError("nobody changes the marks of others", expected=by, found=annotator)
        if self.kind not in get_args(Kind):
            raise UsageError("no such operation", expected=" | ".join(get_args(Kind)), found=self.kind)
        bad = [
            name for name in (self.id, self.mark, *self.marks) if name is not None and not ID.fullmatch(name)
        ]
        if bad or not self.video:
            raise UsageError(
                "an id or the video's path is malformed",
                expected="1 to 64 letters, digits, dots, hyphens and underscores, and a path",
                found=", ".join(map(repr, bad)) or "no path",
            )
        expected = {self.mark} if self.kind in ("add", "change") else set()
        fits = self.kind == "replace" or set(self.marks) == expected
        if not fits or (self.mark is not None) != (self.kind in ("add", "change", "remove")):
            raise UsageError(
                f"the operation {self.kind} does not fit what comes with it",
                expected="add and change: an id and its mark; remove: an id; replace: marks; others: nothing",
                found=f"mark {self.mark!r} and {len(self.marks)} marks",
            )

    def content(self) -> dict[str, Any]:
        """What `parse_content` reads back: the mark's id, and the marks."""
        return {
            "mark": self.mark,
            "marks": {
                name: [one.start, one.stop, one.category, one.note] for name, one in self.marks.items()
            },
        }

    @staticmethod
    def parse_content(content: Mapping[str, Any]) -> tuple[str | None, dict[str, Mark]]:
        """The fields `mark` and `marks` from `content`."""
        return content["mark"], {name: Mark(*parts) for name, parts in content["marks"].items()}


@dataclass(frozen=True)
class Document:
    """What a document's operations come to.

    Args:
        revision: Number of operations so far.
        marks: Marks by id.
        finished: Whether the person has seen the whole video; only then the document counts.
        sealed: Whether the person has seen others' marks; then no mark may change.
        by: Who did the last operation, or None.
        past: Marks that undo goes back to, the latest last.
        future: Marks that redo goes on to, the latest last.
    """

    revision: int = 0
    marks: Marks = field(default_factory=dict)
    finished: bool = False
    sealed: bool = False
    by: str | None = None
    past: tuple[Marks, ...] = ()
    future: tuple[Marks, ...] = ()

    def annotation(self, annotator: str) -> Annotation:
        """The marks as one person's annotation."""
        return Annotation(annotator, tuple(self.marks.values()))


def apply(document: Document, operation: Operation) -> Document:
    """The document after one more operation.

    Raises:
        UsageError: If the operation makes no sense there: an unknown mark, one that exists, nothing to
            undo, a change after others' marks were seen.
    """
    kind = operation.kind
    after = replace(document, revision=document.revision + 1, by=operation.by)
    if kind == "reveal":
        return replace(after, sealed=True)
    if document.sealed and operation.annotator != DECISION:
        raise UsageError(
            f"{operation.by} has seen others' marks of {operation.video}",
            expected="marks made without knowing them",
            remedy="they stay as they are; decide about the video in the review instead",
        )
    if kind in ("finish", "reopen"):
        return replace(after, finished=kind == "finish")
    if kind in ("undo", "redo"):
        from_, to = (document.past, document.future) if kind == "undo" else (document.future, document.past)
        if not from_:
            raise UsageError(f"there is nothing to {kind}", found=operation.video)
        rest, other = from_[:-1], (*to, document.marks)
        past, future = (rest, other) if kind == "undo" else (other, rest)
        return replace(after, marks=from_[-1], past=past, future=future)
    marks = _edited(document.marks, operation)
    return replace(after, marks=marks, past=(*document.past, document.marks), future=())


def _edited(marks: Marks, operation: Operation) -> Marks:
    if operation.kind == "replace":
        return operation.marks
    known = operation.mark in marks
    if known == (operation.kind == "add"):
        raise UsageError(
            "there is a mark of that id already" if known else "there is no such mark",
            expected="a new id" if known else ", ".join(marks) or "a mark: there is none",
            found=operation.mark,
        )
    if operation.kind == "remove":
        return MappingProxyType({name: mark for name, mark in marks.items() if name != operation.mark})
    return MappingProxyType({**marks, **operation.marks})
