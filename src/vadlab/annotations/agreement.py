"""How well annotators agree, in each video and over all, and which videos somebody should look at again."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vadlab.annotations.event_matching import BoundarySpread, match_events, mean_event_iou
from vadlab.annotations.marks import AnnotatedVideo
from vadlab.annotations.merge import Merged, merge
from vadlab.annotations.reliability import cohen_kappa, fleiss_kappa, krippendorff_alpha
from vadlab.types import FrameLabels, IntArray

__all__ = ["Agreement", "Limits", "VideoAgreement", "agreement"]

SHOWN = 3  # events that a reason names


@dataclass(frozen=True)
class Limits:
    """From where on a video should be looked at again.

    Args:
        alpha: Krippendorff's alpha below this; 0.667 is the lowest he lets conclusions rest on.
        event_iou: Mean temporal IoU of events below this.
        boundary: Spread (standard deviation) of begins or ends above this, in frames.
    """

    alpha: float = 0.667
    event_iou: float = 0.5
    boundary: float = 25.0


@dataclass(frozen=True)
class VideoAgreement:
    """Agreement in one video; a figure is NaN where it is undefined.

    Args:
        annotated: The video and its annotations.
        merged: What they say together.
        kappa, alpha: Of the frames' labels.
        event_iou: Mean over pairs of annotators of `mean_event_iou`.
        begin, end: Spread of the boundaries, over the events of the consensus.
        reasons: Why it should be looked at again; nothing if it need not.
    """

    annotated: AnnotatedVideo
    merged: Merged
    kappa: float
    alpha: float
    event_iou: float
    begin: BoundarySpread
    end: BoundarySpread
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Agreement:
    """Agreement over all videos; a figure is NaN where it is undefined.

    Args:
        videos: Each video, those to look at again first, then the least agreement first.
        annotators: Names, sorted.
        kappa, alpha: Over all frames of all videos.
        kappa_reason: Why kappa is undefined, or nothing.
        alpha_reason: The same for alpha.
        event_iou: Mean over the videos that have one.
        begin, end: Spread of the boundaries over all events.
        cohen: (annotators, annotators) Cohen's kappa over the frames of the videos that both annotated.
    """

    videos: tuple[VideoAgreement, ...]
    annotators: tuple[str, ...]
    kappa: float
    alpha: float
    kappa_reason: str
    alpha_reason: str
    event_iou: float
    begin: BoundarySpread
    end: BoundarySpread
    cohen: np.ndarray[tuple[int, int], np.dtype[np.float64]]

    @property
    def to_adjudicate(self) -> tuple[VideoAgreement, ...]:
        """The videos with a reason to look again."""
        return tuple(video for video in self.videos if video.reasons)


def agreement(
    videos: Sequence[AnnotatedVideo], *, threshold: float = 0.5, limits: Limits | None = None
) -> Agreement:
    """Measure the agreement of all annotators of all videos.

    Args:
        videos: With known frame counts.
        threshold: The consensus', see `merge`.
        limits: From where on a video should be looked at again.

    Raises:
        DataError: If a frame count is unknown or nobody annotated a video.
    """
    measured = [_measure(video, threshold, limits or Limits()) for video in videos]
    tables = [_counts(one.merged, len(one.annotated.annotations)) for one in measured]
    counts = np.concatenate([rows for rows, _ in tables]) if tables else np.zeros((0, 2), np.int64)
    weights = np.concatenate([times for _, times in tables]) if tables else np.zeros(0, np.int64)
    people = sorted({len(one.annotated.annotations) for one in measured})
    alike = len(people) == 1 and people[0] >= 2
    kappa = fleiss_kappa(counts, weights) if alike else math.nan
    alpha = krippendorff_alpha(counts, weights)
    begin, end = BoundarySpread(), BoundarySpread()
    for one in measured:
        begin.include(one.begin)
        end.include(one.end)
    names = tuple(sorted({a.annotator for one in measured for a in one.annotated.annotations}))
    ious = [one.event_iou for one in measured if not math.isnan(one.event_iou)]
    return Agreement(
        tuple(sorted(measured, key=_worst_first)),
        names,
        kappa,
        alpha,
        _kappa_reason(kappa, people),
        _alpha_reason(alpha, people),
        float(np.mean(ious)) if ious else math.nan,
        begin,
        end,
        _cohen_matrix(videos, names),
    )


def _measure(video: AnnotatedVideo, threshold: float, limits: Limits) -> VideoAgreement:
    merged = merge(video, threshold=threshold)
    n_people = len(video.annotations)
    counts, weights = _counts(merged, n_people)
    alpha = krippendorff_alpha(counts, weights)
    events = [_events(spans.spans, len(merged.mean)) for spans in video.annotations]
    pairs = [mean_event_iou(a, b) for a, b in itertools.combinations(events, 2)]
    known = [value for value in pairs if not math.isnan(value)]
    event_iou = float(np.mean(known)) if known else math.nan
    begin, end = BoundarySpread(), BoundarySpread()
    of_event: list[list[tuple[int, int]]] = [[] for _ in merged.labels.intervals]
    lone: list[str] = []
    mask = merged.labels.mask()
    for annotation, own in zip(video.annotations, events, strict=True):
        matched = match_events(own, merged.labels.intervals)
        for mine, theirs, _ in matched:
            of_event[theirs].append((int(own[mine, 0]), int(own[mine, 1])))
        alone = [(start, stop) for start, stop in own.tolist() if not mask[start:stop].any()]
        lone += [f"{annotation.annotator} {start}-{stop}" for start, stop in alone]
    for places in of_event:
        begin.add([start for start, _ in places])
        end.add([stop for _, stop in places])
    reasons = []
    if n_people < 2:
        reasons.append("only one annotator")
    if lone:
        more = f" and {len(lone) - SHOWN} more" if len(lone) > SHOWN else ""
        reasons.append(f"events of a minority: {', '.join(lone[:SHOWN])}{more}")
    empty = sum(not len(own) for own in events)
    if empty and merged.labels.abnormal:
        reasons.append(f"{empty} of {n_people} marked nothing")
    if alpha < limits.alpha:
        reasons.append(f"alpha {alpha:.3f} below {limits.alpha:g}")
    if event_iou < limits.event_iou:
        reasons.append(f"event IoU {event_iou:.3f} below {limits.event_iou:g}")
    for word, spread in (("begin", begin), ("end", end)):
        if spread.std > limits.boundary:
            reasons.append(f"{word} spread {spread.std:.1f} frames above {limits.boundary:g}")
    if merged.tied:
        reasons.append(f"categories tie: {', '.join(f'{name} {merged.votes[name]}' for name in merged.tied)}")
    kappa = fleiss_kappa(counts, weights) if n_people >= 2 else math.nan
    return VideoAgreement(video, merged, kappa, alpha, event_iou, begin, end, tuple(reasons))


def _counts(merged: Merged, n_people: int) -> tuple[IntArray, IntArray]:
    """The different (abnormal, normal) votes of a video's frames, and how many frames have each."""
    votes = np.rint(merged.mean * n_people).astype(np.int64)
    frames = np.bincount(votes, minlength=n_people + 1)
    abnormal = np.arange(n_people + 1)
    rows = np.stack([abnormal, n_people - abnormal], axis=1)
    return rows[frames > 0], frames[frames > 0]


