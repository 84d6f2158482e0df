"""Image folders as videos."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vadlab.errors import DataError
from vadlab.video.decode import VideoFrames, probe, read_frame
from vadlab.video.image_folder import image_paths, read_image


def save(path, image):
    """Save an RGB or grey array."""
    image = image[..., ::-1] if image.ndim == 3 else image
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


def flat(value, size=(12, 8)):
    return np.full((size[1], size[0], 3), value, np.uint8)


def test_natural_order(tmp_path):
    for i in (10, 2, 1, 100, 20):
        save(tmp_path / f"img{i}.png", flat(i))
    frames = list(VideoFrames(tmp_path))
    assert [int(f[0, 0, 0]) for f in frames] == [1, 2, 10, 20, 100]
    assert int(read_frame(tmp_path, 2)[0, 0, 0]) == 10


def test_order_of_names_with_several_numbers_and_mixed_case(tmp_path):
    names = ["a1_2.jpg", "a1_10.JPG", "A2_1.png", "a10_1.jpeg", "b.tif", "10.bmp", "9.tiff", "09.bmp"]
    for name in names:
        (tmp_path / name).touch()
    found = [p.name for p in image_paths(tmp_path)]
    assert found == ["09.bmp", "9.tiff", "10.bmp", "a1_2.jpg", "a1_10.JPG", "A2_1.png", "a10_1.jpeg", "b.tif"]


def test_hidden_files_and_other_files_do_not_count(tmp_path):
    save(tmp_path / "1.png", flat(1))
    for name in (".2.png", "._1.png", "Thumbs.db", "notes.txt", ".DS_Store"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "masks").mkdir()
    assert probe(tmp_path, id="v").n_frames == 1
    assert len(list(VideoFrames(tmp_path))) == 1


def test_probe_of_a_folder(tmp_path):
    for i in range(5):
        save(tmp_path / f"{i}.png", flat(i, size=(15, 9)))
    video = probe(tmp_path, id="clips/v")
    assert (video.id, video.n_frames, video.size, video.fps) == ("clips/v", 5, (15, 9), 25)
    assert probe(tmp_path, id="v", fps=10).fps == 10
    frames = VideoFrames(tmp_path)
    assert (frames.size, frames.fps) == ((15, 9), 25)
    assert VideoFrames(tmp_path, fps=10).fps == 10


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".tiff"])
def test_lossless_images_come_back_in_rgb(tmp_path, suffix):
    image = np.random.default_rng(0).integers(0, 256, (9, 14, 3), dtype=np.uint8)
    save(tmp_path / f"0{suffix}", image)
    (frame,) = VideoFrames(tmp_path)
    np.testing.assert_array_equal(frame, image)
    assert frame.flags.c_contiguous


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".jpg"])
def test_grey_becomes_three_equal_channels(tmp_path, suffix):
    grey = np.add.outer(np.arange(8), np.arange(16)).astype(np.uint8) * 8
    save(tmp_path / f"0{suffix}", grey)
    frame = read_image(tmp_path / f"0{suffix}")
    assert frame.shape == (8, 16, 3)
    assert np.ptp(frame, axis=2).max() == 0
    assert np.abs(frame[..., 0].astype(int) - grey).max() <= (4 if suffix == ".jpg" else 0)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_are_scaled_to_eight(tmp_path, suffix):
    deep = np.linspace(0, 65535, 600).astype(np.uint16).reshape(20, 30)
    save(tmp_path / f"0{suffix}", deep)
    frame = read_image(tmp_path / f"0{suffix}")
    assert frame.dtype == np.uint8
    assert np.abs(frame[..., 0] - deep / 257).max() <= 0.51


def test_frames_of_mixed_size_are_refused_by_name(tmp_path):
    for i in range(3):
        save(tmp_path / f"{i}.png", flat(i))
    save(tmp_path / "3.png", flat(3, size=(12, 9)))
    frames = iter(VideoFrames(tmp_path, resize=(4, 4)))
    assert [int(next(frames)[0, 0, 0]) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(DataError, match=r"3\.png(.|\n)*12x8(.|\n)*12x9"):
        next(frames)


@pytest.mark.parametrize("content", [b"", b"not an image", "half"])
def test_an_unreadable_image_is_named(tmp_path, content):
    save(tmp_path / "0.jpg", flat(9, size=(64, 64)))
    data = (tmp_path / "0.jpg").read_bytes()
    (tmp_path / "1.jpg").write_bytes(data[: len(data) // 2] if content == "half" else content)
    frames = iter(VideoFrames(tmp_path))
    next(frames)
    with pytest.raises(DataError, match=r"1\.jpg: the image cannot be decoded"):
        next(frames)


def test_a_folder_without_images(tmp_path):
    (tmp_path / "01").mkdir()
    with pytest.raises(DataError, match=r"holds no image(.|\n)*found: 01"):
        probe(tmp_path, id="v")
    with pytest.raises(DataError, match="holds no image"):
        next(iter(VideoFrames(tmp_path / "01")))


def test_resize_of_a_folder(tmp_path):
    ramp = np.repeat(np.tile(np.arange(64, dtype=np.uint8) * 4, (32, 1))[..., None], 3, axis=2)
    save(tmp_path / "0.png", ramp)
    frames = VideoFrames(tmp_path, resize=(8, 4))
    (frame,) = frames
    assert frames.size == (8, 4)
    np.testing.assert_allclose(frame[0, :, 0], ramp[0, :, 0].reshape(8, 8).mean(axis=1), atol=0.51)
