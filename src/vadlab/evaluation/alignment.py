"""Scores whose number does not fit the video's frames: what went wrong, and what to do about it.

Nothing is mended in silence. Lengths that do not fit are refused, each with its likely cause, until the
user names a remedy:

- `hold`: scores start at the first frame; the last one is repeated over the frames missing at the end.
- `drop`: scores start at the first frame; the frames missing at the end are left out.
- `hold-head`: scores end at the last frame; the first one is repeated over the frames missing before.
- `drop-head`: scores end at the last frame; the frames missing before are left out.
- `cut`: scores beyond the last frame are left out.
- `stretch`: the scores of every video are spread evenly over its frames (segments; another frame rate).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from vadlab.csv_table import listed
from vadlab.errors import DataError, UsageError
from vadlab.evaluation.foreign_scores import ForeignScores
from vadlab.evaluation.rules import Rules
from vadlab.types import FloatArray, IntArray

__all__ = ["REMEDIES", "Placed", "mended", "parse_remedies", "place", "rules_for"]

REMEDIES = ("hold", "drop", "hold-head", "drop-head", "cut", "stretch")
_CLIP = 16
_SEGMENTS = 32  # of a bag in DeepMIL
_STRIDES = (_CLIP, 8, 32, 64, 80, 24, 10, 5, 4, 2)

Cause: TypeAlias = tuple[str, str]
"""What the numbers look like, and the options that would mend it."""


@dataclass(frozen=True)
class Placed:
    """One video's scores on its frames.

    Args:
        spans: (m, 2) half-open frames within the video.
        values: (m,) float32.
        note: What was mended, or None.
    """

    spans: IntArray
    values: FloatArray
    note: str | None = None


def parse_remedies(text: str) -> frozenset[str]:
    """`"hold,cut"` to its parts; "" and "exact" to none.

    Raises:
        UsageError: If a part is unknown, or two say opposite things.
    """
    parts = frozenset(part for part in text.split(",") if part not in ("", "exact"))
    short = parts & {"hold", "drop", "hold-head", "drop-head"}
    if parts - set(REMEDIES) or len(short) > 1 or ("stretch" in parts and len(parts) > 1):
        raise UsageError(
            "cannot align scores so",
            expected="exact | hold | drop | hold-head | drop-head, and cut beside it: hold,cut; or stretch",
            found=text,
        )
    return parts


def rules_for(remedies: frozenset[str], rules: Rules) -> Rules:
    """The rules under which frames without a score are left out, where that is the remedy.

    Changed rules say so in their name. A tail rule that drops a whole group stays.
    """
    if "drop" in remedies and rules.tail == "hold":
        rules = replace(rules, tail="drop")
    if "drop-head" in remedies:
        rules = replace(rules, head="drop")
    return rules


def place(
    given: Mapping[str, ForeignScores],
    n_frames: Mapping[str, int],
    *,
    stride: int = 1,
    remedies: frozenset[str] = frozenset(),
) -> dict[str, Placed]:
    """Put each video's scores on its frames.

    Args:
        given: Video id to its scores.
        n_frames: Video id to its number of frames, of the same videos.
        stride: Frames that a score covers, where the file names no frames.
        remedies: From `parse_remedies`.

    Raises:
        DataError: If any video does not fit; lists each with expected and found number and the likely
            cause, and the options that would mend most of them.
    """
    placed: dict[str, Placed] = {}
    misfits: list[tuple[str, str, Cause]] = []
    for name, scores in given.items():
        n = n_frames[name]
        if scores.spans is not None:
            one, cause = _of_named(scores.spans, scores.values, n, remedies)
        else:
            one, cause = _of_sequence(scores.values, n, stride, remedies)
        if one is not None:
            placed[name] = one
        else:
            last = len(scores.values) if scores.spans is None else f"frames to {scores.spans[:, 1].max()}"
            misfits.append((name, f"{n:,} frames, found {last}", cause))
    if misfits:
        _refuse(misfits, len(given))
    return placed


def _refuse(misfits: list[tuple[str, str, Cause]], n_videos: int) -> None:
    advice = Counter(option for _, _, (_, option) in misfits if option)
    remedy = "; or ".join(f"{option} (fits {n} of them)" for option, n in advice.most_common())
    raise DataError(
        f"the scores of {len(misfits)} of {n_videos} videos do not fit their frames",
        expected="one score a frame, as many as decoding yields, or --stride frames for each score",
        found=listed(f"{name}: expected {numbers}: {cause}" for name, numbers, (cause, _) in misfits),
        remedy=remedy or "score these very video files again, every frame of them",
    )


def _of_named(
    spans: IntArray, values: FloatArray, n: int, remedies: frozenset[str]
) -> tuple[Placed | None, Cause]:
    """Scores of frames that the file names. Gaps and tails are left to the rules, as for a detector."""
    beyond = spans[:, 1] > n
    if not beyond.any():
        return Placed(spans, values), ("", "")
    if "cut" in remedies and (spans[:, 0] < n).any():
        inside = spans[:, 0] < n
        kept = spans[inside].clip(max=n)
        return Placed(kept, values[inside], f"{int(beyond.sum())} scores beyond the last frame cut"), ("", "")
    if spans[:, 0].min() == 1 and spans[:, 1].max() == n + 1:
        return None, ("frames are counted from 1", "subtract 1 from the frames: they are counted from 0")
    return None, ("frames after the end", "--align cut")


def _of_sequence(
    values: FloatArray, n: int, stride: int, remedies: frozenset[str]
) -> tuple[Placed | None, Cause]:
    m = len(values)
    if "stretch" in remedies:
        if m > n:
            return None, (f"{m} scores cannot be spread over fewer frames", "")
        edges = np.linspace(0, n, m + 1).round().astype(np.int64)
        note = None if m == n else f"{m} scores spread over {n} frames"
        return Placed(np.stack([edges[:-1], edges[1:]], axis=1), values, note), ("", "")
    starts = np.arange(m, dtype=np.int64) * stride
    missing = n - m * stride  # below 0 within the last score is a fit: a last clip may be incomplete
    note = None
    if missing > 0:
        how = next(iter(remedies - {"cut"}), None)
        # More than half would be made up: the numbers are then of something else.
        if how is None or 2 * missing > n:
            return None, _cause(n, m, stride)
        if how in ("hold-head", "drop-head"):
            starts = starts + missing
        verb = "held" if how.startswith("hold") else "without a score"
        side = "start" if how.endswith("head") else "end"
        note = f"{missing} frames {verb} at the {side}"
    elif missing <= -stride:
        if "cut" not in remedies:
            return None, _cause(n, m, stride)
        starts = starts[starts < n]
        note = f"{m - len(starts)} scores beyond the last frame cut"
    stops = np.minimum(starts + stride, n)
    if missing > 0 and "hold" in remedies:
        stops[-1] = n
    if missing > 0 and "hold-head" in remedies:
        starts = np.concatenate([[0], starts[1:]])
    return Placed(np.stack([starts, stops], axis=1), values[: len(starts)], note), ("", "")


def _cause(n: int, m: int, stride: int) -> Cause:
    """What m scores for n frames look like."""
    if stride > 1:
        missing = n - m * stride
        if 0 < missing < stride:
            return f"the last {missing} frames fill no clip of {stride}", f"--stride {stride} --align hold"
        if 0 < missing < 2 * stride:
            return f"one clip of {stride} short", f"--stride {stride} --align hold"
        return _unknown(n, m * stride)
    if m > n:
        return _too_many(n, m)
    if n - m == 1:
        return "one short, as optical flow and frame differences are", "--align hold"
    if n - m == 4:
        return "four short, as frame prediction is: it has no score for the first four", "--align drop-head"
    if n - m < _CLIP and m % _CLIP == 0:
        return "repeated from clips of 16, without the frames that fill none", "--align hold"
    if n - m <= 2 * _CLIP and m % _CLIP == 0:
        return "repeated from clips of 16, one clip short", "--align hold"
    if m == _SEGMENTS and n >= 4 * _SEGMENTS and n // _CLIP != m:
        return "32 segments, as in DeepMIL", "--align stretch"
    for length in _STRIDES:
        if m == -(-n // length):
            return f"one score for {length} frames", f"--stride {length}"
        if m == n // length:
            return f"one score for {length} frames, without the last", f"--stride {length} --align hold"
        if m == n // length - 1 and length >= _CLIP:
            return f"one score for {length} frames, one short", f"--stride {length} --align hold"
    if n - m <= _CLIP:
        return "a few frames short; at the end, or with hold-head at the start", "--align hold"
    return _unknown(n, m)


def _too_many(n: int, m: int) -> Cause:
    if m - n <= _CLIP:
        return f"{m - n} too many; a last clip may have been filled up", "--align cut"
    return _unknown(n, m)


def _unknown(n: int, covered: int) -> Cause:
    ratio = covered / n
    if 0.8 < ratio < 1.25:
        return (
            f"{ratio:.4g} times as many, as with another frame rate (a re-encoded copy, or int(fps))",
            "",
        )
    return f"{ratio:.4g} times as many: of another video, or of another sampling", ""


def mended(placed: Mapping[str, Placed]) -> list[str]:
    """What was mended, a line a video."""
    return [f"{name}: {one.note}" for name, one in placed.items() if one.note]
