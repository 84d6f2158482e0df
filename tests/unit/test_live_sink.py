"""One sink that fails keeps no other from being told; the SQLite sink."""

from __future__ import annotations

from pathlib import Path

import pytest
from live_examples import live_event

from vadlab.errors import StoreError
from vadlab.live.event import LiveEvent
from vadlab.live.event_store import EventStore
from vadlab.live.sink import Fanout, SinkHealth
from vadlab.live.sinks.sqlite import SqliteSink


class Recorder:
    def __init__(self, log: list[str], *, broken: str = "") -> None:
        self.log, self.broken, self.told = log, broken, list[LiveEvent]()

    def open(self) -> None:
        if self.broken == "open":
            raise StoreError("cannot open")
        self.log.append("open")

    def send(self, event: LiveEvent) -> None:
        if self.broken == "send":
            raise StoreError("the disk is full")
        self.told.append(event)

    def health(self) -> SinkHealth:
        return SinkHealth("recorder", n_sent=len(self.told))

    def close(self) -> None:
        if self.broken == "close":
            raise StoreError("cannot close")
        self.log.append("close")


def test_a_sink_that_fails_is_reported_and_the_others_are_told() -> None:
    log: list[str] = []
    broken, sound = Recorder(log, broken="send"), Recorder(log)
    everyone = Fanout([broken, sound])
    everyone.open()
    everyone.send(live_event(1))
    everyone.send(live_event(2))
    assert sound.told == [live_event(1), live_event(2)]
    first, second = everyone.health()
    assert (first.state, first.n_lost) == ("failing", 2)
    assert "the disk is full" in str(first.last_error)
    assert (second.state, second.n_sent, second.n_lost) == ("ok", 2, 0)
    broken.broken = ""
    everyone.send(live_event(3))
    assert everyone.health()[0] == SinkHealth("recorder", "ok", 1, n_lost=2)
    everyone.close()
    assert log == ["open", "open", "close", "close"]


def test_where_one_cannot_be_opened_those_before_it_are_closed() -> None:
    log: list[str] = []
    with pytest.raises(StoreError, match="cannot open"):
        Fanout([Recorder(log), Recorder(log, broken="open"), Recorder(log)]).open()
    assert log == ["open", "close"]


def test_all_are_closed_even_if_one_fails() -> None:
    log: list[str] = []
    everyone = Fanout([Recorder(log), Recorder(log, broken="close"), Recorder(log)])
    everyone.open()
    with pytest.raises(StoreError, match="cannot close"):
        everyone.close()
    assert log == ["open"] * 3 + ["close"] * 2
    everyone.close()


def test_sqlite_keeps_the_latest_state(tmp_path: Path) -> None:
    sink = SqliteSink(tmp_path / "events.sqlite")
    with pytest.raises(StoreError, match="not open"):
        sink.send(live_event(1))
    sink.open()
    for event in (live_event(1), live_event(1, "update", grown=2), live_event(1, "end", grown=4)):
        sink.send(event)
    store = EventStore(tmp_path / "events.sqlite")
    assert [stored.event for stored in store.events()] == [live_event(1, "end", grown=4)]
    assert (sink.health().n_sent, sink.health().state) == (3, "ok")
    store.close()
    sink.close()
    sink.close()


def test_sqlite_reports_a_message_that_it_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = SqliteSink(tmp_path / "events.sqlite")
    sink.open()

    def full(self: EventStore, event: LiveEvent) -> None:
        raise StoreError("the event store cannot be used", found="database or disk is full")

    monkeypatch.setattr(EventStore, "append", full)
    everyone = Fanout([sink])
    everyone.send(live_event(1))
    (health,) = everyone.health()
    assert (health.state, health.n_lost, health.n_sent) == ("failing", 1, 0)
    assert "disk is full" in str(health.last_error)
    sink.close()
