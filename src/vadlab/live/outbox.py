"""Messages that wait on disk until they are delivered, or given up and said to be so.

Each message that is put arrives at least once, or is counted as given up, with the reason. It may arrive more
than once: a receiver's answer can get lost, and a process can be killed before it has noted that a message
arrived. All attempts carry the same key, so that a receiver that keeps the keys it has seen takes each once.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from vadlab.errors import StoreError
from vadlab.live.event import LiveEvent
from vadlab.sqlite_file import SqliteFile

__all__ = ["Message", "Outbox", "Totals", "messages_of"]

_log = logging.getLogger(__name__)

_SCHEMA = (
    """CREATE TABLE messages (
        number INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, state TEXT NOT NULL,
        created_at REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, given_up TEXT
    )""",
    "CREATE INDEX waiting ON messages (number) WHERE given_up IS NULL",
    "CREATE TABLE totals (n_delivered INTEGER NOT NULL, n_given_up INTEGER NOT NULL)",
    "INSERT INTO totals VALUES (0, 0)",
)
_KEPT = 1000  # messages given up whose text is kept; all are counted


@dataclass(frozen=True)
class Message:
    """A message on its way.

    Args:
        number: Its place in the queue; numbers are never used again.
        event: What is told.
        created_at: UNIX seconds when it was put.
        attempts: Attempts that failed, over all runs.
        given_up: Why it was given up, or None.
    """

    number: int
    event: LiveEvent
    created_at: float
    attempts: int
    given_up: str | None

    @property
    def key(self) -> str:
        """The same at every attempt, and of no other message: by it a receiver knows a repetition.

        It is made of what is told alone, so that a message that is put twice, too, is known.
        """
        return f"{self.event.id}:{self.event.state}:{self.event.stop_frame}"


@dataclass(frozen=True)
class Totals:
    """Of an outbox, since its file was made: each message put is waiting, delivered or given up."""

    n_waiting: int
    n_delivered: int
    n_given_up: int


class Outbox:
    """A queue in a file, first in, first out; one process at a time uses it, which may be killed.

    A message leaves the queue only when it was delivered or given up.
    """

    def __init__(self, path: Path, *, max_waiting: int = 10_000) -> None:
        """Open or make the file; what waited when it was last closed, or its process killed, waits still.

        Args:
            path: The file.
            max_waiting: When so many wait, the oldest "update" is given up for a new message, or the
                oldest message where there is none.

        Raises:
            StoreError: If another process uses it, or the file is none.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._max_waiting = max_waiting
        self._only_one = FileLock(path.with_name(path.name + ".lock"), timeout=0, thread_local=False)
        try:
            self._only_one.acquire()
        except Timeout as error:
            raise StoreError(
                "another process delivers from this outbox",
                file=path,
                remedy="stop the other watch, or give this one a folder of its own",
            ) from error
        try:
            self._file = _opened(path)
        except BaseException:
            self._only_one.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def put(self, event: LiveEvent) -> None:
        """Keep a message until it is delivered; it is on disk when this returns.

        The message that was put last, put again while it is here, changes nothing.

        Raises:
            StoreError: If the file cannot be written.
        """
        line = event.to_line()
        with self._file.writing() as file:
            last = file.execute("SELECT event FROM messages ORDER BY number DESC LIMIT 1").fetchone()
            if last is not None and last["event"] == line:
                return
            (n_waiting,) = file.execute("SELECT count(*) FROM messages WHERE given_up IS NULL").fetchone()
            if n_waiting >= self._max_waiting:
                self._set_given_up(
                    file,
                    "number = (SELECT number FROM messages WHERE given_up IS NULL "
                    "ORDER BY state != 'update', number LIMIT 1)",
                    {"reason": f"{n_waiting} messages were waiting"},
                )
                _log.warning("%s: %d messages wait, so an old one was given up", self._file.path, n_waiting)
            file.execute(
                "INSERT INTO messages (event, state, created_at) VALUES (?, ?, ?)",
                (line, event.state, time.time()),
            )

    def first(self) -> Message | None:
        """The message to deliver next."""
        rows = self._file.rows("SELECT * FROM messages WHERE given_up IS NULL ORDER BY number LIMIT 1")
        return _message(rows[0]) if rows else None

    def delivered(self, message: Message) -> None:
        """Take a message out: it has arrived."""
        with self._file.writing() as file:
            # It may have been given up for a new one while it was on its way.
            row = file.execute(
                "SELECT given_up IS NOT NULL FROM messages WHERE number = ?", (message.number,)
            ).fetchone()
            if row is not None:
                file.execute("DELETE FROM messages WHERE number = ?", (message.number,))
                file.execute(
                    "UPDATE totals SET n_delivered = n_delivered + 1, n_given_up = n_given_up - ?", tuple(row)
                )

    def failed(self, message: Message) -> None:
        """Count an attempt."""
        with self._file.writing() as file:
            file.execute("UPDATE messages SET attempts = attempts + 1 WHERE number = ?", (message.number,))

    def give_up(self, message: Message, reason: str) -> None:
        """Take a message out: it will not arrive, and why."""
        with self._file.writing() as file:
            self._set_given_up(file, "number = :number", {"reason": reason, "number": message.number})

    def give_up_older(self, age_s: float, reason: str) -> int:
        """Give up all that have waited for so many seconds; how many."""
        with self._file.writing() as file:
            return self._set_given_up(
                file, "created_at <= :latest", {"reason": reason, "latest": time.time() - age_s}
            )

    @staticmethod
    def _set_given_up(file: sqlite3.Connection, which: str, values: dict[str, str | float]) -> int:
        gone = file.execute(
            f"UPDATE messages SET given_up = :reason WHERE given_up IS NULL AND {which}", values
        )
        file.execute("UPDATE totals SET n_given_up = n_given_up + ?", (gone.rowcount,))
        file.execute(
            "DELETE FROM messages WHERE given_up IS NOT NULL AND number <= (SELECT number FROM messages "
            "WHERE given_up IS NOT NULL ORDER BY number DESC LIMIT 1 OFFSET ?)",
            (_KEPT,),
        )
        return gone.rowcount

    def given_up(self) -> list[Message]:
        """The last 1000 messages that were given up, oldest first."""
        return [message for message in _all(self._file) if message.given_up is not None]

    def totals(self) -> Totals:
        """How many wait, were delivered and were given up."""
        (row,) = self._file.rows(
            "SELECT (SELECT count(*) FROM messages WHERE given_up IS NULL), n_delivered, n_given_up "
            "FROM totals"
        )
        return Totals(*row)

    def close(self) -> None:
        """Close the file; what waits stays in it."""
        self._file.close()
        self._only_one.release()


def messages_of(path: Path) -> list[Message]:
    """All that wait in an outbox, and the last 1000 given up, oldest first; another process may deliver it.

    Raises:
        StoreError: If the file cannot be read, or is no outbox.
    """
    file = _opened(path)
    try:
        return _all(file)
    finally:
        file.close()


def _opened(path: Path) -> SqliteFile:
    return SqliteFile(path, what="outbox", version=1, schema=_SCHEMA)


def _all(file: SqliteFile) -> list[Message]:
    return [_message(row) for row in file.rows("SELECT * FROM messages ORDER BY number")]


def _message(row: sqlite3.Row) -> Message:
    event = LiveEvent.from_line(row["event"])
    return Message(row["number"], event, row["created_at"], row["attempts"], row["given_up"])
