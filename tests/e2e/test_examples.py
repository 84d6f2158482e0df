"""The code that the docs show, run as it stands, on a generated set."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from vadlab.datasets.synth import Synth, generate
from vadlab.files import read_json
from vadlab.live.event import LiveEvent
from vadlab.live.sinks.webhook import signature
from vadlab.video.decode import VideoFrames

EXAMPLES = Path(__file__).parents[2] / "examples"


def load(name: str) -> ModuleType:
    """An example as a module."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("set") / "videos"
    generate(root, train=1, test=1, categories=("Falling", "Fire"), size=(96, 72))
    return root


@pytest.fixture
def store(videos: Path, tmp_path: Path, vadlab: Any) -> Path:
    store = tmp_path / "store"
    options = ("--backbone", "pooled_pixels", "--streams", "rgb")
    assert vadlab("extract", "synth", videos, "--out", store, *options).code == 0
    return store


def test_detectors_are_compared_and_a_run_gives_events(
    videos: Path, store: Path, tmp_path: Path, vadlab: Any
) -> None:
    runs = tmp_path / "runs"
    detectors = {"aed": {"steps": 5, "hidden": 8}}
    found = load("compare_detectors").compare("synth", videos, store, runs, detectors=detectors, seeds=(0, 1))
    assert list(found) == ["aed"]
    for name, auc in found.items():
        figures = [read_json(runs / name / str(seed) / "metrics.json") for seed in (0, 1)]
        values = [one["strict"]["metrics"]["auc"] for one in figures]
        assert (auc.n, auc.mean, auc.sd) == (
            2,
            *map(pytest.approx, (np.mean(values), np.std(values, ddof=1))),
        )

    run = runs / "aed" / "0"
    path = min(videos.rglob("*.mp4"))
    lines = load("events_of_a_video").events(str(run), [str(path)])
    told = vadlab("score", run, path, "--out", tmp_path / "scores", "--json").json()["videos"][0]["events"]
    assert lines == [
        f"{path}: {event['start_time_s']:.2f} - {event['stop_time_s']:.2f} s, {event['category']}, "
        f"{event['score']:.3f}"
        for event in told
    ]


def test_a_detector_of_ones_own(
    videos: Path, tmp_path: Path, vadlab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    run = tmp_path / "run"
    trained = vadlab(
        *("train", "synth", videos, "brightness:Brightness", "--out", run, "--set", "step=2", "--json")
    )
    assert trained.code == 0, trained.err
    assert trained.json()["detector"]["settings"] == {"step": 2}
    assert vadlab("evaluate", run).code == 0

    def levels(path: Path) -> np.ndarray:
        return np.array([frame[::2, ::2].astype(float).mean() for frame in VideoFrames(path)])

    path = min(videos.rglob("*.mp4"))
    scored = vadlab("score", run, path, "--out", tmp_path / "scores", "--json").json()["videos"][0]
    of_id = {entry.id: entry.path for entry in Synth(videos).entries()}
    usual = np.concatenate([levels(of_id[name]) for name in trained.json()["split"]["train"]])
    expected = np.abs(levels(path) - usual.mean()) / usual.std()
    np.testing.assert_allclose(scored["frame_scores"], expected, atol=1e-4)


def test_scores_as_arrays_are_judged() -> None:
    rng = np.random.default_rng(3)
    values, spans = rng.random(90).astype(np.float32), [(10, 30), (70, 90)]
    found = load("judge_scores").judge(values, spans)
    truth = np.zeros(90)
    for start, stop in spans:
        truth[start:stop] = 1
    assert found.metrics["auc"] == pytest.approx(roc_auc_score(truth, values))
    done = subprocess.run(
        [sys.executable, EXAMPLES / "judge_scores.py"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("auc 0.")


@pytest.fixture
def receiver() -> Iterator[Any]:
    module = load("webhook_receiver")
    with module.EventServer(("127.0.0.1", 0), "secret") as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_receiver_takes_signed_events_once(receiver: Any) -> None:
    event = LiveEvent("20261124T225635.120-9f3c01ab", "gate", "new", 0, 25, 100.0, 101.0, "Fire", 0.9, 0.5)
    address = "http://{}:{}/".format(*receiver.server_address)

    def post(sent: LiveEvent, key: str, secret: str) -> int:
        body, now = json.dumps(sent.to_json()).encode(), str(int(time.time()))
        headers = {
            "Idempotency-Key": key,
            "X-Vadlab-Timestamp": now,
            "X-Vadlab-Signature": signature(body, secret=secret, timestamp=now),
        }
        return httpx.post(address, content=body, headers=headers, trust_env=False).status_code

    ended = replace(event, state="end")
    assert [post(event, "a", "secret"), post(event, "a", "secret"), post(ended, "b", "secret")] == [204] * 3
    assert post(event, "c", "wrong") == 403
    assert receiver.events == [event, ended]
