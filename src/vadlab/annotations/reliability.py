"""How far people agree on labels beyond chance: Fleiss' kappa, Krippendorff's alpha, Cohen's kappa.

All take counts: a row a unit (a frame), a column a label, in each cell how many people gave the unit that
label. Rows that are alike may be given once, with how often they occur, so that ten million frames are a
dozen rows. A coefficient is NaN where chance alone would agree on everything, as when all frames have one
label.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vadlab.errors import DataError

__all__ = ["cohen_kappa", "fleiss_kappa", "krippendorff_alpha"]

Counts = NDArray[np.int64]


def fleiss_kappa(counts: Counts, weights: Counts | None = None) -> float:
    """Fleiss' kappa; at most 1, 0 for chance, NaN if undefined.

    Args:
        counts: (units, labels) people who gave the unit that label. Every row sums to the same, 2 or more.
        weights: (units,) how often each row occurs, or None for once.

    Raises:
        DataError: If rows have different sums, or fewer than two people.

    Source: Fleiss, Measuring nominal scale agreement among many raters, Psychological Bulletin 76, 1971.
    """
    rows, times = _as_floats(counts, weights)
    people = rows.sum(axis=1)
    if len(people) and (people.min() != people.max() or people.min() < 2):
        raise DataError(
            "Fleiss' kappa needs the same number of people for every unit",
            expected="two or more",
            found=f"{people.min():.0f} to {people.max():.0f}",
            remedy="use Krippendorff's alpha",
        )
    if not times.sum():
        return math.nan
    n = people[0]
    agreed = (rows * (rows - 1)).sum(axis=1) / (n * (n - 1))
    observed = (times * agreed).sum() / times.sum()
    shares = times @ rows / (n * times.sum())
    return _beyond_chance(float(observed), float((shares**2).sum()))


def krippendorff_alpha(counts: Counts, weights: Counts | None = None) -> float:
    """Krippendorff's alpha for nominal labels; at most 1, 0 for chance, NaN if undefined.

    People may be missing: a unit that fewer than two people labelled counts for nothing.

    Args:
        counts: (units, labels) people who gave the unit that label.
        weights: (units,) how often each row occurs, or None for once.

    Source: Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011, nominal metric.
    """
    rows, times = _as_floats(counts, weights)
    paired = rows.sum(axis=1) >= 2
    rows, times = rows[paired], times[paired]
    people = rows.sum(axis=1)
    values = times @ rows
    n = values.sum()
    if n == 0:
        return math.nan
    same = (times * (rows * (rows - 1)).sum(axis=1) / (people - 1)).sum()
    expected_same = (values * (values - 1)).sum() / (n - 1)
    return _beyond_chance(float(same / n), float(expected_same / n))


def cohen_kappa(table: Counts) -> float:
    """Cohen's kappa of two people; at most 1, 0 for chance, NaN if undefined.

    Args:
        table: (labels, labels) units that the first gave the row's and the second the column's label.

    Source: Cohen, A coefficient of agreement for nominal scales, Educ. and Psych. Measurement 20, 1960.
    """
    n = table.sum()
    if n == 0:
        return math.nan
    shares = table / n
    return _beyond_chance(float(np.trace(shares)), float(shares.sum(axis=0) @ shares.sum(axis=1)))


def _as_floats(counts: Counts, weights: Counts | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    # Floats: exact up to 2^53, where products of integers would overflow unseen.
    rows = np.asarray(counts, dtype=np.float64)
    times = np.ones(len(rows)) if weights is None else np.asarray(weights, dtype=np.float64)
    return rows, times


def _beyond_chance(observed: float, expected: float) -> float:
    # Rounding may leave a certainty a little below 1.
    return math.nan if expected > 1 - 1e-12 else (observed - expected) / (1 - expected)
