"""The journal of a folder's annotation: every operation of everybody, in the order in which it was done.

One SQLite file. Lines are only ever added (the file itself refuses anything else), and an operation that was
acknowledged is on disk. Several processes may write at once: each says which revision of the document it has
seen, and one that has missed something is refused and told what there is now, so nobody overwrites what they
do not know.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from vadlab.annotations.operations import Document, Operation, apply
from vadlab.errors import StoreError, UsageError

__all__ = ["Entry", "Journal", "StaleError"]

VERSION = 1
WAIT_S = 30.0  # for another process's write; each takes milliseconds

SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS operations (
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
);
CREATE TRIGGER IF NOT EXISTS never_changed BEFORE UPDATE ON operations
    BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
CREATE TRIGGER IF NOT EXISTS never_deleted BEFORE DELETE ON operations
    BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
PRAGMA user_version = {VERSION};
COMMIT;
"""


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
        self.file, self._clock = file, clock
        self._lock = threading.Lock()
        self._documents: dict[tuple[str, str], Document] = {}
        self._number = 0  # of the last operation that is in them
        with self._told():
            self._database = sqlite3.connect(
                file, timeout=WAIT_S, isolation_level=None, check_same_thread=False
            )
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        with self._told():
            # Tables first: a journal that is just being made shows both or neither.
            is_new = not self._database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            found = self._database.execute("PRAGMA user_version").fetchone()[0]
            if found == VERSION or (is_new and found == 0):
                self._database.execute("PRAGMA journal_mode = WAL")
                self._database.execute("PRAGMA synchronous = FULL")
                self._database.executescript(SCHEMA)
                return
        raise StoreError(
            "the file is no journal of annotations that this version of vadlab knows",
            file=self.file,
            expected=f"version {VERSION}",
            found=f"version {found}" if found else "another database",
            remedy="update vadlab" if found > VERSION else "move the file away",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

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
        with self._told(), self._writing():
            document = self._caught_up().get((operation.annotator, operation.video), Document())
            if self._done(operation):
                return document
            if document.revision != base:
                raise StaleError(operation, base, document)
            after = apply(document, operation)
            self._database.execute(
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
        with self._told(), self._lock:
            return self._caught_up().get((annotator, video), Document())

    def documents(self) -> dict[tuple[str, str], Document]:
        """Every document by (annotator, video), in the order in which they were begun."""
        with self._told(), self._lock:
            return dict(self._caught_up())

    def entries(self) -> list[Entry]:
        """All that was ever done, in its order."""
        with self._told(), self._lock:
            return self._read(after=0)

    def _caught_up(self) -> dict[tuple[str, str], Document]:
        """Replay what was written, by anybody, since the last time; numbers rise in the order of writing."""
        for entry in self._read(after=self._number):
            key = entry.operation.annotator, entry.operation.video
            self._documents[key] = apply(self._documents.get(key, Document()), entry.operation)
            self._number = entry.number
        return self._documents

    def _read(self, *, after: int) -> list[Entry]:
        rows = self._database.execute(
            "SELECT number, time, id, who, annotator, video, kind, content FROM operations"
            " WHERE number > ? ORDER BY number",
            (after,),
        )
        entries = []
        for number, when, name, who, annotator, video, kind, content in rows:
            mark, marks = Operation.parse_content(json.loads(content))
            entries.append(Entry(number, when, Operation(name, who, annotator, video, kind, mark, marks)))
        return entries

    def _done(self, operation: Operation) -> bool:
        """Whether the operation is in the journal."""
        row = self._database.execute(
            "SELECT who, annotator, video, kind, content FROM operations WHERE id = ?", (operation.id,)
        ).fetchone()
        if row is None:
            return False
        asked = (operation.by, operation.annotator, operation.video, operation.kind)
        if row[:4] != asked or json.loads(row[4]) != operation.content():
            raise UsageError(
                "the id of another operation was used again", expected="a new id", found=operation.id
            )
        return True

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Alone with the file, from reading to writing."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            finally:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """SQLite's errors in our words."""
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(
                "the journal of annotations cannot be used",
                file=self.file,
                expected="a journal that vadlab annotate wrote, on a disk with room, that may be written",
                found=str(error),
                remedy="check the folder; a damaged file: sqlite3 FILE .recover",
            ) from error
