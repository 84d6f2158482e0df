"""From what several annotators marked to one label a frame, as LAD was annotated (paper, Sec. 3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from vadlab.errors import DataError, UsageError
from vadlab.types import FrameLabels

__all__ = ["agreement_mean", "consensus"]

Marks: TypeAlias = Sequence[Sequence[tuple[int, int]]]
"""One sequence of half-open frame spans an annotator; an empty one marks nothing as abnormal."""


def consensus(annotations: Marks, n_frames: int, *, threshold: float = 0.5) -> FrameLabels:
    """Frame labels: abnormal where at least `threshold` of the annotators say so.

    Args:
        annotations: Spans by annotator, in any order; spans of one annotator may overlap.
        n_frames: Number of frames.
        threshold: Share of annotators, 0 < threshold <= 1. With five annotators 0.5 means three.

    Raises:
        DataError: If there is no annotator, or a span is empty or not within the video.
        UsageError: If the threshold is out of range.

    Source: LAD paper, Sec. 3.2: five annotators, averaged by frame, binarised by 0.5.
    """
    if not 0 < threshold <= 1:
        raise UsageError("the threshold is out of range", expected="0 < threshold <= 1", found=threshold)
    return FrameLabels.from_mask(agreement_mean(annotations, n_frames) >= threshold)


def agreement_mean(annotations: Marks, n_frames: int) -> NDArray[np.float64]:
    """(n_frames,) share of the annotators, in 0..1, who marked each frame as abnormal.

    Raises:
        DataError: If there is no annotator, or a span is empty or not within the video.
    """
    if not annotations:
        raise DataError(
            "nobody annotated the video", expected="one annotator or more", remedy="annotate it first"
        )
    votes = np.zeros(n_frames, dtype=np.int64)
    for spans in annotations:
        votes += FrameLabels.from_spans(spans, n_frames).mask()
    return votes / len(annotations)