def _events(spans: Sequence[tuple[int, int]], n_frames: int) -> IntArray:
    return FrameLabels.from_spans(spans, n_frames).intervals


def _cohen_matrix(
    videos: Sequence[AnnotatedVideo], names: tuple[str, ...]
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    tables = np.zeros((len(names), len(names), 2, 2), dtype=np.int64)
    for video in videos:
        masks = {
            names.index(one.annotator): FrameLabels.from_spans(one.spans, video.video.n_frames or 0).mask()
            for one in video.annotations
        }
        for i, j in itertools.product(masks, masks):
            both = np.bincount(2 * masks[i].astype(np.int64) + masks[j], minlength=4)
            tables[i, j] += both.reshape(2, 2)
    matrix = np.full((len(names), len(names)), math.nan)
    for i, j in np.ndindex(matrix.shape):
        matrix[i, j] = cohen_kappa(tables[i, j])
    return matrix


def _worst_first(video: VideoAgreement) -> tuple[bool, float, str]:
    alpha = 1.0 if math.isnan(video.alpha) else video.alpha
    return (not video.reasons, alpha, video.annotated.video.path)


def _kappa_reason(kappa: float, people: list[int]) -> str:
    if not math.isnan(kappa):
        return ""
    if len(people) > 1:
        return f"videos have {people[0]} to {people[-1]} annotators, and it needs the same number; see alpha"
    return _alpha_reason(math.nan, people)


def _alpha_reason(alpha: float, people: list[int]) -> str:
    if not math.isnan(alpha):
        return ""
    if not people or people[-1] < 2:
        return "no video has two annotators"
    return "everybody gave all frames the same label, as chance would"
