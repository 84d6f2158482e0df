"""Sources to events: one set of networks, events as offline, and a state that others can read."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_example import networks, offline
from live_examples import live_event
from numbered_video import write

from vadlab.errors import StoreError
from vadlab.evaluation.events import find_events
from vadlab.live.capture import Patience
from vadlab.live.event import LiveEvent
from vadlab.live.event_store import EventStore
from vadlab.live.life_cycle import LifeCycleSettings
from vadlab.live.scorer import Told
from vadlab.live.sink import Fanout, SinkHealth
from vadlab.live.sinks.sqlite import SqliteSink
from vadlab.live.source import Source
from vadlab.live.watcher import STATUS, Watcher


class ListSink:
    """Keeps what it is told."""

    def __init__(self, path: Path) -> None:
        self.path, self.told, self.calls = path, list[LiveEvent](), list[str]()

    def open(self) -> None:
        self.calls.append("open")

    def send(self, event: LiveEvent) -> None:
        if event.state == "end" and event.source == "broken":
            raise StoreError("lost")
        self.told.append(event)

    def health(self) -> SinkHealth:
        return SinkHealth("list", n_sent=len(self.told))

    def close(self) -> None:
        # All the same: the state on disk is not the last one yet.
        self.calls.append("close")


def at(threshold: float, **settings: Any) -> Callable[[Fraction], LifeCycleSettings]:
    return lambda fps: LifeCycleSettings(threshold, **settings)


@pytest.fixture
def videos(tmp_path: Path) -> list[Source]:
    lengths = {"a": 150, "b": 90, "c": 40}
    return [Source(name, str(write(tmp_path / f"{name}.mp4", n)), "file") for name, n in lengths.items()]


def test_several_sources_share_networks_and_give_the_events_of_each(
    videos: list[Source], tmp_path: Path
) -> None:
    of = networks("aed")
    told: dict[str, list[np.ndarray]] = {source.name: [] for source in videos}

    def keep(scores: Told) -> None:
        told[scores.source].append(scores.scores.values)

    wanted = {source.name: offline(of, Path(source.address)) for source in videos}
    threshold = float(np.quantile(np.concatenate(list(wanted.values())), 0.7))
    settings = {"min_frames": 3, "merge_gap": 4, "update_every": 8}
    sink = ListSink(tmp_path)
    watcher = Watcher(
        of, videos, settings=at(threshold, **settings), sinks=Fanout([sink]), folder=tmp_path, on_scores=keep
    )
    assert watcher.run(threading.Event()) == []
    assert sink.calls == ["open", "close"]
    found = 0
    for name, scores in wanted.items():
        np.testing.assert_allclose(np.concatenate(told[name]), scores, rtol=1e-5, atol=1e-6)
        live = np.concatenate(told[name])
        alarms = find_events(live, source=name, on=threshold, off=threshold, min_length=3, merge_gap=4)
        ended = [one for one in sink.told if one.source == name and one.state == "end"]
        assert [(one.start_frame, one.stop_frame) for one in ended] == [(a.start, a.stop) for a in alarms]
        assert [one.top_score for one in ended] == pytest.approx([a.score for a in alarms])
        found += len(alarms)
        for one in ended:
            states = [other.state for other in sink.told if other.id == one.id]
            assert states[0] == "new" and states[-1] == "end" and set(states[1:-1]) <= {"update"}
    assert found  # else nothing was tested

    status = json.loads((tmp_path / STATUS).read_text())
    assert status["state"] == "stopped"
    assert [one["name"] for one in status["sources"]] == ["a", "b", "c"]
    for one in status["sources"]:
        assert (one["state"], one["frames"], one["dropped"]) == ("ended", len(wanted[one["name"]]), 0)
        assert one["scored"] == one["frames"] and one["open_event"] is None
        assert one["recent"][-1][1] == pytest.approx(one["score"], abs=1e-5)
    assert sum(one["events"] for one in status["sources"]) == found
    assert status["sinks"][0]["n_sent"] == len(sink.told)
    of.close()


def test_stopping_ends_open_events(tmp_path: Path) -> None:
    of, stop, sink = networks("frame_difference"), threading.Event(), ListSink(tmp_path)
    source = Source("cam", "lavfi:testsrc=size=64x48:rate=25,realtime", "device")

    def stop_when_open(event: LiveEvent) -> None:
        stop.set()

    watcher = Watcher(
        of, [source], settings=at(-1e9), sinks=Fanout([sink]), folder=tmp_path, on_event=stop_when_open
    )
    assert watcher.run(stop) == []
    assert sink.told[0].state == "new"
    assert sink.told[-1].state == "end" and sink.told[-1].stop_frame >= sink.told[0].stop_frame
    status = json.loads((tmp_path / STATUS).read_text())
    assert status["sources"][0]["state"] == "stopped"
    of.close()


def test_events_of_a_killed_watch_are_ended_by_the_next(videos: list[Source], tmp_path: Path) -> None:
    killed = SqliteSink(tmp_path / "events.sqlite")
    killed.open()
    killed.send(live_event(1))
    for state in ("new", "end"):
        killed.send(live_event(2, state))
    killed.send(live_event(3, "update", grown=5))
    killed.close()
    of, sink = networks("frame_difference"), ListSink(tmp_path)
    fanout = Fanout([SqliteSink(tmp_path / "events.sqlite"), sink])
    watcher = Watcher(of, videos[2:], settings=at(1e9), sinks=fanout, folder=tmp_path)
    assert watcher.run(threading.Event()) == []
    assert sink.told == [live_event(1, "end"), live_event(3, "end", grown=5)]
    store = EventStore(tmp_path / "events.sqlite")
    assert store.unfinished() == []
    store.close()
    of.close()


def test_a_lost_camera_ends_its_event_and_a_new_one_begins() -> None:
    of, stop, told = networks("frame_difference"), threading.Event(), list[LiveEvent]()

    def keep(event: LiveEvent) -> None:
        told.append(event)
        if len([one for one in told if one.state == "end"]) == 2:
            stop.set()

    source = Source("cam", "lavfi:testsrc=size=64x48:rate=25:duration=1", "device")
    watcher = Watcher(of, [source], settings=at(-1e9), patience=Patience(first_wait_s=0.05), on_event=keep)
    watcher.run(stop)
    ended = [one for one in told if one.state == "end"][:2]
    assert [(one.start_frame, one.stop_frame) for one in ended] == [(0, 25), (25, 50)]
    assert ended[0].stop_time <= ended[1].start_time
    of.close()


def test_one_source_that_fails_does_not_stop_the_others(videos: list[Source], tmp_path: Path) -> None:
    of = networks("knn")
    (tmp_path / "broken.mp4").write_bytes(b"none")
    sources = [*videos, Source("broken", str(tmp_path / "broken.mp4"), "file")]
    watcher = Watcher(of, sources, settings=at(0.0))
    failed = watcher.run(threading.Event())
    assert [name for name, _ in failed] == ["broken"]
    states = {one.name: one.state for one in watcher.health()}
    assert states == {"a": "ended", "b": "ended", "c": "ended", "broken": "failed"}
    assert not watcher.healthy()
    assert 'vadlab_frames_scored_total{source="a"} 150' in watcher.metrics()
    of.close()


def test_a_status_that_cannot_be_written_does_not_stop_the_watch(
    videos: list[Source], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: Any) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr("vadlab.live.watcher.write_json", full)
    of = networks("knn")
    watcher = Watcher(of, videos, settings=at(0.0), folder=tmp_path)
    assert watcher.run(threading.Event()) == []
    assert "disk is full" in caplog.text
    of.close()
