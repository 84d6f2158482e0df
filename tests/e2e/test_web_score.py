"""A video sent to the server and scored by a real run, as `vadlab score` would."""

from __future__ import annotations

import base64
import sys
import time
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))  # the helpers of the unit tests
from numbered_video import N, write
from running_app import running
from web_example import make_site

pytest.importorskip("fastapi", reason='the web pages need pip install "vadlab[web]"')
from vadlab.verbs.score import score_videos
from vadlab.verbs.train import Plan, train
from vadlab.web.app import create_app
from vadlab.web.site import Site


def test_a_sent_video_gets_the_scores_of_the_command(tmp_path: Path) -> None:
    root = make_site(tmp_path)
    run = root / "runs" / "real"
    table = tmp_path / "videos" / "annotations.csv"
    table.write_text(table.read_text().replace("quiet,test", "quiet,train"))
    train(Plan("folder", tmp_path / "videos", "frame_difference", {}, protocol="official"), run)
    video = write(tmp_path / "v.mp4")
    (expected,), _ = score_videos(run, [video], out=tmp_path / "out")
    with running(create_app(Site(root, playback=tmp_path / "playback"))) as web:
        sent = web.post("/api/jobs", params={"run": "runs~real", "name": "v.mp4"}, content=video.read_bytes())
        job = sent.json()
        while job["state"] in ("waiting", "running"):
            time.sleep(0.2)
            job = web.get(f"/api/jobs/{job['id']}").json()
        assert (job["state"], job["error"], job["n_frames"]) == ("done", None, N)
        line = web.get(f"/api/jobs/{job['id']}/timeline").json()
        scores = np.frombuffer(base64.b64decode(line["frame_scores"]), "<f4")
        np.testing.assert_array_equal(scores, expected.frame_scores)
        assert (job["n_events"], job["alarm"]["on"]) == (len(expected.events), expected.threshold)
        assert line["labelled"] is None and line["fps"] == 25
        assert web.get(f"/api/jobs/{job['id']}/playback").json()["state"] == "ready"
