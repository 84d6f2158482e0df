"""Judge a detector's scores against the labels of the test videos under one set of rules.

Figures, all fractions in 0..1 unless said otherwise; "pooled" = over the counted frames of the
videos that the rules take (all, or the abnormal ones):

- `auc`: the headline, `auc_micro` (pooled) or `auc_macro` (mean over videos) as the rules say.
- `auc_abnormal_only`: pooled over abnormal videos. `auc_video_level`: each video's highest score
  against whether it is abnormal.
- `ap`, `pr_auc`, `eer`: pooled.
- `far_normal_videos`, `far_abnormal_videos`, `far_all`: the share of the normal frames in such
  videos with a score at or above the rules' threshold. `false_alarms_per_hour`: alarms that start
  on a normal frame, for each hour of normal frames.
- `accuracy_windows`: each window's likeliest category against its video's, normal videos included
  (the LAD authors' code). `accuracy_videos`: the same by the video's mean probability (ours).
- `n_videos`, `n_frames`, `n_abnormal_frames`: what is pooled, as counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadlab.errors import DataError
from vadlab.evaluation import metrics
from vadlab.evaluation.frames import to_frames
from vadlab.evaluation.result import Evaluation, Judged
from vadlab.evaluation.rules import Rules, describe, to_dict
from vadlab.types import FloatArray, FrameLabels, IntArray, Scores

__all__ = ["bootstrap_auc", "evaluate", "to_json"]

Videos = Sequence[Judged]
_ROC_POINTS = 1000  # finer than a printed figure shows


class _Findings:
    """Figures by name, with a reason for each that is undefined."""

    def __init__(self) -> None:
        self.metrics: dict[str, float] = {}
        self.reasons: dict[str, str] = {}

    def add(self, name: str, value: float, reason: str | None) -> None:
        self.metrics[name] = value
        if math.isnan(value):
            self.reasons[name] = reason or "undefined"


def evaluate(
    judged_inputs: Sequence[tuple[Scores, FrameLabels]],
    rules: Rules,
    *,
    group: int | None = None,
    calibration: tuple[float, float] | None = None,
) -> Evaluation:
    """Evaluate the scores of all test videos.

    Args:
        judged_inputs: Scores and labels, one pair a video.
        rules: The protocol.
        group: The detector's window in frames, for the tail "drop-group"; see `to_frames`.
        calibration: The two training scores that become 0 and 1; see `to_frames`.

    Returns:
        The figures that the module's text lists, and the videos behind them.

    Raises:
        DataError: If there is no video, a video comes twice, labels and video differ in length, or
            the videos' category names differ.
        UsageError: If the rules need a group or a calibration that is not given.
    """
    _check(judged_inputs)
    videos = tuple(
        Judged(labels, scores, *to_frames(scores, rules, group=group, calibration=calibration))
        for scores, labels in judged_inputs
    )
    found = _Findings()
    roc = _ranking(videos, rules, found)
    _false_alarms(videos, rules, found)
    names = _category_names(videos)
    by_window = _answers(videos, names, by_video=False)
    by_video = _answers(videos, names, by_video=True)
    no_answer = "no video has both a category and category probabilities"
    found.add("accuracy_windows", metrics.accuracy(*by_window), no_answer)
    found.add("accuracy_videos", metrics.accuracy(*by_video), no_answer)
    per_category = _per_category(videos, rules, names, found)
    return Evaluation(
        rules=rules,
        metrics=found.metrics,
        reasons=found.reasons,
        videos=videos,
        roc=roc,
        categories=names,
        confusion=metrics.confusion(*by_window, len(names)) if names else None,
        confusion_videos=metrics.confusion(*by_video, len(names)) if names else None,
        per_category=per_category,
    )


def _check(judged_inputs: Sequence[tuple[Scores, FrameLabels]]) -> None:
    if not judged_inputs:
        raise DataError(
            "there is no test video to evaluate", remedy="check the split with: vadlab data check"
        )
    seen: set[str] = set()
    for scores, labels in judged_inputs:
        video = scores.video
        if video.id in seen:
            raise DataError(f"the video {video.id!r} is to be evaluated twice", remedy="pass each video once")
        seen.add(video.id)
        if labels.n_frames != video.n_frames:
            raise DataError(
                f"labels and video {video.id!r} differ in length",
                expected=f"labels of {video.n_frames} frames, as many as decoding yields",
                found=f"labels of {labels.n_frames} frames",
                remedy="run vadlab data check; the labels may belong to another copy of the video",
            )


def _pooled_videos(videos: Videos, rules: Rules) -> list[Judged]:
    return [video for video in videos if rules.frames == "all" or video.labels.abnormal]


def _pool(videos: Videos) -> tuple[NDArray[np.bool_], FloatArray]:
    """Labels and scores of the counted frames of all these videos, end to end."""
    if not videos:
        return np.empty(0, dtype=bool), np.empty(0, dtype=np.float32)
    return (
        np.concatenate([video.counted_labels() for video in videos]),
        np.concatenate([video.counted_scores() for video in videos]),
    )


def _ranking(videos: Videos, rules: Rules, found: _Findings) -> metrics.Curve:
    """Add the figures that depend on the scores' order only; return the ROC curve."""
    pooled = _pooled_videos(videos, rules)
    labels, scores = _pool(pooled)
    reason = metrics.why_undefined(labels)
    macro = _mean_of_defined(_video_aucs(pooled, rules))
    micro = metrics.roc_auc(labels, scores)
    no_macro = "no video has both normal and abnormal frames that are counted"
    found.add("auc", *((micro, reason) if rules.average == "micro" else (macro, no_macro)))
    found.add("auc_micro", micro, reason)
    found.add("auc_macro", macro, no_macro)

    of_abnormal = _pool([video for video in videos if video.labels.abnormal])
    found.add("auc_abnormal_only", metrics.roc_auc(*of_abnormal), metrics.why_undefined(of_abnormal[0]))
    found.add("ap", metrics.average_precision(labels, scores), reason)
    found.add("pr_auc", metrics.pr_auc_trapezoid(labels, scores), reason)
    found.add("eer", metrics.eer(labels, scores), reason)

    with_frames = [video for video in videos if video.counted.any()]
    abnormal = np.array([video.labels.abnormal for video in with_frames], dtype=bool)
    peaks = np.array([video.counted_scores().max() for video in with_frames], dtype=np.float32)
    if rules.normalisation == "video-minmax":
        found.add("auc_video_level", math.nan, "per-video min-max gives every video the same highest score")
    else:
        reason = metrics.why_undefined(abnormal, of="video")
        found.add("auc_video_level", metrics.roc_auc(abnormal, peaks), reason)

    found.add("n_videos", len(pooled), None)
    found.add("n_frames", len(labels), None)
    found.add("n_abnormal_frames", int(labels.sum()), None)
    return metrics.roc_curve(labels, scores, max_points=_ROC_POINTS)


