from fractions import Fraction
from pathlib import Path

import pytest

from vadlab.annotation_table import Row
from vadlab.annotations.marks import ListedVideo
from vadlab.annotations.video_list import VideoList, listed_video

PATHS = ("Fire/a.mp4", "Crash/a.mp4", "Crash/b c.avi", "deadbeef-x.mp4")


def names(text: str) -> list[str]:
    videos = [ListedVideo(path, path.rsplit(".", 1)[0]) for path in PATHS]
    return sorted(video.path for video in VideoList(videos).find(text))


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("Fire/a.mp4", ["Fire/a.mp4"]),
        ("Fire/a", ["Fire/a.mp4"]),
        ("a.mp4", ["Crash/a.mp4", "Fire/a.mp4"]),
        ("b c.avi", ["Crash/b c.avi"]),
        ("/home/x/set/Fire/a.mp4", ["Fire/a.mp4"]),
        ("D:\\set\\Crash\\a.mp4", ["Crash/a.mp4"]),
        ("https://host/videos/Crash/b%20c.avi", ["Crash/b c.avi"]),
        ("s3://bucket/Crash/a.mp4", ["Crash/a.mp4"]),
        ("/data/local-files/?d=set/Fire/a.mp4", ["Fire/a.mp4"]),
        ("/data/upload/1/0a1b2c3d-b c.avi", ["Crash/b c.avi"]),
        ("deadbeef-x.mp4", ["deadbeef-x.mp4"]),
        ("x.mp4", []),
        ("fire/A.mp4", []),
        ("other.mp4", []),
    ],
)
def test_names_of_other_tools_find_videos(text: str, paths: list[str]) -> None:
    assert names(text) == paths


def test_a_wrong_case_is_told() -> None:
    videos = VideoList([ListedVideo("Fire/a.mp4", "Fire/a")])
    assert videos.alike("fire/A.MP4") == ["Fire/a.mp4"]
    assert videos.alike("other.mp4") == []


def test_only_what_is_unknown_is_measured() -> None:
    asked: list[str] = []

    def measure(path: str) -> tuple[int, Fraction]:
        asked.append(path)
        return 40, Fraction(25)

    known = ListedVideo("a", "a", 7, Fraction(10))
    half = ListedVideo("b", "b", 7)
    videos = VideoList([known, half], measure=measure)
    assert videos.with_facts(known) == known
    assert videos.with_facts(half, timed=False) == half
    assert asked == []
    assert videos.with_facts(half) == ListedVideo("b", "b", 7, Fraction(25))
    assert asked == ["b"]


def test_a_folders_dot_is_no_suffix(tmp_path: Path) -> None:
    (tmp_path / "clip.2").mkdir()
    rows = [Row(path, "test", None, abnormal=False) for path in ("clip.2", "clip.mp4")]
    assert [listed_video(tmp_path, row).id for row in rows] == ["clip.2", "clip"]
