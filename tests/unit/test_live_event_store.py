"""The event store against a dictionary that does the same, with many readers, and killed in the middle."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live_examples import live_event

from vadlab.errors import DataError, StoreError
from vadlab.live.event import LiveEvent
from vadlab.live.event_store import EventStore


@dataclass
class Model:
    """What the store should hold."""

    events: dict[str, LiveEvent] = field(default_factory=dict)
    reviewed: dict[str, str] = field(default_factory=dict)

    def append(self, event: LiveEvent) -> None:
        known = self.events.get(event.id)
        if known is None or (known.state != "end" and event.state != "new"):
            self.events[event.id] = event


MESSAGES = st.builds(
    live_event,
    st.integers(0, 8),
    st.sampled_from(["new", "update", "end"]),
    source=st.sampled_from(["gate", "yard"]),
    grown=st.integers(0, 5),
)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(MESSAGES, max_size=25),
    st.lists(st.integers(0, 8), max_size=4),
    st.sampled_from([None, "gate", "yard"]),
    st.sampled_from([None, 100.0, 240.0]),
    st.sampled_from([None, 60.0, 300.2]),
    st.sampled_from([None, True, False]),
    st.integers(1, 4),
)
def test_pages_of_events_are_those_of_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory,
    messages: list[LiveEvent],
    reviews: list[int],
    source: str | None,
    since: float | None,
    until: float | None,
    reviewed: bool | None,
    limit: int,
) -> None:
    store, model = EventStore(tmp_path_factory.mktemp("store") / "events.sqlite"), Model()
    for message in messages:
        store.append(message)
        model.append(message)
    for number in reviews:
        id_ = live_event(number).id
        if id_ in model.events:
            model.reviewed[id_] = "Ann"
            store.mark_reviewed(id_, by="Ann")
    expected = [
        event
        for event in sorted(model.events.values(), key=lambda event: event.id, reverse=True)
        if source in (None, event.source)
        and (since is None or event.stop_time > since)
        and (until is None or event.start_time < until)
        and reviewed in (None, event.id in model.reviewed)
    ]
    found: list[LiveEvent] = []
    before = None
    while page := store.events(
        source=source, since=since, until=until, reviewed=reviewed, limit=limit, before=before
    ):
        assert len(page) <= limit
        found += [stored.event for stored in page]
        before = page[-1].event.id
    assert found == expected
    health = store.health()
    assert (health.n_events, health.n_unreviewed) == (
        len(model.events),
        len(model.events) - len(model.reviewed),
    )
    assert store.unfinished() == sorted(
        (event for event in model.events.values() if event.state != "end"), key=lambda event: event.id
    )
    assert health.n_open == len(store.unfinished())
    store.close()


def test_what_people_said_stays_when_the_event_goes_on(tmp_path: Path) -> None:
    store = EventStore(tmp_path / "watch" / "events.sqlite")
    first = live_event(1)
    store.append(first)
    store.set_note(first.id, "a dog; DROP TABLE events")
    assert store.with_files() == {}
    store.set_clip(first.id, "clips/a.mp4")
    store.set_thumbnail(first.id, "thumbnails/a.jpg")
    assert store.with_files() == {first.id: False}
    marked = store.mark_reviewed(first.id, by="Ann")
    assert store.with_files() == {first.id: True}
    assert marked.reviewed_at is not None
    store.append(live_event(1, "end", grown=5))
    stored = EventStore(tmp_path / "watch" / "events.sqlite").event(first.id)
    assert stored.event == live_event(1, "end", grown=5)
    assert (stored.reviewed_by, stored.note) == ("Ann", "a dog; DROP TABLE events")
    assert (stored.clip, stored.thumbnail) == ("clips/a.mp4", "thumbnails/a.jpg")
    assert stored.to_json()["stop_frame"] == stored.event.stop_frame
    taken_back = store.mark_reviewed(first.id, by=None)
    assert (taken_back.reviewed_by, taken_back.reviewed_at) == (None, None)


def test_unknown_events_and_nameless_reviews_are_refused(tmp_path: Path) -> None:
    store = EventStore(tmp_path / "events.sqlite")
    store.append(live_event(1))
    with pytest.raises(DataError, match="no event of this id"):
        store.mark_reviewed("x", by="Ann")
    with pytest.raises(DataError, match="no event of this id"):
        store.event("x")
    with pytest.raises(DataError, match="needs a name"):
        store.mark_reviewed(live_event(1).id, by=" ")


def test_files_that_are_no_event_store_are_refused_and_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "a.sqlite"
    text.write_text("not a database, but long enough to look like one" * 50)
    with pytest.raises(StoreError, match="cannot be used"):
        EventStore(text)
    other = sqlite3.connect(tmp_path / "b.sqlite")
    other.execute("CREATE TABLE songs (title)")
    other.close()
    with pytest.raises(StoreError, match="no event store"):
        EventStore(tmp_path / "b.sqlite")
    newer = sqlite3.connect(tmp_path / "c.sqlite")
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(StoreError, match="version 99"):
        EventStore(tmp_path / "c.sqlite")


def write_until_killed(path: Path, n_told: Any) -> None:
    store = EventStore(path)
    number = 0
    while True:
        store.append(live_event(number, "new"))
        store.append(live_event(number, "end", grown=3))
        number += 1
        n_told.value = number


def test_readers_read_while_one_writes_and_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    EventStore(path).close()
    context = multiprocessing.get_context("spawn")
    n_told = context.Value("q", 0)
    writer = context.Process(target=write_until_killed, args=(path, n_told))
    writer.start()
    readers = [EventStore(path) for _ in range(3)]
    while n_told.value < 40:
        assert writer.is_alive()
        known = n_told.value
        for reader in readers:
            page = reader.events(limit=10_000)
            assert len(page) >= known
            # Whole events only, and in order.
            assert [stored.event.start_frame // 1500 for stored in page] == list(range(len(page)))[::-1]
        if known:
            readers[0].mark_reviewed(live_event(known - 1).id, by="Ann")
    assert writer.pid is not None
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    store = EventStore(path)
    assert store.health().n_events >= n_told.value
    assert len(store.unfinished()) <= 1
    check = sqlite3.connect(path)
    assert check.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    check.close()
    for opened in (store, *readers):
        opened.close()
