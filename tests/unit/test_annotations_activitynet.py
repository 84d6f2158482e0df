import json
from pathlib import Path
from typing import Any

import pytest
from annotation_examples import EXAMPLE, A, B, video_list

from vadlab.annotations import activitynet
from vadlab.annotations.marks import AnnotatedVideo, Annotation, ListedVideo, Mark
from vadlab.errors import DataError, UsageError


def entry(*segments: object, **more: Any) -> dict[str, Any]:
    return {"duration": 4.0, "annotations": [{"segment": s, "label": "Fire"} for s in segments], **more}


def written(folder: Path, database: object) -> Path:
    (folder / "x.json").write_text(json.dumps({"version": "1.3", "taxonomy": [], "database": database}))
    return folder / "x.json"


def test_segments_become_frames(tmp_path: Path) -> None:
    database = {"Fire/a": entry([0.12, 0.36], [0, 4.0], subset="training"), "b": entry(subset="testing")}
    found = activitynet.read(written(tmp_path, database), video_list(), annotator="ann")
    expected = Annotation("ann", (Mark(0, 100, "Fire"), Mark(3, 9, "Fire")))
    assert found.videos == (AnnotatedVideo(A, (expected,)), AnnotatedVideo(B, (Annotation("ann"),)))
    assert found.warnings == ("videos are in another subset than the table's split, which stays (1)",)


def test_what_is_lost_is_told(tmp_path: Path) -> None:
    one = AnnotatedVideo(A, (Annotation("ann", (Mark(3, 9, None, "note"),)),))
    lost = activitynet.write(tmp_path / "x.json", [one])
    assert [text.split(",")[0] for text in lost] == ["the annotator's name", "notes are not written (1)"]
    content = json.loads((tmp_path / "x.json").read_text())["database"]["Fire/a"]
    assert content == {
        "duration": 4.0,
        "annotations": [{"segment": [0.12, 0.36], "label": "abnormal"}],
        "subset": "training",
    }
    with pytest.raises(UsageError, match="--merged"):
        activitynet.write(tmp_path / "x.json", EXAMPLE)
    with pytest.raises(DataError, match="frame rate"):
        activitynet.write(tmp_path / "x.json", [AnnotatedVideo(ListedVideo("c", "c", 3), (Annotation("p"),))])


@pytest.mark.parametrize(
    ("database", "told"),
    [
        (
            {"a": entry([2, 1])},
            "database 'a', annotation 0: expected 0 <= start < stop in seconds, found 2 to 1",
        ),
        ({"a": entry([-1, 1])}, "found -1 to 1"),
        ({"a": entry([1, 9])}, "stops up to the 100 frames of Fire/a.mp4, found 25-225"),
        ({"a": entry([1])}, "an object with `segment`: [start, end]"),
        ({"a": entry([1, None])}, "found 1 to None"),
        ({"a": entry("12")}, "an object with `segment`: [start, end]"),
        ({"a": {"annotations": [{"segment": [0, 1]}]}}, "a `label`, found None"),
        ({"a": {"annotations": {}}}, "a list `annotations`"),
        ({"a": 3}, "a list `annotations`, found int"),
        ({"z": entry()}, "a video of annotations.csv, found 'z'"),
        ({"a": entry(), "Fire/a.mp4": entry()}, "each video once, found 'a' too, which is Fire/a.mp4"),
    ],
)
def test_malformed_items_are_told(tmp_path: Path, database: dict[str, Any], told: str) -> None:
    with pytest.raises(DataError) as caught:
        activitynet.read(written(tmp_path, database | {"404": entry()}), video_list(), annotator="ann")
    assert told in str(caught.value)
    assert "database '404'" in str(caught.value)  # all are told, not the first


def test_other_files_and_nobody_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not ActivityNet's"):
        activitynet.read(written(tmp_path, []), video_list(), annotator="ann")
    (tmp_path / "x.json").write_text('{"database": {"a": {}, "a": {}}}')
    with pytest.raises(DataError, match="a key twice"):
        activitynet.read(tmp_path / "x.json", video_list(), annotator="ann")
    with pytest.raises(UsageError, match="--annotator NAME"):
        activitynet.read(written(tmp_path, {"a": entry()}), video_list())