def _video_aucs(videos: Videos, rules: Rules) -> NDArray[np.float64]:
    """(n_videos,) each video's AUC; NaN for those that macro leaves out."""
    aucs = np.array([metrics.roc_auc(video.counted_labels(), video.counted_scores()) for video in videos])
    if rules.macro_one_class == "half":
        has_frames = np.array([video.counted.any() for video in videos], dtype=bool)
        aucs[np.isnan(aucs) & has_frames] = 0.5
    return aucs


def _mean_of_defined(values: NDArray[np.float64]) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else math.nan


def _false_alarms(videos: Videos, rules: Rules, found: _Findings) -> None:
    """Add the figures that depend on the rules' threshold."""
    groups = {
        "far_normal_videos": [video for video in videos if not video.labels.abnormal],
        "far_abnormal_videos": [video for video in videos if video.labels.abnormal],
        "far_all": list(videos),
    }
    if rules.normalisation == "video-minmax":
        reason = "a threshold means nothing after per-video min-max"
        for name in (*groups, "false_alarms_per_hour"):
            found.add(name, math.nan, reason)
        return
    reason = "there is no normal frame in such videos"
    for name, group in groups.items():
        labels, scores = _pool(group)
        found.add(name, metrics.far_at(scores[~labels], rules.far_threshold), reason)
    n_alarms, hours = 0, Fraction(0)
    for video in videos:
        normal = video.counted & ~video.labels.mask()
        n_alarms += int(normal[metrics.alarm_starts(video.frame_scores, rules.far_threshold)].sum())
        hours += int(normal.sum()) / video.scores.video.fps / 3600
    found.add("false_alarms_per_hour", float(n_alarms / hours) if hours else math.nan, reason)


def _category_names(videos: Videos) -> tuple[str, ...]:
    """The detector's category names, then those that only the labels have; empty without categories."""
    named = {video.scores.categories.names for video in videos if video.scores.categories is not None}
    if len(named) > 1:
        raise DataError(
            "the videos' scores name different categories",
            expected="the same names in the same order for every video",
            found=" and ".join(str(names) for names in sorted(named)),
            remedy="score all videos again with one detector",
        )
    if not named:
        return ()
    names = named.pop()
    only_labelled = {video.labels.category for video in videos if video.labels.category} - set(names)
    return names + tuple(sorted(only_labelled))


def _answers(videos: Videos, names: tuple[str, ...], *, by_video: bool) -> tuple[IntArray, IntArray]:
    """True and predicted category indices, one a window or one a video, of the videos that have both."""
    true: list[IntArray] = []
    predicted: list[IntArray] = []
    for video in videos:
        categories, category = video.scores.categories, video.labels.category
        if categories is None or category is None or not len(categories.spans):
            continue
        probabilities = categories.video_level()[None] if by_video else categories.probabilities
        predicted.append(np.argmax(probabilities, axis=1))
        true.append(np.full(len(probabilities), names.index(category)))
    if not true:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    return np.concatenate(true), np.concatenate(predicted)


