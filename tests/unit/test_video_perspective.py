"""Locations and cells that grow downward, against slow loops."""

from __future__ import annotations

import numpy as np
import pytest

from vadlab.video.perspective import cells, locations, unit


@pytest.mark.parametrize("size", [(160, 240), (40, 60)])
def test_locations_are_one_unit_apart_and_pixels_know_the_nearest(size: tuple[int, int]) -> None:
    grid = locations(*size)
    for row in range(grid.row[-1] + 1):
        places = grid.places[grid.row == row]
        step = 4 + 0.02 * places[0, 0]
        assert np.ptp(places[:, 0]) == 0
        np.testing.assert_allclose(np.diff(places[:, 1]), step)
        if row:
            above = grid.places[grid.row == row - 1][0, 0]
            assert places[0, 0] - above == pytest.approx(unit(np.array(above)))
    for y, x in np.random.default_rng(0).integers(0, size, (200, 2)):
        distances = np.linalg.norm(grid.places - (y, x), axis=1)
        assert distances[grid.nearest[y, x]] == pytest.approx(distances.min())


@pytest.mark.parametrize("size", [(160, 240), (240, 320), (40, 60), (32, 32)])
def test_cells_tile_the_frame_below_the_top_row(size: tuple[int, int]) -> None:
    height, width = size
    found = cells(height, width)
    painted = np.zeros(size, dtype=int)
    for top, left, bottom, right in found.boxes:
        painted[top:bottom, left:right] += 1
    tiled = painted.any(axis=1)
    assert (painted[tiled] == 1).all()
    rows = np.flatnonzero(tiled)
    assert rows[0] == 12 and (np.diff(rows) == 1).all()
    np.testing.assert_array_equal(painted, painted[:, ::-1])


def test_cells_of_the_release() -> None:
    """By its formula 160 rows of pixels hold round(9.09) = 9 rows of cells."""
    boxes = cells(160, 240).boxes
    tops = np.unique(boxes[:, 0])
    heights = [int(boxes[boxes[:, 0] == top][0, 2] - top) for top in tops]
    np.testing.assert_allclose(heights, 12 * 1.06 ** np.arange(1, 10), atol=1)
    mirrored = {(top, 240 - right, bottom, 240 - left) for top, left, bottom, right in boxes.tolist()}
    assert mirrored == {tuple(box) for box in boxes.tolist()}
    inner = boxes[(boxes[:, 1] > 0) & (boxes[:, 3] < 240)]
    assert np.abs((inner[:, 2] - inner[:, 0]) - (inner[:, 3] - inner[:, 1])).max() <= 1  # squares


def test_touching_cells_have_neighbouring_pixels() -> None:
    found = cells(160, 240)
    numbers = np.full((162, 242), -1)
    for i, (top, left, bottom, right) in enumerate(found.boxes):
        numbers[top + 1 : bottom + 1, left + 1 : right + 1] = i
    expected = np.zeros(found.touching.shape, dtype=bool)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            moved = np.roll(numbers, (dy, dx), axis=(0, 1))
            both = (numbers >= 0) & (moved >= 0) & (numbers != moved)
            expected[numbers[both], moved[both]] = True
    np.testing.assert_array_equal(found.touching, expected)
