"""Videos in memory, for tests of what reads frames."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from vadlab.types import Sample, Video


class MemoryFrames:
    """Frames that need no file."""

    def __init__(self, frames: np.ndarray):
        self.frames = frames

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self.frames)


def sample(frames: np.ndarray, name: str = "v") -> Sample[MemoryFrames, None]:
    """A video of (n, h, w, 3) frames."""
    n, h, w = frames.shape[:3]
    starts = np.arange(n)
    video = Video(name, Path(name), n, Fraction(25), (w, h))
    return Sample(video, np.stack([starts, starts + 1], axis=1), MemoryFrames(frames), None)


def noise(seed: int, n: int, side: int = 16) -> np.ndarray:
    """(n, side, side, 3) random frames."""
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, 3), dtype=np.uint8)


def moving_bar(start: int, n: int, side: int = 16) -> np.ndarray:
    """(n, side, side, 3): a bright bar that goes two pixels to the right a frame, round and round."""
    columns = (np.arange(side) - start - 2 * np.arange(n)[:, None]) % side
    level = np.where(columns < 4, 200, 60).astype(np.uint8)
    return np.broadcast_to(level[:, None, :, None], (n, side, side, 3)).copy()
