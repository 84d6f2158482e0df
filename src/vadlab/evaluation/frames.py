"""From the scores of spans to one score a frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vadlab.errors import UsageError
from vadlab.evaluation.rules import Rules
from vadlab.types import FloatArray, IntArray, Scores

__all__ = ["to_frames"]


def to_frames(
    scores: Scores,
    rules: Rules,
    *,
    group: int | None = None,
    calibration: tuple[float, float] | None = None,
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Expand span scores to frames: overlap, gaps and tail, smoothing, normalisation, in this order.

    Args:
        scores: Spans in any order; they may overlap, differ in length and leave gaps.
        rules: The protocol.
        group: The detector's window in frames; used by the tail "drop-group" where `rules.group` is None.
        calibration: The two training scores that become 0 and 1; used by "train-calibrated" only.

    Returns:
        frame_scores: (n_frames,) float32, finite for every frame, counted or not. A video with one
            value throughout is 0 after "video-minmax".
        counted: (n_frames,) bool, the frames that the rules evaluate.

    Raises:
        UsageError: If the rules need a group or a calibration that is not given.
    """
    n_frames = scores.video.n_frames
    n_covering = _combined(np.add, scores.spans, np.ones(len(scores.values)), n_frames)
    covered = n_covering > 0
    if rules.overlap == "max":
        values = _combined(np.maximum, scores.spans, scores.values.astype(np.float64), n_frames)
    else:
        values = _combined(np.add, scores.spans, scores.values.astype(np.float64), n_frames)
        values /= np.maximum(n_covering, 1)
    first = int(np.argmax(covered))
    # The last covered frame at or before each frame; before the first one, the first one.
    before = np.maximum.accumulate(np.where(covered, np.arange(n_frames), first))
    values = _normalised(_smoothed(values[before], rules), rules, calibration)
    return values.astype(np.float32), _counted(covered, first, rules, group)


def _combined(
    operation: np.ufunc, spans: IntArray, values: NDArray[np.float64], n_frames: int
) -> NDArray[np.float64]:
    """(n_frames,) sum or maximum over the spans that cover each frame; 0 or -infinity where none does.

    Each span is cut into the few blocks of 1, 2, 4, ... frames that tile it. A block's value is
    written once, and the blocks' values are then handed down to the frames. The cost is
    O((spans + frames) log frames) whatever the overlap, and nothing is subtracted, so that equal
    scores stay equal.
    """
    neutral = -np.inf if operation is np.maximum else 0.0
    starts, stops = spans[:, 0], spans[:, 1]
    levels: list[NDArray[np.float64]] = []
    n_blocks = n_frames
    while len(starts):
        level = np.full(n_blocks, neutral)
        # Blocks pair up, so a span that starts or stops in the middle of a pair gives up that block.
        odd = starts % 2 == 1
        operation.at(level, starts[odd], values[odd])
        starts = (starts + odd) // 2
        odd = stops % 2 == 1
        operation.at(level, stops[odd] - 1, values[odd])
        stops = stops // 2
        rest = starts < stops
        starts, stops, values = starts[rest], stops[rest], values[rest]
        levels.append(level)
        n_blocks = (n_blocks + 1) // 2
    total = levels.pop()
    while levels:
        level = levels.pop()
        total = operation(level, np.repeat(total, 2)[: len(level)])
    return total


def _smoothed(values: NDArray[np.float64], rules: Rules) -> NDArray[np.float64]:
    if rules.smoothing == "gaussian":
        return np.asarray(ndimage.gaussian_filter1d(values, rules.smoothing_width, mode="nearest"))
    if rules.smoothing == "median":
        return np.asarray(ndimage.median_filter(values, size=int(rules.smoothing_width), mode="nearest"))
    return values


def _normalised(
    values: NDArray[np.float64], rules: Rules, calibration: tuple[float, float] | None
) -> NDArray[np.float64]:
    if rules.normalisation == "none":
        return values
    if rules.normalisation == "video-minmax":
        low, high = float(values.min()), float(values.max())
        return (values - low) / (high - low) if high > low else np.zeros_like(values)
    if calibration is None or not calibration[0] < calibration[1]:
        raise UsageError(
            "the rules normalise by training scores",
            expected="calibration=(low, high) with low < high",
            found=f"calibration={calibration}",
            remedy="score the training videos and pass their lowest and highest score",
        )
    low, high = calibration
    return (values - low) / (high - low)


def _counted(covered: NDArray[np.bool_], first: int, rules: Rules, group: int | None) -> NDArray[np.bool_]:
    counted = covered.copy() if rules.tail == "drop" else np.ones_like(covered)
    counted[:first] = rules.head == "hold"
    if rules.tail == "drop-group":
        size = rules.group or group
        if size is None or size < 1:
            raise UsageError(
                "the rules drop the last incomplete group of frames, but its length is not known",
                expected="a number of frames, such as 80 for windows of 5 clips",
                found=f"rules.group={rules.group}, group={group}",
                remedy="set the rule group, or pass the detector's window as group=",
            )
        counted[len(covered) // size * size :] = False
    return counted
