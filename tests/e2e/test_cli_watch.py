"""`vadlab watch` as a user has it: files, a real RTSP server, its death, its silence, and Ctrl-C."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from vadlab import cli
from vadlab.datasets.synth import generate
from vadlab.live.capture import Patience
from vadlab.live.event_store import EventStore
from vadlab.live.outbox import Outbox
from vadlab.live.sinks.jsonl import read_events
from vadlab.verbs.score import score_videos
from vadlab.verbs.watch import Alarms, Watch, WatchPlan
from vadlab.video.decode import VideoFrames
from vadlab.video.encode import write_video

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from hook_server import serving

SYSTEM_PYTHON = Path("/usr/bin/python3")
SERVER = Path(__file__).with_name("rtsp_server.py")
QUICK = Patience(stalled_s=1.5, first_wait_s=0.1, longest_wait_s=0.2)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("set") / "videos"
    generate(root, train=2, test=1, categories=("Fire",), size=(96, 72))
    return root


@pytest.fixture(scope="module")
def run(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector of their clips, by the backbone that needs no weights."""
    root = tmp_path_factory.mktemp("run")
    store, run = root / "store", root / "run"
    options = ("--backbone", "pooled_pixels", "--flow", "dis")
    settings = ("--set", "steps=10", "--set", "hidden=16", "--set", "k=3", "--set", "standardise=true")
    for command in (
        ("extract", "synth", videos, "--out", store, *options),
        ("train", "synth", videos, "aed", "--features", store, "--out", run, *settings),
    ):
        done = CliRunner().invoke(cli.app, [*map(str, command)], catch_exceptions=False)
        assert done.exit_code == 0, done.output
    return run


@pytest.fixture(scope="module")
def film(videos: Path) -> Path:
    return sorted(videos.rglob("*.mp4"))[0]


def middle(run: Path, film: Path, tmp_path: Path) -> tuple[np.ndarray, float]:
    """A file's scores by `vadlab score`, and a threshold that they cross."""
    (scored,), failed = score_videos(run, [film], out=tmp_path / "scores")
    assert not failed
    return scored.frame_scores, float(np.quantile(scored.frame_scores, 0.6))


def start(*arguments: object) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "vadlab", "watch", *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def test_files_give_the_events_of_score(run: Path, film: Path, tmp_path: Path, vadlab: Any) -> None:
    _, threshold = middle(run, film, tmp_path)
    (scored,), _ = score_videos(run, [film], out=tmp_path / "scores")
    folder = tmp_path / "watch"
    watched = vadlab("watch", run, f"door={film}", film, "--out", folder, "--threshold", threshold, "--json")
    assert watched.code == 0, watched.err
    told = [json.loads(line) for line in watched.out.splitlines()]
    assert told == [event.to_json() for event in read_events(folder / "events.jsonl").events]
    offline = vadlab(
        *("score", run, film, "--out", tmp_path / "again", "--on", threshold, "--json"),
        *("--off", 0.8 * threshold),
    ).json()["videos"][0]["events"]
    assert offline
    for name in ("door", film.stem):
        ended = [one for one in told if one["source"] == name and one["state"] == "end"]
        assert [(e["start_frame"], e["stop_frame"]) for e in ended] == [
            (e["start"], e["stop"]) for e in offline
        ]
        for one, other in zip(ended, offline, strict=True):
            length = other["stop_time_s"] - other["start_time_s"]
            assert one["stop_time"] - one["start_time"] == pytest.approx(length, abs=1e-3)
    assert len(EventStore(folder / "events.sqlite").events()) == 2 * len(offline)
    status = json.loads((folder / "status.json").read_text())
    assert [one["state"] for one in status["sources"]] == ["ended", "ended"]
    assert all(one["scored"] == one["frames"] == scored.scores.video.n_frames for one in status["sources"])
    described = json.loads((folder / "watch.json").read_text())
    assert [one["name"] for one in described["sources"]] == ["door", film.stem]
    assert described["settings"]["alarms"]["threshold"] == threshold


