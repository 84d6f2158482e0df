"""The events of a watch in one SQLite file, with what people said of them.

One process writes events; any number read them and mark them as reviewed at the same time (write-ahead log).
"""

from __future__ import annotations

import sqlite3
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from vadlab.errors import DataError
from vadlab.live.event import LiveEvent
from vadlab.sqlite_file import SqliteFile

__all__ = ["EVENTS", "EventStore", "StoreHealth", "StoredEvent"]

EVENTS = "events.sqlite"  # in the folder of a watch

_VERSION = 1
_SCHEMA = (
    """CREATE TABLE events (
        id TEXT PRIMARY KEY, source TEXT NOT NULL, state TEXT NOT NULL,
        start_frame INTEGER NOT NULL, stop_frame INTEGER NOT NULL,
        start_time REAL NOT NULL, stop_time REAL NOT NULL,
        category TEXT, top_score REAL NOT NULL, threshold REAL NOT NULL,
        reviewed_by TEXT, reviewed_at REAL, note TEXT NOT NULL DEFAULT '', clip TEXT, thumbnail TEXT
    ) WITHOUT ROWID""",
    "CREATE INDEX events_by_source ON events (source, id)",
    "CREATE INDEX events_unreviewed ON events (id) WHERE reviewed_at IS NULL",
    "CREATE INDEX events_open ON events (id) WHERE state != 'end'",
)
_FACTS = tuple(field.name for field in fields(LiveEvent))
_APPEND = (
    f"INSERT INTO events ({', '.join(_FACTS)}) VALUES ({', '.join(f':{name}' for name in _FACTS)}) "
    f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = :{name}' for name in _FACTS if name != 'id')} "
    # A message that comes twice, or late, does not open an event again.
    "WHERE state != 'end' AND :state != 'new'"
)


@dataclass(frozen=True)
class StoredEvent:
    """An event with its latest state, and what people said of it.

    Args:
        event: The latest message.
        reviewed_by: Who marked it as reviewed, or None.
        reviewed_at: UNIX seconds of that, or None.
        note: Free text, "" for none.
        clip: Its video file, relative to the store's folder, or None where there is none (any more).
        thumbnail: Its picture, likewise.
    """

    event: LiveEvent
    reviewed_by: str | None
    reviewed_at: float | None
    note: str
    clip: str | None
    thumbnail: str | None

    def to_json(self) -> dict[str, Any]:
        """For JSON: the event's fields and these, in one object."""
        said = asdict(self)
        return {**said.pop("event"), **said}


@dataclass(frozen=True)
class StoreHealth:
    """How many events there are, how many nobody reviewed, how many are not over; bytes on disk."""

    n_events: int
    n_unreviewed: int
    n_open: int
    size_bytes: int


