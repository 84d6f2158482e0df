"""Moving patches, against slow loops."""

from __future__ import annotations

import numpy as np
import pytest

from vadlab.video.patches import PatchForm, moving_patches
from vadlab.video.transform import short_side, to_grey


def noise(seed: int, n: int, size: tuple[int, int]) -> np.ndarray:
    """(n, h, w, 3) frames without colour, so that they are their own grey."""
    grey = np.random.default_rng(seed).integers(0, 256, (n, *size), dtype=np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)


def corners(length: int, side: int, stride: int) -> list[int]:
    starts = [0]
    while starts[-1] + side < length:
        starts.append(min(starts[-1] + stride, length - side))
    return starts


@pytest.mark.parametrize("size", [(20, 31), (9, 8), (8, 40)])
@pytest.mark.parametrize("motion", [0.0, 85.0])
def test_patches_are_those_of_a_slow_loop(size: tuple[int, int], motion: float) -> None:
    frames = noise(0, 5, size)
    grey = frames[..., 0]
    form = PatchForm(side=8, stride=3, motion=motion)
    kept = 0
    for t, found in enumerate(moving_patches(frames, form), 1):
        wanted = []
        for y in corners(size[0], 8, 3):
            for x in corners(size[1], 8, 3):
                now, before = (grey[s, y : y + 8, x : x + 8].astype(float) for s in (t, t - 1))
                if np.abs(now - before).mean() > motion:
                    wanted.append(now)
        kept += len(wanted)
        assert found.dtype == np.uint8 and found.shape == (len(wanted), 8, 8)
        np.testing.assert_array_equal(found, np.array(wanted).reshape(-1, 8, 8))
    assert t == len(frames) - 1
    everything = 4 * len(corners(size[0], 8, 3)) * len(corners(size[1], 8, 3))
    assert kept == everything if motion == 0 else kept < everything


def test_every_pixel_is_in_a_patch() -> None:
    """A dot that comes and goes is seen wherever it is, once all patches count that differ at all."""
    form = PatchForm(side=8, stride=5, motion=0.0)
    for y, x in np.ndindex(14, 19):
        frames = np.zeros((2, 14, 19, 3), np.uint8)
        frames[1, y, x] = 255
        (found,) = moving_patches(frames, form)
        assert len(found) and all(patch.max() == 255 for patch in found)


def test_still_frames_have_none_and_a_lone_frame_is_skipped() -> None:
    frames = noise(1, 1, (20, 20))
    form = PatchForm(side=8, stride=3, motion=0.0)
    assert [len(found) for found in moving_patches(np.repeat(frames, 3, axis=0), form)] == [0, 0]
    assert list(moving_patches(frames, form)) == []


def test_high_frames_are_shrunk_and_small_ones_enlarged() -> None:
    form = PatchForm(side=8, stride=8, motion=0.0, height=16)
    high = noise(2, 2, (64, 96))
    (found,) = moving_patches(high, form)
    # By 4, so the area average is that of whole blocks.
    blocks = high[1, ..., 0].reshape(16, 4, 24, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(found[0], blocks[:8, :8], atol=1)
    assert len(found) == 2 * 3
    small = noise(3, 2, (5, 10))
    (found,) = moving_patches(small, form)
    np.testing.assert_array_equal(found[0], short_side(to_grey(small[1]), 8)[:, :8])
    assert len(found) == 2


def test_the_published_grid() -> None:
    """UCSD Ped2, 240 x 360: 10 rows of 16 patches."""
    (found,) = moving_patches(noise(4, 2, (240, 360)), PatchForm())
    assert found.shape == (10 * 16, 45, 45)
