"""Windows of consecutive frames at one size, for detectors that read frames.

Scoring runs once through a video and holds one batch of windows. Training jumps about in all videos, which
decoding does not allow; so their frames are shrunk once into an unnamed file, which is mapped: memory holds
of it what the system can spare, and the file goes when it is no longer used. A video shorter than a window
is one window, which repeats its last frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vadlab.errors import DataError, UsageError
from vadlab.scratch_array import scratch_array
from vadlab.types import FloatArray, Frames, Sample
from vadlab.video.transform import resize, to_grey

__all__ = ["FrameWindow", "FrameWindows", "Pixels", "check_frames", "shrunk", "sliding"]

Pixels: TypeAlias = NDArray[np.uint8]


def shrunk(frames: Frames, *, size: int, grey: bool) -> Iterator[Pixels]:
    """Yield every frame, resized straight to a square.

    Args:
        frames: RGB frames of any size.
        size: Side in pixels.
        grey: Luma alone, instead of R, G and B.

    Yields:
        (c, size, size) uint8, c = 1 if grey, else 3.
    """
    for frame in frames:
        small = resize(to_grey(frame) if grey else frame, (size, size))
        yield small[None] if grey else small.transpose(2, 0, 1)


def sliding(frames: Iterator[Pixels], length: int, *, batch: int = 1) -> Iterator[Pixels]:
    """Every window of consecutive frames at a stride of one, in order.

    Args:
        frames: (c, h, w) each, at least one.
        length: Frames in a window.
        batch: Windows to yield at a time; the last batch may be smaller.

    Yields:
        (b, length, c, h, w) uint8.
    """
    held: deque[Pixels] = deque(maxlen=length)
    windows: list[Pixels] = []
    for frame in frames:
        held.append(frame)
        if len(held) == length:
            windows.append(np.stack(held))
        if len(windows) == batch:
            yield np.stack(windows)
            windows = []
    if 0 < len(held) < length:
        windows.append(np.stack([*held, *[held[-1]] * (length - len(held))]))
    if windows:
        yield np.stack(windows)


@dataclass(frozen=True)
class FrameWindow:
    """One window of a training video: which video, its first frame, and the step from frame to frame."""

    video: int
    start: int
    stride: int = 1


class FrameWindows:
    """All windows of the training videos.

    Args:
        samples: The videos, at least one.
        length: Frames in a window.
        size: Side in pixels of the squares to which frames are resized.
        grey: Luma alone, instead of R, G and B.

    Raises:
        UsageError: If there is no video, or the disk lacks the room.
        DataError: If a video does not decode to the number of frames that it is said to have.
    """

    def __init__(self, samples: Sequence[Sample[Frames, Any]], *, length: int, size: int, grey: bool):
        if not samples:
            raise UsageError("there is no training video", expected="at least one")
        self.length = length
        self.n_frames = np.array([s.video.n_frames for s in samples], dtype=np.int64)
        # Of all frames of all videos in a row.
        self.first = np.cumsum(self.n_frames) - self.n_frames
        self.n_windows = np.maximum(1, self.n_frames - length + 1)
        self.ends = np.cumsum(self.n_windows)
        self.frames: Pixels = scratch_array(
            (int(self.n_frames.sum()), 1 if grey else 3, size, size),
            np.uint8,
            of="the shrunk training frames",
            less="fewer videos or smaller frames",
        )
        for sample, first in zip(samples, self.first.tolist(), strict=True):
            _fill(self.frames[first : first + sample.video.n_frames], sample, size=size, grey=grey)

    def __len__(self) -> int:
        """Number of windows at a stride of one."""
        return int(self.ends[-1])

    def all(self) -> list[FrameWindow]:
        """Every window at a stride of one."""
        return [self.window(number) for number in range(len(self))]

    def window(self, number: int) -> FrameWindow:
        """One of them, by its number over all videos."""
        video = int(np.searchsorted(self.ends, number, side="right"))
        return FrameWindow(video, int(number - (self.ends[video] - self.n_windows[video])))

    def shuffled(
        self, step: int, *, batch: int, rng_of: Callable[[int], np.random.Generator]
    ) -> list[FrameWindow]:
        """A step's batch; each pass takes every window once, in a new order, but for a remainder.

        Args:
            step: From 0 over all passes.
            batch: Windows in a batch; all of them, if they are fewer.
            rng_of: A pass's number to the random numbers of its order.
        """
        batch = min(batch, len(self))
        done, position = divmod(step, len(self) // batch)
        order = rng_of(done).permutation(len(self))
        return [self.window(int(number)) for number in order[position * batch : (position + 1) * batch]]

    def by_video(
        self, rng: np.random.Generator, batch: int, *, strides: Sequence[int] = (1,)
    ) -> list[FrameWindow]:
        """A batch that draws the video first, all alike however long, then a stride and the first frame.

        A stride that does not fit into the video becomes the largest that does.
        """
        chosen = []
        for video in rng.integers(len(self.n_frames), size=batch).tolist():
            n = int(self.n_frames[video])
            fits = max(1, (n - 1) // max(1, self.length - 1))
            stride = min(int(rng.choice(strides)), fits)
            starts = max(1, n - (self.length - 1) * stride)
            chosen.append(FrameWindow(video, int(rng.integers(starts)), stride))
        return chosen

    def stack(self, chosen: Sequence[FrameWindow]) -> Pixels:
        """Read windows: (b, length, c, h, w) uint8."""
        videos, starts, strides = np.array([(w.video, w.start, w.stride) for w in chosen]).T
        rows = starts[:, None] + strides[:, None] * np.arange(self.length)
        rows = self.first[videos, None] + np.minimum(rows, self.n_frames[videos, None] - 1)
        return np.asarray(self.frames[rows])

    def mean(self) -> FloatArray:
        """(c, h, w) float32, the mean of all frames, in 0..255."""
        total = np.zeros(self.frames.shape[1:], dtype=np.int64)
        for frame in self.frames:
            total += frame
        mean: FloatArray = (total / len(self.frames)).astype(np.float32)
        return mean


def _fill(place: Pixels, sample: Sample[Frames, Any], *, size: int, grey: bool) -> None:
    n = 0
    for frame in shrunk(sample.x, size=size, grey=grey):
        if n < len(place):
            place[n] = frame
        n += 1
    check_frames(sample, n)


def check_frames(sample: Sample[Frames, Any], found: int) -> None:
    """Compare how many frames a training video decoded to with how many it is said to have.

    Raises:
        DataError: If they differ.
    """
    if found != sample.video.n_frames:
        raise DataError(
            f"the video {sample.video.id!r} has another number of frames than when it was probed",
            file=sample.video.path,
            expected=sample.video.n_frames,
            found=found,
        )
