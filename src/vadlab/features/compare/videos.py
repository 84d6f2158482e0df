"""Two sides' features of one video, and of many: equal, or different and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadlab.features.compare.crops import explain_arrays
from vadlab.features.compare.explain import EXPLAINED
from vadlab.features.compare.values import Fit, Matrix

__all__ = ["VideoComparison", "compare_video", "explained", "findings"]

_ROUNDED = 2e-3  # relative difference up to which another machine, engine or decoder is the likely reason
_NEARLY = 0.9  # agreement from which the best hypothesis is worth telling


@dataclass(frozen=True)
class VideoComparison:
    """What one video's two arrays have in common.

    Args:
        name: The video.
        shapes: Of A and B.
        types: Of A and B; "float16" too where float32 values are all float16's.
        bad_rows: Rows with NaN or infinity in A and B.
        difference: |B - A| / |A|, or None where shapes differ or values are not finite.
        cosine: Mean over clips of the cosine between A's and B's, or None likewise.
        equal: Whether the difference is within the tolerance.
        explanation: Steps from A to B and how well they do; None if not looked for or not to be had.
        parts: The same for each group of columns, where the whole is not explained.
    """

    name: str
    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    types: tuple[str, str]
    bad_rows: tuple[int, int]
    difference: float | None
    cosine: float | None
    equal: bool
    explanation: Fit | None = None
    parts: tuple[tuple[str, Fit | None], ...] = ()

    @property
    def is_explained(self) -> bool:
        """Whether the steps give B to the last digits."""
        return self.explanation is not None and self.explanation.agreement >= EXPLAINED

    def to_json(self) -> dict[str, Any]:
        """For JSON."""
        fit = self.explanation
        return {
            "video": self.name,
            "shape": [list(shape) for shape in self.shapes],
            "type": list(self.types),
            "rows_not_finite": list(self.bad_rows),
            "difference": self.difference,
            "cosine": self.cosine,
            "equal": self.equal,
            "explained": self.is_explained,
            "steps": [] if fit is None else [{"kind": step.kind, "text": step.text} for step in fit.steps],
            "agreement": None if fit is None else fit.agreement,
        }


def compare_video(name: str, a: NDArray[Any], b: NDArray[Any], *, tolerance: float) -> VideoComparison:
    """Compare, without looking for reasons.

    Args:
        name: The video.
        a: Features, (n, d), (n, crops, d) or (crops, n, d).
        b: Features of the same video.
        tolerance: Largest relative difference of equal features.
    """
    bad = (_bad_rows(a), _bad_rows(b))
    difference = cosine = None
    if a.shape == b.shape and not any(bad):
        x, y = _flat(a), _flat(b)
        size = float(np.linalg.norm(x))
        apart = float(np.linalg.norm(y - x))
        difference = apart / size if size else (0.0 if apart == 0 else 1.0)
        norms = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
        cosines = np.divide((x * y).sum(axis=1), norms, out=np.ones(len(x)), where=norms > 0)
        cosine = float(cosines.mean())
    equal = difference is not None and difference <= tolerance
    return VideoComparison(name, (a.shape, b.shape), (_type(a), _type(b)), bad, difference, cosine, equal)


def explained(
    one: VideoComparison, a: NDArray[Any], b: NDArray[Any], *, streams: Mapping[str, int]
) -> VideoComparison:
    """The comparison with the best explanation of the difference.

    Args:
        one: From `compare_video`.
        a: The first array that it compared.
        b: The second.
        streams: Columns of each stream of A; its halves are taken where there is but one. Those that are not
            explained together are looked at one by one.
    """
    x, y = a.astype(np.float64), b.astype(np.float64)
    fit = explain_arrays(x, y)
    parts: list[tuple[str, Fit | None]] = []
    if len(streams) < 2 and a.shape[-1] % 2 == 0:
        streams = {"first half": a.shape[-1] // 2, "second half": a.shape[-1] // 2}
    if (fit is None or fit.agreement < EXPLAINED) and a.shape[-1] == b.shape[-1] == sum(streams.values()):
        start = 0
        for stream, width in streams.items():
            columns = slice(start, start + width)
            parts.append(
                (
                    f"{stream} (columns {start} to {start + width - 1})",
                    explain_arrays(x[..., columns], y[..., columns]),
                )
            )
            start += width
    return replace(one, explanation=fit, parts=tuple(parts))


def findings(videos: Sequence[VideoComparison]) -> list[str]:
    """What is different, a line each, the most likely explanation first; nothing if all videos are equal."""
    different = [one for one in videos if not one.equal]
    sought = [one for one in different if one.explanation is not None]
    whole = [one for one in sought if one.is_explained]
    rest = [one for one in sought if not one.is_explained]
    return [
        *_explanations(whole, len(sought)),
        *_parts(rest),
        *_explanations(rest, len(sought)),
        *_other_columns(different),
        *_shapes(different),
        *_not_finite(different),
        *_types(different),
        *_cosines(different),
    ]


def _explanations(videos: Sequence[VideoComparison], n_sought: int) -> list[str]:
    """What the videos' explanations say, the commonest first."""
    agreements: dict[str, list[float]] = {}
    for one in videos:
        agreements.setdefault(_sentence(one), []).append(_agreement(one))
    lines = []
    for text, found in sorted(agreements.items(), key=lambda item: -len(item[1])):
        where = "" if n_sought == 1 else f", in {len(found)} of {n_sought} videos looked into"
        lines.append(f"{text} (agreement {max(0.0, min(found)):.4f}{where})")
    return lines


