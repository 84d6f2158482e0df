"""What is written in a format is read back from it, for every format."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from annotation_examples import ANNOTATED, EXAMPLE, VIDEOS, video_list
from hypothesis import HealthCheck, given, settings

from vadlab.annotation_table import read_rows
from vadlab.annotations.folder_csv import to_annotation, to_row
from vadlab.annotations.marks import AnnotatedVideo, Annotation, Mark
from vadlab.annotations.video_list import VideoList, listed_video
from vadlab.errors import UsageError
from vadlab.verbs.annotations import FORMATS

WHOLE = [name for name in FORMATS if name != "activitynet"]
EVERY_TIME = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)


@pytest.mark.parametrize("name", WHOLE)
def test_everything_comes_back(tmp_path: Path, name: str) -> None:
    assert FORMATS[name].write(tmp_path / "file", EXAMPLE) == ()
    found = FORMATS[name].read(tmp_path / "file", video_list())
    assert found.videos == EXAMPLE
    assert found.warnings == ()


@pytest.mark.parametrize("name", WHOLE)
@EVERY_TIME
@given(videos=ANNOTATED)
def test_anything_comes_back(tmp_path: Path, name: str, videos: tuple[AnnotatedVideo, ...]) -> None:
    FORMATS[name].write(tmp_path / "file", videos)
    if name == "cvat" and not videos:  # a project without tasks is refused
        return
    assert FORMATS[name].read(tmp_path / "file", video_list()).videos == videos


def without_notes(videos: Sequence[AnnotatedVideo], name: str) -> tuple[AnnotatedVideo, ...]:
    return tuple(
        AnnotatedVideo(
            one.video,
            tuple(
                Annotation(name, tuple(replace(mark, note=None) for mark in annotation.marks))
                for annotation in one.annotations
            ),
        )
        for one in videos
    )


@EVERY_TIME
@given(videos=ANNOTATED)
def test_activitynet_keeps_one_annotator(tmp_path: Path, videos: tuple[AnnotatedVideo, ...]) -> None:
    form = FORMATS["activitynet"]
    people = {annotation.annotator for one in videos for annotation in one.annotations}
    if len(people) > 1:
        with pytest.raises(UsageError, match="one truth a video"):
            form.write(tmp_path / "file", videos)
    alone = [AnnotatedVideo(one.video, (replace(one.annotations[0], annotator="ann"),)) for one in videos]
    lost = form.write(tmp_path / "file", alone)
    assert any("notes" in text for text in lost) == any(
        mark.note for one in alone for mark in one.annotations[0].marks
    )
    assert form.read(tmp_path / "file", video_list(), annotator="ann").videos == without_notes(alone, "ann")


@pytest.mark.parametrize("name", FORMATS)
def test_real_annotations_come_back(shared: Path, tmp_path: Path, name: str) -> None:
    root = shared / "data" / "cctv-mini"
    rows = read_rows(root / "annotations.csv")
    listed = [listed_video(root, row) for row in rows]
    videos = tuple(
        AnnotatedVideo(
            video, (Annotation("consensus", tuple(Mark(*span, row.category) for span in row.events)),)
        )
        for video, row in sorted(zip(listed, rows, strict=True), key=lambda pair: pair[0].path)
    )
    assert len(videos) == 255
    FORMATS[name].write(tmp_path / "file", videos)
    found = FORMATS[name].read(tmp_path / "file", VideoList(listed), annotator="consensus")
    assert found.videos == videos
    assert found.warnings == ()


@EVERY_TIME
@given(videos=ANNOTATED)
def test_rows_of_the_table_hold_all_of_an_annotation(videos: tuple[AnnotatedVideo, ...]) -> None:
    for one in videos:
        for annotation in one.annotations:
            assert to_annotation(to_row(one.video.path, annotation)) == annotation


def test_the_examples_fit_the_list() -> None:
    assert all(one.video in VIDEOS for one in EXAMPLE)
