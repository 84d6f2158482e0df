"""What was done to the values of rows that belong to each other: scale, bias, root, normalisation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Fit", "Matrix", "Step", "agreement", "score", "unit_rows", "value_fits"]

Matrix: TypeAlias = NDArray[np.float64]

FLOOR = 1e-10  # share of the variance below which nothing more is there to explain
_LEAST_ROWS = 12  # that a fit of every column on its own needs: half to fit, half to test


@dataclass(frozen=True)
class Step:
    """One thing that was done to A, of which B is the result.

    Args:
        kind: A word for programs.
        text: A clause that follows "B is A ...".
        price: Decades by which the unexplained share has to fall for the step to be believed.
    """

    kind: str
    text: str
    price: float


@dataclass(frozen=True)
class Fit:
    """Steps and how much of B they explain.

    Args:
        steps: In the order in which they are done.
        agreement: 1 for all of B's variation; 0 for no more than its mean; may be negative.
    """

    steps: tuple[Step, ...]
    agreement: float


def agreement(found: Matrix, expected: Matrix) -> float:
    """1 - |expected - found|^2 / |expected - its columns' means|^2 (R squared over all elements).

    The columns' means are left out of account because all clips of a video look alike: even features that
    have nothing to do with each other share them. Where rows do not vary, the mean of all elements is used.
    """
    around = float(np.square(expected - expected.mean(axis=0)).sum())
    if around <= 1e-9 * float(np.square(expected).sum()):
        around = float(np.square(expected - expected.mean()).sum())
    rest = float(np.square(expected - found).sum())
    if around == 0:
        return 1.0 if rest == 0 else 0.0
    return 1 - rest / around


def score(fit: Fit) -> float:
    """Decades of B's variation explained, less the price of the steps; for choosing among fits."""
    return -float(np.log10(max(1 - fit.agreement, FLOOR))) - sum(step.price for step in fit.steps)


# A norm has nothing to fit, so it goes before a scale that does as well.
_L2 = Step("l2", "with every row divided by its L2 norm", 0.9)
_L2_HALVES = Step("l2-halves", "with each half of every row divided by its own L2 norm", 1.5)
_ROOT = Step("sqrt", "with the square root of every value", 1)
_NOT_L2 = Step("l2-undone", "before rows were divided by their L2 norms: A's are, B's are not", 0.9)
_NOT_L2_HALVES = Step(
    "l2-halves-undone", "before halves of rows were divided by their L2 norms, as A's are", 1.5
)
_SQUARE = Step("square", "squared (A has the square roots of B's values)", 1)


def value_fits(a: Matrix, b: Matrix) -> Iterator[Fit]:
    """Every hypothesis on rows a (k, d) and b (k, d) that belong to each other, tested.

    A norm or root is undone by doing it to B, and comparing with A: it cannot be done backwards.
    """
    for steps, one, other in _transforms(a, b):
        for affine, fitted in _affine(one, other):
            yield Fit((*steps, *affine), agreement(fitted, other))
    if len(a) >= _LEAST_ROWS:
        yield _each_column(a, b)


def _transforms(a: Matrix, b: Matrix) -> Iterator[tuple[tuple[Step, ...], Matrix, Matrix]]:
    yield (), a, b
    yield (_ROOT,), _root(a), b
    yield (_SQUARE,), a, _root(b)
    norms: list[tuple[Step, Step, Callable[[Matrix], Matrix]]] = [(_L2, _NOT_L2, unit_rows)]
    if a.shape[1] % 2 == 0 and a.shape[1] > 2:
        norms.append((_L2_HALVES, _NOT_L2_HALVES, _unit_halves))
    for done, undone, norm in norms:
        yield (done,), norm(a), b
        yield (_ROOT, done), norm(_root(a)), b
        yield (undone,), a, norm(b)


def _affine(a: Matrix, b: Matrix) -> Iterator[tuple[tuple[Step, ...], Matrix]]:
    yield (), a
    square = float(np.square(a).sum())
    if square == 0:
        return
    scale = float((a * b).sum()) / square
    yield (Step("scale", f"times {_named(scale)}", 1),), scale * a
    spread = a - a.mean()
    if float(np.square(spread).sum()) > 1e-12 * square:
        scale = float((spread * b).sum() / np.square(spread).sum())
        bias = float(b.mean() - scale * a.mean())
        yield (_bias(scale, bias),), scale * a + bias
        yield (Step("bias", f"plus {b.mean() - a.mean():.6g}", 1),), a + (b.mean() - a.mean())


def _bias(scale: float, bias: float) -> Step:
    return Step("scale-bias", f"times {_named(scale)}, plus {bias:.6g}", 2)


def _each_column(a: Matrix, b: Matrix) -> Fit:
    """Each column scaled and shifted on its own: fitted on every other row, tested on the rest."""
    fit, test = slice(0, None, 2), slice(1, None, 2)
    mean_a, mean_b = a[fit].mean(axis=0), b[fit].mean(axis=0)
    spread = a[fit] - mean_a
    square = np.square(spread).sum(axis=0)
    scale = np.divide(
        (spread * (b[fit] - mean_b)).sum(axis=0), square, out=np.zeros_like(square), where=square > 0
    )
    step = Step("columns-scaled", "with every column scaled and shifted on its own (standardised)", 3)
    return Fit((step,), agreement((a[test] - mean_a) * scale + mean_b, b[test]))


def _named(scale: float) -> str:
    """A scale with the name that it goes by."""
    for value, name in ((255, "255"), (127.5, "127.5"), (20, "20")):
        if np.isclose(scale, value, rtol=1e-3):
            return f"{scale:.6g}"
        if np.isclose(scale, 1 / value, rtol=1e-3):
            return f"{scale:.6g} (1/{name})"
    return f"{scale:.6g}"


def unit_rows(x: Matrix) -> Matrix:
    """Rows divided by their L2 norms; rows of zeros stay."""
    norms = np.linalg.norm(x, axis=1, keepdims=True)
    unit: Matrix = np.divide(x, norms, out=np.zeros_like(x), where=norms > 0)
    return unit


def _unit_halves(x: Matrix) -> Matrix:
    half = x.shape[1] // 2
    return np.concatenate([unit_rows(x[:, :half]), unit_rows(x[:, half:])], axis=1)


def _root(x: Matrix) -> Matrix:
    rooted: Matrix = np.sign(x) * np.sqrt(np.abs(x))
    return rooted
