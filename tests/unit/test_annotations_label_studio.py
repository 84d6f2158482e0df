import json
from pathlib import Path
from typing import Any

import pytest
from annotation_examples import A, video_list

from vadlab.annotations import label_studio
from vadlab.annotations.marks import AnnotatedVideo, Annotation, Mark
from vadlab.errors import DataError, UsageError


def result(start: object, end: object, label: str = "Fire", **more: Any) -> dict[str, Any]:
    value = {"ranges": [{"start": start, "end": end}], "timelinelabels": [label]}
    return {"type": "timelinelabels", "value": value, **more}


def annotation(*results: Any, by: object = 3, **more: Any) -> dict[str, Any]:
    return {"id": 1, "completed_by": by, "result": list(results), **more}


def task(*annotations: Any, video: str = "/data/upload/1/0a1b2c3d-a.mp4", **more: Any) -> dict[str, Any]:
    return {"id": 5, "data": {"video": video}, "annotations": list(annotations), **more}


def written(folder: Path, content: object) -> Path:
    (folder / "export.json").write_text(json.dumps(content))
    return folder / "export.json"


def test_frames_are_counted_from_one_and_the_end_is_included(tmp_path: Path) -> None:
    done = annotation(result(1, 10), result(100, 100, "abnormal", meta={"text": ["there", "too"]}))
    found = label_studio.read(written(tmp_path, [task(done)]), video_list())
    expected = Annotation("user3", (Mark(0, 10, "Fire"), Mark(99, 100, None, "there too")))
    assert found.videos == (AnnotatedVideo(A, (expected,)),)
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("by", "name"),
    [
        ({"id": 1, "email": "a@x.org", "first_name": "A"}, "a@x.org"),
        ({"id": 1, "first_name": "Ann", "last_name": "B"}, "Ann B"),
        ({"id": 4}, "user4"),
        ("ann", "ann"),
    ],
)
def test_people_are_named_as_well_as_the_file_can(tmp_path: Path, by: object, name: str) -> None:
    found = label_studio.read(written(tmp_path, [task(annotation(by=by))]), video_list())
    assert found.videos[0].annotations == (Annotation(name),)


def test_several_annotations_are_several_people_and_the_rest_is_warned_of(tmp_path: Path) -> None:
    rectangle = {"type": "videorectangle", "value": {"sequence": []}}
    phantom = {"type": "timelinelabels", "value": {"sequence": [], "timelinelabels": ["x"]}}
    first = annotation(result(2, 3), rectangle, phantom)
    skipped = annotation(by=9, was_cancelled=True)
    content = [task(first, annotation(by=4), skipped, predictions=[{}])]
    found = label_studio.read(written(tmp_path, content), video_list())
    assert [one.annotator for one in found.videos[0].annotations] == ["user3", "user4"]
    assert found.warnings == (
        "predictions are left out (1)",
        "results other than timeline labels are left out (2)",
        "skipped annotations are left out (1)",
    )


def test_any_field_may_name_the_video(tmp_path: Path) -> None:
    content = [{"id": 1, "data": {"site": "north", "clip": "s3://b/Fire/a.mp4"}, "annotations": []}]
    assert label_studio.read(written(tmp_path, content), video_list()).videos == ()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([task(annotation(result(0, 4)))], "1 <= start <= end in frames, counted from 1, found 0 to 4"),
        ([task(annotation(result(9, 4)))], "found 9 to 4"),
        ([task(annotation(result(-3, 4)))], "found -3 to 4"),
        ([task(annotation(result(1.5, 4)))], "found 1.5 to 4"),
        ([task(annotation(result(5, 101)))], "stops up to the 100 frames of Fire/a.mp4, found 4-101"),
        ([task(annotation(), annotation())], "one annotation a person and video, found another of user3"),
        ([task(annotation(), video="z.mp4")], "task 5: expected a video of annotations.csv, found 'z.mp4'"),
        ([task(), task()], "task 5: expected each id once, found the tasks at 0 and 1"),
        ([{"data": {"video": "a.mp4"}}], "task 0: expected a list `annotations` of objects"),
        ([{"data": 3, "annotations": []}], "the name of a video, found 3"),
        ([task({"completed_by": 1})], "a list `result`, found None"),
        ([task(annotation("x"))], "an object with an object `value`"),
        ([task(annotation({"type": "timelinelabels", "value": {}}))], "lists `ranges` and `timelinelabels`"),
    ],
)
def test_malformed_items_are_told(tmp_path: Path, content: list[Any], told: str) -> None:
    last = {"id": 77, "data": {"video": "no.mp4"}, "annotations": []}
    with pytest.raises(DataError) as caught:
        label_studio.read(written(tmp_path, [*content, last]), video_list())
    assert told in str(caught.value)
    assert "task 77" in str(caught.value)  # all are told, not the first


@pytest.mark.parametrize(
    "text", ["", "<a/>", "[", "{}", "[1]", '[{"videoLabels": []}]', "[NaN]", "[" * 200_000]
)
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(DataError, match=r"not JSON|not Label Studio's"):
        label_studio.read(tmp_path / "x.json", video_list())


def test_who_annotated_must_be_known(tmp_path: Path) -> None:
    file = written(tmp_path, [task(annotation(by=None))])
    with pytest.raises(UsageError, match="--annotator NAME"):
        label_studio.read(file, video_list())
    assert label_studio.read(file, video_list(), annotator="ann").videos[0].annotations == (
        Annotation("ann"),
    )
    with pytest.raises(UsageError, match="2 annotators"):
        both = written(tmp_path, [task(annotation(by="x"), annotation(by="y"))])
        label_studio.read(both, video_list(), annotator="ann")
