"""Pictures of frames by number: the right ones, for several people at once, in bounded memory."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numbered_video import N, number, numbered, write

from vadlab.errors import DataError
from vadlab.web.frame_pictures import FramePictures


def shown(picture: bytes | None) -> np.ndarray:
    assert picture is not None
    return cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


@pytest.mark.parametrize("max_bytes", [10**9, 8_000])
def test_every_picture_is_the_frame_of_its_number(tmp_path: Path, max_bytes: int) -> None:
    paths = [write(tmp_path / f"{k}.mp4", options={"g": "12", "bf": "2"}) for k in range(6)]
    pictures = FramePictures(max_bytes=max_bytes, max_open=2)

    def ask(seed: int) -> None:
        draw = random.Random(seed)
        for _ in range(25):
            start, path = draw.randrange(N), draw.choice(paths)
            for k in range(start, min(start + draw.randrange(1, 6), N)):
                assert number(shown(pictures.jpeg(path, k))) == k

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, range(4)))
    assert sum(map(len, pictures._pictures.values())) == pictures._n_bytes <= max_bytes


def test_facts_colours_and_size(tmp_path: Path) -> None:
    path = write(tmp_path / "v.mkv", 30, codec="ffv1", pixels="bgr0", size=(200, 100))
    pictures = FramePictures(max_side=100)
    assert (pictures.frames(path).n_frames, pictures.frames(path).fps) == (30, 25)
    image = shown(pictures.jpeg(path, 7))
    assert image.shape == (50, 100, 3)
    assert number(image) == 7
    red = write(tmp_path / "red.mkv", 2, codec="ffv1", pixels="bgr0",
                picture=lambda i, size: np.full((*size[::-1], 3), (200, 40, 10), np.uint8))  # fmt: skip
    np.testing.assert_allclose(shown(pictures.jpeg(red, 1)).mean((0, 1)), (200, 40, 10), atol=4)
    assert pictures.jpeg(path, 30) is None
    assert pictures.jpeg(path, -1) is None


def test_a_replaced_file_is_decoded_anew(tmp_path: Path) -> None:
    path, pictures = tmp_path / "v.mp4", FramePictures()
    write(path, 20)
    before = pictures.stamp(path)
    assert pictures.frames(path).n_frames == 20
    write(path, 12, picture=lambda i, size: numbered(i + 100, size))
    assert pictures.stamp(path) != before
    assert pictures.frames(path).n_frames == 12
    assert number(shown(pictures.jpeg(path, 3))) == 103


def test_image_folders_and_what_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for k in range(5):
        cv2.imwrite(str(tmp_path / "images" / f"{k}.png"), numbered(k))
    pictures = FramePictures()
    assert pictures.frames(tmp_path / "images", fps=Fraction(10)).fps == 10
    assert number(shown(pictures.jpeg(tmp_path / "images", 4))) == 4
    (tmp_path / "text.mp4").write_text("no video")
    for name in ("text.mp4", "none.mp4"):
        with pytest.raises(DataError):
            pictures.jpeg(tmp_path / name, 0)
