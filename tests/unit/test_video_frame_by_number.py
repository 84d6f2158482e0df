"""Frames by number, in any order, are those of a decoding from the start, for every kind of file."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numbered_video import HEALTHY, N, number, numbered, write

from vadlab.errors import DataError
from vadlab.video.decode import VideoFrames
from vadlab.video.frame_by_number import NumberedFrames

SEEKABLE = ("b-frames.mp4", "fragments.mp4", "irregular.mp4", "mjpeg.avi", "open-gop.mp4", "short-gops.mp4")
KINDS = HEALTHY | {
    "short-gops.mp4": {"options": {"g": "7", "bf": "2"}},
    "open-gop.ts": {"options": {"bf": "3", "g": "12", "x264-params": "open-gop=1"}},
    "irregular.mp4": {
        "options": {"g": "9"}, "pts": [k * 3 + k % 2 for k in range(N)], "time_base": Fraction(1, 75)
    },
    "mpeg4-b.avi": {"codec": "mpeg4", "options": {"bf": "2", "g": "10"}},
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_any_frame_is_the_one_of_a_whole_decoding(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, **KINDS[name])
    expected = list(VideoFrames(path))
    frames = NumberedFrames(path)
    assert (frames.n_frames, frames.fps) == (len(expected), VideoFrames(path).fps)
    places = list(range(frames.n_frames))
    random.Random(0).shuffle(places)
    for place in places:
        reading = frames.read(place)
        for k in range(place, min(place + 3, frames.n_frames)):
            np.testing.assert_array_equal(next(reading), expected[k], err_msg=f"{name}, frame {k}")
        reading.close()
    if len(expected) > 1:
        assert [number(frame) for frame in frames.read(frames.n_frames - 2)] == [N - 2, N - 1]


@pytest.mark.parametrize("name", SEEKABLE)
def test_files_with_key_frames_are_not_decoded_from_the_start(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = NumberedFrames(write(tmp_path / name, **KINDS[name]))

    def refuse(*_: object) -> None:
        raise AssertionError("decoded from the start")

    monkeypatch.setattr("vadlab.video.frame_by_number.decoded_pictures", refuse)
    for place in (31, 45, N - 1, 38):
        assert number(next(frames.read(place))) == place


def test_image_folders(tmp_path: Path) -> None:
    for k in range(12):
        cv2.imwrite(str(tmp_path / f"{k}.png"), numbered(k))
    frames = NumberedFrames(tmp_path, fps=Fraction(10))
    assert (frames.n_frames, frames.fps) == (12, 10)
    assert [number(frame) for frame in frames.read(9)] == [9, 10, 11]
    assert list(frames.read(12)) == []


def test_damage_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "v.mp4", container={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[:-800])
    with pytest.raises(DataError, match="damaged"):
        NumberedFrames(path)


def test_real_videos(shared: Path) -> None:
    for path in sorted((shared / "data" / "cctv-mini" / "Falling").glob("*.mp4"))[:2]:
        expected = list(VideoFrames(path))
        frames = NumberedFrames(path)
        for place in (len(expected) - 1, len(expected) // 2, 0, 7):
            np.testing.assert_array_equal(next(frames.read(place)), expected[place])