def test_what_a_receiver_refuses_is_reported_and_listed(
    run: Path, film: Path, tmp_path: Path, vadlab: Any
) -> None:
    _, threshold = middle(run, film, tmp_path)
    folder = tmp_path / "watch"
    answers = itertools.cycle([204, 400])
    options = ("--threshold", threshold, "--update-every", 0.2)
    with serving(lambda: next(answers)) as server:
        hook = f"http://127.0.0.1:{server.server_port}"
        watched = vadlab("watch", run, film, "--out", folder, *options, "--webhook", hook)
        taken = server.events()
    assert watched.code == 0, watched.err
    told = list(read_events(folder / "events.jsonl").events)
    assert taken == told[::2] and len(told) > 3
    assert f"{len(told) // 2} given up so far, 0 waiting" in watched.err
    assert f"vadlab undelivered {folder}" in watched.err
    (sink,) = (one for one in json.loads((folder / "status.json").read_text())["sinks"] if one["n_lost"])
    last = "failing" if len(told) % 2 == 0 else "ok"
    assert (sink["name"], sink["n_lost"], sink["state"]) == ("webhook", len(told) // 2, last)

    with Outbox(folder / "webhook.sqlite") as outbox:  # as in a watch that is running
        more = replace(told[-1], stop_frame=told[-1].stop_frame + 1)
        outbox.put(more)
        listed = vadlab("undelivered", folder)
        described = vadlab("undelivered", folder, "--json").json()["webhook"]
    assert f"1 message to be tried again, {len(told) // 2} given up" in listed.out
    assert listed.out.count("answered 400 Bad Request") == len(told) // 2
    *refused, waiting = described
    assert [one["event"] for one in refused] == [event.to_json() for event in told[1::2]]
    assert waiting["event"] == more.to_json() and waiting["given_up"] is None
    assert len({one["key"] for one in described}) == len(described)


def test_undelivered_needs_the_folder_of_a_watch(run: Path, film: Path, tmp_path: Path, vadlab: Any) -> None:
    refused = vadlab("undelivered", tmp_path)
    assert refused.code == 1 and "watch.json" in refused.err
    assert vadlab("watch", run, film, "--out", tmp_path).code == 0
    assert "neither a webhook nor a broker" in vadlab("undelivered", tmp_path).out


def test_what_cannot_be_watched(run: Path, film: Path, tmp_path: Path, vadlab: Any) -> None:
    folder = tmp_path / "watch"
    assert vadlab("watch", run, "nowhere.mp4", "--out", folder).code == 2
    assert vadlab("watch", run, film, "--out", folder, "--timing", "early").code == 2
    assert vadlab("watch", tmp_path, film, "--out", folder).code == 1
    nothing = tmp_path / "none.mp4"
    nothing.write_bytes(b"none")
    failed = vadlab("watch", run, film, nothing, "--out", folder)
    assert failed.code == 1
    assert "none.mp4" in failed.err and f"{film.stem}: ended" in failed.err


def test_one_process_a_folder(run: Path, film: Path, tmp_path: Path, vadlab: Any) -> None:
    with Watch(WatchPlan(run, (str(film),), tmp_path)):
        refused = vadlab("watch", run, film, "--out", tmp_path)
    assert refused.code == 2 and "another process" in refused.err
    assert vadlab("watch", run, film, "--out", tmp_path).code == 0


def test_ctrl_c_ends_open_events_and_metrics_are_served_before(run: Path, tmp_path: Path) -> None:
    source = "lavfi:testsrc=size=96x72:rate=25,realtime"
    folder = tmp_path / "watch"
    process = start(run, f"cam={source}", "--out", folder, "--threshold", 0.0, "--json", "--metrics-port", 0)
    with process:
        assert process.stdout is not None and process.stderr is not None
        address = process.stderr.readline().removeprefix("metrics: ").strip()
        first = json.loads(process.stdout.readline())
        assert (first["state"], first["start_frame"]) == ("new", 0)
        with urllib.request.urlopen(address, timeout=5) as answer:
            text = answer.read().decode()
        assert 'vadlab_up{source="cam"} 1' in text and 'vadlab_sink_sent_total{sink="jsonl"}' in text
        process.send_signal(signal.SIGINT)
        rest, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    last = json.loads(rest.splitlines()[-1])
    assert (last["state"], last["id"]) == ("end", first["id"])
    assert "cam: stopped" in said
    status = json.loads((folder / "status.json").read_text())
    assert status["state"] == "stopped" and status["sources"][0]["scored"] == last["stop_frame"]


class Server:
    """The RTSP server in its process, to be killed, stopped and started again."""

    def __init__(self, **films: Path) -> None:
        probe = "import gi; gi.require_version('GstRtspServer', '1.0'); import gi.repository.GstRtspServer"
        if (
            not SYSTEM_PYTHON.exists()
            or subprocess.run([SYSTEM_PYTHON, "-c", probe], capture_output=True, check=False).returncode
        ):
            pytest.skip("no GStreamer RTSP server: apt install gir1.2-gst-rtsp-server-1.0 python3-gi")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.films = films
        self.start()

    def address(self, name: str = "film") -> str:
        return f"rtsp://127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        films = [f"{name}={path}" for name, path in self.films.items()]
        command = [str(SYSTEM_PYTHON), str(SERVER), str(self.port), *films]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def end(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def server(film: Path) -> Iterator[Server]:
    server = Server(film=film)
    yield server
    server.end()


class Watching:
    """A watch in a thread of its own, and the scores that it tells."""

    def __init__(self, plan: WatchPlan) -> None:
        self.stop, self.told, self.failed = threading.Event(), list[Any](), list[Any]()
        self._opened = ExitStack()
        self.watch = self._opened.enter_context(Watch(plan, on_scores=self.told.append))
        self._thread = threading.Thread(target=lambda: self.failed.extend(self.watch.run(self.stop)))
        self._thread.start()

    def until(self, what: Any, timeout: float = 60.0) -> None:
        deadline = time.monotonic() + timeout
        while not what(self.watch.watcher.health()[0]):
            assert time.monotonic() < deadline, self.watch.watcher.health()[0]
            time.sleep(0.02)

    def end(self) -> Any:
        self.stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()
        health = self.watch.watcher.health()[0]
        self._opened.close()
        return health

    def scores(self, source: str = "cam") -> dict[int, float]:
        told = [one for one in self.told if one.source == source]
        return {one.start + i: value for one in told for i, value in enumerate(one.scores.values.tolist())}


def test_rtsp_scores_are_those_of_the_file(run: Path, film: Path, server: Server, tmp_path: Path) -> None:
    wanted, threshold = middle(run, film, tmp_path)
    plan = WatchPlan(
        *(run, (f"cam={server.address()}",), tmp_path / "watch"),
        alarms=Alarms(threshold),
        patience=Patience(stalled_s=5, give_up_s=0),
    )
    watching = Watching(plan)
    watching.until(lambda health: health.state == "failed")  # the film is over, and we do not try again
    health = watching.end()
    assert (health.frames, health.scored, health.dropped, health.damaged) == (*[len(wanted)] * 2, 0, 0)
    found = watching.scores()
    assert sorted(found) == list(range(len(wanted)))
    np.testing.assert_allclose([found[i] for i in range(len(wanted))], wanted, rtol=1e-5, atol=1e-6)
    assert [name for name, _ in watching.failed] == ["cam"]
    events = read_events(tmp_path / "watch" / "events.jsonl").events
    assert {event.source for event in events} == {"cam"} and events[-1].state == "end"
    assert "127.0.0.1" in (tmp_path / "watch" / "watch.json").read_text()


def test_real_films_over_rtsp(run: Path, shared: Path, tmp_path: Path) -> None:
    """Ped2, and clips of CCTV one after the other, in one process."""
    ped2 = shared / "data" / "ped2" / "testing" / "frames" / "01"
    cctv = sorted((shared / "data" / "cctv-mini" / "Fighting").glob("*.mp4"))[:3]
    frames = {"ped2": [VideoFrames(ped2)], "cctv": [VideoFrames(path, resize=(320, 240)) for path in cctv]}
    films: dict[str, Path] = {}
    for name, parts in frames.items():
        films[name] = tmp_path / f"{name}.mp4"
        write_video(films[name], itertools.islice(itertools.chain(*parts), 100), fps=Fraction(25))
    server = Server(**films)
    sources = tuple(f"{name}={server.address(name)}" for name in films)
    plan = WatchPlan(run, sources, tmp_path / "watch", patience=Patience(stalled_s=5, give_up_s=0))
    watching = Watching(plan)
    watching.until(lambda _: all(one.state == "failed" for one in watching.watch.watcher.health()))
    watching.end()
    server.end()
    for name, film in films.items():
        wanted, _ = middle(run, film, tmp_path)
        found = watching.scores(name)
        assert sorted(found) == list(range(100)) and len(wanted) == 100
        np.testing.assert_allclose([found[i] for i in range(100)], wanted, rtol=1e-5, atol=1e-6)


def test_a_server_that_dies_and_comes_back(run: Path, film: Path, server: Server, tmp_path: Path) -> None:
    wanted, _ = middle(run, film, tmp_path)
    watching = Watching(WatchPlan(run, (f"cam={server.address()}",), tmp_path / "watch", patience=QUICK))
    watching.until(lambda health: health.scored >= 16)
    server.end()
    watching.until(lambda health: health.state == "lost")
    before = watching.watch.watcher.health()[0].frames
    server.start()
    watching.until(lambda health: health.scored >= before + 32)
    health = watching.end()
    assert health.reconnects >= 1 and health.dropped == 0
    # Numbers go on, and the film's first clips have the scores that they had before.
    found = watching.scores()
    again = [found[before + i] for i in range(16)]
    np.testing.assert_allclose(again, wanted[:16], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose([found[i] for i in range(16)], wanted[:16], rtol=1e-5, atol=1e-6)


def test_a_server_that_falls_silent(run: Path, server: Server, tmp_path: Path) -> None:
    watching = Watching(WatchPlan(run, (f"cam={server.address()}",), tmp_path / "watch", patience=QUICK))
    watching.until(lambda health: health.frames >= 20)
    server.process.send_signal(signal.SIGSTOP)
    watching.until(lambda health: health.state == "stalled")
    stalled = watching.watch.watcher.health()[0]
    assert "1.5 s" in (stalled.error or "")
    # What had come before is scored to its end, with nothing more to wait for.
    watching.until(lambda health: health.scored == health.frames)
    server.process.send_signal(signal.SIGCONT)
    watching.until(lambda health: health.frames > stalled.frames)
    assert watching.end().reconnects >= 1
