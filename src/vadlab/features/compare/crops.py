"""Arrays with an axis of crops: which axis it is, which crop is which, one of them or their mean."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from einops import rearrange

from vadlab.features.compare.explain import EXPLAINED, Explanation, explain, fit_structure, likeness
from vadlab.features.compare.values import Fit, Matrix, Step, score

__all__ = ["explain_arrays"]

_COUNTS = (5, 10)  # crops that an axis or the columns may hold
# The customary orders of ten crops: torchvision's four corners and the centre, then the same mirrored; and
# the other one, where the centre comes first.
_CENTRE_FIRST = (4, 0, 1, 2, 3, 9, 5, 6, 7, 8)
_MIRRORED_FIRST = (5, 6, 7, 8, 9, 0, 1, 2, 3, 4)


def explain_arrays(a: Matrix, b: Matrix) -> Fit | None:
    """The best explanation of one array by another, crops included.

    Args:
        a: (n, d), (n, crops, d) or (crops, n, d) features of one video.
        b: The same of the same video, changed.

    Returns:
        None if the numbers of columns have nothing to do with each other.
    """
    found: list[Fit] = []
    one = _cube(a, b)
    for steps, other in _cubes(b, one):
        if a.ndim == 2 and one.shape[1] > 1 < other.shape[1]:
            steps = (Step("columns-to-crops", "with the crops in its columns as an axis", 0), *steps)
        best = _explain_cubes(one, other)
        if best is not None:
            found.append(Fit(steps + best.steps, best.agreement))
    return max(found, key=score, default=None)


def _cube(x: Matrix, other: Matrix) -> Matrix:
    """(clips, crops, dim) of an array; `other` tells whether its columns are crops side by side."""
    if x.ndim == 3:
        return x if x.shape[1] in _COUNTS or x.shape[0] not in _COUNTS else np.swapaxes(x, 0, 1)
    crops = x.shape[1] / other.shape[-1]
    if crops in _COUNTS:
        return rearrange(x, "clip (crop dim) -> clip crop dim", crop=int(crops))
    return x[:, None, :]


def _cubes(x: Matrix, other: Matrix) -> Iterator[tuple[tuple[Step, ...], Matrix]]:
    """What B's axes may mean."""
    cube = _cube(x, other)
    swapped = x.ndim == 3 and x.shape[:2] != other.shape[:2] and x.shape[:2] == other.shape[1::-1]
    steps = (Step("axes-swapped", "with its axes of clips and crops swapped", 0),) if swapped else ()
    if x.ndim == 2 and cube.shape[1] > 1:
        steps = (Step("crops-to-columns", "with its crops side by side in the columns", 0),)
    yield steps, cube
    if swapped:
        text = "reshaped, not transposed, to (crops, clips, dim): clips and crops are mixed up"
        yield (Step("axes-reshaped", text, 0.5),), x.reshape(other.shape)


def _explain_cubes(a: Matrix, b: Matrix) -> Fit | None:
    n_a, n_b = a.shape[1], b.shape[1]
    if n_a == n_b == 1:
        plain = explain(a[:, 0], b[:, 0])
        return None if plain is None else plain.fit
    if n_b == 1:
        return _one_of(
            _choices(a, "with {} of its {} only", "averaged over its {} crops", ""), b[:, 0], backwards=False
        )
    if n_a == 1:
        choices = _choices(
            b, "as an axis of crops: A is {} of B's {}", "before it was averaged over {} crops", "-undone"
        )
        return _one_of(choices, a[:, 0], backwards=True)
    return _many(a, b)


def _choices(cube: Matrix, one: str, mean: str, ending: str) -> list[tuple[Step, Matrix]]:
    n = cube.shape[1]
    made = [(Step(f"crop-mean{ending}", mean.format(n), 0), cube.mean(axis=1))]
    made += [
        (Step(f"crop-one{ending}", one.format(f"crop {crop}", n), 0), cube[:, crop]) for crop in range(n)
    ]
    return made


def _one_of(choices: list[tuple[Step, Matrix]], other: Matrix, *, backwards: bool) -> Fit | None:
    """The best explanation of `other` by the likeliest choices, or of these by `other`."""
    rated = sorted(choices, key=lambda choice: -likeness(choice[1], other))
    found = []
    for step, rows in rated[:2]:
        best = explain(other, rows) if backwards else explain(rows, other)
        if best is not None:
            found.append(Fit((step, *best.fit.steps), best.fit.agreement))
    return max(found, key=score, default=None)


def _many(a: Matrix, b: Matrix) -> Fit | None:
    """Crops to crops: B's first one finds columns and clips, with which the others find theirs."""
    first = max(range(a.shape[1]), key=lambda crop: likeness(a[:, crop], b[:, 0]))
    best = explain(a[:, first], b[:, 0])
    if best is None:
        return None
    order, worst = [first], best.fit.agreement
    for crop in range(1, b.shape[1]):
        fits = {
            candidate: fit
            for candidate in range(a.shape[1])
            if (fit := _under(best, a[:, candidate], b[:, crop])) is not None
        }
        if not fits:
            return None
        # Where two crops are alike, the same number is the simpler answer.
        chosen = max(fits, key=lambda candidate: (round(fits[candidate], 6), candidate == crop))
        order.append(chosen)
        worst = min(worst, fits[chosen])
    steps = best.fit.steps
    if order != list(range(a.shape[1])) and worst >= EXPLAINED:
        steps = (_order(order, a.shape[1]), *steps)
    return Fit(steps, worst)


def _under(best: Explanation, a: Matrix, b: Matrix) -> float | None:
    """Agreement of two crops under the steps found for others."""
    fit = fit_structure(a, b, best.structure, steps=best.fit.steps)
    return None if fit is None else fit.fit.agreement


def _order(order: list[int], n: int) -> Step:
    if len(order) < n:
        return Step("crop-some", f"with crops {', '.join(map(str, order))} of {n} only", 1)
    named = {
        _CENTRE_FIRST: "the centre first, then the corners",
        tuple(np.argsort(_CENTRE_FIRST)): "the corners first, then the centre",
        _MIRRORED_FIRST: "the mirrored ones first",
    }
    text = f"with its crops in another order: B's are A's {', '.join(map(str, order))}"
    name = named.get(tuple(order))
    return Step("crops-permuted", f"{text} ({name})" if name else text, 1)
