"""The values that all parts exchange (NumPy only).

Frames are the unit of time. Every interval is half-open and 0-based. Seconds are had only
through `Video.seconds`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import InitVar, dataclass, field
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from vadlab.errors import DataError

__all__ = [
    "Categories",
    "Entry",
    "Event",
    "Features",
    "FloatArray",
    "FrameLabels",
    "Frames",
    "IntArray",
    "Sample",
    "Scores",
    "Split",
    "Supervision",
    "Video",
    "VideoLabel",
]

FloatArray: TypeAlias = NDArray[np.float32]
IntArray: TypeAlias = NDArray[np.int64]
X = TypeVar("X", covariant=True)
Y = TypeVar("Y", covariant=True)


class Supervision(StrEnum):
    """What a detector may see of the training labels (paper, Sec. 5.1, Data Splits)."""

    UNSUPERVISED = "unsupervised"  # normal videos, no label
    WEAK = "weak"  # the video's category and whether it holds an anomaly
    FULL = "full"  # every frame's label and the category


@dataclass(frozen=True)
class Video:
    """A video as decoding found it.

    Args:
        id: Name within its dataset, with `/` between folders, no file suffix.
        path: File, or folder of images.
        n_frames: Number of frames that decoding yields (not what a header claims).
        fps: Frames per second.
        size: (width, height) in pixels, after rotation.
    """

    id: str
    path: Path
    n_frames: int
    fps: Fraction
    size: tuple[int, int]

    def seconds(self, frame: int) -> float:
        """Time of a frame's start in seconds; the one place where frames become seconds."""
        return float(frame / self.fps)


@dataclass(frozen=True)
class Entry:
    """A video as a dataset lists it, before anything is decoded.

    Args:
        id: Name within the dataset, with `/` between folders, no file suffix.
        path: File, or folder of images.
        category: The video's category, or None. In LAD normal videos carry one too.
        abnormal: Whether any frame is abnormal.
        source: The recording it was cut from; one source never stands on two sides of a split.
        part: The dataset's official part, "train" or "test".
        fps: Frame rate of an image folder (files carry their own), or None.
    """

    id: str
    path: Path
    category: str | None
    abnormal: bool
    source: str
    part: str
    fps: Fraction | None = None


@dataclass(frozen=True)
class VideoLabel:
    """All that weak supervision shows: whether the video holds an anomaly, and its category."""

    abnormal: bool
    category: str | None = None


@dataclass(frozen=True)
class FrameLabels:
    """Ground truth of one video: abnormal intervals, (k, 2) int64, sorted, not touching, within the video.

    Raises:
        DataError: If an interval is empty, reversed, outside the video, or overlaps the next, or the
            array has another form.
    """

    n_frames: int
    intervals: IntArray
    category: str | None = None

    def __post_init__(self) -> None:
        given = np.asarray(self.intervals)
        if given.size and (given.shape != (len(given), 2) or given.dtype.kind not in "iu"):
            raise DataError(
                "labelled intervals have the wrong form",
                expected="(k, 2) whole numbers",
                found=f"{given.shape} {given.dtype}",
            )
        intervals = given.astype(np.int64).reshape(-1, 2)
        starts, stops = intervals[:, 0], intervals[:, 1]
        if (starts >= stops).any() or (starts < 0).any() or (stops > self.n_frames).any():
            raise DataError(
                "a labelled interval does not lie within the video",
                expected=f"0 <= start < stop <= {self.n_frames} frames",
                found=intervals.tolist(),
                remedy="check the labels against the frame count that decoding yields",
            )
        if (starts[1:] <= stops[:-1]).any():
            raise DataError(
                "labelled intervals touch, overlap or are not sorted",
                expected="each interval to start after the one before has ended",
                found=intervals.tolist(),
                remedy="merge them; FrameLabels.from_mask does",
            )
        object.__setattr__(self, "intervals", intervals)

    @classmethod
    def from_mask(cls, mask: NDArray[Any], *, category: str | None = None) -> FrameLabels:
        """From a (n_frames,) array that is non-zero where the frame is abnormal."""
        padded = np.concatenate([[False], np.asarray(mask).astype(bool), [False]]).astype(np.int8)
        change = np.diff(padded)
        intervals = np.stack([np.flatnonzero(change == 1), np.flatnonzero(change == -1)], axis=1)
        return cls(n_frames=len(padded) - 2, intervals=intervals, category=category)

    @classmethod
    def from_spans(
        cls, spans: Sequence[tuple[int, int]], n_frames: int, *, category: str | None = None
    ) -> FrameLabels:
        """From half-open spans in any order; those that touch or overlap become one.

        Raises:
            DataError: If a span is empty or not within the video.
        """
        merged: list[list[int]] = []
        for start, stop in sorted(spans):
            if merged and start <= merged[-1][1] and start < stop:
                merged[-1][1] = max(merged[-1][1], stop)
            else:
                merged.append([start, stop])
        return cls(n_frames, np.asarray(merged), category)

    @property
    def abnormal(self) -> bool:
        """Whether any frame is abnormal."""
        return len(self.intervals) > 0

    def mask(self) -> NDArray[np.bool_]:
        """(n_frames,) bool, True where the frame is abnormal."""
        mask = np.zeros(self.n_frames, dtype=bool)
        for start, stop in self.intervals:
            mask[start:stop] = True
        return mask


