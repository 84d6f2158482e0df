from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vadlab.annotation_table import (
    AnnotationTable,
    Annotator,
    Row,
    format_events,
    parse_events,
    read_annotators,
    read_rows,
    write_annotators,
    write_rows,
)
from vadlab.errors import DataError

HEADER = "path,split,category,abnormal,events,n_frames,fps,source"


def table(folder: Path, *lines: str, header: str = HEADER) -> Path:
    file = folder / "annotations.csv"
    file.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return file


def test_a_line_is_read_into_a_row(tmp_path: Path) -> None:
    file = table(tmp_path, "Fire/a.mp4, train ,Fire,1,3-9; 12-20,40,30000/1001,cam 1")
    expected = Row(
        path="Fire/a.mp4",
        part="train",
        category="Fire",
        abnormal=True,
        events=((3, 9), (12, 20)),
        n_frames=40,
        fps=Fraction(30000, 1001),
        source="cam 1",
    )
    assert read_rows(file) == (expected,)


def test_optional_columns_may_be_absent_and_columns_may_stand_in_any_order(tmp_path: Path) -> None:
    file = table(tmp_path, "0,,test,,a.mp4", header="abnormal,events,split,category,path")
    assert read_rows(file) == (Row(path="a.mp4", part="test", category=None, abnormal=False),)


def test_byte_order_mark_crlf_quotes_and_empty_lines_are_accepted(tmp_path: Path) -> None:
    file = tmp_path / "annotations.csv"
    text = 'path,split,category,abnormal,events\r\n\r\n"a, b.mp4",val,"",0,\r\n,,,,\r\n'
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert [row.path for row in read_rows(file)] == ["a, b.mp4"]


@pytest.mark.parametrize(
    ("line", "column", "expected", "found"),
    [
        ("a.mp4,tst,Fire,0,,,,", "split", "train | val | test", "'tst'"),
        ("a.mp4,train,Fire,yes,,,,", "abnormal", "0 | 1", "'yes'"),
        ("a.mp4,train,Fire,1,9-3,,,", "events", "start-stop", "'9-3'"),
        ("a.mp4,train,Fire,1,3-3,,,", "events", "start-stop", "'3-3'"),
        ("a.mp4,train,Fire,1,3,,,", "events", "start-stop", "'3'"),
        ("a.mp4,train,Fire,1,-1-3,,,", "events", "start-stop", "'-1-3'"),
        ("a.mp4,train,Fire,0,3-9,,,", "events", "abnormal is 0", "'3-9'"),
        ("a.mp4,train,Fire,1,3-41,40,,", "events", "n_frames = 40", "'3-41'"),
        ("a.mp4,train,Fire,0,,0,,", "n_frames", "above 0", "'0'"),
        ("a.mp4,train,Fire,0,,4.5,,", "n_frames", "whole number", "'4.5'"),
        ("a.mp4,train,Fire,0,,,25/0,", "fps", "above 0", "'25/0'"),
        ("a.mp4,train,Fire,0,,,fast,", "fps", "above 0", "'fast'"),
        ("a.mp4,train,Fire,0,,,-25,", "fps", "above 0", "'-25'"),
        (",train,Fire,0,,,,", "path", "within the table's folder", "''"),
        ("../a.mp4,train,Fire,0,,,,", "path", "within the table's folder", "'../a.mp4'"),
        ("x/../../a.mp4,train,Fire,0,,,,", "path", "within the table's folder", "'x/../../a.mp4'"),
        ("/a.mp4,train,Fire,0,,,,", "path", "within the table's folder", "'/a.mp4'"),
        ("C:/a.mp4,train,Fire,0,,,,", "path", "within the table's folder", "'C:/a.mp4'"),
        ("ok.mp4,train,Fire,0,,,,", "path", "each path once", "line 2"),
        ("./ok.mp4,train,Fire,0,,,,", "path", "each path once", "line 2"),
        ("a.mp4,train,Fire,0,,,", "all", "8 columns", "7 columns"),
        ("a.mp4,train,Fire,0,,,,,", "all", "8 columns", "9 columns"),
    ],
)
def test_a_malformed_cell_is_told_with_file_line_column_expected_and_found(
    tmp_path: Path, line: str, column: str, expected: str, found: str
) -> None:
    file = table(tmp_path, "ok.mp4,train,Fire,0,,,,", "", line, "last.mp4,test,Fire,0,,,,")
    with pytest.raises(DataError) as caught:
        read_rows(file)
    error = caught.value
    assert error.file == file
    assert f"line 4, column {column!r}" in error.message
    assert expected in str(error.expected)
    assert found in str(error.found)


def test_all_malformed_lines_are_told_at_once(tmp_path: Path) -> None:
    file = table(tmp_path, "a.mp4,x,Fire,0,,,,", "b.mp4,train,Fire,0,,,,", "c.mp4,train,Fire,2,z,,,")
    with pytest.raises(DataError) as caught:
        read_rows(file)
    text = str(caught.value)
    assert "3 cells" in text
    assert all(part in text for part in ("line 2, column 'split'", "line 4, column 'abnormal'", "'events'"))
    assert "line 3" not in text


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("path,split,category,abnormal", "add events"),
        ("path,split,category,abnormal,events,sorce", "take out sorce"),
        ("path;split;category;abnormal;events", "separate columns by commas"),
        ("path,split,category,abnormal,events,events", "named twice"),
        ("", "add path, split"),
    ],
)
def test_a_wrong_header_is_refused_with_what_to_change(tmp_path: Path, header: str, named: str) -> None:
    with pytest.raises(DataError) as caught:
        read_rows(table(tmp_path, "a.mp4,train,Fire,0,", header=header))
    assert named in str(caught.value.remedy)
    assert "path,split,category,abnormal,events[,n_frames][,fps][,source]" in str(caught.value)


