import io
import zipfile
from pathlib import Path

import pytest
from annotation_examples import A, B, video_list

from vadlab.annotations import cvat
from vadlab.annotations.marks import AnnotatedVideo, Annotation, Mark
from vadlab.errors import DataError, UsageError

TASK = (
    "<task><id>7</id><name>my task</name><size>100</size><source>a.mp4</source>"
    "<assignee><username>ann</username></assignee></task>"
)


def written(folder: Path, body: str, meta: str = TASK, version: str = "1.1") -> Path:
    file = folder / "annotations.xml"
    text = f"<annotations><version>{version}</version><meta>{meta}</meta>{body}</annotations>"
    file.write_text('<?xml version="1.0" encoding="utf-8"?>\n' + text, encoding="utf-8")
    return file


def box(frame: object, outside: object = 0, **attributes: str) -> str:
    texts = "".join(f'<attribute name="{name}">{text}</attribute>' for name, text in attributes.items())
    return (
        f'<box frame="{frame}" keyframe="1" outside="{outside}" occluded="0" '
        f'xtl="0" ytl="0" xbr="1" ybr="1">{texts}</box>'
    )


def track(*shapes: str, label: str = "Fire", more: str = "") -> str:
    return f'<track id="0" label="{label}" {more}>{"".join(shapes)}</track>'


def marks(folder: Path, body: str, meta: str = TASK) -> dict[str, list[tuple[int, int, str | None]]]:
    found = cvat.read(written(folder, body, meta), video_list()).videos
    return {
        annotation.annotator: [(mark.start, mark.stop, mark.category) for mark in annotation.marks]
        for one in found
        for annotation in one.annotations
    }


def test_a_track_lasts_until_it_is_outside(tmp_path: Path) -> None:
    body = track(box(3), box(5), box(9, 1)) + track(
        box(20), box(30, 1), box(40), box(41, 1), label="abnormal"
    )
    assert marks(tmp_path, body) == {"ann": [(3, 9, "Fire"), (20, 30, None), (40, 41, None)]}


def test_an_open_track_lasts_to_the_end_of_the_task(tmp_path: Path) -> None:
    assert marks(tmp_path, track(box(3), box(5))) == {"ann": [(3, 100, "Fire")]}
    part = TASK.replace("<size>100</size>", "<size>20</size><start_frame>10</start_frame>")
    assert marks(tmp_path, track(box(13)), part) == {"ann": [(13, 30, "Fire")]}


def test_attributes_go_before_label_and_assignee(tmp_path: Path) -> None:
    shape = box(3, category="Panic", annotator="bob", note="see &lt;there&gt;")
    found = cvat.read(written(tmp_path, track(shape, box(9, 1))), video_list()).videos
    expected = Annotation("bob", (Mark(3, 9, "Panic", "see <there>"),))
    assert found == (AnnotatedVideo(A, (expected,)),)


def test_tags_that_follow_each_other_are_one_event(tmp_path: Path) -> None:
    tags = "".join(f'<tag label="Fire" frame="{frame}"></tag>' for frame in (8, 3, 4, 5))
    images = '<image id="6" name="x"><tag label="Fire"/><box label="car"/></image>'
    assert marks(tmp_path, tags + images) == {"ann": [(3, 7, "Fire"), (8, 9, "Fire")]}


def test_a_tag_of_every_fifth_frame_stands_for_five(tmp_path: Path) -> None:
    meta = TASK.replace("<size>", "<frame_filter>step=5</frame_filter><size>").replace("100", "20")
    tags = "".join(f'<tag label="Fire" frame="{frame}"/>' for frame in (10, 15, 95))
    assert marks(tmp_path, tags, meta) == {"ann": [(10, 20, "Fire"), (95, 100, "Fire")]}


def test_a_job_and_a_task_without_marks(tmp_path: Path) -> None:
    assert marks(tmp_path, "") == {"ann": []}
    job = "<job><id>3</id><size>5</size><start_frame>10</start_frame><stop_frame>14</stop_frame>"
    job += "<assignee><username>cem</username></assignee></job><source>b.avi</source>"
    assert marks(tmp_path, track(box(12)), job) == {"cem": [(12, 15, "Fire")]}


