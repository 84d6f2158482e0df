"""`vadlab import-scores` as a user types it, on a folder of small image folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

LENGTHS = {"Fire/v1": 40, "Fire/v2": 33, "Crash/v3": 50}
EVENTS = {"Fire/v1": (10, 25), "Crash/v3": (0, 20)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three test videos and one training video, each a folder of black pictures."""
    folder = tmp_path / "videos"
    rows = ["path,split,category,abnormal,events,fps"]
    for name, n in (LENGTHS | {"Fire/t1": 5}).items():
        (folder / name).mkdir(parents=True)
        for frame in range(n):
            cv2.imwrite(str(folder / name / f"{frame:03d}.png"), np.zeros((8, 8, 3), np.uint8))
        events = "-".join(map(str, EVENTS.get(name, ())))
        part = "train" if name == "Fire/t1" else "test"
        rows.append(f"{name},{part},{name.split('/')[0]},{int(name in EVENTS)},{events},10")
    (folder / "annotations.csv").write_text("\n".join(rows) + "\n")
    return folder


def scores() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: rng.random(n).round(2) for name, n in LENGTHS.items()}


def mask(name: str) -> np.ndarray:
    labels = np.zeros(LENGTHS[name], dtype=int)
    start, stop = EVENTS.get(name, (0, 0))
    labels[start:stop] = 1
    return labels


def test_scores_to_report(root: Path, tmp_path: Path, vadlab: Any) -> None:
    np.savez(tmp_path / "s.npz", **scores(), extra=np.zeros(3))
    (tmp_path / "c.csv").write_text("video,category\nv1,Fire\nv2,Crash\nv3,Crash\n")
    (tmp_path / "true.csv").write_text("video,frame,track,left,top,right,bottom\nFire/v1,12,0,0,0,4,4\n")
    (tmp_path / "boxes.csv").write_text("video,frame,left,top,right,bottom,score\nFire/v1,12,0,0,4,4,1\n")
    marks = [
        f"{name},{who},{'-'.join(map(str, EVENTS.get(name, ()))) if who == 'ann' else ''}"
        for name in LENGTHS
        for who in ("ann", "bob")
    ]
    (tmp_path / "people.csv").write_text("\n".join(["path,annotator,events", *marks]))
    run = vadlab(
        *("import-scores", tmp_path / "s.npz", "--dataset", "folder", "--root", root),
        *("--rules", "strict,macro-half", "--out", tmp_path / "out", "--method", "theirs"),
        *("--categories", tmp_path / "c.csv", "--annotators", tmp_path / "people.csv"),
        *("--true-regions", tmp_path / "true.csv", "--found-regions", tmp_path / "boxes.csv", "--json"),
    )
    assert run.code == 0, run.err
    found = json.loads(run.out)
    labels = np.concatenate([mask(name) for name in LENGTHS])
    values = np.concatenate(list(scores().values()))
    metrics = found["strict"]["metrics"]
    assert metrics["auc"] == pytest.approx(roc_auc_score(labels, values))
    each = [roc_auc_score(mask(name), scores()[name]) for name in EVENTS]
    assert found["macro-half"]["metrics"]["auc"] == pytest.approx((sum(each) + 0.5) / 3)
    assert metrics["accuracy_videos"] == pytest.approx(2 / 3)
    # One of two people: abnormal by half, so each such frame is once in either class.
    twice = roc_auc_score(
        np.repeat([1, 0], len(labels)),
        np.tile(values, 2),
        sample_weight=np.concatenate([labels / 2, 1 - labels / 2]),
    )
    assert metrics["prob_auc"] == pytest.approx(twice)
    assert (metrics["rbdc"], metrics["tbdc"]) == (1, 1)
    assert found["strict"]["run"]["notes"] == ["1 videos of the files are not in the test part"]
    assert json.loads((tmp_path / "out" / "metrics.json").read_text()) == found
    page = (tmp_path / "out" / "report.html").read_text()
    assert "theirs on folder" in page
    assert (tmp_path / "out" / "report-macro-half.html").exists()


