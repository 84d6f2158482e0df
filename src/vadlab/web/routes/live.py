"""Watch folders: how each source does now, and its events with what people said of them."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from vadlab.errors import DataError, StoreError
from vadlab.files import read_json
from vadlab.live.event_store import EventStore, StoredEvent
from vadlab.web.contained import contained
from vadlab.web.problems import JPEG, VIDEO
from vadlab.web.security import CHANGES
from vadlab.web.site import MissingError, Site

__all__ = ["router"]

WATCH, STATUS, EVENTS = "watch.json", "status.json", "events.sqlite"
PAGE = 50
MAX_PAGE = 500
EventId = Annotated[str, Field(min_length=1, max_length=100)]


class Watch(BaseModel):
    """A watch folder now.

    `status` is the content of its status.json, None before there is one, but names the run as `folder` names
    the watch folder: below the root, or by its last part. `threshold` is the score that opens an event, None
    where its watch.json does not say.
    """

    key: str
    folder: str
    now: float
    status: dict[str, Any] | None
    threshold: float | None
    n_events: int
    n_unreviewed: int
    n_open: int


class SeenEvent(BaseModel):
    """An event's latest state, and what people said of it; times are UNIX seconds."""

    id: str
    source: str
    state: str
    start_frame: int
    stop_frame: int
    start_time: float
    stop_time: float
    category: str | None
    top_score: float
    threshold: float
    reviewed_by: str | None
    reviewed_at: float | None
    note: str
    has_thumbnail: bool
    has_clip: bool


class Review(BaseModel):
    """Who reviewed an event; null takes the mark back."""

    by: Annotated[str, Field(min_length=1, max_length=80)] | None


class Note(BaseModel):
    """A note on an event; replaces the one before."""

    note: Annotated[str, Field(max_length=2000)]


def router(site: Site) -> APIRouter:
    """The addresses below `watches`."""
    routes = APIRouter(prefix="/watches", tags=["live"])
    stores = _Stores()

    @routes.get("")
    def list_watches() -> list[Watch]:
        """All watch folders below the root."""
        return [_watch(site, stores, key, folder) for key, folder in site.watches().items()]

    @routes.get("/{watch}")
    def read_watch(watch: str) -> Watch:
        """One watch folder: its sources with their numbers and recent scores, its counts of events."""
        return _watch(site, stores, watch, site.watch(watch))

    @routes.get("/{watch}/events")
    def events(
        watch: str,
        *,
        source: str | None = None,
        since: float | None = None,
        until: float | None = None,
        reviewed: bool | None = None,
        before: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = PAGE,
    ) -> list[SeenEvent]:
        """Events, the latest begun first; `before` the last id of one page gives the next."""
        store = stores.get(site.watch(watch))
        if store is None:
            return []
        found = store.events(
            source=source, since=since, until=until, reviewed=reviewed, before=before, limit=limit
        )
        return [_seen(one) for one in found]

    @routes.put("/{watch}/events/{event}/review", dependencies=[CHANGES])
    def review(watch: str, event: EventId, body: Review) -> SeenEvent:
        """Mark an event as reviewed, or take the mark back."""
        store = _store_of(stores, site.watch(watch), event)
        return _seen(store.mark_reviewed(event, by=body.by))

    @routes.put("/{watch}/events/{event}/note", dependencies=[CHANGES])
    def note(watch: str, event: EventId, body: Note) -> SeenEvent:
        """Replace an event's note."""
        return _seen(_store_of(stores, site.watch(watch), event).set_note(event, body.note))

    @routes.get("/{watch}/events/{event}/thumbnail", response_class=FileResponse, responses=JPEG)
    def picture(watch: str, event: EventId) -> FileResponse:
        """The event's picture."""
        folder = site.watch(watch)
        return _file(folder, _store_of(stores, folder, event).event(event).thumbnail)

    @routes.get("/{watch}/events/{event}/clip", response_class=FileResponse, responses=VIDEO)
    def clip(watch: str, event: EventId) -> FileResponse:
        """The event's video; answers range requests."""
        folder = site.watch(watch)
        return _file(folder, _store_of(stores, folder, event).event(event).clip)

    return routes


class _Stores:
    """Open event stores by folder; a folder without one is not given one."""

    def __init__(self) -> None:
        self._open: dict[Path, EventStore] = {}
        self._lock = threading.Lock()

    def get(self, folder: Path) -> EventStore | None:
        with self._lock:
            file = folder / EVENTS
            if not file.is_file():
                known = self._open.pop(folder, None)
                if known is not None:
                    known.close()
                return None
            if folder not in self._open:
                self._open[folder] = EventStore(file)
            return self._open[folder]


def _store_of(stores: _Stores, folder: Path, event: str) -> EventStore:
    """The store that has this event."""
    store = stores.get(folder)
    if store is None:
        raise MissingError("there are no events here", file=folder)
    try:
        store.event(event)
    except DataError as error:
        raise MissingError(error.message, found=repr(event)) from error
    return store


def _watch(site: Site, stores: _Stores, key: str, folder: Path) -> Watch:
    try:
        status: dict[str, Any] | None = read_json(folder / STATUS)
    except StoreError:
        status = None
    if status is not None and "run" in status:
        status["run"] = site.shown(Path(str(status["run"])))
    try:
        store = stores.get(folder)
        health = None if store is None else store.health()
    except StoreError:
        health = None
    return Watch(
        key=key,
        folder=site.shown(folder),
        now=time.time(),
        status=status,
        threshold=_threshold(folder),
        n_events=health.n_events if health else 0,
        n_unreviewed=health.n_unreviewed if health else 0,
        n_open=health.n_open if health else 0,
    )


def _threshold(folder: Path) -> float | None:
    try:
        return float(read_json(folder / WATCH)["settings"]["alarms"]["threshold"])
    except (StoreError, KeyError, TypeError, ValueError):
        return None


def _seen(stored: StoredEvent) -> SeenEvent:
    return SeenEvent(
        **stored.event.to_json(),
        reviewed_by=stored.reviewed_by,
        reviewed_at=stored.reviewed_at,
        note=stored.note,
        has_thumbnail=stored.thumbnail is not None,
        has_clip=stored.clip is not None,
    )


def _file(folder: Path, name: str | None) -> FileResponse:
    file = None if name is None else contained(folder, name)
    if file is None or not file.is_file():
        raise MissingError("the event has no such file", remedy="old clips make room for new ones")
    kind = {".jpg": "image/jpeg", ".png": "image/png", ".mp4": "video/mp4", ".webm": "video/webm"}
    return FileResponse(file, media_type=kind.get(file.suffix.lower(), "application/octet-stream"))
