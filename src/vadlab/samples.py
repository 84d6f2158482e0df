"""Samples for detectors; the only place that hands out labels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from vadlab.features.store import Store
from vadlab.types import Entry, Features, FrameLabels, Frames, IntArray, Sample, Supervision, VideoLabel
from vadlab.video.decode import VideoFrames, probe

__all__ = ["Reader", "Truth", "blindfold", "frames_of", "reader", "samples"]


class Truth(Protocol):
    """A dataset, as far as its labels go."""

    def labels(self, entry: Entry, n_frames: int) -> FrameLabels:
        """Frame labels of a video of so many frames."""
        ...


class Reader(Protocol):
    """Gives an entry's video, spans and x, without a label."""

    def __call__(self, entry: Entry) -> Sample[Any, None]:
        """The blind sample."""
        ...


@dataclass(frozen=True)
class _FeatureReader:
    store: Store
    streams: tuple[str, ...] | None

    def __call__(self, entry: Entry) -> Sample[Features, None]:
        return self.store.read(entry.id, streams=self.streams)


def frames_of(path: Path, *, id: str, fps: Fraction | None = None) -> Sample[Frames, None]:  # noqa: A002
    """A video file or image folder as a blind sample of frames, one span a frame."""
    video = probe(path, id=id, fps=fps)
    starts: IntArray = np.arange(video.n_frames, dtype=np.int64)
    return Sample(video, np.stack([starts, starts + 1], axis=1), VideoFrames(path), None)


def reader(
    reads: Literal["features", "frames"], *, store: Store | None, streams: tuple[str, ...] | None = None
) -> Reader:
    """The reader that a detector needs: from a feature store, or by decoding."""
    if reads == "frames":
        return lambda entry: frames_of(entry.path, id=entry.id, fps=entry.fps)
    if store is None:
        raise ValueError("a detector that reads features needs a store")
    return _FeatureReader(store, streams)


def blindfold(
    labels: FrameLabels | None, entry: Entry, supervision: Supervision
) -> FrameLabels | VideoLabel | None:
    """What a mode of supervision allows a detector to see of a video's labels."""
    if supervision is Supervision.UNSUPERVISED:
        return None
    if supervision is Supervision.WEAK:
        return VideoLabel(entry.abnormal, entry.category)
    return labels


def samples(
    truth: Truth, entries: Iterable[Entry], read: Reader, supervision: Supervision
) -> list[Sample[Any, Any]]:
    """Training samples, labelled only as far as the mode allows."""
    made: list[Sample[Any, Any]] = []
    for entry in entries:
        blind = read(entry)
        full = supervision is Supervision.FULL
        labels = truth.labels(entry, blind.video.n_frames) if full else None
        made.append(Sample(blind.video, blind.spans, blind.x, blindfold(labels, entry, supervision)))
    return made
