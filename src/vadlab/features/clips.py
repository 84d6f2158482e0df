"""Cutting the frames of one video, as they come, into the clips that a network sees.

Clips do not overlap (LAD paper, Sec. 5.1). A clip's flow has one field a frame, from that frame to the next;
the video's last frame, which has none after it, repeats the field before it (denseflow drops that frame
instead, and the authors' clips with it). Frames that a short last clip lacks repeat its last frame and do not
move.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vadlab.errors import DataError
from vadlab.spans import Tail, windows
from vadlab.types import FloatArray, IntArray
from vadlab.video.transform import Frame, to_grey

__all__ = ["Clip", "Clips"]


@dataclass(frozen=True)
class Clip:
    """A clip's real frames, and the neighbours that its flow needs.

    Args:
        frames: At least one, (h, w, 3) RGB uint8; fewer than the clip's length only at the video's end.
        before: The frame before them, None at the video's start.
        after: The frame after them, None at the video's end.
    """

    frames: tuple[Frame, ...]
    before: Frame | None
    after: Frame | None

    def rgb(self, length: int) -> NDArray[np.uint8]:
        """(length, h, w, 3) uint8; the last frame fills a short clip up."""
        return np.stack([*self.frames, *[self.frames[-1]] * (length - len(self.frames))])

    def flow(self, method: Callable[[NDArray[np.uint8]], FloatArray], length: int) -> FloatArray:
        """(length, h, w, 2) float32, one field a frame, by a flow method on all frames in one go.

        Args:
            method: Grey frames (t + 1, h, w) to fields (t, h, w, 2).
            length: Frames of a full clip.
        """
        height, width, _ = self.frames[0].shape
        fields = np.zeros((length, height, width, 2), dtype=np.float32)
        seen = list(self.frames)
        n = len(seen)
        if self.after is not None:
            fields[:n] = method(_grey([*seen, self.after]))
        elif n > 1:
            fields[: n - 1] = method(_grey(seen))
            fields[n - 1] = fields[n - 2]
        elif self.before is not None:
            # The field before a clip of one frame belongs to the clip before.
            fields[0] = method(_grey([self.before, *seen]))[0]
        return fields


class Clips:
    """The clips of one video in order, made while its frames are read; at most two clips of frames are held.

    Args:
        frames: RGB frames of one size, (h, w, 3) uint8.
        length: Frames of a clip.
        tail: What happens to the frames after the last full clip; see `vadlab.spans`.

    Raises:
        DataError: While iterating, if there is no frame.
    """

    def __init__(self, frames: Iterable[Frame], length: int, *, tail: Tail = "drop"):
        self._frames, self.length, self.tail = frames, length, tail
        self.n_frames = 0  # read so far

    def __iter__(self) -> Iterator[Clip]:
        held: list[Frame] = []  # from the start of the clip at hand
        previous: list[Frame] = []
        made = self.n_frames = 0
        for frame in self._frames:
            self.n_frames += 1
            held.append(frame)
            if len(held) > self.length:  # one frame more than the clip, which its last flow field needs
                yield Clip(tuple(held[: self.length]), previous[-1] if previous else None, held[self.length])
                previous, held = held[: self.length], held[self.length :]
                made += 1
        if not self.n_frames:
            raise DataError("the video has no frames")
        if made < len(self.spans()):
            last = (previous + held)[-self.length :] if self.tail == "shift" else held
            yield Clip(tuple(last), previous[-1] if previous else None, None)

    def spans(self) -> IntArray:
        """(n, 2) frames of each clip; of the whole video once all is read."""
        return windows(self.n_frames, self.length, self.length, tail=self.tail)


def _grey(frames: list[Frame]) -> NDArray[np.uint8]:
    return np.stack([to_grey(frame) for frame in frames])
