"""The addresses below `annotate`: what each person may see, what is refused, what is written."""

from __future__ import annotations

import io
import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from counting_held_back import hold_back
from numbered_video import N, number, write
from running_app import running

from vadlab.annotation_table import read_rows

pytest.importorskip("fastapi", reason='the web pages need pip install "vadlab[web]"')
from vadlab.web.app import create_app
from vadlab.web.site import Site

IDS = itertools.count()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "videos"
    (root / "Fire").mkdir(parents=True)
    write(root / "Fire" / "a.mp4", options={"g": "12"})
    write(root / "b.mp4", 30)
    (root / "annotations.csv").write_text(
        "path,split,category,abnormal,events\nFire/a.mp4,train,Fire,1,\nb.mp4,test,,0,\n"
    )
    return root


@pytest.fixture
def web(root: Path) -> Iterator[Any]:
    with running(create_app(Site(root))) as client:
        yield client


def do(web: Any, who: str, kind: str, *, video: str = "Fire/a.mp4", base: int = 0, **more: Any) -> Any:
    body = {"id": f"op{next(IDS)}", "annotator": who, "video": video, "kind": kind, "base": base} | more
    return web.post("/api/annotate/operations", json=body)


def mark(name: str, start: int, stop: int, category: str | None = None) -> dict[str, Any]:
    return {"id": name, "start": start, "stop": stop, "category": category, "note": None}


def finish(web: Any, who: str, *marks: dict[str, Any], video: str = "Fire/a.mp4") -> None:
    assert do(web, who, "replace", video=video, marks=list(marks)).status_code == 200
    assert do(web, who, "finish", video=video, base=1).status_code == 200


def test_frames_are_exact_and_cached_by_the_file_s_stamp(web: Any) -> None:
    facts = web.get("/api/annotate/video", params={"path": "Fire/a.mp4", "annotator": "ann"}).json()
    assert (facts["n_frames"], facts["fps"], facts["warning"]) == (N, 25.0, None)
    for place in (0, 37, N - 1, 5):
        asked = {"path": "Fire/a.mp4", "number": place, "stamp": facts["stamp"]}
        answer = web.get("/api/annotate/frame", params=asked)
        assert answer.headers["content-type"] == "image/jpeg"
        assert "immutable" in answer.headers["cache-control"]
        assert number(cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)) == place
    assert (
        "immutable"
        not in web.get("/api/annotate/frame", params=asked | {"stamp": "x"}).headers["cache-control"]
    )
    assert web.get("/api/annotate/frame", params=asked | {"number": N}).status_code == 404


@pytest.mark.parametrize(
    "path", ["../secret.mp4", "/etc/passwd", "Fire", "annotations.csv", "", "a\0b", "Fire/../b.mp4"]
)
def test_only_videos_of_the_list_are_reached(web: Any, root: Path, path: str) -> None:
    write(root.parent / "secret.mp4", 5)
    for address, more in (
        ("frame", {"number": 0}),
        ("video", {"annotator": "ann"}),
        ("review/video", {"annotator": "ann"}),
    ):
        assert web.get(f"/api/annotate/{address}", params={"path": path} | more).status_code == 404
    assert do(web, "ann", "finish", video=path).status_code == 404


def test_each_sees_only_their_own_marks(web: Any) -> None:
    finish(web, "ann", mark("m1", 10, 20, "Panic"))
    assert do(web, "bob", "add", mark="m1", marks=[mark("m1", 3, 9)]).status_code == 200
    asked = {"path": "Fire/a.mp4", "annotator": "bob"}
    bobs = web.get("/api/annotate/video", params=asked)
    assert bobs.json()["document"]["marks"] == [mark("m1", 3, 9)]
    listed = web.get("/api/annotate/videos", params={"annotator": "bob"})
    assert listed.json()["videos"][0]["n_marks"] == 1
    review = web.get("/api/annotate/review", params={"annotator": "bob"})
    assert review.json()["videos"][0]["reasons"] == []
    refused = web.get("/api/annotate/review/video", params=asked)
    assert (refused.status_code, "closed" in refused.json()["message"]) == (400, True)
    for answer in (bobs, listed, review, refused):
        assert "10" not in answer.text.replace("0.", "").replace("100", "")
    assert do(web, "bob", "replace", base=1, decision=True).status_code == 400


def test_review_and_decision(web: Any, root: Path) -> None:
    finish(web, "ann", mark("m1", 10, 20, "Panic"))
    finish(web, "bob", mark("m1", 12, 22, "Panic"))
    finish(web, "cem", mark("m1", 14, 18), mark("m2", 40, 44))
    assert do(web, "bob", "reveal", base=2).json()["sealed"]
    assert do(web, "bob", "undo", base=3).status_code == 400
    found = web.get("/api/annotate/review/video", params={"path": "Fire/a.mp4", "annotator": "bob"}).json()
    assert [person["annotator"] for person in found["people"]] == ["ann", "bob", "cem"]
    assert [(one["start"], one["stop"], one["category"]) for one in found["agreed"]] == [(12, 20, "Panic")]
    third = pytest.approx(1 / 3)
    assert found["share"] == [
        [10, 12, third],
        [12, 14, pytest.approx(2 / 3)],
        [14, 18, 1],
        [18, 20, pytest.approx(2 / 3)],
        [20, 22, third],
        [40, 44, third],
    ]
    assert "cem 40-44" in " ".join(found["reasons"])
    strict = web.get(
        "/api/annotate/review/video", params={"path": "Fire/a.mp4", "annotator": "bob", "threshold": 1}
    )
    assert [(one["start"], one["stop"]) for one in strict.json()["agreed"]] == [(14, 18)]
    assert do(web, "bob", "replace", decision=True, marks=[mark("d1", 11, 21, "Fire")]).status_code == 200
    assert do(web, "bob", "finish", base=1, decision=True).json()["by"] == "bob"
    listed = web.get("/api/annotate/review", params={"annotator": "bob"}).json()
    assert (listed["videos"][0]["decided_by"], listed["videos"][0]["again"]) == ("bob", True)
    planned = web.get("/api/annotate/labels/planned").json()
    assert planned["changes"] == ["Fire/a.mp4: events somewhere -> 11-21; n_frames unknown -> 60"]
    assert planned["written"] == []
    done = web.post("/api/annotate/labels", json={"threshold": 0.5}).json()
    assert done["written"] == ["annotators.csv", "annotations.csv", "decisions.csv"]
    assert (done["n_decided"], done["unfinished"]) == (1, ["b.mp4"])
    assert read_rows(root / "annotations.csv")[0].events == ((11, 21),)