def test_a_zip_file_as_cvat_gives_it(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("annotations.xml", written(tmp_path, track(box(3), box(4, 1))).read_bytes())
    (tmp_path / "task.zip").write_bytes(content.getvalue())
    assert len(cvat.read(tmp_path / "task.zip", video_list()).videos) == 1
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as archive:
        archive.writestr("other.txt", "")
    (tmp_path / "cut.zip").write_bytes(content.getvalue()[:40])
    for name in ("empty.zip", "cut.zip"):
        with pytest.raises(DataError, match=r"no annotations\.xml"):
            cvat.read(tmp_path / name, video_list())


def test_one_annotation_is_a_task_and_ends_within_it(tmp_path: Path) -> None:
    one = AnnotatedVideo(B, (Annotation("bob", (Mark(3, 9, "Fire"), Mark(80, 90))),))
    cvat.write(tmp_path / "x.xml", [one])
    text = (tmp_path / "x.xml").read_text()
    assert "<project>" not in text
    assert "task_id" not in text
    assert 'frame="90"' not in text
    assert cvat.read(tmp_path / "x.xml", video_list()).videos == (one,)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (track(box(9), box(9, 1)), "track 0: expected each frame once, found frame 9 twice"),
        (track(), "track 0: expected a shape, found none"),
        (track(box("x")), "whole number of frames, found 'x'"),
        (track(box(3), box(120, 1)), "stops up to the 100 frames of Fire/a.mp4, found 3-120"),
        (track(box(-2), box(3, 1)), "0 <= start < stop in frames, found -2-3"),
        (track(box(3, "yes")), "outside 0 | 1, found 'yes'"),
        (track(box(3), more='task_id="8"'), "the id of one of the file's tasks in task_id, found '8'"),
        ('<tag label="Fire"/>', "tag 'Fire': expected a whole number of frames, found None"),
        ('<tag label="Fire" frame="100"/>', "stops up to the 100 frames"),
    ],
)
def test_malformed_items_are_told(tmp_path: Path, body: str, told: str) -> None:
    with pytest.raises(DataError) as caught:
        cvat.read(written(tmp_path, body + track(box(1, "maybe"))), video_list())
    assert told in str(caught.value)
    assert "outside 0 | 1, found 'maybe'" in str(caught.value)  # all are told, not the first
    assert caught.value.file == tmp_path / "annotations.xml"


@pytest.mark.parametrize(
    ("meta", "told"),
    [
        (TASK.replace("a.mp4", "z.mp4"), "a video of annotations.csv, found 'z.mp4'"),
        (TASK.replace("a.mp4", "A.mp4"), "found 'A.mp4'; Fire/a.mp4 differs in upper and lower case"),
        ("", "a <task>, <job> or <project> with tasks"),
        ("<job><id>1</id></job>", "job 1, <source> or <name>: expected the name of a video"),
        (f"<project><tasks>{TASK}{TASK}</tasks></project>", "each id once, found 7"),
        (TASK.replace("100", "many"), "whole number of frames, found 'many'"),
    ],
)
def test_malformed_tasks_are_told(tmp_path: Path, meta: str, told: str) -> None:
    with pytest.raises(DataError) as caught:
        cvat.read(written(tmp_path, track(box(3), box(5, 1)), meta), video_list())
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "not safe XML"),
        (b"{}", "not safe XML"),
        (b"<annotations><meta></annotations>", "not safe XML"),
        (b"<other/>", "not CVAT's"),
        (b"<annotations><version>1.0</version><meta/></annotations>", "another version"),
        (b"<annotations><meta/></annotations>", "another version"),
        (
            b'<!DOCTYPE a [<!ENTITY b "x"><!ENTITY c "&b;&b;">]><annotations><meta>&c;</meta></annotations>',
            "document type declaration",
        ),
        ('<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a SYSTEM "file:///etc/hostname"><a/>'.encode("utf-16"),
         "document type declaration"),
    ],
)  # fmt: skip
def test_other_files_and_entity_bombs_are_refused(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "x.xml").write_bytes(content)
    with pytest.raises(DataError, match=told):
        cvat.read(tmp_path / "x.xml", video_list())
    with pytest.raises(DataError, match="cannot read"):
        cvat.read(tmp_path / "missing.xml", video_list())


def test_who_annotated_must_be_known(tmp_path: Path) -> None:
    file = written(tmp_path, "", TASK.replace("ann", ""))
    with pytest.raises(UsageError, match="--annotator NAME"):
        cvat.read(file, video_list())
    assert cvat.read(file, video_list(), annotator="cem").videos[0].annotations[0].annotator == "cem"
    two = track(box(3, annotator="x"), box(4, 1)) + track(box(3, annotator="y"), box(4, 1))
    with pytest.raises(UsageError, match="2 annotators"):
        cvat.read(written(tmp_path, two), video_list(), annotator="cem")


def test_another_frame_count_is_warned_of(tmp_path: Path) -> None:
    found = cvat.read(written(tmp_path, "", TASK.replace("100", "99")), video_list())
    assert "another number of frames" in found.warnings[0]
