"""Small pictures of frames: the right ones, also after a video was replaced."""

from __future__ import annotations

import os
import shutil
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numbered_video import N, number, numbered, write
from running_app import running
from web_example import make_site

pytest.importorskip("fastapi", reason='the web pages need pip install "vadlab[web]"')
from vadlab.errors import DataError
from vadlab.web.app import create_app
from vadlab.web.site import Site
from vadlab.web.thumbnails import thumbnail

FPS = Fraction(25)


def shown(picture: bytes) -> int:
    return number(cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR))


def later(i: int, size: tuple[int, int]) -> np.ndarray:
    return numbered(i + 100, size)


@pytest.mark.parametrize("frame", [0, 17, N - 1])
def test_the_frame_of_that_number(tmp_path: Path, frame: int) -> None:
    path = write(tmp_path / "v.mp4", options={"g": "12", "bf": "3"})
    assert shown(thumbnail(path, frame, FPS)) == frame


def test_a_replaced_video_shows_its_own_pictures(tmp_path: Path) -> None:
    path, other = write(tmp_path / "v.mp4"), write(tmp_path / "other.mp4", picture=later)
    assert shown(thumbnail(path, 7, FPS)) == 7
    shutil.copy(other, path)
    assert shown(thumbnail(path, 7, FPS)) == 107


def test_another_time_alone_and_another_size_alone(tmp_path: Path) -> None:
    path, other = write(tmp_path / "v.mp4"), write(tmp_path / "other.mp4", picture=later)
    before = path.stat()
    assert before.st_size != other.stat().st_size
    assert shown(thumbnail(path, 7, FPS)) == 7
    shutil.copy(other, path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert shown(thumbnail(path, 7, FPS)) == 107
    length = path.stat().st_size + 1000
    padded(write(path), length)
    assert shown(thumbnail(path, 7, FPS)) == 7
    padded(shutil.copy(other, path), length)
    assert shown(thumbnail(path, 7, FPS)) == 107


def padded(path: Path, length: int) -> None:
    """Lengthen an MP4 by a box that players skip."""
    room = length - path.stat().st_size
    with path.open("ab") as file:
        file.write(room.to_bytes(4, "big") + b"free" + bytes(room - 8))


def test_an_image_that_was_replaced_in_its_folder(tmp_path: Path) -> None:
    for k in range(5):
        cv2.imwrite(str(tmp_path / f"{k}.png"), numbered(k))
    assert shown(thumbnail(tmp_path, 3, FPS)) == 3
    cv2.imwrite(str(tmp_path / "3.png"), numbered(103))
    assert shown(thumbnail(tmp_path, 3, FPS)) == 103


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        thumbnail(tmp_path / "none.mp4", 0, FPS)


def test_a_browser_asks_whether_its_picture_is_still_right(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    video = tmp_path / "videos" / "Fire" / "a.mp4"
    with running(create_app(Site(site))) as web:
        address = "/api/runs/runs~first/thumbnail/Fire/a"
        first = web.get(address, params={"frame": 7})
        tag = {"If-None-Match": first.headers["etag"]}
        assert (shown(first.content), first.headers["cache-control"]) == (7, "private, no-cache")
        again = web.get(address, params={"frame": 7}, headers=tag)
        assert (again.status_code, again.content) == (304, b"")
        write(video, picture=later)
        after = web.get(address, params={"frame": 7}, headers=tag)
        assert (after.status_code, shown(after.content)) == (200, 107)
