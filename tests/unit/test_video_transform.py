"""Resizing, cropping and grey conversion against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vadlab.errors import UsageError
from vadlab.video.transform import centre_crop, resize, short_side, to_grey

sides = st.integers(1, 40)


@given(arrays(np.uint8, st.tuples(sides, sides, st.just(3))))
def test_grey_is_bt601_luma(frame):
    luma = frame.astype(float) @ [0.299, 0.587, 0.114]
    assert to_grey(frame).shape == frame.shape[:2]
    assert np.abs(to_grey(frame) - luma).max() <= 0.51


@given(arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3))))
def test_shrinking_by_a_whole_factor_averages_blocks(small):
    rng = np.random.default_rng(0)
    frame = np.clip(np.kron(small, np.ones((3, 2, 1))) + rng.integers(-9, 9, (1, 1, 1)), 0, 255).astype(
        np.uint8
    )
    h, w, _ = small.shape
    blocks = frame.reshape(h, 3, w, 2, 3).mean(axis=(1, 3))
    assert np.abs(resize(frame, (w, h)) - blocks).max() <= 0.51


def test_shrinking_averages_all_pixels_of_noise():
    # Bilinear sampling would keep the noise; the area average of 8x8 pixels has an eighth of it.
    frame = np.random.default_rng(0).integers(0, 256, (256, 256), dtype=np.uint8)
    expected = frame.reshape(32, 8, 32, 8).mean(axis=(1, 3))
    assert np.abs(resize(frame, (32, 32)) - expected).max() <= 0.51


def test_growing_interpolates_a_ramp():
    ramp = np.tile(np.arange(0, 200, 10, dtype=np.uint8), (4, 1))
    grown = resize(ramp, (200, 4)).astype(float)
    # Pixel centres: output x lies at (x + 0.5) / 10 - 0.5 of the input.
    expected = np.clip((np.arange(200) + 0.5) / 10 - 0.5, 0, 19) * 10
    assert np.abs(grown - expected).max() <= 0.51


def test_one_axis_shrinks_while_the_other_grows():
    rng = np.random.default_rng(1)
    frame = rng.integers(0, 256, (4, 64), dtype=np.uint8)
    columns = frame.reshape(4, 8, 8).mean(axis=2).round().astype(np.uint8)
    assert np.abs(resize(frame, (8, 16)).astype(int) - resize(columns, (8, 16))).max() <= 1


@given(arrays(np.uint8, st.tuples(sides, sides)), sides, sides)
def test_resize_gives_the_size_and_stays_in_range(frame, width, height):
    out = resize(frame, (width, height))
    assert out.shape == (height, width)
    assert frame.min() <= out.min() <= out.max() <= frame.max()


@pytest.mark.parametrize(
    ("h", "w", "expected"),
    [(240, 320, (256, 341)), (320, 240, (341, 256)), (99, 99, (256, 256)), (720, 1280, (256, 455))],
)
def test_short_side_keeps_the_aspect_ratio(h, w, expected):
    assert short_side(np.zeros((h, w, 3), np.uint8), 256).shape[:2] == expected


@given(sides, sides, sides)
def test_short_side_is_exact_and_the_long_side_within_half_a_pixel(h, w, n):
    height, width = short_side(np.zeros((h, w), np.uint8), n).shape
    assert min(height, width) == n
    assert abs(height - h * n / min(h, w)) <= 0.5
    assert abs(width - w * n / min(h, w)) <= 0.5


def test_centre_crop_cuts_the_middle():
    frame = np.arange(7 * 10).reshape(7, 10).astype(np.uint8)
    crop = centre_crop(frame, (4, 3))
    np.testing.assert_array_equal(crop, frame[2:5, 3:7])
    assert crop.base is None


@pytest.mark.parametrize("size", [(11, 3), (3, 8), (0, 3), (3, -1)])
def test_centre_crop_refuses_what_does_not_fit(size):
    with pytest.raises(UsageError, match="cannot crop"):
        centre_crop(np.zeros((7, 10), np.uint8), size)


def test_resize_refuses_an_empty_size():
    with pytest.raises(UsageError, match="empty"):
        resize(np.zeros((7, 10), np.uint8), (0, 3))
    with pytest.raises(UsageError, match="empty"):
        short_side(np.zeros((7, 10), np.uint8), 0)
