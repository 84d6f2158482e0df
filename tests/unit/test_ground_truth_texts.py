"""Label formats of text: what is read, and what is told of malformed lines, all at once."""

from pathlib import Path

import pytest

from vadlab.errors import DataError
from vadlab.ground_truth.interval_text import read_tracks, read_ucf, read_xd
from vadlab.ground_truth.m_file import read_ranges
from vadlab.ground_truth.name_list import read_lists


def told(file: Path, text: str, read) -> str:
    file.write_text(text)
    with pytest.raises(DataError) as caught:
        read(file)
    assert str(file) in str(caught.value)
    return str(caught.value)


def test_matlab_ranges_are_one_based_and_inclusive(tmp_path: Path) -> None:
    (tmp_path / "x.m").write_text(
        "X = {};\nX{end+1}.gt_frame = [3:5];\nX{end+1}.gt_frame = [1:2, 6 : 6];\nX{end+1}.gt_frame = [];\n"
        "% X{end+1}.gt_frame = [1:1];\n"
    )
    assert read_ranges(tmp_path / "x.m") == (((2, 5),), ((0, 2), (5, 6)), ())


def test_matlab_ranges_tell_every_bad_one(tmp_path: Path) -> None:
    clips = ("5:3", "1:2, 0:3, 7", "a:b 1:2:3")
    text = "X = {};\n" + "".join(f"X{{end+1}}.gt_frame = [{ranges}];\n" for ranges in clips)
    message = told(tmp_path / "x.m", text, read_ranges)
    assert "5 cells are malformed" in message
    for line, bad in ((2, "5:3"), (3, "0:3"), (3, "7"), (4, "a:b"), (4, "1:2:3")):
        assert f"line {line}, column 'gt_frame': expected first:last" in message
        assert f"found {bad}" in message
    assert "no clip" in told(tmp_path / "y.m", "TestVideoFile = {};\n", read_ranges)


UCF = "Abuse028_x264.mp4  Abuse  165  240  -1  -1  \nArson011_x264.mp4  Arson  150  420  680  1267\n"


def test_ucf_counts_from_1_inclusive(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text(
        "\ufeff" + UCF + "\nNormal_Videos_003_x264.mp4  Normal  -1  -1  -1  -1  \n"
    )
    assert read_ucf(tmp_path / "t.txt") == {
        "Abuse028_x264": ("Abuse", ((164, 240),)),
        "Arson011_x264": ("Arson", ((149, 420), (679, 1267))),
        "Normal_Videos_003_x264": ("Normal", ()),
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Abuse030_x264.mp4  Abuse  1275  1360", "Name.mp4  Class  s1  e1  s2  e2"),  # a missing column
        ("Abuse030_x264.mp4  Abuse  1360  1275  -1  -1", "1360 1275, swapped?"),
        ("Abuse030_x264.mp4  Abuse  0  1275  -1  -1", "0 1275, counted from 0?"),
        ("Abuse030_x264.mp4  Abuse  x  1275  -1  -1", "whole numbers"),
        ("Abuse030_x264.mp4  Abuse  12.5  1275  -1  -1", "whole numbers"),
        ("Abuse030_x264.mp4  Abuse  -1  -1  -1  -1", "an interval of Abuse"),
        ("Abuse030_x264.mp4  Abuse  -1  5  -1  -1", "1 <= start <= end"),
        ("Normal_Videos_003_x264.mp4  Normal  1  2  -1  -1", "as the class is Normal"),
        ("Abuse028_x264.mp4  Abuse  165  240  -1  -1", "Abuse028_x264, also in line 1"),
    ],
)
def test_malformed_ucf_lines(line: str, message: str, tmp_path: Path) -> None:
    found = told(tmp_path / "t.txt", UCF + line + "\n", read_ucf)
    assert "line 3" in found
    assert message in found


def test_all_bad_ucf_lines_are_told_at_once(tmp_path: Path) -> None:
    found = told(tmp_path / "t.txt", UCF + "a b\nAbuse1_x264.mp4 Abuse 9 3 -1 -1\n", read_ucf)
    assert "2 cells are malformed" in found
    assert "line 3" in found
    assert "line 4" in found


def test_xd_counts_from_0_with_the_end_exclusive(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("A.Film__#1_label_B2-0-0 420 1848\nv=x__#1_label_G-0-0.mp4 0 5 7 9\n")
    assert read_xd(tmp_path / "a.txt") == {
        "A.Film__#1_label_B2-0-0": ((420, 1848),),
        "v=x__#1_label_G-0-0": ((0, 5), (7, 9)),
    }


def test_malformed_xd_lines(tmp_path: Path) -> None:
    found = told(tmp_path / "a.txt", "a 1 2\nb 1\nc\nd 5 5\ne 9 3\nf 1 x\na.mp4 1 2\n", read_xd)
    assert "6 cells are malformed" in found
    assert [f"line {n}, column" in found for n in range(1, 8)] == [False, True, True, True, True, True, True]
    assert "a, also in line 1" in found


def test_tracks_count_from_0_inclusive(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("1,8,14\n3.000e+00,9.000e+00,1.500e+01\n")
    assert read_tracks(tmp_path / "t.txt") == ((8, 15), (9, 16))
    found = told(tmp_path / "t.txt", "1,8\n2,9,3\n3,-1,4\n4,5,5\n", read_tracks)
    assert "3 cells are malformed" in found
    assert [f"line {n}" in found for n in range(1, 5)] == [True, True, True, False]


@pytest.mark.parametrize("read", [read_ucf, read_xd, read_tracks])
def test_missing_empty_and_binary_texts(read, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such label file"):
        read(tmp_path / "none.txt")
    assert "empty" in told(tmp_path / "x.txt", "\n \n", read)
    (tmp_path / "y.txt").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(DataError, match="the file is no text"):
        read(tmp_path / "y.txt")


def test_lists_take_folders_and_suffixes_off(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text(
        "Abuse/Abuse001_x264.mp4\r\n\r\nx\\y\\A.Film.1995__#1.mp4\r\n01_001\n"
    )
    (tmp_path / "test.txt").write_text("\ufeff01_0014")
    files = {part: tmp_path / f"{part}.txt" for part in ("train", "test")}
    assert read_lists(files) == {
        "Abuse001_x264": "train",
        "A.Film.1995__#1": "train",
        "01_001": "train",
        "01_0014": "test",
    }
    (tmp_path / "test.txt").write_text("01_0014\n01_001\n01_0014\n")
    with pytest.raises(DataError, match="2 cells are malformed") as caught:
        read_lists(files)
    assert "'01_001', also in line 4 of train.txt" in str(caught.value)
    assert "'01_0014', also in line 1 of test.txt" in str(caught.value)
    (tmp_path / "test.txt").write_text("\n")
    with pytest.raises(DataError, match="the list is empty"):
        read_lists(files)
    (tmp_path / "test.txt").unlink()
    with pytest.raises(DataError, match="no such list"):
        read_lists(files)
