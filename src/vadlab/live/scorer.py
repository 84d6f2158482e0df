"""From one source's frames to scores: cutting clips in one thread, scoring what they become in another.

Between them wait a few clips whose features are being made, so that all cores work for one fast file, and
cameras share them in turn. The clips are those of `features.clips`, as offline.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from vadlab.errors import VadlabError
from vadlab.features.extract import Extractor
from vadlab.live.capture import Capture, Stretch
from vadlab.live.networks import Networks
from vadlab.live.rolling import FrameScores, Rolling, Timing
from vadlab.types import FloatArray, IntArray

__all__ = ["Done", "LostTrack", "Scorer", "Told"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Told:
    """Scores of consecutive frames.

    Args:
        source: The source's name.
        start: The first frame, counted since the source was first opened.
        times: (n,) UNIX seconds of each frame's start.
        fps: Frames a second, as the source states.
        scores: Their values and categories; its own `start` counts from the start of the stretch.
    """

    source: str
    start: int
    times: tuple[float, ...]
    fps: Fraction
    scores: FrameScores


@dataclass(frozen=True)
class LostTrack:
    """The source's connection is lost: what is open is over."""

    source: str


@dataclass(frozen=True)
class Done:
    """The source has ended, or failed; it says nothing more."""

    source: str
    error: str | None = None


@dataclass(frozen=True)
class _Rows:
    """Rows on their way: features that are being made, or frames."""

    rows: Future[FloatArray] | list[Any]
    spans: IntArray


@dataclass(frozen=True)
class _Begin:
    """A stretch begins; `read` gets (index, time, arrived) of each of its frames, as it is read."""

    fps: Fraction
    size: tuple[int, int]
    read: deque[tuple[int, float, float]]


@dataclass(frozen=True)
class _End:
    """A stretch has ended after so many frames."""

    n_frames: int
    lost: bool


class Scorer:
    """One source's scores, told as they become certain.

    Args:
        networks: Shared with the other sources.
        capture: The source's frames.
        tell: Called with `Told`, `LostTrack`, and at last `Done`, in one thread; while it waits, so does
            the scoring.
        timing: See `live.rolling`.
        ahead: Clips that may be under way.
    """

    def __init__(
        self,
        networks: Networks,
        capture: Capture,
        *,
        tell: Callable[[Told | LostTrack | Done], None],
        timing: Timing = "settled",
        ahead: int = 2,
    ) -> None:
        self._networks, self._capture, self._tell, self._timing = networks, capture, tell, timing
        self._name = capture.source.name
        self._underway: queue.Queue[_Begin | _Rows | _End | Done] = queue.Queue(maxsize=ahead)
        self._stretch: tuple[_Begin, Rolling] | None = None
        self._fault: str | None = None
        self._threads = [
            threading.Thread(target=run, name=f"{what} {self._name}", daemon=True)
            for what, run in (("cut", self._cut), ("score", self._score))
        ]

    def start(self) -> None:
        """Begin; the capture, too."""
        self._capture.start()
        for thread in self._threads:
            thread.start()

    def join(self, timeout: float) -> bool:
        """Wait for the threads; whether they have ended."""
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _cut(self) -> None:
        error: str | None = None
        try:
            for stretch in self._capture.stretches():
                self._cut_stretch(stretch)
            failure = self._capture.error
            error = None if failure is None else str(failure)
        except Exception as fault:
            _log.exception("cutting the frames of %s into clips failed", self._name)
            error = str(fault)
        self._underway.put(Done(self._name, error))

    def _cut_stretch(self, stretch: Stretch) -> None:
        read: deque[tuple[int, float, float]] = deque()
        n_frames = 0

        def frames() -> Iterator[Any]:
            nonlocal n_frames
            for captured in stretch:
                if not n_frames:
                    height, width, _ = captured.frame.shape
                    self._underway.put(_Begin(stretch.fps, (width, height), read))
                n_frames += 1
                read.append((captured.index, captured.time, captured.arrived))
                yield captured.frame

        extractor = self._networks.extractor
        for rows in self._blocks(frames()) if extractor is None else self._clips(frames(), extractor):
            self._underway.put(rows)
        self._underway.put(_End(n_frames, stretch.lost))

    def _clips(self, frames: Iterator[Any], extractor: Extractor) -> Iterator[_Rows]:
        clips = extractor.clips(frames)
        length = clips.length
        for number, clip in enumerate(clips):
            # The clip without a frame after it is the last, whose place the tail rule decides.
            span = (number * length, (number + 1) * length)
            spans = np.array([span]) if clip.after is not None else clips.spans()[number : number + 1]
            yield _Rows(self._networks.embed(clip), spans)

    def _blocks(self, frames: Iterator[Any]) -> Iterator[_Rows]:
        start, block = 0, list[Any]()
        for frame in frames:
            block.append(frame)
            if len(block) == self._networks.block:
                yield _Rows(block, _one_each(start, len(block)))
                start, block = start + len(block), []
        if block:
            yield _Rows(block, _one_each(start, len(block)))

    def _score(self) -> None:
        while not isinstance(item := self._underway.get(), Done):
            if self._fault is not None:
                continue  # until the cutting thread, which may wait for room, is through
            try:
                self._take(item)
            except Exception as fault:
                self._fault = str(fault) or type(fault).__name__
                self._capture.stop()
                if not isinstance(fault, VadlabError):
                    _log.exception("scoring %s failed", self._name)
        self._tell(Done(self._name, self._fault or item.error))

    def _take(self, item: _Begin | _Rows | _End) -> None:
        if isinstance(item, _Begin):
            self._stretch = item, self._networks.rolling(self._timing, fps=item.fps, size=item.size)
            return
        assert self._stretch is not None
        begin, rolling = self._stretch
        if isinstance(item, _Rows):
            rows = item.rows if isinstance(item.rows, list) else item.rows.result()
            with self._networks.scoring():
                scores = rolling.add(rows, item.spans)
        else:
            with self._networks.scoring():
                scores = rolling.end(item.n_frames)
        if scores is not None:
            indices, times, arrived = zip(*(begin.read.popleft() for _ in scores.values), strict=True)
            self._capture.health.told(len(times), time.monotonic() - arrived[-1])
            self._tell(Told(self._name, indices[0], times, begin.fps, scores))
        if isinstance(item, _End) and item.lost:
            self._tell(LostTrack(self._name))


def _one_each(start: int, n: int) -> IntArray:
    starts = np.arange(start, start + n, dtype=np.int64)
    return np.stack([starts, starts + 1], axis=1)
