"""`vadlab annotations` as a user types it, on tables without videos and on a small image folder."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from vadlab.annotation_table import read_annotators, read_rows
from vadlab.annotations.probabilities import read_probabilities

TABLE = """path,split,category,abnormal,events,n_frames,fps,source
Fire/a.mp4,train,Fire,1,,100,25,cam1
Fire/b.mp4,test,,0,,90,30000/1001,
Crash/c.mp4,test,Crash,1,5-9,60,25,cam2
"""
MARKS = """path,annotator,events,categories
Fire/a.mp4,ann,10-20,Fire
Fire/a.mp4,bob,12-22,Fire
Fire/a.mp4,cem,14-18;60-70,Panic
Fire/b.mp4,ann,30-50,Panic
Fire/b.mp4,bob,32-50,Panic
Fire/b.mp4,cem,,
"""


@pytest.fixture
def vadlab(vadlab: Any) -> Any:
    """The verbs of `vadlab annotations`."""
    return lambda *arguments: vadlab("annotations", *arguments)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "annotations.csv").write_text(TABLE)
    (folder / "annotators.csv").write_text(MARKS)
    return folder


def test_merge_writes_events_and_keeps_the_rest(root: Path, tmp_path: Path, vadlab: Any) -> None:
    planned = vadlab("merge", root, "--dry-run")
    assert planned.code == 0, planned.err
    assert "Fire/a.mp4: events somewhere -> 12-20" in planned.out
    assert "Fire/b.mp4: events none -> 32-50; category none -> Panic" in planned.out
    assert (root / "annotations.csv").read_text() == TABLE
    done = vadlab("merge", root, "--json", "--probabilities", tmp_path / "shares")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert (found["videos"], len(found["changes"]), found["unannotated"]) == (2, 2, ["Crash/c.mp4"])
    rows = {row.path: row for row in read_rows(root / "annotations.csv")}
    assert (rows["Fire/a.mp4"].events, rows["Fire/a.mp4"].part, rows["Fire/a.mp4"].source) == (
        ((12, 20),),
        "train",
        "cam1",
    )
    assert (rows["Fire/b.mp4"].category, rows["Fire/b.mp4"].abnormal) == ("Panic", True)
    assert rows["Crash/c.mp4"].events == ((5, 9),)
    shares = read_probabilities(tmp_path / "shares", "Fire/a")
    assert shares[[0, 10, 12, 14, 65]].tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1, 1 / 3])
    assert vadlab("merge", root).out.startswith("merged 2 videos; 0 rows of annotations.csv changed")


def test_merge_names_ties_and_other_categories(root: Path, vadlab: Any) -> None:
    table = TABLE.replace("Fire/b.mp4,test,,0", "Fire/b.mp4,test,Crash,0")
    (root / "annotations.csv").write_text(table)
    (root / "annotators.csv").write_text(MARKS.replace("22,Fire", "22,"))
    done = vadlab("merge", root, "--threshold", "0.6")
    assert "Fire/a.mp4 the annotators tie on the category: Fire 1, Panic 1" in done.err
    assert "Fire/b.mp4 the table's category is not the annotators', Panic 2: kept" in done.err
    assert read_rows(root / "annotations.csv")[1].category == "Crash"
    vadlab("merge", root, "--replace-categories")
    assert [row.category for row in read_rows(root / "annotations.csv")[:2]] == ["Fire", "Panic"]
    assert vadlab("merge", root, "--threshold", "1.5").code == 2


def test_agreement_lists_what_to_look_at_again(root: Path, tmp_path: Path, vadlab: Any) -> None:
    done = vadlab("agreement", root, "--out", tmp_path / "out", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found == json.loads((tmp_path / "out" / "agreement.json").read_text())
    assert (found["n_videos"], found["n_frames"], found["annotators"]) == (2, 190, ["ann", "bob", "cem"])
    assert set(found["to_adjudicate"]) == {"Fire/a.mp4", "Fire/b.mp4"}
    with (tmp_path / "out" / "agreement.csv").open(newline="") as file:
        lines = {line["path"]: line for line in csv.DictReader(file)}
    assert "1 of 3 marked nothing" in lines["Fire/b.mp4"]["reasons"]
    assert "events of a minority: cem 60-70" in lines["Fire/a.mp4"]["reasons"]
    assert cv2.imread(str(tmp_path / "out" / "agreement.png")).shape[1] == 2000
    shown = vadlab("agreement", root)
    assert f"Krippendorff's alpha: {found['krippendorff_alpha']:.4f}" in shown.out
    assert "2 videos to look at again:" in shown.out
    calm = vadlab("agreement", root, "--min-alpha", -1, "--min-event-iou", 0, "--max-spread", 99, "--json")
    reasons = [reason for video in json.loads(calm.out)["videos"] for reason in video["reasons"]]
    assert not [reason for reason in reasons if "alpha" in reason or "IoU" in reason]


@pytest.mark.parametrize("name", ["cvat", "folder", "label-studio", "via"])
def test_export_and_import_of_all_annotators(root: Path, tmp_path: Path, vadlab: Any, name: str) -> None:
    written = vadlab("export", name, root, tmp_path / "x", "--json")
    assert written.code == 0, written.err
    assert json.loads(written.out) == {"videos": 2, "annotators": 3, "events": 6, "warnings": []}
    before = read_annotators(root / "annotators.csv")
    same = vadlab("import", name, tmp_path / "x", "--root", root)
    assert "0 annotations added, 0 replaced, 6 unchanged" in same.out
    (root / "annotators.csv").unlink()
    new = vadlab("import", name, tmp_path / "x", "--root", root, "--json")
    assert len(json.loads(new.out)["added"]) == 6
    assert sorted(read_annotators(root / "annotators.csv"), key=str) == sorted(before, key=str)


def test_activitynet_takes_one_annotator_or_the_merged(root: Path, tmp_path: Path, vadlab: Any) -> None:
    refused = vadlab("export", "activitynet", root, tmp_path / "x")
    assert refused.code == 2
    assert "give --annotator NAME or --merged" in refused.err
    assert vadlab("export", "activitynet", root, tmp_path / "x", "--annotator", "zoe").code == 2
    bobs = vadlab("export", "activitynet", root, tmp_path / "x", "--annotator", "bob")
    assert "note: the annotator's name, 'bob', is not written" in bobs.err
    assert vadlab("import", "activitynet", tmp_path / "x", "--root", root).code == 2
    done = vadlab("import", "activitynet", tmp_path / "x", "--root", root, "--annotator", "dan")
    assert "2 annotations added" in done.out
    marks = {(mark.path, mark.annotator): mark.events for mark in read_annotators(root / "annotators.csv")}
    assert marks["Fire/b.mp4", "dan"] == marks["Fire/b.mp4", "bob"] == ((32, 50),)
    merged = vadlab("export", "activitynet", root, tmp_path / "m", "--merged", "--json")
    found = json.loads(merged.out)
    assert (found["videos"], found["events"]) == (2, 1)  # a.mp4 has a weak label only
    assert "somewhere are left out (1)" in found["warnings"][0]


def test_other_marks_are_not_overwritten_unasked(root: Path, tmp_path: Path, vadlab: Any) -> None:
    vadlab("export", "via", root, tmp_path / "x", "--annotator", "bob")
    changed = (root / "annotators.csv").read_text().replace("12-22", "1-2")
    (root / "annotators.csv").write_text(changed)
    refused = vadlab("import", "via", tmp_path / "x", "--root", root)
    assert refused.code == 1
    assert "Fire/a.mp4, bob" in refused.err
    assert "give --replace" in refused.err
    assert (root / "annotators.csv").read_text() == changed
    done = vadlab("import", "via", tmp_path / "x", "--root", root, "--replace")
    assert "0 annotations added, 1 replaced, 1 unchanged" in done.out
    assert "12-22" in (root / "annotators.csv").read_text()


def test_frame_counts_and_rates_come_from_the_videos(root: Path, tmp_path: Path, vadlab: Any) -> None:
    (root / "pictures").mkdir()
    for frame in range(12):
        cv2.imwrite(str(root / "pictures" / f"{frame:03d}.png"), np.zeros((8, 8, 3), np.uint8))
    (root / "annotations.csv").write_text("path,split,category,abnormal,events,fps\npictures,test,,0,,10\n")
    (root / "annotators.csv").write_text("path,annotator,events\npictures,ann,3-12\n")
    assert vadlab("merge", root).code == 0
    assert read_rows(root / "annotations.csv")[0].n_frames == 12
    (root / "annotators.csv").write_text("path,annotator,events\npictures,ann,3-13\n")
    refused = vadlab("merge", root)
    assert refused.code == 1
    assert "ann: 3-13" in refused.err
    (root / "annotations.csv").write_text("path,split,category,abnormal,events\npictures,test,,0,\n")
    assert "has no frame rate" in vadlab("export", "via", root, tmp_path / "x").err


def test_what_is_missing_or_unknown_is_told(root: Path, tmp_path: Path, vadlab: Any) -> None:
    assert vadlab("import", "vatic", tmp_path / "x", "--root", root).code == 2
    assert vadlab("import", "cvat", tmp_path / "x", "--root", root).code == 1
    (root / "annotators.csv").write_text(MARKS + "Fire/z.mp4,ann,1-2,\n")
    refused = vadlab("agreement", root)
    assert refused.code == 1
    assert "Fire/z.mp4" in refused.err
    (root / "annotators.csv").unlink()
    assert "nobody annotated anything" in vadlab("merge", root).err
    assert vadlab("merge", tmp_path / "nowhere").code == 1


def test_on_real_videos_labels(shared: Path, tmp_path: Path, vadlab: Any) -> None:
    source = shared / "data" / "cctv-mini" / "annotations.csv"
    root = tmp_path / "root"
    root.mkdir()
    shutil.copyfile(source, root / "annotations.csv")
    for name in ("activitynet", "cvat", "folder", "label-studio", "via"):
        written = vadlab("export", name, root, tmp_path / "x", "--json")
        assert json.loads(written.out)["videos"] == 255, written.err
        done = vadlab("import", name, tmp_path / "x", "--root", root, "--annotator", name, "--json")
        assert len(json.loads(done.out)["added"]) == 255, done.err
        (root / "annotators.csv").rename(tmp_path / f"{name}.csv")
    lines = ["path,annotator,events,categories"]
    for name in ("activitynet", "cvat", "via"):
        lines += (tmp_path / f"{name}.csv").read_text().splitlines()[1:]
    (root / "annotators.csv").write_text("\n".join(lines))
    found = json.loads(vadlab("agreement", root, "--json").out)
    assert (found["fleiss_kappa"], found["event_iou"], found["to_adjudicate"]) == (1, 1, [])
    assert json.loads(vadlab("merge", root, "--json").out)["changes"] == []