class EventStore:
    """The events in a file that is made where there is none; safe to call from several threads."""

    def __init__(self, path: Path) -> None:
        """Open or make the store.

        Raises:
            StoreError: If the file cannot be opened, is no event store, or is one of a later version.
        """
        self.path = path
        self._file = SqliteFile(path, what="event store", version=_VERSION, schema=_SCHEMA)

    def append(self, event: LiveEvent) -> None:
        """Keep a message: a new event, or the latest state of a known one; marks and notes stay.

        The same message twice changes nothing, and neither does one that comes after the event's end.

        Raises:
            StoreError: If the file cannot be written.
        """
        with self._file.writing() as file:
            file.execute(_APPEND, event.to_json())

    def event(self, id_: str) -> StoredEvent:
        """One event.

        Raises:
            DataError: If there is none of this id.
        """
        rows = self._file.rows("SELECT * FROM events WHERE id = :id", {"id": id_})
        if not rows:
            raise self._unknown(id_)
        return _stored(rows[0])

    def events(
        self,
        *,
        source: str | None = None,
        since: float | None = None,
        until: float | None = None,
        reviewed: bool | None = None,
        limit: int = 100,
        before: str | None = None,
    ) -> list[StoredEvent]:
        """Events, the latest begun first.

        Args:
            source: Of this source only.
            since: Only what was still going on after this time, UNIX seconds.
            until: Only what had begun before this time, UNIX seconds.
            reviewed: True for reviewed ones only, False for the others.
            limit: At most so many, 1 or more.
            before: Only those after this id in the list: the last id of one page gives the next page.
        """
        conditions = {
            "source = :source": source,
            "stop_time > :since": since,
            "start_time < :until": until,
            "(reviewed_at IS NOT NULL) = :reviewed": reviewed,
            "id < :before": before,
        }
        wanted = " AND ".join(text for text, value in conditions.items() if value is not None)
        rows = self._file.rows(
            f"SELECT * FROM events {f'WHERE {wanted}' if wanted else ''} ORDER BY id DESC LIMIT :limit",
            {
                "source": source,
                "since": since,
                "until": until,
                "reviewed": reviewed,
                "before": before,
                "limit": max(1, limit),
            },
        )
        return [_stored(row) for row in rows]

    def unfinished(self) -> list[LiveEvent]:
        """Events without an end, oldest first; after a start, those that a killed process left open."""
        rows = self._file.rows("SELECT * FROM events WHERE state != 'end' ORDER BY id")
        return [_stored(row).event for row in rows]

    def mark_reviewed(self, id_: str, *, by: str | None) -> StoredEvent:
        """Say who reviewed an event, now; `by=None` takes the mark back. The last one to say so stands.

        Raises:
            DataError: If there is no event of this id, or the name is empty.
        """
        if by is not None and not by.strip():
            raise DataError("a review needs a name", expected="who reviewed the event", found=repr(by))
        now = None if by is None else time.time()
        return self._change(id_, "reviewed_by = :by, reviewed_at = :now", {"by": by, "now": now})

    def set_note(self, id_: str, note: str) -> StoredEvent:
        """Replace an event's note.

        Raises:
            DataError: If there is no event of this id.
        """
        return self._change(id_, "note = :note", {"note": note})

    def set_clip(self, id_: str, clip: str | None) -> StoredEvent:
        """Say where an event's clip is, relative to the store's folder, or that there is none.

        Raises:
            DataError: If there is no event of this id.
        """
        return self._change(id_, "clip = :clip", {"clip": clip})

    def set_thumbnail(self, id_: str, thumbnail: str | None) -> StoredEvent:
        """Say where an event's thumbnail is, relative to the store's folder, or that there is none.

        Raises:
            DataError: If there is no event of this id.
        """
        return self._change(id_, "thumbnail = :thumbnail", {"thumbnail": thumbnail})

    def with_files(self) -> dict[str, bool]:
        """The ids of events with a clip or a thumbnail, and whether they were reviewed."""
        rows = self._file.rows(
            "SELECT id, reviewed_at IS NOT NULL FROM events WHERE clip IS NOT NULL OR thumbnail IS NOT NULL"
        )
        return {id_: bool(reviewed) for id_, reviewed in rows}

    def _change(self, id_: str, assignments: str, values: dict[str, Any]) -> StoredEvent:
        with self._file.writing() as file:
            changed = file.execute(f"UPDATE events SET {assignments} WHERE id = :id", {**values, "id": id_})
            if changed.rowcount == 0:
                raise self._unknown(id_)
            return _stored(file.execute("SELECT * FROM events WHERE id = ?", (id_,)).fetchone())

    def _unknown(self, id_: str) -> DataError:
        return DataError("there is no event of this id", file=self.path, found=repr(id_))

    def health(self) -> StoreHealth:
        """Counts, by one query each over an index."""
        (row,) = self._file.rows(
            "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM events WHERE reviewed_at IS NULL), "
            "(SELECT count(*) FROM events WHERE state != 'end')"
        )
        n_events, n_unreviewed, n_open = row
        return StoreHealth(n_events, n_unreviewed, n_open, self.path.stat().st_size)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _stored(row: sqlite3.Row) -> StoredEvent:
    said = [row[field.name] for field in fields(StoredEvent) if field.name != "event"]
    return StoredEvent(LiveEvent.from_json(dict(row)), *said)
