"""Events to the watch's SQLite store, from which the pages read them."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from vadlab.errors import StoreError
from vadlab.live.event import LiveEvent
from vadlab.live.event_store import EventStore
from vadlab.live.sink import SinkHealth

__all__ = ["SqliteSink"]


class SqliteSink:
    """See `vadlab.live.sink.Sink`; each message is on disk when `send` returns."""

    def __init__(self, path: Path) -> None:
        """Take the file, such as WATCH/events.sqlite; it is made where there is none."""
        self._path = path
        self._store: EventStore | None = None
        self._health = SinkHealth("sqlite")

    def open(self) -> None:
        """Open or make the file."""
        self._store = EventStore(self._path)

    def send(self, event: LiveEvent) -> None:
        """Keep one message."""
        if self._store is None:
            raise StoreError("the sink is not open", file=self._path)
        try:
            self._store.append(event)
        except StoreError as error:
            self._health = replace(self._health, state="failing", last_error=str(error))
            raise
        self._health = SinkHealth("sqlite", n_sent=self._health.n_sent + 1, last_sent=time.time())

    def health(self) -> SinkHealth:
        """How it does."""
        return self._health

    def close(self) -> None:
        """Close the file."""
        if self._store is not None:
            self._store.close()
            self._store = None
