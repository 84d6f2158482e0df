"""One SQLite file with a write-ahead log: whole transactions, many threads and processes."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vadlab.errors import StoreError

__all__ = ["SqliteFile"]


class SqliteFile:
    """A file of one schema, made where there is none; safe to call from several threads.

    What a transaction wrote is on disk when it has ended. The log needs a local disk, not a network's.
    """

    def __init__(self, path: Path, *, what: str, version: int, schema: str) -> None:
        """Open or make the file.

        Args:
            path: The file; its folder is made.
            what: What it is, for errors, such as "event store".
            version: Of the schema, 1 or more.
            schema: Statements with `;` between them; none has one inside.

        Raises:
            StoreError: If the file cannot be opened, is something else, or has another version.
        """
        self.path = path
        self._what = what
        self._lock = threading.Lock()
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Transactions are begun by hand; a writer waits for another's, which take milliseconds.
            self._file = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        try:
            with self._explained():
                self._file.row_factory = sqlite3.Row
                self._file.execute("PRAGMA journal_mode = WAL")
                self._file.execute("PRAGMA synchronous = FULL")
            self._prepare(version, schema)
        except BaseException:
            self._file.close()
            raise

    def _prepare(self, version: int, schema: str) -> None:
        with self.writing() as file:
            (found,) = file.execute("PRAGMA user_version").fetchone()
            (n_tables,) = file.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if found == 0 and n_tables == 0:
                for statement in schema.split(";"):
                    file.execute(statement)
                file.execute(f"PRAGMA user_version = {version}")
            elif found != version:
                raise StoreError(
                    f"this file is no {self._what} that this version can read",
                    file=self.path,
                    expected=f"version {version}",
                    found=f"an SQLite file of version {found}",
                    remedy="choose another file, or the vadlab that made it",
                )

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
            ) from error

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, whole or not at all.

        Raises:
            StoreError: If the file cannot be written.
        """
        with self._lock, self._explained():
            self._file.execute("BEGIN IMMEDIATE")
            try:
                yield self._file
                self._file.execute("COMMIT")
            except BaseException:
                if self._file.in_transaction:  # SQLite ends it itself where the disk is full
                    self._file.execute("ROLLBACK")
                raise

    def rows(self, query: str, values: Mapping[str, Any] | None = None) -> list[sqlite3.Row]:
        """All rows of a query, as they were at one moment.

        Raises:
            StoreError: If the file cannot be read.
        """
        with self._lock, self._explained():
            return self._file.execute(query, values or {}).fetchall()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()
