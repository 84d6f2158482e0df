"""Several people's marks to one truth: frame labels, a category, each frame's share of the people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vadlab.annotations.consensus import agreement_mean, consensus
from vadlab.annotations.marks import AnnotatedVideo, Annotation, ListedVideo
from vadlab.errors import DataError
from vadlab.types import FrameLabels

__all__ = ["Merged", "merge"]


@dataclass(frozen=True)
class Merged:
    """What the annotators of one video say together.

    Args:
        video: The video.
        labels: Abnormal where at least the threshold's share of the annotators say so. Its category is
            the one most of them name, or None if they name none or tie.
        mean: (n_frames,) share of the annotators, in 0..1, who marked each frame.
        votes: Annotators by category.
        tied: The categories with most votes if there are several, else nothing.
    """

    video: ListedVideo
    labels: FrameLabels
    mean: NDArray[np.float64]
    votes: Mapping[str, int]
    tied: tuple[str, ...]


def merge(video: AnnotatedVideo, *, threshold: float = 0.5) -> Merged:
    """Merge one video's annotations.

    Every annotator has one vote for the category: that of their marks which covers most of the
    consensus' abnormal frames. Who marked none of these frames, or names no category, has no vote.

    Raises:
        DataError: If the frame count is unknown or nobody annotated the video.
        UsageError: If the threshold is not within 0 < threshold <= 1.

    Source: LAD paper, Sec. 3.2, for the frames. It does not say how categories were decided.
    """
    n_frames = video.video.n_frames
    if n_frames is None:
        raise DataError(
            f"the number of frames of {video.video.path} is unknown",
            remedy="fill the column n_frames of annotations.csv",
        )
    spans = [annotation.spans for annotation in video.annotations]
    labels = consensus(spans, n_frames, threshold=threshold)
    mask = labels.mask()
    votes = Counter(name for one in video.annotations if (name := _vote(one, mask)) is not None)
    most = max(votes.values(), default=0)
    first = tuple(sorted(name for name, count in votes.items() if count == most))
    category = first[0] if len(first) == 1 else None
    return Merged(
        video.video,
        FrameLabels(n_frames, labels.intervals, category),
        agreement_mean(spans, n_frames),
        dict(sorted(votes.items())),
        first if len(first) > 1 else (),
    )


def _vote(annotation: Annotation, mask: NDArray[np.bool_]) -> str | None:
    """The category that covers most of the masked frames; the first by name if several do."""
    covered: Counter[str] = Counter()
    for name in {mark.category for mark in annotation.marks if mark.category is not None}:
        own = [(mark.start, mark.stop) for mark in annotation.marks if mark.category == name]
        covered[name] = int(mask[FrameLabels.from_spans(own, len(mask)).mask()].sum())
    best = max(sorted(covered), key=lambda name: covered[name], default=None)
    return best if best is not None and covered[best] else None
