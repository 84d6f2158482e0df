"""Uploads: what is refused, what is kept; the queue with its one worker; a real job end to end."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_example import networks, offline
from numbered_video import write
from running_app import running
from web_example import make_site

pytest.importorskip("fastapi", reason='the web pages need pip install "vadlab[web]"')
from vadlab.errors import DataError
from vadlab.evaluation.events import Alarm
from vadlab.files import read_json
from vadlab.pipeline import Pipeline
from vadlab.timeline import read_timeline
from vadlab.training import Runtime
from vadlab.web import jobs as jobs_module
from vadlab.web import score_job
from vadlab.web.app import create_app
from vadlab.web.jobs import JOB, RESULT, TIMELINE
from vadlab.web.site import Site, Upload
from vadlab.web.uploads import MAX_NAME, SUFFIXES, check_video, safe_name

MAX_BYTES = 200_000
SLOW = """
import json, sys, time
print(json.dumps({"share": 0.25, "text": "1 clips"}), flush=True)
time.sleep(60)
"""
QUICK = """
import json, pathlib, sys
out = pathlib.Path(sys.argv[3])
print("not JSON")
print(json.dumps({"share": 0.5, "text": ""}))
(out / "result.json").write_text(json.dumps({"n_frames": 60, "fps": "25", "n_events": 2, "top_score": 0.9,
    "alarm": {"on": 0.5, "off": 0.4, "min_length_s": 0.4, "merge_gap_s": 1.0}}))
