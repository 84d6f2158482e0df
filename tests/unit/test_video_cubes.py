"""Cubes and their gradients, against slow loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import convolve

from vadlab.video import cubes as module
from vadlab.video.cubes import CubeForm, Cubes, moving_cubes

SMALL = CubeForm(sizes=((30, 20),), motion=0.0)


def noise(seed: int, n: int, size: tuple[int, int] = (20, 30)) -> np.ndarray:
    """(n, h, w, 3) frames without colour, so that they are their own grey."""
    grey = np.random.default_rng(seed).integers(0, 256, (n, *size), dtype=np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)


def joined(frames: np.ndarray, form: CubeForm) -> Cubes:
    """All cubes of a video as one run."""
    runs = list(moving_cubes(frames, form))
    shift = np.cumsum([0] + [len(run.starts) for run in runs])
    return Cubes(
        np.concatenate([run.starts for run in runs]),
        np.concatenate([run.place + by for run, by in zip(runs, shift, strict=False)]),
        np.concatenate([run.region for run in runs]),
        np.concatenate([run.x for run in runs]),
    )


def slow_gradients(grey: np.ndarray) -> np.ndarray:
    """(n, 3, h, w) along x, y and time, pixel by pixel."""
    n, h, w = grey.shape
    found = np.zeros((n, 3, h, w))
    for t, y, x in np.ndindex(n, h, w):
        left, right = max(x - 1, 0), min(x + 1, w - 1)
        above, below = max(y - 1, 0), min(y + 1, h - 1)
        found[t, 0, y, x] = (grey[t, y, right] - grey[t, y, left]) / (right - left)
        found[t, 1, y, x] = (grey[t, below, x] - grey[t, above, x]) / (below - above)
        found[t, 2, y, x] = grey[t, y, x] - grey[t - 1, y, x] if t else 0
    return found


def slow_cube(gradients: np.ndarray, start: int, region: int) -> np.ndarray:
    """A cube of frames of three regions side by side, two below each other."""
    row, column = divmod(region, 3)
    block = gradients[start : start + 5, :, 10 * row : 10 * row + 10, 10 * column : 10 * column + 10]
    return np.concatenate([frame.reshape(-1) for frame in block])


@pytest.mark.parametrize("stride", [1, 2, 5])
def test_cubes_are_those_of_a_slow_loop(stride: int) -> None:
    frames = noise(0, 14)
    gradients = slow_gradients(frames[..., 0] / 255)
    found = joined(frames, replace(SMALL, stride=stride))
    assert found.starts.tolist() == list(range(0, 10, stride))
    assert len(found.x) == 6 * len(found.starts)
    for place, region, x in zip(found.place, found.region, found.x, strict=True):
        np.testing.assert_allclose(x, slow_cube(gradients, found.starts[place], region), atol=1e-6)


def test_amount_of_the_gradient_along_time() -> None:
    frames = noise(1, 7)
    gradients = np.abs(slow_gradients(frames[..., 0] / 255)[:, 2:])
    found = joined(frames, replace(SMALL, gradients="t"))
    assert found.x.shape == (18, 500)
    for place, region, x in zip(found.place, found.region, found.x, strict=True):
        np.testing.assert_allclose(x, slow_cube(gradients, found.starts[place], region), atol=1e-6)


def test_only_cubes_with_motion() -> None:
    frames = np.full((12, 20, 30, 3), 90, dtype=np.uint8)
    frames[7:, 12, 25] = 90 + 51  # one pixel becomes 0.2 brighter, in the lower right region
    for motion, starts in ((0.19, [3, 4, 5, 6, 7]), (0.21, [])):
        found = joined(frames, replace(SMALL, motion=motion))
        assert found.starts.tolist() == list(range(8))
        assert found.starts[found.place].tolist() == starts
        assert found.region.tolist() == [5] * len(starts)


@pytest.mark.parametrize("block", [1, 3, 4, 7])
@pytest.mark.parametrize("stride", [1, 3])
def test_runs_do_not_matter(block: int, stride: int, monkeypatch: pytest.MonkeyPatch) -> None:
    frames, form = noise(2, 17), replace(SMALL, stride=stride, motion=167.0)
    whole = joined(frames, form)
    assert 0 < len(whole.place) < 6 * len(whole.starts)
    monkeypatch.setattr(module, "BLOCK", block)
    parts = joined(frames, form)
    for name in ("starts", "place", "region", "x"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name), err_msg=name)


def test_cubes_do_not_look_ahead() -> None:
    frames = noise(3, 12)
    every, fewer = joined(frames, SMALL), joined(frames[:9], SMALL)
    np.testing.assert_array_equal(every.x[: len(fewer.x)], fewer.x)


@pytest.mark.parametrize("n", [1, 2, 4])
def test_a_short_video_stands_still_at_its_end(n: int) -> None:
    frames = noise(4, n)
    longer = np.concatenate([frames, np.repeat(frames[-1:], 5 - n, axis=0)])
    found, expected = joined(frames, SMALL), joined(longer, SMALL)
    assert found.starts.tolist() == [0]
    np.testing.assert_array_equal(found.x, expected.x)
    assert len(found.x) == (6 if n > 1 else 0)


def test_the_papers_208_regions() -> None:
    form = CubeForm()
    assert np.bincount(form.regions()).tolist() == [4, 12, 192]
    assert form.values() == 1500 and replace(form, gradients="t").values() == 500
    found = joined(noise(5, 6, (60, 90)), replace(form, motion=0.0))
    assert found.x.shape == (2 * 208, 1500)
    # A spot at (x, y) = (45, 75) of 160x120 lies in one region of each size.
    frames = np.zeros((5, 120, 160, 3), dtype=np.uint8)
    frames[2:, 75:77, 45:47] = 255
    assert joined(frames, replace(form, motion=0.0)).region.tolist() == [2, 4 + 4 + 1, 16 + 16 * 7 + 4]


def test_blur_is_a_gaussian_renormalised_at_the_border() -> None:
    frames = noise(6, 5)
    kernel = np.exp(-(np.add.outer(np.arange(-1, 2) ** 2, np.arange(-1, 2) ** 2)) / 2)
    weight = convolve(np.ones((20, 30)), kernel, mode="constant")
    blurred = np.stack([convolve(g, kernel, mode="constant") / weight for g in frames[..., 0] / 255])
    gradients = slow_gradients(blurred)
    found = joined(frames, replace(SMALL, blur=True))
    for region, x in zip(found.region, found.x, strict=True):
        np.testing.assert_allclose(x, slow_cube(gradients, 0, region), atol=1e-5)
