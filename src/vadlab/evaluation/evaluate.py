"""Judge a detector's scores against the labels of the test videos under one set of rules.

What each figure means is said in the module that adds it: `ranking_figures`, `alarm_figures`,
`category_figures`, `regions`. All are fractions in 0..1 unless their name says a unit or a count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vadlab.errors import DataError
from vadlab.evaluation.alarm_figures import add_alarm_figures
from vadlab.evaluation.category_figures import add_accuracies, category_figures, category_names
from vadlab.evaluation.events import Alarm
from vadlab.evaluation.frames import to_frames
from vadlab.evaluation.ranking_figures import add_ranking_figures, video_aucs
from vadlab.evaluation.regions import Detections, TrueRegions, rbdc_tbdc
from vadlab.evaluation.result import Evaluation, Figures, Judged
from vadlab.evaluation.rules import Rules
from vadlab.types import FrameLabels, Scores

__all__ = ["evaluate"]


def evaluate(
    judged_inputs: Sequence[tuple[Scores, FrameLabels]],
    rules: Rules,
    *,
    group: int | None = None,
    calibration: tuple[float, float] | None = None,
    alarm: Alarm | None = None,
    probabilities: Mapping[str, NDArray[np.float64]] | None = None,
    regions: tuple[TrueRegions, Detections] | None = None,
) -> Evaluation:
    """Evaluate the scores of all test videos.

    Args:
        judged_inputs: Scores and labels, one pair a video.
        rules: The protocol.
        group: The detector's window in frames, for the tail "drop-group"; see `to_frames`.
        calibration: The two training scores that become 0 and 1; see `to_frames`.
        alarm: What makes alarms, in the unit of the detector's scores. None takes the rules' threshold
            of the false-alarm rate.
        probabilities: Video id to (n_frames,) share of the annotators who call each frame abnormal,
            for `prob_auc` and `prob_ap`.
        regions: True and found regions of these videos, for `rbdc` and `tbdc`, which know no rules.

    Returns:
        The figures that the modules' texts list, and the videos behind them.

    Raises:
        DataError: If there is no video, a video comes twice, labels or probabilities and video differ
            in length, or the videos' category names differ.
        UsageError: If the rules need a group or a calibration that is not given.
    """
    _check(judged_inputs, probabilities or {})
    videos = tuple(
        Judged(
            labels,
            scores,
            *to_frames(scores, rules, group=group, calibration=calibration),
            probabilities=(probabilities or {}).get(scores.video.id),
        )
        for scores, labels in judged_inputs
    )
    if alarm is None:
        alarm = Alarm.at(rules.far_threshold, scale_from_0=rules.far_threshold > 0)
    elif rules.normalisation == "train-calibrated" and calibration is not None:
        low, high = calibration
        alarm = replace(alarm, on=(alarm.on - low) / (high - low), off=(alarm.off - low) / (high - low))
    figures = Figures()
    aucs = video_aucs(videos)
    names = category_names(videos)
    roc = add_ranking_figures(videos, aucs, rules, figures)
    matches, per_tiou = add_alarm_figures(videos, rules, alarm, names, figures)
    if regions is not None:
        n_frames = sum(video.labels.n_frames for video in videos)
        for name, value in zip(("rbdc", "tbdc"), rbdc_tbdc(*regions, n_frames), strict=True):
            figures.add(name, value, "no region is abnormal")
    confusion, confusion_videos = add_accuracies(videos, names, figures)
    per_category = category_figures(videos, rules, names, figures)
    return Evaluation(
        rules=rules,
        metrics=figures.values,
        reasons=figures.reasons,
        videos=videos,
        roc=roc,
        categories=names,
        confusion=confusion,
        confusion_videos=confusion_videos,
        per_category=per_category,
        alarm=None if rules.normalisation == "video-minmax" else alarm,
        per_tiou=per_tiou,
        video_aucs=aucs,
        ratios=figures.ratios,
        matches=matches,
    )


def _check(
    judged_inputs: Sequence[tuple[Scores, FrameLabels]], probabilities: Mapping[str, NDArray[np.float64]]
) -> None:
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
        means = probabilities.get(video.id)
        if means is not None and means.shape != (video.n_frames,):
            raise DataError(
                f"the annotators' mean and video {video.id!r} differ in length",
                expected=f"({video.n_frames},)",
                found=str(means.shape),
            )
