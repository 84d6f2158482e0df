"""What a person should look at: the worst misses, rows by category and by video, thinned curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadlab.evaluation.metrics import roc_auc
from vadlab.evaluation.result import Evaluation, Judged
from vadlab.types import FloatArray, IntArray, Video

__all__ = [
    "CategoryRow",
    "Miss",
    "VideoRow",
    "by_category",
    "by_video",
    "counted_frames",
    "predicted",
    "thinned",
    "worst",
]


@dataclass(frozen=True)
class Miss:
    """A frame that the detector got wrong.

    Args:
        video: The video.
        frame: The frame to look at.
        score: Its score.
        event: The missed event's frames, half-open; None for a false alarm.
        share: Share, in 0..1, of the other side's counted frames that it beats. A false alarm scores
            at least as high as this share of abnormal frames; a missed event stays at or below this
            share of normal frames. NaN where the other side has no frames.
    """

    video: Video
    frame: int
    score: float
    event: tuple[int, int] | None
    share: float


@dataclass(frozen=True)
class CategoryRow:
    """One category's test videos.

    Args:
        name: The category.
        n_videos, n_abnormal_videos: Counts.
        n_frames, n_abnormal_frames: Counts of counted frames.
        auc: Frame AUC over the category's videos in 0..1, or NaN.
        accuracy: Share of its videos whose predicted category is right in 0..1, or NaN.
        reasons: "auc" or "accuracy" to why it is NaN.
    """

    name: str
    n_videos: int
    n_abnormal_videos: int
    n_frames: int
    n_abnormal_frames: int
    auc: float
    accuracy: float
    reasons: dict[str, str]


@dataclass(frozen=True)
class VideoRow:
    """One test video.

    Args:
        judged: Its labels and scores.
        auc: AUC over its counted frames in 0..1, or NaN where they are of one kind.
        predicted: The likeliest category with its mean probability, or None.
    """

    judged: Judged
    auc: float
    predicted: tuple[str, float] | None


def predicted(judged: Judged) -> tuple[str, float] | None:
    """The likeliest category of a video and its mean probability; None without categories."""
    categories = judged.scores.categories
    if categories is None or not len(categories.spans):
        return None
    probabilities = categories.video_level()
    best = int(probabilities.argmax())
    return categories.names[best], float(probabilities[best])


def counted_frames(videos: Sequence[Judged]) -> tuple[NDArray[np.bool_], FloatArray]:
    """(frames,) whether abnormal, and (frames,) scores, of the counted frames of all these videos."""
    if not videos:
        return np.zeros(0, dtype=bool), np.zeros(0, dtype=np.float32)
    return (
        np.concatenate([judged.counted_labels() for judged in videos]),
        np.concatenate([judged.counted_scores() for judged in videos]),
    )


def by_category(evaluation: Evaluation) -> tuple[CategoryRow, ...]:
    """A row a category of the labels, as the evaluation orders them; videos without one are left out."""
    rows = []
    for name, figures in evaluation.per_category.items():
        videos = [judged for judged in evaluation.videos if judged.labels.category == name]
        abnormal, _ = counted_frames(videos)
        reasons = {
            short: evaluation.reasons[f"per_category/{name}/{key}"]
            for short, key in (("auc", "auc"), ("accuracy", "accuracy_videos"))
            if f"per_category/{name}/{key}" in evaluation.reasons
        }
        rows.append(
            CategoryRow(
                name=name,
                n_videos=len(videos),
                n_abnormal_videos=sum(judged.labels.abnormal for judged in videos),
                n_frames=len(abnormal),
                n_abnormal_frames=int(abnormal.sum()),
                auc=figures.get("auc", math.nan),
                accuracy=figures.get("accuracy_videos", math.nan),
                reasons=reasons,
            )
        )
    return tuple(rows)


def by_video(evaluation: Evaluation) -> tuple[VideoRow, ...]:
    """A row a test video, in the order of the evaluation."""
    return tuple(
        VideoRow(judged, roc_auc(judged.counted_labels(), judged.counted_scores()), predicted(judged))
        for judged in evaluation.videos
    )


def worst(evaluation: Evaluation, *, n: int = 6) -> tuple[list[Miss], list[Miss]]:
    """The false alarms and the missed events that most deserve a look, worst first.

    A false alarm is a video's highest score on a counted normal frame. A missed event is a video's
    event whose best counted frame scores lowest; that best frame is the one reported. Ties go to the
    earlier video and frame.

    Args:
        evaluation: The result.
        n: At most so many of each kind, each from another video.

    Returns:
        (false alarms by falling score, missed events by rising score).
    """
    false_alarms, misses = [], []
    for judged in evaluation.videos:
        abnormal = judged.labels.mask()
        frame = _highest(judged, np.flatnonzero(judged.counted & ~abnormal))
        if frame is not None:
            false_alarms.append((float(judged.frame_scores[frame]), frame, None, judged.scores.video))
        events = []
        for start, stop in judged.labels.intervals.tolist():
            frame = _highest(judged, start + np.flatnonzero(judged.counted[start:stop]))
            if frame is not None:
                events.append((float(judged.frame_scores[frame]), frame, (start, stop), judged.scores.video))
        if events:
            misses.append(min(events, key=lambda event: event[0]))
    abnormal, scores = counted_frames(evaluation.videos)
    on_abnormal, on_normal = np.sort(scores[abnormal]), np.sort(scores[~abnormal])
    false_alarms.sort(key=lambda found: -found[0])
    misses.sort(key=lambda found: found[0])
    return (
        [
            Miss(
                video, frame, score, event, _share(int(on_abnormal.searchsorted(score, "right")), on_abnormal)
            )
            for score, frame, event, video in false_alarms[:n]
        ],
        [
            Miss(
                video,
                frame,
                score,
                event,
                _share(len(on_normal) - int(on_normal.searchsorted(score, "left")), on_normal),
            )
            for score, frame, event, video in misses[:n]
        ],
    )


def _highest(judged: Judged, frames: NDArray[np.int64]) -> int | None:
    if not len(frames):
        return None
    return int(frames[int(judged.frame_scores[frames].argmax())])


def _share(beaten: int, others: FloatArray) -> float:
    return beaten / len(others) if len(others) else math.nan


def thinned(values: NDArray[Any], *, n_points: int = 600) -> IntArray:
    """Indices of at most `n_points` values that draw the same curve.

    The row is cut into equal pieces; each keeps its lowest and its highest value, and the row keeps
    its ends, so no peak is lost and every point drawn is a real one.

    Args:
        values: (n,) numbers.
        n_points: At least 4.

    Returns:
        (k,) int64, sorted, k <= n_points; all indices where n <= n_points.
    """
    n = len(values)
    if n <= n_points:
        return np.arange(n, dtype=np.int64)
    edges = np.linspace(0, n, (n_points - 2) // 2 + 1).astype(np.int64)
    kept = [0, n - 1]
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        kept += [start + int(values[start:stop].argmin()), start + int(values[start:stop].argmax())]
    return np.unique(np.asarray(kept, dtype=np.int64))
