"""The figures that depend on the order of the scores only, over the test videos.

"Pooled" = over the counted frames of the videos that the rules take (all, or the abnormal ones).

- `auc`: the headline, `auc_micro` or one of the macro figures as the rules say.
- `auc_micro`: pooled. `auc_abnormal_only`: pooled over abnormal videos.
- `auc_macro_skip`, `auc_macro_half`, `auc_macro_pad`: mean over videos, by the three conventions for
  videos of one class; see `Rules`.
- `ap`, `pr_auc`, `eer`: pooled.
- `auc_video_level`: each video's highest score against whether it is abnormal.
- `prob_auc`, `prob_ap`: pooled, by the annotators' mean as probability; absent where no video has it.
- `n_videos`, `n_frames`, `n_abnormal_frames`: what is pooled, as counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vadlab.evaluation import metrics
from vadlab.evaluation.ranking import Curve, rank
from vadlab.evaluation.result import Figures, Judged, pool
from vadlab.evaluation.rules import Rules

__all__ = ["add_ranking_figures", "peaks", "pooled_videos", "video_aucs"]

_ROC_POINTS = 1000  # finer than a printed figure shows


def add_ranking_figures(
    videos: Sequence[Judged], aucs: NDArray[np.float64], rules: Rules, figures: Figures
) -> Curve:
    """Add the figures of the module's text; return the pooled ROC curve, thinned.

    Args:
        videos: All test videos.
        aucs: (v,) from `video_aucs`.
        rules: The protocol.
        figures: What is added to.
    """
    taken = pooled_videos(videos, rules)
    pooled = [video for video, is_taken in zip(videos, taken, strict=True) if is_taken]
    labels, scores = pool(pooled)
    reason = metrics.why_undefined(labels)
    ranking = rank(labels, scores)
    figures.add("auc", math.nan)  # stands first; its value follows
    figures.add("auc_micro", float(ranking.auc()), reason)
    _add_macro(videos, aucs, taken, figures)
    headline = "auc_micro" if rules.average == "micro" else f"auc_macro_{rules.macro_one_class}"
    del figures.reasons["auc"]
    figures.add("auc", figures.values[headline], figures.reasons.get(headline))
    if headline in figures.ratios:
        figures.ratios["auc"] = figures.ratios[headline]
    of_abnormal = pool([video for video in videos if video.labels.abnormal])
    figures.add("auc_abnormal_only", metrics.roc_auc(*of_abnormal), metrics.why_undefined(of_abnormal[0]))
    figures.add("ap", float(ranking.average_precision()), reason)
    figures.add("pr_auc", float(ranking.pr_auc_trapezoid()), reason)
    figures.add("eer", float(ranking.eer()), reason)
    _add_video_level(videos, rules, figures)
    _add_probabilistic(pooled, figures)
    figures.add("n_videos", len(pooled))
    figures.add("n_frames", len(labels))
    figures.add("n_abnormal_frames", int(labels.sum()))
    return metrics.thinned(ranking, _ROC_POINTS)


def pooled_videos(videos: Sequence[Judged], rules: Rules) -> NDArray[np.bool_]:
    """(v,) which videos the rules pool."""
    return np.array([rules.frames == "all" or video.labels.abnormal for video in videos], dtype=bool)


def video_aucs(videos: Sequence[Judged]) -> NDArray[np.float64]:
    """(v,) each video's AUC over its counted frames; NaN for those of one class."""
    return np.array([metrics.roc_auc(video.counted_labels(), video.counted_scores()) for video in videos])


def _add_macro(
    videos: Sequence[Judged], aucs: NDArray[np.float64], taken: NDArray[np.bool_], figures: Figures
) -> None:
    """The mean over the taken videos that have a counted frame, by each convention."""
    n_frames = np.array([video.counted.sum() for video in videos], dtype=np.int64)
    n_abnormal = np.array([video.counted_labels().sum() for video in videos], dtype=np.int64)
    present = taken & (n_frames > 0)
    both = present & ~np.isnan(aucs)
    padded = [
        metrics.padded_auc(auc, int(k), int(n - k))
        for auc, k, n in zip(aucs, n_abnormal, n_frames, strict=True)
    ]
    no_both = "no video has both normal and abnormal frames that are counted"
    no_frame = "no frame is counted"
    figures.add_ratio("auc_macro_skip", np.where(both, aucs, 0), both, no_both)
    figures.add_ratio("auc_macro_half", np.where(both, aucs, 0.5) * present, present, no_frame)
    figures.add_ratio("auc_macro_pad", np.array(padded) * present, present, no_frame)


def peaks(videos: Sequence[Judged]) -> NDArray[np.float32]:
    """(v,) each video's highest counted score; NaN where no frame is counted."""
    return np.array(
        [video.counted_scores().max() if video.counted.any() else math.nan for video in videos],
        dtype=np.float32,
    )


def _add_video_level(videos: Sequence[Judged], rules: Rules, figures: Figures) -> None:
    if rules.normalisation == "video-minmax":
        reason = "per-video min-max gives every video the same highest score"
        figures.add("auc_video_level", math.nan, reason)
        return
    highest = peaks(videos)
    known = ~np.isnan(highest)
    abnormal = np.array([video.labels.abnormal for video in videos], dtype=bool)[known]
    figures.add(
        "auc_video_level",
        metrics.roc_auc(abnormal, highest[known]),
        metrics.why_undefined(abnormal, of="video"),
    )


def _add_probabilistic(pooled: Sequence[Judged], figures: Figures) -> None:
    known = [video for video in pooled if video.probabilities is not None]
    if not known:
        return
    names = ("prob_auc", "prob_ap")
    if len(known) < len(pooled):
        for name in names:
            figures.add(name, math.nan, f"{len(pooled) - len(known)} videos have no annotators' marks")
        return
    means = np.concatenate(
        [video.probabilities[video.counted] for video in known if video.probabilities is not None]
    )
    scores = np.concatenate([video.counted_scores() for video in known])
    ranking = metrics.rank_probabilities(means, scores)
    reason = "every counted frame is certainly normal, or every one certainly abnormal"
    figures.add("prob_auc", float(ranking.auc()), reason)
    figures.add("prob_ap", float(ranking.average_precision()), reason)