@dataclass(frozen=True)
class Split:
    """Which videos train, validate and test.

    Args:
        name: How it was drawn, e.g. "ped2 full, 14/14".
        supervision: The mode it serves.
        train, val, test: Entries; `val` is cut from the training part.
        seed: The seed of the draw, or None where the lists are official.

    Raises:
        DataError: If a video, or a source, is on two sides, or an unsupervised split would train or
            validate on an abnormal video.
    """

    name: str
    supervision: Supervision
    train: tuple[Entry, ...]
    val: tuple[Entry, ...]
    test: tuple[Entry, ...]
    seed: int | None = None

    def __post_init__(self) -> None:
        parts = {"train": self.train, "val": self.val, "test": self.test}
        for kind in ("id", "source"):
            seen: dict[str, str] = {}
            for part, entries in parts.items():
                for entry in entries:
                    key = getattr(entry, kind)
                    other = seen.setdefault(key, part)
                    if other != part:
                        raise DataError(
                            f"split {self.name!r} has the {kind} {key!r} in {other} and in {part}",
                            expected=f"each {kind} on one side only",
                            found=f"{key!r} on two sides",
                            remedy="give clips of one recording the same source and the same part",
                        )
        abnormal = [entry.id for entry in self.train + self.val if entry.abnormal]
        if self.supervision is Supervision.UNSUPERVISED and abnormal:
            raise DataError(
                f"split {self.name!r} is unsupervised and trains on abnormal videos",
                expected="normal videos only",
                found=f"{len(abnormal)} abnormal, such as {abnormal[0]!r}",
                remedy="leave them out, or choose another kind of supervision",
            )


@dataclass(frozen=True)
class Features:
    """Clip features of one video: values (n, d) float32, finite.

    Args:
        values: In memory, or mapped from a file and read where they are used.
        known_finite: Take the values as finite without reading them.
    """

    values: FloatArray
    known_finite: InitVar[bool] = field(default=False, kw_only=True)

    def __post_init__(self, known_finite: bool) -> None:
        if self.values.ndim != 2 or self.values.dtype != np.float32:
            raise DataError(
                "features have the wrong form",
                expected="(n, d) float32",
                found=f"{self.values.shape} {self.values.dtype}",
            )
        if not known_finite and not np.isfinite(self.values).all():
            rows = np.flatnonzero(~np.isfinite(self.values).all(axis=1))
            raise DataError(
                "features hold NaN or infinity",
                expected="finite values",
                found=f"{len(rows)} bad rows, the first is row {rows[0]}",
                remedy="delete the file and run extract again",
            )


class Frames(Protocol):
    """The frames of one video, decoded anew each time they are asked for."""

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        """Yield every frame in order, (height, width, 3) RGB uint8."""
        ...


@dataclass(frozen=True)
class Sample(Generic[X, Y]):
    """One video as a detector sees it.

    Args:
        video: The video.
        spans: (n, 2) int64, the frames that each row of `x` covers (one row a frame for Frames).
        x: `Features` or `Frames`.
        y: None, `VideoLabel` or `FrameLabels`, never more than the detector's mode allows.
    """

    video: Video
    spans: IntArray
    x: X
    y: Y


@dataclass(frozen=True)
class Categories:
    """Probabilities of categories: spans (w, 2), probabilities (w, C) with rows that sum to 1, C names."""

    spans: IntArray
    probabilities: FloatArray
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.probabilities.shape != (len(self.spans), len(self.names)):
            raise DataError(
                "category probabilities do not fit their spans and names",
                expected=(len(self.spans), len(self.names)),
                found=self.probabilities.shape,
            )
        whole = np.allclose(self.probabilities.sum(axis=1), 1, atol=1e-4)
        if not whole or (self.probabilities < 0).any():
            raise DataError("category probabilities are none", expected="0 or more, with rows that sum to 1")

    def video_level(self) -> FloatArray:
        """(C,) mean over the windows: the video's category probabilities (ours, not the paper's)."""
        mean: FloatArray = self.probabilities.mean(axis=0)
        return mean


@dataclass(frozen=True)
class Scores:
    """A detector's answer for one video.

    Args:
        video: The video.
        spans: (m, 2) int64 frames; may overlap, may leave frames uncovered.
        values: (m,) float32, higher = more anomalous, any finite range.
        categories: Category probabilities by window, or None.

    Raises:
        DataError: If a value is not finite, the lengths differ, or a span is outside the video.
    """

    video: Video
    spans: IntArray
    values: FloatArray
    categories: Categories | None = None

    def __post_init__(self) -> None:
        if self.spans.shape != (len(self.values), 2) or self.values.ndim != 1:
            raise DataError(
                f"scores of {self.video.id!r} have the wrong form",
                expected="spans (m, 2) and values (m,)",
                found=f"spans {self.spans.shape} and values {self.values.shape}",
            )
        if not len(self.values) or not np.isfinite(self.values).all():
            raise DataError(
                f"scores of {self.video.id!r} are empty or hold NaN or infinity",
                expected="at least one value, all finite",
                found=f"{len(self.values)} values, {int((~np.isfinite(self.values)).sum())} not finite",
                remedy="training may have diverged: lower the learning rate",
            )
        starts, stops = self.spans[:, 0], self.spans[:, 1]
        if (starts < 0).any() or (stops > self.video.n_frames).any() or (starts >= stops).any():
            raise DataError(
                f"scores of {self.video.id!r} cover frames outside the video",
                expected=f"0 <= start < stop <= {self.video.n_frames}",
                found=f"starts from {starts.min()}, stops to {stops.max()}",
            )


@dataclass(frozen=True)
class Event:
    """A span reported to a person.

    Args:
        source: The video's id, or the camera's name.
        start, stop: Frames, half-open.
        peak: The frame with the highest score.
        score: The score there.
        category: The likeliest category over the span, or None.
        probability: That category's probability, in 0..1, or None.
    """

    source: str
    start: int
    stop: int
    peak: int
    score: float
    category: str | None = None
    probability: float | None = None
