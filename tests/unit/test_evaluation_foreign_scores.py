"""Every kind of score file, whole and malformed."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from vadlab.errors import DataError
from vadlab.evaluation.foreign_scores import matched, read_categories, read_scores

SCORES = {"Fire/v_01": [0.25, 0.5, 1.0], "v_02": [3.0, -1.0]}


def write(folder: Path, kind: str) -> Path:
    path = folder / f"scores{kind}"
    arrays = {name: np.array(values) for name, values in SCORES.items()}
    if kind == ".npz":
        np.savez(path, **arrays)
    elif kind == ".json":
        path.write_text(json.dumps(SCORES))
    elif kind == ".pkl":
        path.write_bytes(pickle.dumps({name: values[:, None] for name, values in arrays.items()}))
    elif kind == ".csv":
        rows = [f"{name},{frame},{score}" for name, s in SCORES.items() for frame, score in enumerate(s)]
        path.write_text("\n".join(["video,frame,score", *reversed(rows)]))
    else:
        for name, values in arrays.items():
            file = path / f"{name}{kind}"
            file.parent.mkdir(parents=True, exist_ok=True)
            np.save(file, values) if kind == ".npy" else np.savetxt(file, values)
    return path


@pytest.mark.parametrize("kind", [".npz", ".json", ".pkl", ".csv", ".npy", ".txt"])
def test_every_kind_gives_the_same_scores(kind: str, tmp_path: Path) -> None:
    found = read_scores([write(tmp_path, kind)])
    assert {name: one.values.tolist() for name, one in found.items()} == SCORES
    if kind == ".csv":
        assert found["v_02"].spans is not None
        assert found["v_02"].spans.tolist() == [[0, 1], [1, 2]]
    else:
        assert all(one.spans is None for one in found.values())


def test_spans_may_be_given(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("score,video,start,stop\n0.5,a,16,32\n0.25,a,0,16\n")
    (tmp_path / "s.json").write_text('{"b": {"spans": [[0, 16], [16, 32]], "scores": [0.25, 0.5]}}')
    for one in read_scores([tmp_path / "s.csv", tmp_path / "s.json"]).values():
        assert one.spans is not None
        assert (one.spans.tolist(), one.values.tolist()) == ([[0, 16], [16, 32]], [0.25, 0.5])


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("s.csv", "video,score\na,1\n", "video,frame,score or video,start,stop,score"),
        ("s.csv", "video,frame,start,score\na,1,1,1\n", "video,frame,score or video,start,stop,score"),
        ("s.csv", "video,frame,score\na,0,high\n", "line 2, column 'score' is malformed"),
        ("s.csv", "video,frame,score\na,-1,1\n", "a whole number from 0 on"),
        ("s.csv", "video,start,stop,score\na,9,3,1\n", "a frame after start = 9"),
        ("s.csv", "video,frame,score\na,0,nan\n", "a: 1 scores are NaN or infinite, the first is number 0"),
        ("s.json", "[1, 2]", "JSON object"),
        ("s.json", '{"a": "high"}', "a is no list of scores"),
        ("s.json", '{"a": {"spans": [[0, 1]], "scores": [1, 2]}}', "1 spans, 2 scores"),
        ("s.json", '{"a": []}', "a: no score"),
        ("s.json", "{", "damaged"),
        ("s.txt", "0.5\nhigh\n", "could not convert string to float"),
        ("s.npz", "no archive", "cannot be read"),
        ("s.npy", "no array", "cannot be read"),
        ("s.pkl", "no pickle", "the pickle cannot be read"),
        ("s.mat", "", "are not known"),
    ],
)
def test_malformed_files_say_what_was_expected(name: str, content: str, told: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError) as caught:
        read_scores([tmp_path / name])
    assert told in str(caught.value)


def test_arrays_of_objects_and_of_more_axes_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "o.npz", a=np.array([{"x": 1}], dtype=object))
    with pytest.raises(DataError, match=r"np\.savez"):
        read_scores([tmp_path / "o.npz"])
    np.savez(tmp_path / "c.npz", a=np.zeros((10, 7)))
    with pytest.raises(DataError, match=r"shape \(10, 7\).*\n.*average over crops"):
        read_scores([tmp_path / "c.npz"])


def test_a_video_in_two_files_and_missing_files_are_refused(tmp_path: Path) -> None:
    for name in ("one.json", "two.json"):
        (tmp_path / name).write_text('{"a": [1]}')
    with pytest.raises(DataError, match="a: given twice"):
        read_scores([tmp_path / "one.json", tmp_path / "two.json"])
    with pytest.raises(DataError, match="no such file"):
        read_scores([tmp_path / "three.json"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="the folder has no scores"):
        read_scores([tmp_path / "empty"])


def test_videos_are_found_by_id_or_by_a_last_part_that_is_unique() -> None:
    pairs, without, unused = matched(["a/v1", "v2", "c/v3", "d/v3", "x"], ["a/v1", "b/v2", "v3", "v4"])
    assert pairs == {"a/v1": "a/v1", "b/v2": "v2"}
    assert without == ["v3", "v4"]  # v3 could be either
    assert unused == ["c/v3", "d/v3", "x"]
    assert matched(["v"], ["a/v", "b/v"])[0] == {}


def test_categories_as_answers_or_as_probabilities(tmp_path: Path) -> None:
    file = tmp_path / "c.csv"
    file.write_text("video,category\na,Fire\nb,Crash\n")
    names, rows = read_categories(file)
    assert names == ("Crash", "Fire")
    assert {video: row.tolist() for video, row in rows.items()} == {"a": [0, 1], "b": [1, 0]}
    file.write_text("video,category,probability\na,Fire,0.75\na,Crash,0.25\n")
    assert read_categories(file)[1]["a"].tolist() == [0.25, 0.75]
    file.write_text("video,category,probability\na,Fire,0.75\na,Crash,0.5\n")
    with pytest.raises(DataError, match=r"a: 1\.25"):
        read_categories(file)