def test_missing_empty_and_binary_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_rows(tmp_path / "annotations.csv")
    with pytest.raises(DataError, match="no rows"):
        read_rows(table(tmp_path))
    (tmp_path / "annotations.csv").write_bytes(b"path\xff\xfe")
    with pytest.raises(DataError, match="UTF-8"):
        read_rows(tmp_path / "annotations.csv")


def test_all_missing_videos_are_in_one_message(tmp_path: Path) -> None:
    (tmp_path / "here.mp4").touch()
    lines = [f"gone{n:02d}.mp4,train,,0,,,," for n in range(22)]
    table(tmp_path, "here.mp4,train,,0,,,,", *lines)
    with pytest.raises(DataError) as caught:
        AnnotationTable(tmp_path)
    text = str(caught.value)
    assert "22 of 23 videos are missing" in text
    assert all(f"gone{n:02d}.mp4" in text for n in range(20))
    assert "and 2 more" in text
    assert "here.mp4" not in text


def test_ids_drop_a_files_suffix_but_not_a_folders_dot(tmp_path: Path) -> None:
    (tmp_path / "day.1").mkdir()
    (tmp_path / "day.1" / "clip.2").mkdir()
    (tmp_path / "day.1" / "clip.3.mp4").touch()
    table(tmp_path, "day.1/clip.3.mp4,train,,0,,,25,", "day.1/clip.2,test,,0,,,10,cam")
    folder, file = AnnotationTable(tmp_path).entries
    assert (folder.id, folder.fps, folder.source, folder.part) == ("day.1/clip.2", 10, "cam", "test")
    # A file carries its own rate; a clip without a source is its own.
    assert (file.id, file.fps, file.source, file.part) == ("day.1/clip.3", None, "day.1/clip.3", "train")


def test_image_folders_need_a_frame_rate(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    table(tmp_path, "images,train,,0,,,,")
    with pytest.raises(DataError, match="no frame rate") as caught:
        AnnotationTable(tmp_path)
    assert "images" in str(caught.value.found)


def test_two_videos_that_differ_only_in_suffix_are_refused(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.avi"):
        (tmp_path / name).touch()
    table(tmp_path, "a.mp4,train,,0,,,,", "a.avi,test,,0,,,,")
    with pytest.raises(DataError, match="suffix"):
        AnnotationTable(tmp_path)


def test_labels_are_the_events_merged(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    table(tmp_path, "a.mp4,train,Fire,1,6-8;2-4;3-5,,,")
    read = AnnotationTable(tmp_path)
    labels = read.labels(read.entries[0], 10)
    assert labels.mask().tolist() == [False, False, True, True, True, False, True, True, False, False]
    assert labels.category == "Fire"
    with pytest.raises(DataError, match="ends after the video"):
        read.labels(read.entries[0], 7)


def test_weak_labels_are_no_frame_labels(tmp_path: Path) -> None:
    for name in ("weak.mp4", "full.mp4", "normal.mp4"):
        (tmp_path / name).touch()
    table(tmp_path, "weak.mp4,train,,1,,,,", "full.mp4,train,,1,0-2,,,", "normal.mp4,train,,0,,,,")
    read = AnnotationTable(tmp_path)
    known = {entry.id: read.has_frame_labels(entry) for entry in read.entries}
    assert known == {"full": True, "normal": True, "weak": False}
    with pytest.raises(DataError, match="no frame labels"):
        read.labels(read.entries[-1], 5)


def test_n_frames_must_be_the_decoded_count(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    table(tmp_path, "a.mp4,train,,0,,30,,")
    read = AnnotationTable(tmp_path)
    assert read.labels(read.entries[0], 30).n_frames == 30
    with pytest.raises(DataError) as caught:
        read.labels(read.entries[0], 29)
    assert "30 frames" in str(caught.value.expected)
    assert "29 frames" in str(caught.value.found)


def test_annotators_are_read_back(tmp_path: Path) -> None:
    marks = (Annotator("a.mp4", "p1", ((0, 3), (5, 6))), Annotator("a.mp4", "p2", ()))
    write_annotators(tmp_path / "annotators.csv", marks)
    assert read_annotators(tmp_path / "annotators.csv") == marks


def test_an_annotator_twice_on_one_video_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "annotators.csv"
    file.write_text("path,annotator,events\na.mp4,p1,0-3\nb.mp4,p1,\na.mp4,p1,4-5\n")
    with pytest.raises(DataError, match="line 4, column 'annotator'"):
        read_annotators(file)


SPANS = st.lists(
    st.tuples(st.integers(0, 10**7), st.integers(1, 10**5)).map(lambda p: (p[0], p[0] + p[1])), max_size=6
).map(tuple)
NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="/\\:"), min_size=1
)


@given(SPANS)
def test_events_come_back_as_they_were_written(spans: tuple[tuple[int, int], ...]) -> None:
    assert parse_events(format_events(spans)) == spans


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            NAMES.filter(lambda name: name not in (".", "..")),
            st.sampled_from(["train", "val", "test"]),
            st.none() | NAMES,
            SPANS,
            st.none() | st.fractions(min_value=Fraction(1, 1000), max_value=1000),
            st.none() | NAMES,
        ),
        min_size=1,
        max_size=5,
        unique_by=lambda values: values[0],
    )
)
def test_rows_come_back_as_they_were_written(tmp_path: Path, values: list[tuple]) -> None:
    rows = tuple(
        Row(path, part, category, abnormal=bool(events), events=events, n_frames=None, fps=fps, source=source)
        for path, part, category, events, fps, source in values
    )
    write_rows(tmp_path / "annotations.csv", rows)
    assert read_rows(tmp_path / "annotations.csv") == rows
