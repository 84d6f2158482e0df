"""Pixels of decoded pictures: matrices, ranges, plane-wise resizing, rotation."""

from __future__ import annotations

import gc

import av
import cv2
import numpy as np
import pytest

from vadlab.video.colour import rgb, shown_size
from vadlab.video.transform import resize

BT709, UNSPECIFIED, BT601 = 1, 2, 6
LIMITED, FULL = 1, 2


def picture(planes, *, matrix=UNSPECIFIED, value_range=0, kind="yuv420p"):
    height, width = planes[0].shape
    frame = av.VideoFrame(width, height, kind)
    for plane, values in zip(frame.planes, planes, strict=True):
        padded = np.zeros((plane.height, plane.line_size), np.uint8)
        padded[:, : plane.width] = values
        plane.update(padded.tobytes())
    frame.colorspace, frame.color_range = matrix, value_range
    return frame


def flat_picture(y, u, v, **tags):
    return picture([np.full((16, 16), y), np.full((8, 8), u), np.full((8, 8), v)], **tags)


# Published 8-bit codes of the pure colours (ITU-R BT.601 and BT.709, limited range).
PRIMARIES = {
    BT601: {(81, 90, 240): (255, 0, 0), (145, 54, 34): (0, 255, 0), (41, 240, 110): (0, 0, 255)},
    BT709: {(63, 102, 240): (255, 0, 0), (173, 42, 26): (0, 255, 0), (32, 240, 118): (0, 0, 255)},
}


@pytest.mark.parametrize("size", [None, (8, 8)])
@pytest.mark.parametrize("matrix", [BT601, BT709, UNSPECIFIED])
def test_pure_colours_of_the_standards(matrix, size):
    codes = PRIMARIES[BT709 if matrix == BT709 else BT601]
    for code, colour in codes.items():
        found = rgb(flat_picture(*code, matrix=matrix, value_range=LIMITED), size)
        assert np.abs(found.astype(int) - colour).max() <= 3


@pytest.mark.parametrize("size", [None, (8, 8)])
def test_black_and_white_of_both_ranges(size):
    for value_range, kind, black, white in [
        (0, "yuv420p", 16, 235),
        (LIMITED, "yuv420p", 16, 235),
        (FULL, "yuv420p", 0, 255),
        (FULL, "yuvj420p", 0, 255),
        (0, "yuvj420p", 0, 255),
    ]:
        for y, expected in ((black, 0), (white, 255)):
            found = rgb(flat_picture(y, 128, 128, value_range=value_range, kind=kind), size)
            assert np.abs(found.astype(int) - expected).max() <= 1, (value_range, kind, y)


def natural(h, w, seed=0):
    """(h, w, 3) RGB with structure at all scales, soft as a lens makes it."""
    rng = np.random.default_rng(seed)
    image = np.zeros((h, w, 3))
    for scale in (2, 4, 8, 16, 32, 64):
        noise = rng.normal(size=(h // scale + 2, w // scale + 2, 3))
        image += scale * cv2.resize(noise, (w, h), interpolation=cv2.INTER_CUBIC)
    return np.clip(128 + image * 45 / image.std(), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("kind", ["yuv420p", "yuvj420p"])
@pytest.mark.parametrize("matrix", [UNSPECIFIED, BT709])
@pytest.mark.parametrize("size", [(224, 224), (112, 112), (340, 256), (97, 31), (800, 200), (641, 481)])
def test_planewise_resizing_agrees_with_rgb_then_resizing(kind, matrix, size):
    names = {UNSPECIFIED: "ITU601", BT709: "ITU709"}
    source = av.VideoFrame.from_ndarray(natural(360, 480), format="rgb24")
    frame = source.reformat(format=kind, dst_colorspace=names[matrix])
    frame.colorspace = matrix
    found, expected = rgb(frame, size).astype(int), resize(rgb(frame), size).astype(int)
    assert found.shape == (size[1], size[0], 3)
    assert np.abs(found - expected).mean() < 1.5


def test_planes_of_odd_pictures():
    frame = av.VideoFrame.from_ndarray(natural(63, 95), format="rgb24").reformat(format="yuv420p")
    assert rgb(frame).shape == (63, 95, 3)
    assert np.abs(rgb(frame, (48, 32)).astype(int) - resize(rgb(frame), (48, 32))).mean() < 1.5


@pytest.mark.parametrize("kind", ["yuv444p", "yuv422p", "yuv420p10le", "nv12", "gbrp", "rgb24"])
def test_other_formats_are_converted_first(kind):
    image = natural(64, 96)
    frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=kind)
    np.testing.assert_array_equal(rgb(frame, (32, 20)), resize(rgb(frame), (32, 20)))
    assert np.abs(rgb(frame).astype(int) - image).mean() < 6
    assert rgb(frame).flags.c_contiguous


@pytest.mark.parametrize("kind", ["gray", "gray10le", "gray16le"])
def test_grey_formats_give_three_equal_channels(kind):
    grey = np.tile(np.arange(256, dtype=np.uint8), (16, 1))
    frame = av.VideoFrame.from_ndarray(grey, format="gray").reformat(format=kind)
    found = rgb(frame)
    assert np.ptp(found, axis=2).max() == 0
    assert np.abs(found[..., 0].astype(int) - grey).max() <= 1


def n_pictures():
    return sum(type(one) is av.VideoFrame for one in gc.get_objects())


def test_a_picture_is_freed_without_the_collector_of_cycles():
    gc.collect()
    before = n_pictures()
    gc.disable()
    try:
        frame = flat_picture(100, 128, 128)
        assert n_pictures() == before + 1
        for _ in range(3):
            frame = flat_picture(100, 128, 128)
            rgb(frame), rgb(frame, (8, 8)), shown_size(frame)
        del frame
        assert n_pictures() == before
    finally:
        gc.enable()
