"""Scores of a stream's frames as its rows come in: those that `vadlab score` gives to the same frames.

A row is a clip's features, or a frame, as the detector reads. From the newest rows and as many older ones as
the detector looks back to, it is asked for scores as if that were a video; of its answer those frames are
taken that later rows cannot change. Expansion to frames follows the rules `strict`, as in `vadlab score`: a
frame has the highest score of the spans that cover it, frames that none covers hold the score before them.

`timing` says which frames those are:

- "settled": those whose scores no later row can change. The same numbers as offline; they come `reach.after`
  rows late (K - 1 clips for `aed`).
- "causal": all up to the newest row, with the scores that they would have if the stream ended there. Sooner,
  but for detectors that look ahead other numbers than offline.

Memory holds the rows within the detector's reach, however long the stream.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np

from vadlab.detector import Detector, Reach
from vadlab.evaluation.frames import to_frames
from vadlab.evaluation.rules import get
from vadlab.spans import Tail
from vadlab.types import Categories, Features, FloatArray, IntArray, Sample, Scores, Video

__all__ = ["FrameScores", "Rolling", "Timing", "reach_of"]

Timing = Literal["settled", "causal"]


@dataclass(frozen=True)
class FrameScores:
    """Scores of consecutive frames.

    Args:
        start: The first frame, counted from the start of the stretch.
        values: (n,) float32, n >= 1.
        categories: Names, or none where the detector knows none.
        probabilities: (n, C) float32, a frame's mean over the windows that hold it; None without categories.
    """

    start: int
    values: FloatArray
    categories: tuple[str, ...] = ()
    probabilities: FloatArray | None = None

    @property
    def stop(self) -> int:
        """The frame after the last."""
        return self.start + len(self.values)


def reach_of(detector: Detector, *, tail: Tail = "drop") -> Reach | None:
    """How far a detector looks in a stream; None where it needs the whole video, or does not say.

    Args:
        detector: With its settings, which may decide it.
        tail: The rule for the frames after the last full clip; for detectors that read features.
    """
    reach: Reach | None = getattr(detector, "reach", None)
    if reach is not None and detector.reads == "features" and tail == "shift":
        # The video's last clip may overlap the one before, which nobody knows before the end.
        return replace(reach, after=reach.after + 1)
    return reach


class Rolling:
    """One unbroken stretch of a stream, scored while it comes in."""

    def __init__(
        self,
        detector: Detector,
        reach: Reach | None,
        *,
        fps: Fraction = Fraction(25),
        size: tuple[int, int] = (1, 1),
        timing: Timing = "settled",
        piece: int | None = None,
    ) -> None:
        """Start at frame 0.

        Args:
            detector: Trained.
            reach: How far it looks; None only with `piece`.
            fps: Of the stream, for the detector's information.
            size: (width, height) of its frames, for the same.
            timing: See above.
            piece: Score so many rows at a time as if each piece were a video of its own; the reach and
                the timing then mean nothing.
        """
        self._detector, self._fps, self._size = detector, fps, size
        self._piece = piece
        self._reach = Reach() if piece or reach is None else reach
        self._after = 0 if timing == "causal" else self._reach.after
        self._rows: list[Any] = []  # the newest
        self._spans: list[tuple[int, int]] = []
        self._first = 0  # the number of the first row held
        self._n_rows = 0
        self._told_rows = self._told_frames = 0
        self._last: FrameScores | None = None

    def add(self, rows: Sequence[Any] | FloatArray, spans: IntArray) -> FrameScores | None:
        """Take in rows; what has become certain.

        Args:
            rows: Features (n, d), or n frames (h, w, 3).
            spans: (n, 2) the frames of each row, counted from the start of the stretch.
        """
        self._rows.extend(rows)
        self._spans.extend((int(a), int(b)) for a, b in spans)
        self._n_rows += len(spans)
        if self._piece:
            full = self._n_rows - self._told_rows >= self._piece
            return self._tell(self._n_rows, self._spans[-1][1]) if full else None
        upto = self._n_rows - self._after
        # Frames at the start that no span covers take the first score, which is there only then.
        if upto <= self._told_rows or self._n_rows <= self._reach.before:
            return None
        return self._tell(upto, self._spans[upto - 1 - self._first][1])

    def end(self, n_frames: int) -> FrameScores | None:
        """The scores that are still to come, now that the stretch has ended after so many frames."""
        if n_frames <= self._told_frames:
            return None
        if self._rows and not (self._piece and self._told_rows == self._n_rows):
            return self._tell(self._n_rows, n_frames, n_frames=n_frames)
        if self._last is None:
            return None
        # Nothing but frames after the last piece, too few for a row: they hold the score before them.
        n, last = n_frames - self._told_frames, self._last
        probabilities = None if last.probabilities is None else np.repeat(last.probabilities[-1:], n, axis=0)
        return FrameScores(self._told_frames, np.repeat(last.values[-1:], n), last.categories, probabilities)

    def _tell(self, upto: int, stop: int, *, n_frames: int | None = None) -> FrameScores:
        """Score the frames not told of yet, up to row `upto` and frame `stop`."""
        # At the end only frames without a row may be left; the last row then answers for them.
        row = min(self._told_rows, self._n_rows - 1)
        begin = max(0, row - self._reach.before) // self._reach.every * self._reach.every
        self._forget(self._told_rows if self._piece else begin)
        origin = self._spans[0][0]
        scores = self._scored(origin, (n_frames or self._spans[-1][1]) - origin)
        values, _ = to_frames(scores, get("strict"))
        low, high = self._told_frames - origin, stop - origin
        names, probabilities = _by_frame(scores.categories, low, high)
        told = FrameScores(self._told_frames, values[low:high], names, probabilities)
        self._told_rows, self._told_frames, self._last = upto, stop, told
        return told

    def _forget(self, row: int) -> None:
        n = row - self._first
        del self._rows[:n], self._spans[:n]
        self._first = row

    def _scored(self, origin: int, n_frames: int) -> Scores:
        video = Video("live", Path("live"), n_frames, self._fps, self._size)
        spans = np.array(self._spans, dtype=np.int64) - origin
        x: Any = list(self._rows)
        if self._detector.reads == "features":
            x = Features(np.stack(self._rows))
        return self._detector.score(Sample(video, spans, x, None))


def _by_frame(
    categories: Categories | None, low: int, high: int
) -> tuple[tuple[str, ...], FloatArray | None]:
    """Means over the windows that hold each frame of low..high; over all windows where none does."""
    if categories is None:
        return (), None
    frame = np.arange(low, high)[:, None]
    holds = (categories.spans[:, 0] <= frame) & (frame < categories.spans[:, 1])
    holds[~holds.any(axis=1)] = True
    share = holds / holds.sum(axis=1, keepdims=True)
    probabilities: FloatArray = (share @ categories.probabilities).astype(np.float32)
    return categories.names, probabilities