def _agreement(one: VideoComparison) -> float:
    return 0.0 if one.explanation is None else one.explanation.agreement


def _other_columns(videos: Sequence[VideoComparison]) -> list[str]:
    """Videos whose columns are so different in number that no hypothesis could be tested."""
    count = Counter(
        (one.shapes[0][-1], one.shapes[1][-1])
        for one in videos
        if one.explanation is None and one.shapes[0][-1] != one.shapes[1][-1]
    )
    return [
        f"no explanation found: {a} columns against {b} in {_videos(n)}; another network or stream"
        for (a, b), n in count.most_common()
    ]


def _sentence(one: VideoComparison) -> str:
    fit = one.explanation
    assert fit is not None
    if fit.agreement < _NEARLY:
        return "no explanation found: other weights, preprocessing, flow or another video"
    steps = ", ".join(step.text for step in fit.steps)
    if fit.agreement < EXPLAINED:
        return f"not explained; nearest is that B is A {steps or 'with noise'}"
    if steps:
        return f"B is A {steps}"
    if one.types[1] == "float16" != one.types[0] or one.types[0] == "float16" != one.types[1]:
        return "B is A but for rounding to float16"
    if one.difference is not None and one.difference <= _ROUNDED:
        return "B is A but for small differences, as another machine, engine or decoder makes"
    return "B is A but for noise"


def _parts(videos: Sequence[VideoComparison]) -> list[str]:
    """Groups of columns that are explained where the whole is not."""
    count: Counter[tuple[str, str]] = Counter()
    for one in videos:
        for name, fit in one.parts:
            if fit is not None and fit.agreement >= EXPLAINED:
                what = ", ".join(step.text for step in fit.steps)
                count[name, f"is A's {what}" if what else "is the same"] += 1
    return [
        f"explained in part: {name} alone {what} in {_videos(n)}" for (name, what), n in count.most_common()
    ]


def _shapes(videos: Sequence[VideoComparison]) -> list[str]:
    count = Counter(
        (one.shapes[1][0] - one.shapes[0][0])
        for one in videos
        if len(one.shapes[0]) == len(one.shapes[1]) == 2
    )
    lines = [
        f"B has {_clips(abs(by))} {'more' if by > 0 else 'fewer'} in {_videos(n)}"
        for by, n in count.most_common(3)
        if by
    ]
    axes = [one for one in videos if len(one.shapes[0]) != len(one.shapes[1])]
    if axes:
        a, b = axes[0].shapes
        lines.append(f"A has {len(a)} axes and B {len(b)} in {_videos(len(axes))}, such as {a} and {b}")
    return lines


def _not_finite(videos: Sequence[VideoComparison]) -> list[str]:
    lines = []
    for side, letter in enumerate("AB"):
        bad = [one for one in videos if one.bad_rows[side]]
        if bad:
            rows = sum(one.bad_rows[side] for one in bad)
            lines.append(
                f"{letter} has NaN or infinity in {_videos(len(bad))}, such as {bad[0].name}; rows: {rows}"
            )
    return lines


def _types(videos: Sequence[VideoComparison]) -> list[str]:
    count = Counter(one.types for one in videos if one.types[0] != one.types[1])
    return [f"A is {a} and B is {b} in {_videos(n)}" for (a, b), n in count.most_common()]


def _cosines(videos: Sequence[VideoComparison]) -> list[str]:
    cosines = [one.cosine for one in videos if one.cosine is not None]
    if not cosines:
        return []
    low, mean = min(cosines), sum(cosines) / len(cosines)
    lowest = "" if len(cosines) == 1 else f", lowest video {low:.4f}, of {len(cosines)} videos"
    return [f"cosine of A's clips and B's: {mean:.4f}{lowest}"]


def _videos(n: int) -> str:
    return "1 video" if n == 1 else f"{n} videos"


def _clips(n: int) -> str:
    return "1 clip" if n == 1 else f"{n} clips"


def _bad_rows(x: NDArray[Any]) -> int:
    return int((~np.isfinite(x).all(axis=tuple(range(1, x.ndim)))).sum())


def _flat(x: NDArray[Any]) -> Matrix:
    return x.reshape(-1, x.shape[-1]).astype(np.float64)


def _type(x: NDArray[Any]) -> str:
    """The type; float32 whose values are all float16's is called float16, as it was that once."""
    if x.dtype == np.float32 and x.any():
        with np.errstate(over="ignore"):
            if np.array_equal(x, x.astype(np.float16).astype(np.float32), equal_nan=True):
                return "float16"
    return str(x.dtype)
