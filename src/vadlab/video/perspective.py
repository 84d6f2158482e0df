"""Places of a scene whose objects grow downward: the local unit of size, a grid of locations, and cells.

Paper: Leyva, Sanchez and Li, "Video anomaly detection with compact feature sets for online performance",
IEEE TIP 26(7), 2017. The numbers are those of the authors' release, for frames 160 pixels high. Ours is the
regular grid of locations, one unit apart, where the release has one at every pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vadlab.types import IntArray

__all__ = ["Cells", "Locations", "cells", "locations", "unit"]

UNIT, UNIT_GROWTH = 4.0, 0.02  # pixels at the top; pixels a row
CELL, CELL_GROWTH = 12.0, 1.06  # side of a cell of the top row; from a row to the next


@dataclass(frozen=True)
class Locations:
    """A grid of places.

    Args:
        places: (n, 2) float64, y and x, row by row.
        row: (n,) the grid's row of each, from 0.
        nearest: (height, width) the nearest place of each pixel.
    """

    places: NDArray[np.float64]
    row: IntArray
    nearest: IntArray


@dataclass(frozen=True)
class Cells:
    """Rectangles that do not overlap.

    Args:
        boxes: (n, 4) top, left, bottom, right; half-open.
        touching: (n, n) whether two cells share a border or a corner; no cell touches itself.
    """

    boxes: IntArray
    touching: NDArray[np.bool_]


def unit(y: NDArray[np.generic]) -> NDArray[np.float64]:
    """The local unit of size in pixels at rows counted from the top."""
    return UNIT + UNIT_GROWTH * np.asarray(y, dtype=np.float64)


@cache
def locations(height: int, width: int) -> Locations:
    """Places one local unit apart, along rows and between them."""
    rows: list[NDArray[np.float64]] = []
    y = UNIT / 2
    while y < height:
        step = float(unit(np.array(y)))
        x = np.arange(step / 2, width, step)
        rows.append(np.stack([np.full_like(x, y), x], axis=1))
        y += step
    places = np.concatenate(rows)
    pixels = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), axis=-1)
    nearest = np.asarray(cKDTree(places).query(pixels)[1], dtype=np.int64)
    return Locations(places, np.repeat(np.arange(len(rows)), [len(row) for row in rows]), nearest)


@cache
def cells(height: int, width: int) -> Cells:
    """Square cells, a row's 1.06 times as large as those above, mirrored about the middle column.

    The top row is left out, as in the release; the outermost cells are cut off at the border.
    """
    n_rows = round(np.log(height / CELL * (CELL_GROWTH - 1) + 1) / np.log(CELL_GROWTH) - 1)
    sides = CELL * CELL_GROWTH ** np.arange(max(n_rows, 1) + 1)
    edges = np.minimum(np.rint(np.cumsum(sides)), height).astype(int)
    boxes = []
    for top, bottom, side in zip(edges[:-1], edges[1:], sides[1:], strict=True):
        reach = np.minimum(np.rint(side * np.arange(np.ceil(width / 2 / side) + 1)), width / 2)
        columns = np.unique(np.rint(np.concatenate([width / 2 - reach, width / 2 + reach])).astype(int))
        boxes += [(top, left, bottom, right) for left, right in pairwise(columns)]
    found = np.array([box for box in boxes if box[0] < box[2]], dtype=np.int64).reshape(-1, 4)
    low, high = found[:, :2], found[:, 2:]
    touching = ((low[:, None] <= high[None]) & (low[None] <= high[:, None])).all(axis=2)
    return Cells(found, touching & ~np.eye(len(found), dtype=bool))
