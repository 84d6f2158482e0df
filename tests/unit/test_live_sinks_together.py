"""Scores in, and every receiver is told the same: file, store, clips, and a web server that often fails."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hook_server import QUICK, serving, until

from vadlab.live.event import LiveEvent
from vadlab.live.event_store import EventStore
from vadlab.live.life_cycle import LifeCycle, LifeCycleSettings
from vadlab.live.sink import Fanout
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
