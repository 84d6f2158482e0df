"""One SQLite file with a write-ahead log: whole transactions, many threads and processes."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vadlab.errors import StoreError

__all__ = ["SqliteFile"]

WAIT_S = 30.0  # for another process's write; each takes milliseconds


class SqliteFile:
    """A file of one schema, made where there is none; safe to call from several threads.

    What a transaction wrote is on disk when it has ended, and is there whole or not at all, whenever the
    process is killed. The log needs a local disk, not a network's.
    """

    def __init__(self, path: Path, *, what: str, version: int, schema: Sequence[str]) -> None:
        """Open or make the file; one that is something else is left as it is.

        Args:
            path: The file; its folder is made.
            what: What it is, for errors, such as "event store".
            version: Of the schema, 1 or more; kept in the file's `user_version`.
            schema: Statements that make the tables, done in one transaction.

        Raises:
            StoreError: If the file cannot be opened, is something else, or has another version.
        """
        self.path = path
        self._what = what
        self._lock = threading.Lock()
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Transactions are begun by hand.
            self._file = sqlite3.connect(path, timeout=WAIT_S, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(version, schema)
        except BaseException:
            self._file.close()
            raise

    def _prepare(self, version: int, schema: Sequence[str]) -> None:
        self._file.row_factory = sqlite3.Row
        with self.reading() as file:
            is_ours = self._is_made(file, version)
            file.execute("PRAGMA journal_mode = WAL")
            file.execute("PRAGMA synchronous = FULL")
        if not is_ours:
            with self.writing() as file:
                if not self._is_made(file, version):  # by another process meanwhile
                    for statement in schema:
                        file.execute(statement)
                    file.execute(f"PRAGMA user_version = {version}")

    def _is_made(self, file: sqlite3.Connection, version: int) -> bool:
        """Whether the tables are there; False for a new file."""
        # In one query, for another process may be making them.
        (found, n_tables) = file.execute(
            "SELECT user_version, (SELECT count(*) FROM sqlite_master) FROM pragma_user_version"
        ).fetchone()
        if found != version and (found or n_tables):
            raise StoreError(
                f"this file is no {self._what} that this version can read",
                file=self.path,
                expected=f"version {version}",
                found=f"an SQLite file of version {found}",
                remedy="update vadlab"
                if found > version
                else "choose another file, or the vadlab that made it",
            )
        return bool(found)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"the {self._what} cannot be used",
                file=self.path,
                expected="an SQLite file that can be written, and room on the disk",
                found=str(error),
                remedy="check the folder; a damaged file: sqlite3 FILE .recover",
            ) from error

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, whole or not at all; nobody else writes from its begin to its end.

        Raises:
            StoreError: If the file cannot be written.
        """
        with self.reading() as file:
            file.execute("BEGIN IMMEDIATE")
            try:
                yield file
                file.execute("COMMIT")
            except BaseException:
                if file.in_transaction:  # SQLite ends it itself where the disk is full
                    file.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The file for this thread alone; each query sees it as it was at one moment.

        Raises:
            StoreError: If the file cannot be read.
        """
        with self._lock, self._explained():
            yield self._file

    def rows(self, query: str, values: Mapping[str, Any] | None = None) -> list[sqlite3.Row]:
        """All rows of a query, as they were at one moment.

        Raises:
            StoreError: If the file cannot be read.
        """
        with self.reading() as file:
            return file.execute(query, values or {}).fetchall()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()
