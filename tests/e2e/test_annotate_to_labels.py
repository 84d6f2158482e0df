"""From unlabelled videos to figures, as a user would: two people mark, then train and evaluate."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from vadlab.annotation_table import read_rows

pytest.importorskip("fastapi", reason='the web pages need pip install "vadlab[web]"')

# Part, frames, and what each of two people marks: video by video.
VIDEOS = {
    "Falling/s1_adl_10.mp4": ("train", 115, [], []),
    "Falling/s1_fall_15.mp4": ("train", 178, [(52, 178)], [(60, 170)]),
    "Falling/s4_fall_01.mp4": ("train", 139, [(54, 118)], [(58, 125)]),
    "Falling/s3_adl_07.mp4": ("test", 100, [], []),
    "Falling/s3_fall_15.mp4": ("test", 85, [(28, 75)], [(30, 80)]),
}


@pytest.fixture
def root(shared: Path, tmp_path: Path) -> Path:
    """Five real videos, and a table that says nothing but their part."""
    lines = ["path,split,category,abnormal,events"]
    (tmp_path / "videos" / "Falling").mkdir(parents=True)
    for path, (part, *_) in VIDEOS.items():
        shutil.copyfile(shared / "data" / "cctv-mini" / path, tmp_path / "videos" / path)
        lines.append(f"{path},{part},,0,")
    (tmp_path / "videos" / "annotations.csv").write_text("\n".join(lines))
    return tmp_path / "videos"


@contextmanager
def page(root: Path) -> Iterator[str]:
    """`vadlab annotate ROOT`; killed at the end, as by a power cut."""
    command = [sys.executable, "-m", "vadlab", "annotate", str(root), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = process.stdout.readline()
        assert told.startswith("5 videos"), told
        yield told.split(" at ")[1].strip().removesuffix("/annotate")
        process.send_signal(signal.SIGKILL)


def mark(url: str, name: str, events: dict[str, list[tuple[int, int]]]) -> None:
    """What the page sends when a person marks events and has seen each video to its end."""
    with httpx.Client(base_url=url, headers={"X-Vadlab": "1"}, timeout=60, trust_env=False) as web:
        for path, spans in events.items():
            facts = web.get("/api/annotate/video", params={"path": path, "annotator": name}).json()
            assert facts["n_frames"] == VIDEOS[path][1]
            assert facts["document"]["marks"] == []
            for number, (start, stop) in enumerate([*spans, (-1, -1)]):
                kind = "finish" if stop < 0 else "add"
                marks = [{"id": f"m{number}", "start": start, "stop": stop, "category": "Falling"}]
                more = {"mark": "m" + str(number), "marks": marks} if kind == "add" else {}
                body = {"id": f"{name}-{Path(path).stem}-{number}", "annotator": name, "video": path}
                answer = web.post(
                    "/api/annotate/operations", json=body | more | {"kind": kind, "base": number}
                )
                assert answer.status_code == 200, answer.text


def test_two_people_mark_and_a_detector_is_trained_on_it(root: Path, tmp_path: Path, vadlab: Any) -> None:
    wishes = [{path: facts[2 + k] for path, facts in VIDEOS.items()} for k in range(2)]
    with page(root) as url, ThreadPoolExecutor(2) as people:
        list(people.map(mark, [url, url], ["ann", "bob"], wishes))
        picture = httpx.get(f"{url}/api/annotate/frame", trust_env=False,
                            params={"path": "Falling/s3_fall_15.mp4", "number": 84})  # fmt: skip
        assert picture.content.startswith(b"\xff\xd8")

    planned = vadlab("annotate", root, "--labels", "--threshold", "1", "--dry-run", "--json").json()
    assert (planned["by_consensus"], planned["written"]) == (5, [])
    done = vadlab("annotate", root, "--labels", "--threshold", "1")
    assert done.code == 0, done.err
    assert "5 videos by consensus, 0 by decision; 5 rows of annotations.csv changed" in done.out
    for row in read_rows(root / "annotations.csv"):
        part, n_frames, *people_s = VIDEOS[row.path]
        masks = np.zeros((2, n_frames), bool)
        for mask, spans in zip(masks, people_s, strict=True):
            for start, stop in spans:
                mask[start:stop] = True
        labelled = np.zeros(n_frames, bool)
        for start, stop in row.events:
            labelled[start:stop] = True
        np.testing.assert_array_equal(labelled, masks.all(axis=0))
        assert (row.part, row.n_frames, row.category) == (
            part,
            n_frames,
            "Falling" if labelled.any() else None,
        )
    agreed = vadlab("annotations", "agreement", root, "--json").json()
    assert (agreed["n_videos"], agreed["annotators"]) == (5, ["ann", "bob"])

    store, run = tmp_path / "store", tmp_path / "run"
    options = ("--backbone", "pooled_pixels", "--streams", "rgb")
    assert vadlab("data", "check", "folder", root).code == 0
    assert vadlab("extract", "folder", root, "--out", store, *options).code == 0
    trained = vadlab("train", "folder", root, "linear_probe", "--features", store, "--out", run)
    assert trained.code == 0, trained.err
    evaluated = vadlab("evaluate", run)
    assert evaluated.code == 0, evaluated.err
    metrics = json.loads((run / "metrics.json").read_text())["strict"]["metrics"]
    assert (metrics["n_videos"], metrics["n_frames"], metrics["n_abnormal_frames"]) == (2, 185, 75 - 30)
    assert 0 <= metrics["auc"] <= 1  # of three training videos: a figure, not a good one
    assert (run / "report.html").is_file()


def test_labels_need_a_finished_video_and_a_folder_of_videos(root: Path, tmp_path: Path, vadlab: Any) -> None:
    refused = vadlab("annotate", root, "--labels")
    assert (refused.code, "nobody has finished a video" in refused.err) == (1, True)
    (tmp_path / "empty").mkdir()
    refused = vadlab("annotate", tmp_path / "empty")
    assert (refused.code, "nothing to annotate" in refused.err) == (1, True)
