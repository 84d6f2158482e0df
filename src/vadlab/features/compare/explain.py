"""The best explanation of B's rows from A's: columns, clips and values together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from vadlab.features.compare.clips import ClipMap, clip_maps, shuffled, standardised
from vadlab.features.compare.columns import ColumnMap, column_maps, permuted
from vadlab.features.compare.values import Fit, Matrix, Step, score, value_fits

__all__ = ["EXPLAINED", "Explanation", "Structure", "explain", "fit_structure", "likeness"]

EXPLAINED = 0.999  # agreement from which B is taken for A, changed
_MOST_PAIRS = 256  # that values are fitted on, spread over the video
_NEAR = 0.3  # structures whose similarity is this much below the best are not looked at


@dataclass(frozen=True)
class Structure:
    """Which columns and clips belong together; all but the values."""

    columns: ColumnMap
    clips: ClipMap

    @property
    def steps(self) -> tuple[Step, ...]:
        """What it says was done."""
        return self.columns.steps + self.clips.steps

    def pairs(self, a: Matrix, b: Matrix) -> tuple[Matrix, Matrix]:
        """Rows of A and B that belong together and are finite, as they are before their values are fitted."""
        x, y = self.clips.apply(*self.columns.apply(a, b))
        finite = np.isfinite(x).all(axis=1) & np.isfinite(y).all(axis=1)
        return x[finite], y[finite]


@dataclass(frozen=True)
class Explanation:
    """What was done to A to get B.

    Args:
        structure: Columns and clips.
        fit: All steps, values included, and how much of B they explain.
    """

    structure: Structure
    fit: Fit

    @property
    def holds(self) -> bool:
        """Whether B is explained by it to the last digits."""
        return self.fit.agreement >= EXPLAINED


def explain(a: Matrix, b: Matrix) -> Explanation | None:
    """The hypothesis under which B agrees best with A, done to A; each further step has to pay its way.

    Args:
        a: (n, d) features of one video; rows with NaN are passed over.
        b: (m, e) features of the same video.

    Returns:
        The best, which may explain little: see `Explanation.holds`. None if no hypothesis can be tested
        because the columns' numbers have nothing to do with each other or there are no finite rows.
    """
    best = _best(a, b, _likely(a, b))
    if best is None or not best.holds:
        rare = _best(a, b, _rare(a, b))
        best = max(
            (one for one in (best, rare) if one is not None), key=lambda one: score(one.fit), default=None
        )
    return best


def fit_structure(
    a: Matrix, b: Matrix, structure: Structure, *, steps: tuple[Step, ...] | None = None
) -> Explanation | None:
    """The best fit of values under a structure; None if it leaves no pairs.

    Args:
        a: (n, d) features.
        b: (m, e) features.
        structure: Which columns and clips belong together.
        steps: All steps of a fit, to test that one only, with numbers of its own; None tries all.
    """
    x, y = structure.pairs(a, b)
    if not len(x):
        return None
    if structure.columns.steps[:1] and structure.columns.steps[0].kind == "columns-permuted":
        x, y = x[1::2], y[1::2]  # the order was found on the others
    every = -(-len(x) // _MOST_PAIRS)
    fits = [Fit(structure.steps + fit.steps, fit.agreement) for fit in value_fits(x[::every], y[::every])]
    if steps is not None:
        kinds = [step.kind for step in steps]
        fits = [fit for fit in fits if [step.kind for step in fit.steps] == kinds]
    return Explanation(structure, max(fits, key=score)) if fits else None


def likeness(a: Matrix, b: Matrix) -> float:
    """How similar two videos' rows can be, 1 at most, whatever their columns, clips and scales."""
    return max((similarity for similarity, _ in _rated(a, b)), default=-1.0)


def _best(a: Matrix, b: Matrix, structures: Iterable[Structure]) -> Explanation | None:
    found = (fit_structure(a, b, structure) for structure in structures)
    return max((one for one in found if one is not None), key=lambda one: score(one.fit), default=None)


def _likely(a: Matrix, b: Matrix) -> list[Structure]:
    rated = _rated(a, b)
    top = max((similarity for similarity, _ in rated), default=0.0)
    return [one for similarity, one in rated if similarity >= top - _NEAR or one.clips.plain]


def _rated(a: Matrix, b: Matrix) -> list[tuple[float, Structure]]:
    return [
        (similarity, Structure(columns, clips))
        for columns in column_maps(a.shape[1], b.shape[1])
        for similarity, clips in clip_maps(*(standardised(x) for x in columns.apply(a, b)))
    ]


def _rare(a: Matrix, b: Matrix) -> Iterator[Structure]:
    for columns, clips in permuted(a, b):
        yield Structure(columns, clips)
    for columns in column_maps(a.shape[1], b.shape[1]):
        one = shuffled(*(standardised(x) for x in columns.apply(a, b)))
        if one is not None:
            yield Structure(columns, one)
