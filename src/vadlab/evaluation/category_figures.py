"""How well categories are told apart, and how well each is detected.

- `accuracy_windows`: each window's likeliest category against its video's, normal videos included
  (the LAD authors' code). `accuracy_videos`: the same by the video's mean probability (ours).

For each category of the labels:

- `auc`: over its own videos, normal ones included (in LAD normal videos have a category too).
- `auc_against_all_normal`: its abnormal videos together with all normal videos, of any category. It
  measures mostly whether the right videos are found.
- `auc_abnormal_videos`: over its abnormal videos alone: whether the right frames are found in them.
- `accuracy_videos`, `n_videos`, `n_abnormal_videos`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from vadlab.errors import DataError
from vadlab.evaluation import metrics
from vadlab.evaluation.ranking_figures import pooled_videos
from vadlab.evaluation.result import Figures, Judged, pool
from vadlab.evaluation.rules import Rules
from vadlab.types import FloatArray, IntArray

__all__ = ["add_accuracies", "category_figures", "category_names"]


def category_names(videos: Sequence[Judged]) -> tuple[str, ...]:
    """The detector's category names, then those that only the labels have; empty without categories.

    Raises:
        DataError: If the videos' scores name different categories.
    """
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


def add_accuracies(
    videos: Sequence[Judged], names: tuple[str, ...], figures: Figures
) -> tuple[IntArray | None, IntArray | None]:
    """Add both accuracies; return the (C, C) confusion of windows and of videos, None without categories."""
    matrices: list[IntArray | None] = []
    for name, by_video in (("accuracy_windows", False), ("accuracy_videos", True)):
        answers = [_answers([video], names, by_video=by_video) for video in videos]
        n_right = np.array([(true == predicted).sum() for true, predicted in answers])
        n_answers = np.array([len(true) for true, _ in answers])
        reason = "no video has both a category and category probabilities"
        figures.add_ratio(name, n_right, n_answers, reason)
        true, predicted = (np.concatenate(part) for part in zip(*answers, strict=True))
        matrices.append(metrics.confusion(true, predicted, len(names)) if names else None)
    return matrices[0], matrices[1]


def _answers(
    videos: Sequence[Judged], names: tuple[str, ...], *, by_video: bool
) -> tuple[IntArray, IntArray]:
    """True and predicted category indices, one a window or one a video, of the videos that have both."""
    true: list[IntArray] = [np.empty(0, dtype=np.int64)]
    predicted: list[IntArray] = [np.empty(0, dtype=np.int64)]
    for video in videos:
        categories, category = video.scores.categories, video.labels.category
        if categories is None or category is None or not len(categories.spans):
            continue
        probabilities = categories.video_level()[None] if by_video else categories.probabilities
        predicted.append(np.argmax(probabilities, axis=1))
        true.append(np.full(len(probabilities), names.index(category)))
    return np.concatenate(true), np.concatenate(predicted)


def category_figures(
    videos: Sequence[Judged], rules: Rules, names: tuple[str, ...], figures: Figures
) -> dict[str, dict[str, float]]:
    """The figures of each category of the labels, as in the module's text; reasons go to `figures`."""
    taken = [video for video, is_taken in zip(videos, pooled_videos(videos, rules), strict=True) if is_taken]
    normal = np.sort(pool([video for video in videos if not video.labels.abnormal])[1])
    found: dict[str, dict[str, float]] = {}
    for category in sorted({video.labels.category for video in videos if video.labels.category}):
        members = [video for video in videos if video.labels.category == category]
        own = pool([video for video in taken if video.labels.category == category])
        abnormal_videos = [video for video in members if video.labels.abnormal]
        labels, scores = pool(abnormal_videos)
        against_all = _auc(np.sort(scores[labels]), (np.sort(scores[~labels]), normal))
        found[category] = {
            "auc": metrics.roc_auc(*own),
            "auc_against_all_normal": against_all,
            "auc_abnormal_videos": metrics.roc_auc(labels, scores),
            "accuracy_videos": metrics.accuracy(*_answers(members, names, by_video=True)),
            "n_videos": len(members),
            "n_abnormal_videos": len(abnormal_videos),
        }
        reasons = {
            "auc": metrics.why_undefined(own[0]),
            "auc_against_all_normal": "no abnormal frame is counted"
            if not labels.any()
            else "no normal frame is counted",
            "auc_abnormal_videos": metrics.why_undefined(labels),
            "accuracy_videos": "no video of this category has category probabilities",
        }
        for key, reason in reasons.items():
            if math.isnan(found[category][key]):
                figures.reasons[f"per_category/{category}/{key}"] = reason or "undefined"
    return found


def _auc(abnormal: FloatArray, normals: Sequence[FloatArray]) -> float:
    """The AUC of abnormal frames against several pools of normal ones, each sorted: pairs add up."""
    n_pairs = len(abnormal) * sum(len(normal) for normal in normals)
    right = sum(metrics.right_pairs(abnormal, normal) for normal in normals)
    return right / (2 * n_pairs) if n_pairs else math.nan
