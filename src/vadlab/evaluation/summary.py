"""An evaluation as plain values, for metrics.json."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from vadlab.evaluation.result import Evaluation, Judged
from vadlab.evaluation.rules import describe, to_dict

__all__ = ["to_json"]


def to_json(evaluation: Evaluation) -> dict[str, Any]:
    """The evaluation for a strict JSON file: NaN becomes None, with its reason beside it."""
    return {
        "rules": to_dict(evaluation.rules),
        "rules_text": describe(evaluation.rules),
        "alarm": None if evaluation.alarm is None else asdict(evaluation.alarm),
        "metrics": _without_nan(evaluation.metrics),
        "reasons": dict(evaluation.reasons),
        "per_tiou": {tiou: _without_nan(figures) for tiou, figures in evaluation.per_tiou.items()},
        "per_category": {name: _without_nan(figures) for name, figures in evaluation.per_category.items()},
        "categories": list(evaluation.categories),
        "confusion": None if evaluation.confusion is None else evaluation.confusion.tolist(),
        "confusion_videos": (
            None if evaluation.confusion_videos is None else evaluation.confusion_videos.tolist()
        ),
        "videos": [
            _summary(video, float(auc))
            for video, auc in zip(evaluation.videos, evaluation.video_aucs, strict=True)
        ],
    }


def _without_nan(figures: dict[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in figures.items()}


def _summary(video: Judged, auc: float) -> dict[str, Any]:
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
