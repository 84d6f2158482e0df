"""The journal of a folder's annotation: every operation of everybody, in the order in which it was done.

One SQLite file. Lines are only ever added (the file itself refuses anything else), and an operation that was
acknowledged is on disk. Several processes may write at once: each says which revision of the document it has
seen, and one that has missed something is refused and told what there is now, so nobody overwrites what they
do not know.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from vadlab.annotations.operations import Document, Operation, apply
from vadlab.errors import UsageError
from vadlab.sqlite_file import SqliteFile

__all__ = ["Entry", "Journal", "StaleError"]

VERSION = 1
SCHEMA = (
    """CREATE TABLE operations (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        time REAL NOT NULL,
        annotator TEXT NOT NULL,
        video TEXT NOT NULL,
        revision INTEGER NOT NULL,
        who TEXT NOT NULL,
        kind TEXT NOT NULL,
        content TEXT NOT NULL,
        UNIQUE (annotator, video, revision)
    )""",
    """CREATE TRIGGER never_changed BEFORE UPDATE ON operations
        BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END""",
    """CREATE TRIGGER never_deleted BEFORE DELETE ON operations
        BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END""",
)


@dataclass(frozen=True)
class Entry:
    """One line: an operation, its place in the journal, and when it was done (UNIX seconds)."""

    number: int
    time: float
    operation: Operation


class StaleError(UsageError):
    """The document has gone on since the revision that an operation was made for."""

    def __init__(self, operation: Operation, base: int, document: Document) -> None:
        """The error; `document` is what there is now."""
        super().__init__(
            f"the marks of {operation.video} have changed meanwhile",
            expected=f"revision {document.revision}",
            found=f"revision {base}",
            remedy="load them again and repeat the change",
        )
        self.document = document


class Journal:
    """The journal in a file, made where there is none; safe to share between threads.

    Args:
        file: The SQLite file.
        clock: The time in UNIX seconds.

    Raises:
        StoreError: If the file cannot be opened, is something else, or was written by a later version.
    """

    def __init__(self, file: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._documents: dict[tuple[str, str], Document] = {}  # used with the file's lock held, as it is read
        self._number = 0  # of the last operation that is in them
        self._file = SqliteFile(file, what="journal of annotations", version=VERSION, schema=SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def append(self, operation: Operation, *, base: int) -> Document:
        """Do an operation, once: sent again with the same id, it is not repeated.

        Args:
            operation: What to do.
            base: Revision of the document that it was made for.

        Returns:
            The document afterwards. Then the operation is on disk.

        Raises:
            StaleError: If the document has another revision.
            UsageError: If the operation makes no sense on it, or its id is that of another operation.
            StoreError: If the journal cannot be written.
        """
        with self._file.writing() as file:
            document = self._caught_up(file).get((operation.annotator, operation.video), Document())
            if _done(file, operation):
                return document
            if document.revision != base:
                raise StaleError(operation, base, document)
            after = apply(document, operation)
            file.execute(
                "INSERT INTO operations (id, time, annotator, video, revision, who, kind, content)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    operation.id,
                    self._clock(),
                    operation.annotator,
                    operation.video,
                    after.revision,
                    operation.by,
                    operation.kind,
                    json.dumps(operation.content(), ensure_ascii=False),
                ),
            )
        return after

    def document(self, annotator: str, video: str) -> Document:
        """The marks of one annotator in one video, or the decision about it (`DECISION`)."""
        with self._file.reading() as file:
            return self._caught_up(file).get((annotator, video), Document())

    def documents(self) -> dict[tuple[str, str], Document]:
        """Every document by (annotator, video), in the order in which they were begun."""
        with self._file.reading() as file:
            return dict(self._caught_up(file))

    def entries(self) -> list[Entry]:
        """All that was ever done, in its order."""
        with self._file.reading() as file:
            return _read(file, after=0)

    def _caught_up(self, file: sqlite3.Connection) -> dict[tuple[str, str], Document]:
        """Replay what was written, by anybody, since the last time; numbers rise in the order of writing."""
        for entry in _read(file, after=self._number):
            key = entry.operation.annotator, entry.operation.video
            self._documents[key] = apply(self._documents.get(key, Document()), entry.operation)
            self._number = entry.number
        return self._documents


def _read(file: sqlite3.Connection, *, after: int) -> list[Entry]:
    rows = file.execute(
        "SELECT number, time, id, who, annotator, video, kind, content FROM operations"
        " WHERE number > ? ORDER BY number",
        (after,),
    )
    entries = []
    for number, when, name, who, annotator, video, kind, content in rows:
        mark, marks = Operation.parse_content(json.loads(content))
        entries.append(Entry(number, when, Operation(name, who, annotator, video, kind, mark, marks)))
    return entries


def _done(file: sqlite3.Connection, operation: Operation) -> bool:
    """Whether the operation is in the journal."""
    row = file.execute(
        "SELECT who, annotator, video, kind, content FROM operations WHERE id = ?", (operation.id,)
    ).fetchone()
    if row is None:
        return False
    *found, content = row
    asked = [operation.by, operation.annotator, operation.video, operation.kind]
    if found != asked or json.loads(content) != operation.content():
        raise UsageError(
            "the id of another operation was used again", expected="a new id", found=operation.id
        )
    return True
