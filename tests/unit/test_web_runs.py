"""Runs and the viewer's data over HTTP, against the evaluation and the videos that they come from."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from numbered_video import N, number, write
from running_app import running
from web_example import LENGTHS, NAMES, TRUTH, evaluation_of, make_site

pytest.importorskip("fastapi", reason='the web pages need pip install "vadlab[web]"')
from vadlab.report.findings import worst
from vadlab.video.decode import VideoFrames
from vadlab.web.app import create_app
from vadlab.web.playback import plays_as_is
from vadlab.web.site import MissingError, Site


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("web")
    make_site(root)
    return root


@pytest.fixture(scope="module")
def web(root: Path) -> Iterator[Any]:
    with running(create_app(Site(root / "site", playback=root / "playback"))) as client:
        yield client


def ready(web: Any, video: str) -> Any:
    for _ in range(300):
        answer = web.get(f"/api/runs/runs~first/playback/{video}").json()
        if answer["state"] != "preparing":
            return answer
        time.sleep(0.05)
    raise AssertionError("never ready")


def test_the_list_has_each_run_with_its_figures(web: Any) -> None:
    runs = {run["key"]: run for run in web.get("/api/runs").json()}
    assert set(runs) == {"runs~first", "runs~second"}
    metrics = evaluation_of(1).metrics
    found = runs["runs~first"]["rules"]["strict"]
    assert (found["auc"], found["ap"], found["n_frames"]) == (metrics["auc"], metrics["ap"], 180)
    assert (found["has_report"], runs["runs~second"]["rules"]["strict"]["has_report"]) == (True, False)
    assert (runs["runs~first"]["seed"], runs["runs~first"]["can_score"]) == (1, False)


def test_a_damaged_run_is_listed_and_named(root: Path, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "metrics.json").write_text("{")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "metrics.json").write_text('{"strict": {"run": 3}}')
    with running(create_app(Site(tmp_path))) as web:
        runs = web.get("/api/runs").json()
        assert [(run["folder"], run["state"]) for run in runs] == [("broken", "damaged"), ("odd", "damaged")]
        assert "JSON" in runs[0]["problem"]
        assert web.get("/api/runs/broken").status_code == 422


def test_one_run_as_the_root_and_none(root: Path, tmp_path: Path) -> None:
    assert Site(root / "site" / "runs" / "first").runs() == {"first": root / "site" / "runs" / "first"}
    assert Site(tmp_path).runs() == {}
    with pytest.raises(MissingError):
        Site(tmp_path).run("first")


@pytest.mark.parametrize("run", ["runs~first", "runs~second"])
@pytest.mark.parametrize("video", LENGTHS)
def test_a_timeline_is_what_was_evaluated(web: Any, run: str, video: str) -> None:
    line = web.get(f"/api/runs/{run}/timeline/{video}").json()
    judged = next(j for j in evaluation_of(1 if run == "runs~first" else 2).videos if j.id == video)
    scores = np.frombuffer(base64.b64decode(line["frame_scores"]), "<f4")
    np.testing.assert_array_equal(scores, judged.frame_scores)
    # The second run's files say neither truth nor rate: both come from the dataset.
    assert (line["n_frames"], line["fps"], line["skipped"]) == (LENGTHS[video], 25.0, [])
    assert line["labelled"] == [list(span) for span in TRUTH[video]]
    if run == "runs~first":
        assert line["categories"]["names"] == list(NAMES)
        np.testing.assert_allclose(
            line["categories"]["probabilities"], judged.scores.categories.probabilities, atol=1e-6
        )
    else:
        assert line["categories"] is None


def test_the_worst_errors_are_the_report_s(web: Any) -> None:
    found = web.get("/api/runs/runs~first/errors").json()
    false_alarms, missed = worst(evaluation_of(1), n=12)
    for name, expected in (("false_alarms", false_alarms), ("missed", missed)):
        assert [(one["video"], one["frame"]) for one in found[name]] == [
            (m.video.id, m.frame) for m in expected
        ]
        assert [one["score"] for one in found[name]] == pytest.approx([m.score for m in expected])
    everything = np.concatenate([judged.frame_scores for judged in evaluation_of(1).videos])
    assert (found["low"], found["high"]) == (everything.min(), everything.max())


@pytest.mark.parametrize("video", LENGTHS)
def test_every_video_plays_frame_by_frame(web: Any, tmp_path: Path, video: str) -> None:
    assert ready(web, video) == {"state": "ready", "share": 1.0, "reason": None}
    answer = web.get(f"/api/runs/runs~first/media/{video}")
    assert answer.headers["content-type"] == "video/mp4"
    (tmp_path / "sent.mp4").write_bytes(answer.content)
    frames = list(VideoFrames(tmp_path / "sent.mp4"))
    assert [number(frame) for frame in frames] == list(range(N))
    assert plays_as_is(tmp_path / "sent.mp4", VideoFrames(tmp_path / "sent.mp4").fps)


def test_ranges_of_a_video(web: Any) -> None:
    ready(web, "Fire/a")
    address = "/api/runs/runs~first/media/Fire/a"
    whole = web.get(address).content
    for header, expected in (
        ("bytes=0-9", whole[:10]),
        ("bytes=100-", whole[100:]),
        ("bytes=-7", whole[-7:]),
        (f"bytes=5-{10 * len(whole)}", whole[5:]),
    ):
        answer = web.get(address, headers={"Range": header})
        assert (answer.status_code, answer.content) == (206, expected), header
        start = whole.index(expected)
        assert answer.headers["content-range"] == f"bytes {start}-{start + len(expected) - 1}/{len(whole)}"
    assert web.get(address, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416
    changed = web.get(address, headers={"Range": "bytes=0-9", "If-Range": '"another"'})
    assert (changed.status_code, changed.content) == (200, whole)


def test_a_thumbnail_is_the_frame(web: Any) -> None:
    for video in LENGTHS:
        for frame in (0, 17, 59):
            answer = web.get(f"/api/runs/runs~first/thumbnail/{video}", params={"frame": frame})
            assert answer.headers["content-type"] == "image/jpeg"
            picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
            assert number(picture) == frame
    assert web.get("/api/runs/runs~first/thumbnail/quiet", params={"frame": 60}).status_code == 400
    assert web.get("/api/runs/runs~first/thumbnail/quiet", params={"frame": -1}).status_code == 422


def test_uneven_times_are_encoded_anew(tmp_path: Path) -> None:
    even = write(tmp_path / "even.mp4")
    pts = [2 * i + (i % 3 == 0) for i in range(N)]
    uneven = write(tmp_path / "uneven.mp4", pts=pts, time_base=VideoFrames(even).fps.__class__(1, 50))
    assert plays_as_is(even, VideoFrames(even).fps)
    assert not plays_as_is(even, VideoFrames(even).fps * 2)
    assert not plays_as_is(uneven, VideoFrames(uneven).fps)
    assert not plays_as_is(write(tmp_path / "v.avi", codec="mpeg4"), VideoFrames(even).fps)
    (tmp_path / "text.mp4").write_text("no video")
    assert not plays_as_is(tmp_path / "text.mp4", VideoFrames(even).fps)


def test_a_video_that_cannot_be_decoded_says_so(root: Path, tmp_path: Path) -> None:
    site = make_site(tmp_path)
    broken = tmp_path / "videos" / "Fire" / "b.avi"
    broken.write_bytes(broken.read_bytes()[: broken.stat().st_size // 2])
    with running(create_app(Site(site, playback=tmp_path / "playback"))) as web:
        answer = ready(web, "Fire/b")
        assert answer["state"] == "failed" and "damaged" in answer["reason"]
        assert web.get("/api/runs/runs~first/media/Fire/b").status_code == 404
    assert not list((tmp_path / "playback").glob("*.mp4"))


def test_a_dataset_that_has_moved(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    (tmp_path / "videos").rename(tmp_path / "elsewhere")
    with running(create_app(Site(site, playback=tmp_path / "playback"))) as web:
        gone = web.get("/api/runs/runs~second/playback/quiet")
        assert gone.status_code == 422 and "--dataset folder=" in gone.json()["remedy"]
        assert web.get("/api/runs/runs~second/timeline/quiet").json()["labelled"] is None
    moved = Site(site, datasets={"folder": tmp_path / "elsewhere"}, playback=tmp_path / "playback")
    with running(create_app(moved)) as web:
        assert web.get("/api/runs/runs~second/timeline/Fire/a").json()["labelled"] == [[20, 40]]
        assert ready(web, "quiet")["state"] == "ready"


def test_what_is_not_there_is_404_with_a_reason(web: Any) -> None:
    for path in ("runs/none", "runs/runs~first?rules=lad-code", "runs/runs~first/timeline/none", "jobs/none"):
        answer: httpx.Response = web.get(f"/api/{path}")
        assert answer.status_code == 404 and answer.json()["message"], path
    assert "vadlab evaluate" in web.get("/api/runs/runs~first?rules=lad-code").json()["remedy"]


def test_the_report_is_the_file(web: Any, root: Path) -> None:
    answer = web.get("/api/runs/runs~first/report")
    assert answer.text == (root / "site" / "runs" / "first" / "report.html").read_text()
    assert web.get("/api/runs/runs~second/report").status_code == 404


def test_new_figures_are_seen_at_once(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    with running(create_app(Site(site))) as web:
        assert web.get("/api/runs/runs~first").json()["rules"] == "strict"
        file = site / "runs" / "first" / "metrics.json"
        found = json.loads(file.read_text())
        file.write_text(json.dumps({"lad-code": found["strict"]}))
        assert web.get("/api/runs/runs~first").json()["rules"] == "lad-code"


def test_a_damaged_file_of_scores_is_named(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    file = site / "runs" / "first" / "scores" / "strict" / "quiet.safetensors"
    with running(create_app(Site(site))) as web:
        file.write_bytes(file.read_bytes()[:100])
        answer = web.get("/api/runs/runs~first/timeline/quiet")
        assert (answer.status_code, answer.json()["file"]) == (422, str(file))
        file.unlink()
        assert web.get("/api/runs/runs~first/timeline/quiet").status_code == 404
        assert web.get("/api/runs/runs~first/timeline/Fire/a").status_code == 200