def test_a_stale_change_is_told_what_there_is_now(web: Any) -> None:
    do(web, "ann", "add", mark="m1", marks=[mark("m1", 10, 20)])
    late = do(web, "ann", "add", mark="m2", marks=[mark("m2", 1, 2)])
    assert late.status_code == 409
    assert (late.json()["document"]["revision"], late.json()["document"]["marks"]) == (
        1,
        [mark("m1", 10, 20)],
    )
    body = {"id": "same", "annotator": "ann", "video": "b.mp4", "kind": "finish", "base": 0}
    answers = [web.post("/api/annotate/operations", json=body).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0]["revision"] == 1


def test_what_is_wrong_is_refused(web: Any) -> None:
    too_long = [mark("m1", 10, N + 1)]
    assert "up to 60 frames" in do(web, "ann", "add", mark="m1", marks=too_long).json()["expected"]
    assert do(web, "ann", "add", mark="m1", marks=[mark("m1", 10, 10)]).status_code == 400
    assert do(web, "ann", "undo").status_code == 400
    assert do(web, " \n", "finish").status_code == 400
    assert do(web, "ann", "erase").status_code == 422
    assert do(web, "ann", "add", mark="m1", marks=[mark("m1", -1, 10)]).status_code == 422
    assert web.get("/api/annotate/labels/planned", params={"threshold": "nan"}).status_code == 422
    assert web.get("/api/annotate/labels/planned").status_code == 422  # nobody has finished
    assert web.get("/api/annotate/export", params={"format": "vatic"}).status_code == 400


@pytest.mark.parametrize("name", ["cvat", "folder", "label-studio", "via"])
def test_export_and_start(web: Any, name: str) -> None:
    finish(web, "ann", mark("m1", 10, 20, "Panic"))
    answer = web.get("/api/annotate/export", params={"format": name, "whose": "ann"})
    assert f"annotations-{name}" in answer.headers["content-disposition"]
    files = {"file": ("any.txt", io.BytesIO(answer.content))}
    started = web.post("/api/annotate/start", data={"format": name, "annotator": "bob"}, files=files)
    assert started.json() == {"started": ["Fire/a.mp4"], "left": []}
    found = web.get("/api/annotate/video", params={"path": "Fire/a.mp4", "annotator": "bob"}).json()[
        "document"
    ]
    assert [(one["start"], one["stop"], one["category"]) for one in found["marks"]] == [(10, 20, "Panic")]
    assert (found["finished"], found["can_undo"]) == (False, True)
    broken = web.post(
        "/api/annotate/start", data={"format": name, "annotator": "cem"}, files={"file": b"\xff?"}
    )
    assert broken.status_code == 422


def test_a_server_that_ends_leaves_one_whole_file(root: Path) -> None:
    with running(create_app(Site(root))) as web:
        finish(web, "ann", mark("m1", 10, 20))
    assert sorted(path.name for path in root.iterdir() if "journal" in path.name) == [
        "annotation-journal.sqlite"
    ]
    with running(create_app(Site(root))) as web:
        found = web.get("/api/annotate/video", params={"path": "Fire/a.mp4", "annotator": "ann"}).json()
    assert found["document"]["marks"] == [mark("m1", 10, 20)]


def test_folders_without_videos_have_nothing_and_stay_as_they_are(tmp_path: Path) -> None:
    with running(create_app(Site(tmp_path))) as web:
        answer = web.get("/api/annotate/videos", params={"annotator": "ann"})
    assert (answer.status_code, answer.json()["message"]) == (404, "there is nothing to annotate")
    assert list(tmp_path.iterdir()) == []


def test_labels_wait_until_long_videos_are_counted(
    root: Path, web: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = hold_back(monkeypatch)
    finish(web, "ann", mark("m1", 10, 20))
    asked = {"path": "Fire/a.mp4", "annotator": "ann"}
    assert web.get("/api/annotate/video", params=asked).json()["settled"] is False
    for answer in (
        web.post("/api/annotate/labels", json={"threshold": 0.5}),
        web.get("/api/annotate/export", params={"format": "via"}),
    ):
        assert answer.status_code == 503
        assert "Fire/a.mp4" in answer.json()["found"]
    assert not (root / "annotators.csv").exists()
    go_on.set()
    for _ in range(500):
        if web.get("/api/annotate/video", params=asked).json()["settled"]:
            break
        time.sleep(0.02)
    assert web.post("/api/annotate/labels", json={"threshold": 0.5}).status_code == 200
    assert read_rows(root / "annotations.csv")[0].n_frames == N
