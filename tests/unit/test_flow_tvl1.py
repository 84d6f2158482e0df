"""Our TV-L1: known motion, sizes of every kind, and the frames' shared pyramids."""

from typing import Literal

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vadlab import config
from vadlab.errors import UsageError
from vadlab.flow.opencv_tvl1 import OpenCVTVL1
from vadlab.flow.tvl1 import TVL1

Preset = Literal["quality", "balanced", "fast"]
PRESETS: tuple[Preset, ...] = ("fast", "balanced", "quality")
FINE = 4  # textures are drawn so many times as fine, lest interpolation show in the second frame


def texture(height: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    """A texture of several scales; `[::FINE, ::FINE]` of it is (height, width)."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(3, height * FINE, width * FINE))
    total = np.sum(
        [cv2.GaussianBlur(n, (0, 0), s) * s for n, s in zip(noise, (5, 12, 24), strict=True)], axis=0
    )
    return np.interp(total, (total.min(), total.max()), (0, 255)).astype(np.float32)


def frames_of(*fine: NDArray[np.float32]) -> NDArray[np.uint8]:
    rng = np.random.default_rng(9)
    coarse = np.stack([f[::FINE, ::FINE] for f in fine])
    return np.clip(np.rint(coarse + rng.normal(0, 1, coarse.shape)), 0, 255).astype(np.uint8)


def turned(
    canvas: NDArray[np.float32], angle: float, size: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Two frames, the second turned about the middle, and the true flow."""
    n = canvas.shape[0]
    matrix = cv2.getRotationMatrix2D((n / 2, n / 2), angle, 1.0)
    second = cv2.warpAffine(canvas, matrix, (n, n), flags=cv2.INTER_CUBIC)
    start = (n - size * FINE) // 2
    cut = slice(start, start + size * FINE)
    y, x = np.mgrid[cut, cut][:, ::FINE, ::FINE].astype(np.float64)
    places = np.stack([x, y], axis=-1)
    flow = (places @ matrix[:, :2].T + matrix[:, 2] - places) / FINE
    return frames_of(canvas[cut, cut], second[cut, cut]), flow.astype(np.float32)


def error(found: NDArray[np.float32], true: NDArray[np.float32]) -> float:
    inner = slice(8, -8)
    return float(np.linalg.norm(found - true, axis=-1)[inner, inner].mean())


@pytest.mark.parametrize("preset", PRESETS)
def test_no_preset_is_further_from_the_truth_than_opencv(preset: Preset) -> None:
    """A turn by 2 degrees: up to 2.2 pixels of motion, another one at each pixel."""
    frames, true = turned(texture(180, 180), 2.0, 128)
    ours = error(TVL1(preset=preset)(frames)[0], true)
    theirs = error(OpenCVTVL1()(frames)[0], true)
    assert ours < max(1.1 * theirs, theirs + 0.01), (ours, theirs)


def energy(frames: NDArray[np.uint8], flow: NDArray[np.float32], lambda_: float = 0.15) -> float:
    """What TV-L1 minimises: total variation of both components, and lambda times the brightness left."""
    first, second = frames.astype(np.float32)
    y, x = np.mgrid[: first.shape[0], : first.shape[1]].astype(np.float32)
    moved = cv2.remap(
        second, x + flow[..., 0], y + flow[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    steps = [np.gradient(flow[..., i]) for i in range(2)]
    variation = sum(float(np.hypot(dy, dx).sum()) for dy, dx in steps)
    return variation + lambda_ * float(np.abs(moved - first)[8:-8, 8:-8].sum())


def test_more_work_comes_closer_to_the_minimum() -> None:
    frames, true = turned(texture(180, 180, seed=3), -2.5, 128)
    found = [energy(frames, TVL1(preset=preset)(frames)[0]) for preset in PRESETS]
    assert found[2] < found[1] < found[0] < energy(frames, np.zeros_like(true))


def test_large_motion_is_found() -> None:
    canvas = texture(150, 150, seed=4)
    first, second = canvas[: 128 * FINE, 12 * FINE : 140 * FINE], canvas[: 128 * FINE, : 128 * FINE]
    found = TVL1()(frames_of(first, second))[0][8:-8, 8:-24]  # 12 pixels to the right
    assert np.abs(found - [12, 0]).mean() < 0.2


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 5), (15, 16), (31, 33), (33, 127), (64, 65)])
def test_any_size_of_frame_works(size: tuple[int, int]) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, *size), dtype=np.uint8)
    flow = TVL1()(frames)
    assert flow.shape == (2, *size, 2) and np.isfinite(flow).all()
    np.testing.assert_allclose(TVL1()(np.repeat(frames[:1], 2, axis=0)), 0, atol=1e-5)


def test_a_run_of_frames_gives_what_its_pairs_give() -> None:
    frames = np.random.default_rng(1).integers(0, 256, (5, 40, 52), dtype=np.uint8)
    pairs = [TVL1()(frames[i : i + 2])[0] for i in range(4)]
    np.testing.assert_array_equal(TVL1()(frames), pairs)


def test_a_mirrored_world_gives_mirrored_flow() -> None:
    frames, _ = turned(texture(120, 120, seed=5), 2.0, 96)
    straight, mirrored = TVL1()(frames)[0], TVL1()(np.ascontiguousarray(frames[:, :, ::-1]))[0]
    difference = np.abs(mirrored[:, ::-1] * np.array([-1, 1]) - straight)
    assert np.median(difference) < 0.01
    swapped = TVL1()(np.ascontiguousarray(frames.transpose(0, 2, 1)))[0].transpose(1, 0, 2)[..., ::-1]
    assert np.median(np.abs(swapped - straight)) < 0.01


def test_an_unknown_preset_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"quality \| balanced \| fast"):
        config.build(TVL1, {"preset": "best"})