def test_lengths_that_do_not_fit_are_listed_with_the_option_that_mends_them(
    root: Path, tmp_path: Path, vadlab: Any
) -> None:
    clips = {name: values[: len(values) // 16 * 16 : 16] for name, values in scores().items()}
    np.savez(tmp_path / "s.npz", **clips)
    command = ("import-scores", tmp_path / "s.npz", "--dataset", "folder", "--root", root)
    refused = vadlab(*command, "--out", tmp_path / "out")
    assert refused.code == 1
    assert "Fire/v1: expected 40 frames, found 2" in refused.err
    assert "--stride 16 --align hold (fits 3 of them)" in refused.err
    assert not (tmp_path / "out").exists()
    mended = vadlab(*command, "--out", tmp_path / "out", "--stride", 16, "--align", "hold")
    assert mended.code == 0, mended.err
    assert "Fire/v1: 8 frames held at the end" in mended.err
    found = json.loads((tmp_path / "out" / "metrics.json").read_text())["strict"]
    held = [np.repeat(v, 16)[np.minimum(np.arange(n), len(v) * 16 - 1)] for v, n in
            zip(clips.values(), LENGTHS.values(), strict=True)]  # fmt: skip
    labels = np.concatenate([mask(name) for name in LENGTHS])
    assert found["metrics"]["auc"] == pytest.approx(roc_auc_score(labels, np.concatenate(held)))
    dropped = vadlab(*command, "--out", tmp_path / "out", "--stride", 16, "--align", "drop")
    assert dropped.code == 0
    assert "strict (changed)" in dropped.out
    found = json.loads((tmp_path / "out" / "metrics.json").read_text())["strict"]
    assert found["metrics"]["n_frames"] == 32 + 32 + 48


def test_low_scores_may_mean_abnormal(root: Path, tmp_path: Path, vadlab: Any) -> None:
    command = ("--dataset", "folder", "--root", root, "--json", "--out", tmp_path / "out")
    np.savez(tmp_path / "s.npz", **scores())
    high = json.loads(vadlab("import-scores", tmp_path / "s.npz", *command).out)
    low = json.loads(vadlab("import-scores", tmp_path / "s.npz", *command, "--lower-is-abnormal").out)
    assert low["strict"]["metrics"]["auc"] == pytest.approx(1 - high["strict"]["metrics"]["auc"])
    np.savez(tmp_path / "n.npz", **{name: -values for name, values in scores().items()})
    told = (*command, "--lower-is-abnormal", "--threshold", -0.5)
    negated = json.loads(vadlab("import-scores", tmp_path / "n.npz", *told).out)
    assert negated["strict"]["metrics"]["far_all"] == high["strict"]["metrics"]["far_all"]


def test_a_split_file_says_which_videos_are_meant(root: Path, tmp_path: Path, vadlab: Any) -> None:
    split = {"name": "mine", "supervision": "full", "seed": 3, "train": [], "val": [], "test": ["Fire/v1"]}
    (tmp_path / "split.json").write_text(json.dumps(split))
    np.savez(tmp_path / "s.npz", v1=scores()["Fire/v1"])
    command = ("import-scores", tmp_path / "s.npz", "--dataset", "folder", "--root", root)
    refused = vadlab(*command, "--out", tmp_path / "out")
    assert refused.code == 1
    assert "2 of 3 test videos have no scores" in refused.err
    done = vadlab(*command, "--out", tmp_path / "out", "--split", tmp_path / "split.json", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)["strict"]
    assert found["metrics"]["n_videos"] == 1
    assert found["run"]["split"]["name"] == "mine"
    assert found["run"]["notes"] == ["Fire/v1: from v1"]


def test_wrong_usage_exits_with_2(root: Path, tmp_path: Path, vadlab: Any) -> None:
    np.savez(tmp_path / "s.npz", **scores())
    command = ("import-scores", tmp_path / "s.npz", "--dataset", "folder", "--root", root)
    for wrong in (("--align", "guess"), ("--stride", 0), ("--rules", "fair"), ("--true-regions", "x.csv")):
        assert vadlab(*command, "--out", tmp_path / "out", *wrong).code == 2, wrong
