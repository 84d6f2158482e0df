"""Frame difference, against NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from vadlab.detectors.frame_difference import FrameDifference
from vadlab.errors import UsageError
from vadlab.types import Sample, Video


class Memory:
    def __init__(self, frames: np.ndarray):
        self.frames = frames

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self.frames)


def sample(grey: np.ndarray) -> Sample[Memory, None]:
    """From grey levels (n, h, w)."""
    n, h, w = grey.shape
    starts = np.arange(n)
    frames = np.repeat(grey[..., None], 3, axis=-1)
    video = Video("v", Path("v"), n, Fraction(25), (w, h))
    return Sample(video, np.stack([starts, starts + 1], axis=1), Memory(frames), None)


def noise(seed: int, n: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 12, 16), dtype=np.uint8)


def differences(grey: np.ndarray) -> np.ndarray:
    return np.abs(np.diff(grey.astype(np.float64), axis=0)).mean((1, 2))


def test_is_the_standardised_mean_absolute_difference() -> None:
    train, new = [noise(0), noise(1, 4)], noise(2, 9)
    scores = FrameDifference(width=16).fit([sample(g) for g in train]).score(sample(new))
    known = np.concatenate([differences(g) for g in train])
    np.testing.assert_allclose(scores.values, (differences(new) - known.mean()) / known.std(), rtol=1e-4)
    assert scores.spans.tolist() == [[i, i + 1] for i in range(1, 9)]


def test_shrinks_by_area() -> None:
    grey = noise(3)
    blocks = grey.reshape(7, 3, 4, 4, 4).mean((2, 4))  # 16 x 12 to 4 x 3
    detector = FrameDifference(width=4)
    found = detector._differences(sample(grey).x)
    np.testing.assert_allclose(found, differences(blocks), atol=1)  # blocks are rounded to whole levels
    assert np.corrcoef(found, differences(blocks))[0, 1] > 0.99


def test_a_still_set_and_a_single_frame() -> None:
    still = np.full((5, 12, 16), 9, dtype=np.uint8)
    detector = FrameDifference(width=16).fit([sample(still)])
    assert detector.score(sample(still)).values.tolist() == [0, 0, 0, 0]
    assert np.isfinite(detector.score(sample(noise(0))).values).all()
    alone = detector.score(sample(still[:1]))
    assert alone.spans.tolist() == [[0, 1]] and alone.values.tolist() == [0]


def test_refusals() -> None:
    with pytest.raises(UsageError, match="at least one"):
        FrameDifference().fit([])
    with pytest.raises(UsageError, match="empty frame"):
        FrameDifference(width=1).fit([sample(noise(0))])