"""
FAILS = """
import json
print(json.dumps({"error": "the video is damaged"}))
raise SystemExit(1)
"""
CRASHES = "raise RuntimeError('out of luck')"


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write(tmp_path_factory.mktemp("video") / "v.mp4").read_bytes()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    root = make_site(tmp_path)
    (root / "runs" / "first" / "state.safetensors").write_bytes(b"enough to be offered")
    return Site(root, upload=Upload(MAX_BYTES, max_waiting=3), playback=tmp_path / "playback")


@pytest.fixture
def web(site: Site) -> Iterator[Any]:
    with running(create_app(site)) as client:
        yield client


def scored_by(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(
        jobs_module, "command", lambda run, video, out: [sys.executable, "-c", script, run, video, out]
    )


def send(web: Any, content: Any, name: str = "gate.mp4", run: str = "runs~first") -> Any:
    return web.post("/api/jobs", params={"run": run, "name": name}, content=content)


def wait(web: Any, job: str, *states: str) -> Any:
    for _ in range(600):
        answer = web.get(f"/api/jobs/{job}").json()
        if answer["state"] in states:
            return answer
        time.sleep(0.05)
    raise AssertionError(answer)


def left_over(site: Site) -> list[Path]:
    folder = site.root / "uploads"
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("gate.mp4", "gate.mp4"),
        ("../../etc/passwd.mp4", "passwd.mp4"),
        ("C:\\videos\\Gate 2.MP4", "Gate-2.mp4"),
        ("..mp4.avi", "mp4.avi"),
        (".mp4.mp4", "mp4.mp4"),
        (".mp4", "video.mp4"),
        ("né\u202e\0a;rm -rf.mkv", "ne-a-rm--rf.mkv"),
        ("💥.webm", "video.webm"),
        ("x" * 300 + ".mov", "x" * (MAX_NAME - 4) + ".mov"),
    ],
)
def test_names_are_made_safe(given: str, kept: str) -> None:
    assert safe_name(given) == kept


@given(st.text(max_size=300), st.sampled_from(SUFFIXES))
def test_any_name_is_safe_or_refused(stem: str, suffix: str) -> None:
    for name in (stem, stem + suffix):
        with contextlib.suppress(DataError):
            kept = safe_name(name)
            assert kept.isascii() and Path(kept).name == kept and not kept.startswith(("-", "."))
            assert len(kept) <= MAX_NAME and Path(kept).suffix in SUFFIXES


def test_files_that_are_no_video_are_refused(web: Any, site: Site, video: bytes) -> None:
    play_list = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n"
    concat = b"ffconcat version 1.0\nfile /etc/hostname\n"
    for content in (b"no video", b"\0" * 5000, play_list, concat, video[:200], b"<svg/>", b""):
        answer = send(web, content)
        assert answer.status_code == 422, content[:20]
        assert "no video" in answer.json()["message"] or "empty" in answer.json()["message"]
    for name in ("run.sh", "gate", "gate.mp4.exe", "list.m3u8", "", "/"):
        assert send(web, video, name).status_code == 422, name
    assert left_over(site) == [] and web.get("/api/jobs").json() == []


def test_a_video_on_its_own_passes_the_check_and_a_play_list_of_it_does_not(tmp_path: Path) -> None:
    for name, options in (
        ("v.mp4", {}), ("v.mkv", {}), ("v.avi", {"codec": "mpeg4"}), ("v.ts", {}), ("v.flv", {}),
    ):  # fmt: skip
        check_video(write(tmp_path / name, 5, **options))
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile {tmp_path / 'v.mp4'}\n")
    with pytest.raises(DataError, match="no video"):
        check_video(tmp_path / "list.mp4")


def test_an_upload_that_is_too_large_is_cut_off(web: Any, site: Site) -> None:
    assert send(web, b"\0" * (MAX_BYTES + 1)).status_code == 413

    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            yield b"\0" * 10_000

    assert send(web, chunks()).status_code == 413  # without a Content-Length to go by
    assert left_over(site) == []


def test_a_client_that_goes_away_leaves_nothing(web: Any, site: Site) -> None:
    connection = HTTPConnection("127.0.0.1", web.base_url.port)
    connection.putrequest("POST", "/api/jobs?run=runs~first&name=v.mp4")
    connection.putheader("X-Vadlab", "1")
    connection.putheader("Content-Length", "100000")
    connection.endheaders(b"\0" * 1000)
    for _ in range(100):
        if left_over(site):
            break
        time.sleep(0.02)
    assert len(left_over(site)) == 1
    connection.close()
    for _ in range(100):
        if not left_over(site):
            break
        time.sleep(0.02)
    assert left_over(site) == []


def test_only_a_trained_run_scores(web: Any, site: Site, video: bytes) -> None:
    assert send(web, video, run="runs~second").status_code == 404
    assert send(web, video, run="../first").status_code == 404
    assert left_over(site) == []


def test_a_job_runs_and_is_still_there_after_a_restart(
    site: Site, video: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored_by(monkeypatch, QUICK)
    with running(create_app(site)) as web:
        job = send(web, video, "../gate 7.mp4").json()
        done = wait(web, job["id"], "done", "failed")
        assert (done["name"], done["state"], done["n_events"], done["share"]) == (
            "gate-7.mp4",
            "done",
            2,
            1.0,
        )
        assert web.get(f"/api/jobs/{job['id']}/media").content == video
        folder = site.root / "uploads" / job["id"]
        assert (folder / "gate-7.mp4").read_bytes() == video
    with running(create_app(site)) as web:
        assert web.get("/api/jobs").json() == [done]
        assert web.delete(f"/api/jobs/{job['id']}").status_code == 204
        assert web.get("/api/jobs").json() == [] and not folder.exists()


@pytest.mark.parametrize(("script", "reason"), [(FAILS, "the video is damaged"), (CRASHES, "out of luck")])
def test_a_job_that_fails_says_why(
    web: Any, video: bytes, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    scored_by(monkeypatch, script)
    job = wait(web, send(web, video).json()["id"], "done", "failed")
    assert job["state"] == "failed" and reason in job["error"]
    assert web.get(f"/api/jobs/{job['id']}/timeline").status_code == 404
    assert web.get(f"/api/jobs/{job['id']}/media").status_code == 404


def test_one_runs_the_others_wait_and_both_can_be_cancelled(
    web: Any, site: Site, video: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored_by(monkeypatch, SLOW)
    first, second, third = (send(web, video).json()["id"] for _ in range(3))
    assert wait(web, first, "running")["state"] == "running"
    for _ in range(200):
        if web.get(f"/api/jobs/{first}").json()["share"] == 0.25:
            break
        time.sleep(0.05)
    assert web.get(f"/api/jobs/{first}").json()["text"] == "1 clips"
    assert [web.get(f"/api/jobs/{id_}").json()["state"] for id_ in (second, third)] == ["waiting"] * 2
    assert send(web, video).status_code == 503  # three are enough
    assert web.post(f"/api/jobs/{second}/cancel").json()["state"] == "cancelled"
    children = running_children()
    assert len(children) == 1
    assert web.post(f"/api/jobs/{first}/cancel").json()["state"] == "cancelled"
    assert wait(web, third, "running")["state"] == "running"
    assert children.isdisjoint(running_children())
    assert web.delete(f"/api/jobs/{third}").status_code == 204
    assert web.post(f"/api/jobs/{first}/cancel").json()["state"] == "cancelled"  # again, no harm
    assert {path.parent.name for path in left_over(site) if path.name == JOB} == {first, second}


def test_stopping_the_server_ends_the_job(site: Site, video: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    scored_by(monkeypatch, SLOW)
    with running(create_app(site)) as web:
        job = send(web, video).json()["id"]
        wait(web, job, "running")
    assert running_children() == set()
    with running(create_app(site)) as web:
        assert web.get(f"/api/jobs/{job}").json()["state"] == "cancelled"


def test_stopping_the_server_begins_no_job_that_waited(
    site: Site, video: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored_by(monkeypatch, SLOW)
    with running(create_app(site)) as web:
        first, second = (send(web, video).json()["id"] for _ in range(2))
        wait(web, first, "running")
    assert running_children() == set()
    with running(create_app(site)) as web:
        states = {job["id"]: (job["state"], job["error"]) for job in web.get("/api/jobs").json()}
    assert states == {first: ("cancelled", None), second: ("failed", "the server was stopped meanwhile")}


def test_a_job_tells_its_progress_by_clips_and_writes_its_two_files_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    of = networks()
    alarm = Alarm(0.5, 0.4)
    pipeline = Pipeline(of.detector, of.extractor, None, alarm, Runtime())
    monkeypatch.setattr(score_job.Pipeline, "load", lambda run: pipeline)
    out = tmp_path / "job"
    out.mkdir()
    video = write(out / "job.mp4", 80)  # what is written about job.mp4 must not take the place of job.json
    monkeypatch.setattr(sys, "argv", ["score_job", "run", str(video), str(out)])
    assert score_job.main() == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert said[-1] == {"share": score_job.SHARE_OF_FEATURES, "text": "5 clips"}
    clips = [int(one["text"].split()[0]) for one in said]
    assert clips == sorted(clips)
    assert all(
        one["share"] == min(score_job.SHARE_OF_FEATURES, n / 5) for one, n in zip(said, clips, strict=True)
    )
    assert {path.name for path in out.iterdir()} == {video.name, TIMELINE, RESULT}
    expected = offline(of, video)
    np.testing.assert_array_equal(read_timeline(out / TIMELINE, "job").frame_scores, expected)
    result = read_json(out / RESULT)
    assert (result["n_frames"], result["top_score"]) == (80, float(expected.max()))
    assert Alarm(**result["alarm"]) == alarm
    video.write_bytes(b"no video")
    assert score_job.main() == 1
    assert "error" in json.loads(capsys.readouterr().out.splitlines()[-1])


def running_children() -> set[int]:
    """Jobs of this process that have not ended; other tests may have left it other children."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, parent = (folder / "stat").read_text().rsplit(")", 1)[1].split()[:2]
            job = SLOW.encode() in (folder / "cmdline").read_bytes()
            if int(parent) == os.getpid() and state != "Z" and job:
                found.add(int(folder.name))
    return found
