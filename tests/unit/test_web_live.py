"""Watch folders over HTTP: status, events by pages, reviews and notes, files that stay inside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from live_examples import live_event
from running_app import running

pytest.importorskip("fastapi", reason='the web pages need pip install "vadlab[web]"')
from vadlab.live.event_store import EventStore
from vadlab.web.app import create_app
from vadlab.web.site import Site


@pytest.fixture
def root(tmp_path: Path) -> Path:
    watch = tmp_path / "cameras" / "watch"
    (watch / "clips").mkdir(parents=True)
    (watch / "clips" / "a.mp4").write_bytes(bytes(range(256)))
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    store = EventStore(watch / "events.sqlite")
    for number in range(7):
        store.append(live_event(number, "end", source="gate" if number % 2 else "yard"))
    store.set_clip(live_event(0).id, "clips/a.mp4")
    store.set_clip(live_event(1).id, "../../secret.mp4")
    store.set_clip(live_event(2).id, "clips/gone.mp4")
    store.set_thumbnail(live_event(3).id, str(tmp_path / "secret.mp4"))
    store.close()
    (watch / "status.json").write_text(json.dumps({"state": "running", "time": 1.0, "sources": []}))
    return tmp_path


@pytest.fixture
def web(root: Path) -> Iterator[Any]:
    with running(create_app(Site(root))) as client:
        yield client


EVENTS = "/api/watches/cameras~watch/events"


def test_a_watch_has_its_status_and_counts(web: Any, root: Path) -> None:
    (watch,) = web.get("/api/watches").json()
    assert (watch["key"], watch["folder"], watch["n_events"]) == ("cameras~watch", "cameras/watch", 7)
    assert watch["status"] == {"state": "running", "time": 1.0, "sources": []}
    assert watch["threshold"] is None
    plan = {"settings": {"alarms": {"threshold": 0.7}}}
    (root / "cameras" / "watch" / "watch.json").write_text(json.dumps(plan))
    assert web.get("/api/watches/cameras~watch").json()["threshold"] == 0.7
    (root / "cameras" / "watch" / "status.json").write_text("{")
    assert web.get("/api/watches/cameras~watch").json()["status"] is None
    assert web.get("/api/watches/none").status_code == 404


def test_a_run_is_named_without_the_folders_above_the_root(web: Any, root: Path) -> None:
    status = root / "cameras" / "watch" / "status.json"
    for run, shown in (
        (root / "runs" / "aed", "runs/aed"),
        (root.parent / "elsewhere" / "aed", "aed"),
        ("runs/aed", "aed"),
        (root, root.name),
    ):
        status.write_text(json.dumps({"state": "running", "time": 1.0, "run": str(run), "sources": []}))
        assert web.get("/api/watches/cameras~watch").json()["status"]["run"] == shown
    with running(create_app(Site(root / "cameras" / "watch"))) as alone:
        assert [watch["folder"] for watch in alone.get("/api/watches").json()] == ["watch"]


def test_pages_of_events(web: Any) -> None:
    newest = [live_event(number).id for number in range(6, -1, -1)]
    assert [event["id"] for event in web.get(EVENTS).json()] == newest
    first = web.get(EVENTS, params={"limit": 3}).json()
    second = web.get(EVENTS, params={"limit": 3, "before": first[-1]["id"]}).json()
    assert [event["id"] for event in first + second] == newest[:6]
    assert {event["source"] for event in web.get(EVENTS, params={"source": "gate"}).json()} == {"gate"}
    assert web.get(EVENTS, params={"limit": 0}).status_code == 422
    assert web.get(EVENTS, params={"source": "'; DROP TABLE events; --"}).json() == []


def test_a_review_is_signed_kept_and_taken_back(web: Any, root: Path) -> None:
    id_ = live_event(4).id
    assert web.put(f"{EVENTS}/{id_}/review", json={"by": "Ada"}).json()["reviewed_by"] == "Ada"
    assert web.put(f"{EVENTS}/{id_}/note", json={"note": "a dog"}).json()["note"] == "a dog"
    assert [event["id"] for event in web.get(EVENTS, params={"reviewed": True}).json()] == [id_]
    assert web.get("/api/watches/cameras~watch").json()["n_unreviewed"] == 6
    stored = EventStore(root / "cameras" / "watch" / "events.sqlite")
    assert (stored.event(id_).reviewed_by, stored.event(id_).note) == ("Ada", "a dog")
    stored.close()
    assert web.put(f"{EVENTS}/{id_}/review", json={"by": None}).json()["reviewed_by"] is None
    for body in ({"by": ""}, {"by": "   "}, {"by": "x" * 81}, {}, {"by": 3}):
        assert web.put(f"{EVENTS}/{id_}/review", json=body).status_code == 422, body
    assert web.put(f"{EVENTS}/none/review", json={"by": "Ada"}).status_code == 404
    assert web.put(f"{EVENTS}/{id_}/note", json={"note": "x" * 2001}).status_code == 422


def test_clips_are_sent_in_parts_and_from_inside_only(web: Any) -> None:
    clip = web.get(f"{EVENTS}/{live_event(0).id}/clip", headers={"Range": "bytes=10-12"})
    assert (clip.status_code, clip.content, clip.headers["content-type"]) == (
        206,
        b"\x0a\x0b\x0c",
        "video/mp4",
    )
    for number, what in ((1, "clip"), (2, "clip"), (3, "thumbnail"), (4, "clip"), (0, "thumbnail")):
        answer = web.get(f"{EVENTS}/{live_event(number).id}/{what}")
        assert answer.status_code == 404 and answer.content != b"secret", (number, what)


def test_a_watch_without_events_yet(web: Any, root: Path) -> None:
    (root / "new").mkdir()
    (root / "new" / "watch.json").write_text("{}")
    with running(create_app(Site(root))) as fresh:
        assert fresh.get("/api/watches/new").json()["n_events"] == 0
        assert fresh.get("/api/watches/new/events").json() == []
    assert not (root / "new" / "events.sqlite").exists()


def test_a_file_that_is_no_event_store_is_told_not_a_server_error(web: Any, root: Path) -> None:
    (root / "odd").mkdir()
    (root / "odd" / "events.sqlite").write_bytes(b"no database, and longer than a page of one" * 200)
    with running(create_app(Site(root))) as fresh:
        assert fresh.get("/api/watches/odd").json()["n_events"] == 0
        assert fresh.get("/api/watches/odd/events").status_code == 422
