"""Scores in, and every receiver is told the same: file, store, clips, and a web server that often fails."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hook_server import QUICK, serving, until
from live_examples import live_event

from vadlab.live.event import LiveEvent
from vadlab.live.event_store import EventStore
from vadlab.live.life_cycle import LifeCycle, LifeCycleSettings
from vadlab.live.sink import UNTOLD, Fanout, Sink
from vadlab.live.sinks.clips import ClipSink
from vadlab.live.sinks.jsonl import JsonlSink, read_events
from vadlab.live.sinks.sqlite import SqliteSink
from vadlab.live.sinks.webhook import WebhookSink

FPS = 25


def test_everyone_is_told_everything_once(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    answers = iter(rng.choice([200, 500], size=10_000).tolist())
    scores = np.repeat(rng.choice([0.1, 0.9], p=[0.8, 0.2], size=60), 16)
    life = LifeCycle(LifeCycleSettings.in_seconds(0.5, fps=FPS), source="gate")
    told: list[LiveEvent] = []
    with serving(lambda: next(answers)) as server:
        clips = ClipSink(tmp_path)
        url = f"http://127.0.0.1:{server.server_port}/"
        webhook = WebhookSink(url, outbox=tmp_path / "webhook.sqlite", retry=QUICK)
        everyone = Fanout(
            [JsonlSink(tmp_path / "events.jsonl"), SqliteSink(tmp_path / "events.sqlite"), clips, webhook]
        )
        everyone.open()
        for frame, score in enumerate(scores.tolist()):
            now = frame / FPS
            clips.frame("gate", frame, now, np.full((36, 64, 3), frame % 256, np.uint8))
            for message in life.feed((frame, frame + 1), score, times=(now, now + 1 / FPS)):
                everyone.send(message)
                told.append(message)
        for message in life.close():
            everyone.send(message)
            told.append(message)
        until(lambda: webhook.health().n_waiting == 0)
        everyone.close()
        assert server.events() == told
    latest = {message.id: message for message in told}
    assert len(latest) > 3
    assert list(read_events(tmp_path / "events.jsonl").events) == told
    store = EventStore(tmp_path / "events.sqlite")
    stored = {one.event.id: one for one in store.events()}
    assert {id_: one.event for id_, one in stored.items()} == latest
    assert all(message.state == "end" for message in latest.values())
    for one in stored.values():
        assert one.clip is not None and (tmp_path / one.clip).stat().st_size > 0
        assert one.thumbnail is not None and (tmp_path / one.thumbnail).stat().st_size > 0
    store.close()
    names = [health.name for health in everyone.health()]
    assert names == ["jsonl", "sqlite", "clips", "webhook"]
    assert [health.state for health in everyone.health()] == ["ok"] * 4


KILLED = """
import os, signal, sys
from pathlib import Path
from live_examples import live_event
from test_live_sinks_together import file_sinks
from vadlab.live.sink import UNTOLD, Fanout, SinkHealth

class Killer:
    def open(self): pass
    def close(self): pass
    def health(self): return SinkHealth("killer")
    def send(self, event):
        if event.state == "update":
            os.kill(os.getpid(), signal.SIGKILL)

folder, url, place = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
sinks = file_sinks(folder, url)
everyone = Fanout([*sinks[:place], Killer(), *sinks[place:]], untold=folder / UNTOLD)
everyone.open()
everyone.send(live_event(1))
everyone.send(live_event(1, "update", grown=2))
"""


def file_sinks(folder: Path, url: str) -> list[Sink]:
    return [
        JsonlSink(folder / "events.jsonl"),
        SqliteSink(folder / "events.sqlite"),
        ClipSink(folder),
        WebhookSink(url, outbox=folder / "webhook.sqlite", retry=QUICK),
    ]


@pytest.mark.parametrize("place", [0, 1, 2, 4])
def test_a_process_killed_between_two_sinks_leaves_none_of_them_untold(tmp_path: Path, place: int) -> None:
    """Killed before the first sink, between two, and after the last, before that is noted."""
    with serving() as server:
        url = f"http://127.0.0.1:{server.server_port}/"
        arguments = [tmp_path, url, str(place)]
        environment = {"PYTHONPATH": str(Path(__file__).parent)}
        killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], env=environment, check=False)
        assert killed.returncode == -signal.SIGKILL
        assert (tmp_path / UNTOLD).exists()
        everyone = Fanout(file_sinks(tmp_path, url), untold=tmp_path / UNTOLD)
        everyone.open()
        assert not (tmp_path / UNTOLD).exists()
        told = [live_event(1), live_event(1, "update", grown=2), live_event(1, "end", grown=4)]
        store = EventStore(tmp_path / "events.sqlite")
        assert store.event(told[0].id).event == told[1]
        everyone.send(told[2])
        until(lambda: everyone.health()[-1].n_waiting == 0)
        everyone.close()
        assert not (tmp_path / UNTOLD).exists()
        assert list(read_events(tmp_path / "events.jsonl").events) == told
        assert store.event(told[0].id).event == told[2]
        store.close()
        # A message may arrive twice, under the same key.
        assert list(dict(zip(server.keys(), server.events(), strict=True)).values()) == told
        assert [(one.state, one.n_lost) for one in everyone.health()] == [("ok", 0)] * 4


def test_a_message_that_was_never_told_and_cannot_be_read_is_no_trouble(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / UNTOLD).write_text("{}")
    sink = JsonlSink(tmp_path / "events.jsonl")
    everyone = Fanout([sink], untold=tmp_path / UNTOLD)
    everyone.open()
    assert "cannot be told" in caplog.text
    everyone.send(live_event(1))
    everyone.close()
    assert list(read_events(tmp_path / "events.jsonl").events) == [live_event(1)]
