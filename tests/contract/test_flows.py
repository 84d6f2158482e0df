"""What every flow method must do; a new file in `flow/` is tested by being there."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vadlab import catalog

NAMES = catalog.names("flow")
SIZE = (72, 96)  # height, width: not square, so that swapped axes show
BORDER = 12


@pytest.fixture(scope="module", params=NAMES)
def method(request: pytest.FixtureRequest) -> Any:
    return catalog.load("flow", request.param)()


@pytest.fixture(scope="module")
def canvas() -> NDArray[np.uint8]:
    """A texture of several scales, larger than a frame."""
    rng = np.random.default_rng(0)
    layers = [cv2.GaussianBlur(rng.normal(size=(160, 200)), (0, 0), sigma) * sigma for sigma in (1.5, 3, 6)]
    texture = np.sum(layers, axis=0)
    return np.interp(texture, (texture.min(), texture.max()), (0, 255)).astype(np.uint8)


def moving(canvas: NDArray[np.uint8], dx: float, dy: float, n: int) -> NDArray[np.uint8]:
    """n frames in which everything moves by (dx, dy) pixels a frame; exact for whole pixels."""
    height, width = SIZE
    frames = []
    for i in range(n):
        centre = (100 - dx * i, 80 - dy * i)
        frames.append(cv2.getRectSubPix(canvas, (width, height), centre))
    return np.stack(frames)


def inside(flow: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without the border, where things come into view."""
    return flow[:, BORDER:-BORDER, BORDER:-BORDER]


def test_there_are_methods_with_a_line_of_description() -> None:
    assert {"opencv_tvl1", "dis"} <= set(NAMES)
    assert all(len(catalog.describe("flow", name)) > 20 for name in NAMES)


@pytest.mark.parametrize("motion", [(3.0, 0.0), (0.0, -2.0), (-1.0, 2.0), (0.5, 0.25)])
def test_a_translation_is_found_with_axes_and_signs(
    method: Any, canvas: NDArray[np.uint8], motion: tuple[float, float]
) -> None:
    flow = method(moving(canvas, *motion, n=3))
    assert flow.shape == (2, *SIZE, 2)
    assert flow.dtype == np.float32
    error = np.linalg.norm(inside(flow) - np.array(motion, dtype=np.float32), axis=-1)
    assert error.mean() < 0.2, error.mean()


def test_each_field_belongs_to_its_own_pair(method: Any, canvas: NDArray[np.uint8]) -> None:
    """First to the right, then still, then back."""
    still = moving(canvas, 2, 0, n=2)
    frames = np.stack([still[0], still[1], still[1], still[0]])
    found = inside(method(frames)).mean(axis=(1, 2))
    np.testing.assert_allclose(found, [[2, 0], [0, 0], [-2, 0]], atol=0.15)


def test_no_motion_is_no_flow(method: Any, canvas: NDArray[np.uint8]) -> None:
    assert np.abs(method(moving(canvas, 0, 0, n=2))).max() < 1e-2
    assert np.abs(method(np.full((2, *SIZE), 128, np.uint8))).max() < 1e-2


def test_one_frame_gives_no_field(method: Any, canvas: NDArray[np.uint8]) -> None:
    flow = method(moving(canvas, 0, 0, n=1))
    assert flow.shape == (0, *SIZE, 2)
    assert flow.dtype == np.float32


def test_repeats_and_threads_give_the_same_and_leave_the_input_alone(
    method: Any, canvas: NDArray[np.uint8]
) -> None:
    clips = [moving(canvas, dx, 1, n=2) for dx in (1, 2)]
    for clip in clips:
        clip.flags.writeable = False
    alone = [method(clip) for clip in clips]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(method, clips * 2))
    for i, flow in enumerate(together):
        np.testing.assert_array_equal(flow, alone[i % 2])


def test_facts_are_plain_and_name_the_method(method: Any) -> None:
    facts = method.facts()
    assert json.loads(json.dumps(facts)) == facts
    assert facts