def _per_category(
    videos: Videos, rules: Rules, names: tuple[str, ...], found: _Findings
) -> dict[str, dict[str, float]]:
    figures: dict[str, dict[str, float]] = {}
    for category in sorted({video.labels.category for video in videos if video.labels.category}):
        members = [video for video in videos if video.labels.category == category]
        labels, scores = _pool(_pooled_videos(members, rules))
        figures[category] = {
            "auc": metrics.roc_auc(labels, scores),
            "accuracy_videos": metrics.accuracy(*_answers(members, names, by_video=True)),
            "n_videos": len(members),
        }
        reasons = {
            "auc": metrics.why_undefined(labels),
            "accuracy_videos": "no video of this category has category probabilities",
        }
        for key, reason in reasons.items():
            if math.isnan(figures[category][key]):
                found.reasons[f"per_category/{category}/{key}"] = reason or "undefined"
    return figures


def bootstrap_auc(
    evaluation: Evaluation, *, n: int = 1000, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of the headline AUC, by drawing videos with replacement.

    Frames of one video are alike, so whole videos are drawn. Draws of one class only are left out.

    Args:
        evaluation: What `evaluate` gave.
        n: Number of draws.
        seed: Seed of the draws.
        level: Share of the draws inside the interval, in 0..1.

    Returns:
        (low, high); both NaN where the AUC is undefined or there are fewer than two videos.

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    rules = evaluation.rules
    videos = _pooled_videos(evaluation.videos, rules)
    if len(videos) < 2 or math.isnan(evaluation.metrics["auc"]):
        return math.nan, math.nan
    even = np.full(len(videos), 1 / len(videos))
    times = np.random.default_rng(seed).multinomial(len(videos), even, size=n).astype(np.float64)
    if rules.average == "micro":
        right, n_abnormal, n_normal = _pairs(videos)
        numerator = ((times @ right) * times).sum(axis=1)
        denominator = (times @ n_abnormal) * (times @ n_normal)
    else:
        aucs = _video_aucs(videos, rules)
        numerator = times @ np.nan_to_num(aucs)
        denominator = times @ (~np.isnan(aucs)).astype(np.float64)
    defined = denominator > 0
    if not defined.any():
        return math.nan, math.nan
    outside = (1 - level) / 2
    low, high = np.quantile(numerator[defined] / denominator[defined], [outside, 1 - outside])
    return float(low), float(high)


def _pairs(videos: Videos) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Count ordered pairs of frames between videos, so that any draw's AUC is a product of matrices.

    Returns:
        right: (v, v), pairs of an abnormal frame of the row's and a normal frame of the column's
            video where the abnormal one scores higher, ties half.
        n_abnormal, n_normal: (v,) counted frames.
    """
    n_videos = len(videos)
    pools = [(video.counted_labels(), video.counted_scores()) for video in videos]
    n_abnormal = np.array([labels.sum() for labels, _ in pools], dtype=np.float64)
    n_normal = np.array([len(labels) for labels, _ in pools]) - n_abnormal
    # A clip's frames share a score: each distinct score is looked up once, with its count.
    distinct = [np.unique(scores[labels], return_counts=True) for labels, scores in pools]
    owner = np.repeat(np.arange(n_videos), [len(values) for values, _ in distinct])
    values = np.concatenate([values for values, _ in distinct])
    counts = np.concatenate([counts for _, counts in distinct])
    order = np.argsort(values)  # neighbours in the search stay neighbours in memory
    owner, values, counts = owner[order], values[order], counts[order]
    right = np.zeros((n_videos, n_videos))
    for column, (labels, scores) in enumerate(pools):
        normal = np.sort(scores[~labels])
        ranks = np.searchsorted(normal, values, side="left") + np.searchsorted(normal, values, side="right")
        right[:, column] = np.bincount(owner, weights=counts * ranks / 2, minlength=n_videos)
    return right, n_abnormal, n_normal


def to_json(evaluation: Evaluation) -> dict[str, Any]:
    """The evaluation as plain values for a strict JSON file: NaN becomes None, with its reason beside it."""
    return {
        "rules": to_dict(evaluation.rules),
        "rules_text": describe(evaluation.rules),
        "metrics": _without_nan(evaluation.metrics),
        "reasons": dict(evaluation.reasons),
        "per_category": {name: _without_nan(figures) for name, figures in evaluation.per_category.items()},
        "categories": list(evaluation.categories),
        "confusion": None if evaluation.confusion is None else evaluation.confusion.tolist(),
        "confusion_videos": (
            None if evaluation.confusion_videos is None else evaluation.confusion_videos.tolist()
        ),
        "videos": [_summary(video) for video in evaluation.videos],
    }


def _without_nan(figures: dict[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in figures.items()}


def _summary(video: Judged) -> dict[str, Any]:
    auc = metrics.roc_auc(video.counted_labels(), video.counted_scores())
    peak = int(np.argmax(video.frame_scores))
    return {
        "id": video.id,
        "category": video.labels.category,
        "n_frames": video.labels.n_frames,
        "n_counted_frames": int(video.counted.sum()),
        "n_abnormal_frames": int(video.labels.mask().sum()),
        "auc": None if math.isnan(auc) else auc,
        "peak_frame": peak,
        "peak_score": float(video.frame_scores[peak]),
    }
