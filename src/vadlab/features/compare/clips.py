"""Which clips of B belong to which of A: offsets, strides, means of neighbours, segments, another order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from vadlab.features.compare.values import Matrix, Step
from vadlab.types import IntArray

__all__ = ["ClipMap", "clip_maps", "shuffled", "standardised"]

_LONGEST = 1024  # clips of a video that the search looks at
_RATIOS = range(2, 17)
_MOST_SEGMENTS = 256
_KEPT = 5  # best maps that are looked at more closely


@dataclass(frozen=True)
class ClipMap:
    """Pairs of clips: row i of B's groups belongs to row i of A's.

    Args:
        steps: What it says was done.
        a: (k, 2) half-open groups of A's rows, whose mean is meant.
        b: (k, 2) the same of B's.
    """

    steps: tuple[Step, ...]
    a: IntArray
    b: IntArray

    @property
    def plain(self) -> bool:
        """Whether clips belong together one to one from the first on."""
        return all(step.kind == "end" for step in self.steps)

    def apply(self, a: Matrix, b: Matrix) -> tuple[Matrix, Matrix]:
        """The k rows of each."""
        return _means(a, self.a), _means(b, self.b)


def standardised(x: Matrix) -> Matrix:
    """Columns without their mean and spread, rows of length 1; rows that are not finite become 0.

    So their products do not depend on scale and bias, nor on what all clips of a video share.
    """
    good = np.isfinite(x).all(axis=1)
    made = np.zeros_like(x)
    if good.any():
        part = x[good]
        part = part - part.mean(axis=0)
        deviation = part.std(axis=0)
        # A column that varies by its rounding only says nothing.
        varies = deviation > 1e-6 * np.abs(x[good]).max(axis=0)
        part = np.divide(part, deviation, out=np.zeros_like(part), where=varies)
        norms = np.linalg.norm(part, axis=1, keepdims=True)
        made[good] = np.divide(part, norms, out=np.zeros_like(part), where=norms > 0)
    return made


def clip_maps(a: Matrix, b: Matrix) -> list[tuple[float, ClipMap]]:
    """The likeliest maps with their mean similarity, best first; rows one to one always among them.

    Args:
        a: (n, d) from `standardised`.
        b: (m, d) likewise.
    """
    rated = [(_similarity(one, a, b), one) for one in (*_offsets(a, b), *_others(len(a), len(b)))]
    best = sorted(rated, key=lambda pair: -pair[0])[:_KEPT]
    if not any(one.plain for _, one in best):
        plain = _offset(0, len(a), len(b))
        best.append((_similarity(plain, a, b), plain))
    return best


def shuffled(a: Matrix, b: Matrix) -> ClipMap | None:
    """The best one-to-one map if clips were put into another order; None if their numbers differ."""
    n = len(a)
    if n != len(b) or not 4 <= n <= _LONGEST:
        return None
    of_b, of_a = linear_sum_assignment(-(b @ a.T))
    if (of_a == np.arange(n)).all():
        return None
    moved = int((of_a != np.arange(n)).sum())
    step = Step("clips-shuffled", f"with its clips in another order ({moved} of {n} elsewhere)", 3)
    return ClipMap((step,), _single(of_a), _single(of_b))


def _offsets(a: Matrix, b: Matrix) -> Iterator[ClipMap]:
    """The best few shifts of all, from the diagonals of the similarity matrix."""
    n, m = min(len(a), _LONGEST), min(len(b), _LONGEST)
    similarity = a[:n] @ b[:m].T
    least = max(1, (min(n, m) + 1) // 2)
    rated = [
        (float(diagonal.mean()), shift)
        for shift in range(-m + 1, n)
        if len(diagonal := similarity.diagonal(-shift)) >= least
    ]
    for _, shift in sorted(rated, reverse=True)[:_KEPT]:
        yield _offset(shift, len(a), len(b))


def _offset(shift: int, n: int, m: int) -> ClipMap:
    """B's clip j is A's clip j + shift; what B lacks or has more at the end follows from the numbers."""
    of_b = np.arange(max(0, -shift), min(m, n - shift))
    steps: list[Step] = []
    if shift:
        side = (
            f"without its first {_clips(shift)}" if shift > 0 else f"with {-shift} more before its first clip"
        )
        steps.append(Step("offset", f"{side} (B's clip j is A's clip j {shift:+d})", 0.5))
    over = n - shift - m
    if over:
        text = f"without its last {_clips(over)}" if over > 0 else f"with {-over} more after its last clip"
        rule = " (another rule for the frames that fill no clip)" if abs(over) == 1 else ""
        steps.append(Step("end", text + rule, 0))
    return ClipMap(tuple(steps), _single(of_b + shift), _single(of_b))


def _clips(n: int) -> str:
    return "clip" if n == 1 else f"{n} clips"


def _others(n: int, m: int) -> Iterator[ClipMap]:
    """Maps that change the number of clips, as far as the two numbers allow them; and the reverse order."""
    if n == m and n > 2:
        step = Step("reversed", "with its clips in reverse order", 1)
        yield ClipMap((step,), _single(np.arange(n)[::-1]), _single(np.arange(n)))
    for ratio in _RATIOS:
        if _near(m, n / ratio):
            for kind, fine, coarse, which in _thinned(n, m, ratio):
                text = f"with every {which} only" if kind == "stride" else f"as the means of every {which}"
                yield ClipMap((Step(kind, text, 1),), fine, coarse)
        if _near(n, m / ratio):
            for kind, fine, coarse, which in _thinned(m, n, ratio):
                part = f"every {which}" if kind == "stride" else f"the means of every {which}"
                step = Step(f"{kind}-undone", f"at a finer stride: A is {part} of B", 1)
                yield ClipMap((step,), coarse, fine)
    if 1 < m < n and m <= _MOST_SEGMENTS:
        for edges in _segment_edges(n, m):
            yield ClipMap(
                (Step("segments", f"as the means of {m} equal segments", 1),), edges, _single(np.arange(m))
            )
    if 1 < n < m and n <= _MOST_SEGMENTS:
        for edges in _segment_edges(m, n):
            step = Step("segments-undone", f"before it was averaged over {n} equal segments", 1)
            yield ClipMap((step,), _single(np.arange(n)), edges)


def _thinned(n: int, m: int, ratio: int) -> Iterator[tuple[str, IntArray, IntArray, str]]:
    """Maps from n clips to about n / ratio: their kind, groups of both, and which clips in words."""
    for phase in range(ratio):
        starts = np.arange(phase, n, ratio)[:m]
        coarse = _single(np.arange(len(starts)))
        begin = f" from clip {phase} on" if phase else ""
        yield "stride", _single(starts), coarse, f"{_ordinal(ratio)} clip{begin}"
        whole = starts[starts + ratio <= n]
        groups = np.stack([whole, whole + ratio], axis=1)
        yield "pooled", groups, coarse[: len(whole)], f"{ratio} clips{begin}"


def _ordinal(n: int) -> str:
    return {2: "2nd", 3: "3rd"}.get(n, f"{n}th")


def _segment_edges(n: int, m: int) -> Iterator[IntArray]:
    """Groups of n clips for m segments, as the field rounds: to the nearest, down, or as Sultani et al."""
    for edges in (np.linspace(0, n, m + 1).round(), np.floor(np.linspace(0, n, m + 1))):
        yield _filled(edges.astype(np.int64), n)
    # Sultani et al. number clips from 1 and end a segment before the next, which leaves out the last clip.
    yield _filled(np.linspace(1, n, m + 1).round().astype(np.int64) - 1, n)


def _filled(edges: IntArray, n: int) -> IntArray:
    starts = np.minimum(edges[:-1], n - 1)
    return np.stack([starts, np.maximum(edges[1:], starts + 1)], axis=1)


def _near(found: int, expected: float) -> bool:
    return abs(found - expected) <= max(1.0, 0.1 * expected)


def _similarity(one: ClipMap, a: Matrix, b: Matrix) -> float:
    """Mean cosine of the pairs; -1 if there are none."""
    if not len(one.a):
        return -1.0
    x, y = one.apply(a, b)
    norms = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    return float(np.divide((x * y).sum(axis=1), norms, out=np.zeros(len(x)), where=norms > 0).mean())


def _single(rows: IntArray) -> IntArray:
    return np.stack([rows, rows + 1], axis=1).astype(np.int64)


def _means(x: Matrix, groups: IntArray) -> Matrix:
    if (groups[:, 1] - groups[:, 0] == 1).all():
        return x[groups[:, 0]]
    total = np.concatenate([np.zeros((1, x.shape[1])), np.cumsum(x, axis=0)])
    sizes = groups[:, 1] - groups[:, 0]
    means: Matrix = (total[groups[:, 1]] - total[groups[:, 0]]) / sizes[:, None]
    return means
