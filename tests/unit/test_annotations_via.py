import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from annotation_examples import A, B, video_list

from vadlab.annotations import via
from vadlab.annotations.marks import AnnotatedVideo, Annotation, ListedVideo, Mark
from vadlab.annotations.video_list import VideoList
from vadlab.errors import DataError, UsageError


def project() -> dict[str, Any]:
    """A project as VIA 3 saves it: its own attribute, two videos, times of three decimals."""
    return {
        "project": {"pid": "__VIA_PROJECT_ID__", "data_format_version": "3.1.1", "vid_list": ["1", "2"]},
        "config": {},
        "attribute": {
            "1": {
                "aname": "TEMPORAL-SEGMENTS",
                "anchor_id": "FILE1_Z2_XY0",
                "type": 4,
                "options": {"default": "Default", "f": "Fire"},
            },
            "2": {"aname": "annotator", "anchor_id": "FILE1_Z2_XY0", "type": 1, "options": {}},
        },
        "file": {
            "1": {"fid": 1, "fname": "a.mp4", "type": 4, "loc": 1, "src": ""},
            "2": {"fid": 2, "fname": "b.avi", "type": 4, "loc": 2, "src": "http://host/Fire/b.avi"},
        },
        "view": {"1": {"fid_list": [1]}, "2": {"fid_list": ["2"]}},
        "metadata": {
            "1_x": {"vid": "1", "flg": 0, "z": [0.119, 0.361], "xy": [], "av": {"1": "f", "2": "ann"}},
            "1_y": {"vid": "1", "flg": 0, "z": [3.5, 4], "xy": [], "av": {"1": "default", "2": "bob"}},
            "2_z": {"vid": "2", "flg": 0, "z": [1.001, 2.002], "xy": [], "av": {"1": "other", "2": "ann"}},
        },
    }


def written(folder: Path, content: object) -> Path:
    (folder / "project.json").write_text(json.dumps(content))
    return folder / "project.json"


def test_segments_become_frames_and_options_their_names(tmp_path: Path) -> None:
    found = via.read(written(tmp_path, project()), video_list())
    ann, bob = Annotation("ann", (Mark(3, 9, "Fire"),)), Annotation("bob", (Mark(88, 100),))
    in_b = Annotation("ann", (Mark(30, 60, "other"),))
    assert found.videos == (AnnotatedVideo(A, (ann, bob)), AnnotatedVideo(B, (in_b,)))
    assert found.warnings == ()


def test_regions_moments_and_unseen_videos_are_warned_of(tmp_path: Path) -> None:
    content = project()
    content["metadata"]["1_r"] = {"vid": "1", "z": [1.5], "xy": [2, 0, 0, 9, 9], "av": {}}
    content["metadata"]["1_m"] = {"vid": "1", "z": [1.5], "xy": [], "av": {}}
    del content["metadata"]["2_z"]
    found = via.read(written(tmp_path, content), video_list())
    assert [one.video for one in found.videos] == [A]
    assert len(found.warnings) == 2
    content["metadata"] = {}
    found = via.read(written(tmp_path, content), video_list(), annotator="cem")
    assert [one.annotations for one in found.videos] == [(Annotation("cem"),)] * 2


def test_an_end_a_frame_beyond_the_video_is_cut(tmp_path: Path) -> None:
    content = project()
    content["metadata"]["1_y"]["z"] = [3.5, 4.04]
    found = via.read(written(tmp_path, content), video_list())
    assert found.videos[0].annotations[1].spans == ((88, 100),)
    assert "cut to its length" in found.warnings[0]


def set_metadata(key: str, value: object) -> Callable[[dict[str, Any]], None]:
    return lambda content: content["metadata"]["1_x"].__setitem__(key, value)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (set_metadata("z", [2, 1]), "metadata '1_x': expected 0 <= start < stop in seconds, found 2 to 1"),
        (set_metadata("z", [-1, 1]), "found -1 to 1"),
        (set_metadata("z", ["x", 1]), "found 'x' to 1"),
        (set_metadata("z", [1, 5]), "stops up to the 100 frames of Fire/a.mp4, found 25-125"),
        (set_metadata("z", [1, 2, 3]), "`z` of a start and an end"),
        (set_metadata("z", None), "lists `z` and `xy`"),
        (set_metadata("vid", "9"), "a view of the project as `vid`, found '9'"),
        (lambda content: content["metadata"].__setitem__("1_x", 4), "as `vid`, found int"),
        (
            lambda content: content["file"]["1"].__setitem__("fname", "z.mp4"),
            "annotations.csv, found 'z.mp4'",
        ),
        (lambda content: content["view"]["1"].__setitem__("fid_list", [1, 2]), "one file in `fid_list`"),
        (lambda content: content["view"]["1"].__setitem__("fid_list", [7]), "a file of the project, found 7"),
        (lambda content: content["file"]["1"].__setitem__("fname", "Fire/b.avi"), "each video in one view"),
    ],
)
def test_malformed_items_are_told(
    tmp_path: Path, damage: Callable[[dict[str, Any]], None], told: str
) -> None:
    content = project()
    damage(content)
    content["metadata"]["last"] = {"vid": "404"}
    with pytest.raises(DataError) as caught:
        via.read(written(tmp_path, content), video_list())
    assert told in str(caught.value)
    assert "404" in str(caught.value)  # all are told, not the first


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([], "no VIA 3 project"),
        ({"project": {}}, "no VIA 3 project"),
        ({"_via_settings": {}, "_via_img_metadata": {}}, "VIA 2's"),
        (project() | {"project": {"data_format_version": "4.0"}}, "another version"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: object, told: str) -> None:
    with pytest.raises(DataError, match=told):
        via.read(written(tmp_path, content), video_list())


def test_a_key_twice_is_refused(tmp_path: Path) -> None:
    text = json.dumps(project()).replace('"1_y"', '"1_x"')
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(DataError, match="a key twice") as caught:
        via.read(tmp_path / "x.json", video_list())
    assert "1_x" in str(caught.value)


def test_frame_rates_and_names_must_be_known(tmp_path: Path) -> None:
    unknown = VideoList([ListedVideo("Fire/a.mp4", "Fire/a", 100), B])
    with pytest.raises(DataError, match=r"frame rate[\s\S]*none for Fire/a\.mp4"):
        via.read(written(tmp_path, project()), unknown)
    with pytest.raises(DataError, match="frame rate"):
        via.write(tmp_path / "x", [AnnotatedVideo(ListedVideo("c", "c"), (Annotation("p"),))])
    content = project()
    del content["metadata"]["1_x"]["av"]["2"]
    with pytest.raises(UsageError, match="--annotator NAME"):
        via.read(written(tmp_path, content), video_list())
