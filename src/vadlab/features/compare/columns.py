"""Which columns of B belong to which of A: halves swapped, one half, or another order altogether."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from vadlab.features.compare.clips import ClipMap, clip_maps, standardised
from vadlab.features.compare.values import Matrix, Step, unit_rows
from vadlab.types import IntArray

__all__ = ["ColumnMap", "column_maps", "permuted"]

_LEAST_ROWS = 12  # to find an order of columns from half of the rows and test it on the rest
_SURE = 0.98  # share of columns that have to find one of their own


@dataclass(frozen=True)
class ColumnMap:
    """Columns of A and of B that belong to each other, in this order.

    Args:
        steps: What it says was done.
        a: (d,) indices.
        b: (d,) indices.
    """

    steps: tuple[Step, ...]
    a: IntArray
    b: IntArray

    def apply(self, a: Matrix, b: Matrix) -> tuple[Matrix, Matrix]:
        """These columns of both."""
        return a[:, self.a], b[:, self.b]


def column_maps(n: int, m: int) -> Iterator[ColumnMap]:
    """Maps between n columns of A and m of B; none where the numbers have nothing to do with each other."""
    every, first = np.arange(n), np.arange(m)
    if n == m:
        yield ColumnMap((), every, first)
        if n % 2 == 0 and n > 2:
            text = f"with its halves of {n // 2} columns swapped (such as flow before RGB)"
            yield ColumnMap((Step("halves-swapped", text, 0.5),), np.roll(every, n // 2), first)
    elif n == 2 * m:
        for which, part in (("first", every[:m]), ("second", every[m:])):
            yield ColumnMap(
                (Step(f"{which}-half", f"with the {which} half of its columns only", 0),), part, first
            )
    elif m == 2 * n:
        for which, part in (("first", first[:n]), ("second", first[n:])):
            text = f"with {n} columns more: A is the {which} half of B's columns"
            yield ColumnMap((Step(f"{which}-half-undone", text, 0),), every, part)


def permuted(a: Matrix, b: Matrix) -> Iterator[tuple[ColumnMap, ClipMap]]:
    """Maps with the columns in another order, for every likely map of clips.

    The order is found by correlation on every other pair of clips; whoever tests it has to use the rest.
    """
    if a.shape[1] != b.shape[1]:
        return
    # Rows as they are, and of length 1 on both sides, which finds orders under an L2 norm too.
    for one, other in ((a, b), (unit_rows(a), unit_rows(b))):
        # Sorted values do not depend on the order of columns, and so tell which clips belong together.
        sorted_rows = (standardised(np.sort(x, axis=1)) for x in (one, other))
        for _, clips in clip_maps(*sorted_rows):
            order = _order(*clips.apply(one, other))
            if order is not None:
                moved = int((order != np.arange(len(order))).sum())
                text = f"with its columns in another order ({moved} of {len(order)} elsewhere)"
                step = Step("columns-permuted", text, 3)
                yield ColumnMap((step,), order, np.arange(len(order))), clips


def _order(a: Matrix, b: Matrix) -> IntArray | None:
    """Which column of A each column of B is, by every other row; None if there is no such order."""
    finite = np.isfinite(a).all(axis=1) & np.isfinite(b).all(axis=1)
    if finite.sum() < _LEAST_ROWS:
        return None
    x, y = _columns_of_length_1(a[finite][::2]), _columns_of_length_1(b[finite][::2])
    correlation = y.T @ x
    order: IntArray = np.argmax(correlation, axis=1)
    varies = (y != 0).any(axis=0)
    firsts = np.unique(order[varies], return_index=True)[1]
    sure = np.flatnonzero(varies)[firsts]
    if len(sure) < _SURE * varies.sum():
        return None  # many columns of B are nearest to the same one of A
    # What is left are columns that hardly vary in these rows: alike, or never other than 0.
    rest_b = np.setdiff1d(np.arange(len(order)), sure)
    rest_a = np.setdiff1d(np.arange(len(order)), order[sure])
    of_b, of_a = linear_sum_assignment(-correlation[np.ix_(rest_b, rest_a)])
    order[rest_b[of_b]] = rest_a[of_a]
    return order


def _columns_of_length_1(x: Matrix) -> Matrix:
    x = x - x.mean(axis=0)
    norms = np.linalg.norm(x, axis=0)
    unit: Matrix = np.divide(x, norms, out=np.zeros_like(x), where=norms > 1e-9)
    return unit
