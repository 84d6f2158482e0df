"""Greedy k-centre: points that lie far apart, so that each of the others has one of them near.

Gonzalez, "Clustering to minimize the maximum intercluster distance", Theoretical Computer Science 38, 1985:
the largest distance of a point to its nearest chosen one is at most twice the least that so many can have.
"""

from __future__ import annotations

import numpy as np
from numba import float32, njit, uintp
from numpy.typing import NDArray

__all__ = ["farthest_first"]

# Sums may be taken in any order, which lets LLVM make vectors of them; infinity keeps its meaning.
_compiled = njit(nogil=True, fastmath={"reassoc", "contract"}, error_model="numpy", cache=True)


@_compiled  # type: ignore[untyped-decorator]
def farthest_first(points: NDArray[np.float32], n: int, start: int) -> NDArray[np.int64]:
    """Choose the start, then again and again the point that is farthest from all chosen before.

    A difference is taken before it is squared, so points that coincide have distance zero, whatever their
    norm. Time is O(n N d).

    Args:
        points: (N, d) float32 in C order, N at least 1.
        n: How many to choose.
        start: Row of the first.

    Returns:
        (m,) int64 rows in the order of choice; m is less than n where all others coincide with a chosen one.

    Source: Gonzalez 1985; Roth et al., CVPR 2022, Algorithm 1 (PatchCore's coreset).
    """
    chosen = np.empty(n, np.int64)
    nearest = np.full(len(points), np.inf, np.float32)
    newest = start
    for i in range(n):
        chosen[i] = newest
        centre = points[newest]
        farthest = float32(0)
        for j in range(len(points)):
            squared = float32(0)
            for c in range(points.shape[1]):
                difference = points[uintp(j), uintp(c)] - centre[uintp(c)]
                squared += difference * difference
            nearest[j] = min(nearest[j], squared)
            if nearest[j] > farthest:
                farthest, newest = nearest[j], j
        if farthest == 0:
            return chosen[: i + 1]
    return chosen
