"""A uniform sample of fixed size from a stream of rows.

Every row draws a random key, and those with the least keys are kept.

Source: Efraimidis and Spirakis, "Weighted random sampling with a reservoir", Information Processing Letters
97, 2006, with equal weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Reservoir"]


class Reservoir:
    """Keeps so many rows of all that are added, each with the same chance, in the order of the stream.

    Args:
        size: Rows kept at most, at least 1.
        rng: Draws the keys; nothing else should draw from it in between, if the sample is to be repeatable.
    """

    def __init__(self, size: int, rng: np.random.Generator):
        self._size, self._rng = size, rng
        self._limit = np.inf
        self._keys: list[NDArray[np.float64]] = []
        self._parts: list[tuple[NDArray[Any], ...]] = []

    def add(self, *arrays: NDArray[Any]) -> None:
        """Take rows: arrays of the same length, each of the same width every time."""
        keys = self._rng.random(len(arrays[0]))
        low = keys < self._limit
        self._keys.append(keys[low])
        self._parts.append(tuple(array[low] for array in arrays))
        if sum(map(len, self._keys)) > 2 * self._size:
            self._thin()

    def rows(self) -> tuple[NDArray[Any], ...]:
        """The rows kept, an array for each that was added; at least one `add` must have been."""
        self._thin()
        return self._parts[0]

    def _thin(self) -> None:
        keys = np.concatenate(self._keys)
        columns = tuple(np.concatenate(column) for column in zip(*self._parts, strict=True))
        if len(keys) > self._size:
            kept = np.sort(np.argpartition(keys, self._size - 1)[: self._size])
            keys, columns = keys[kept], tuple(column[kept] for column in columns)
            self._limit = keys.max()
        self._keys, self._parts = [keys], [columns]
