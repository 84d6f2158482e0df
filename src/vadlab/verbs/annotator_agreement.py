"""vadlab annotations agreement: how well a folder's annotators agree, as figures and files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from vadlab import files
from vadlab.annotation_table import read_rows
from vadlab.annotations.agreement import Agreement, Limits, VideoAgreement, agreement
from vadlab.annotations.event_matching import BoundarySpread
from vadlab.csv_table import write_lines
from vadlab.report.annotators import annotator_timelines
from vadlab.report.figures import to_png
from vadlab.verbs.annotated_folder import TABLE, annotated_videos, read_marks, refuse_nothing

__all__ = ["agreement_to_json", "measure_agreement", "write_agreement"]


def measure_agreement(root: Path, *, threshold: float = 0.5, limits: Limits | None = None) -> Agreement:
    """How well the annotators of `ROOT/annotators.csv` agree.

    Args:
        root: The folder.
        threshold: The consensus'.
        limits: From where on a video should be looked at again.

    Raises:
        DataError: If a table is malformed, there are no marks, or a video is needed and missing.
    """
    videos = annotated_videos(root, read_rows(root / TABLE), read_marks(root), timed=False)
    refuse_nothing(root, videos)
    return agreement(videos, threshold=threshold, limits=limits)


def write_agreement(found: Agreement, folder: Path, *, n_videos: int = 6) -> list[Path]:
    """Write agreement.json, .csv (a line a video) and .png (the first videos, the worst); the paths."""
    paths = [folder / f"agreement.{suffix}" for suffix in ("json", "csv", "png")]
    content = agreement_to_json(found)
    files.write_json(paths[0], content)
    lines = [
        tuple(
            "; ".join(value) if isinstance(value, list) else "" if value is None else value for value in row
        )
        for row in (list(one.values()) for one in content["videos"])
    ]
    write_lines(paths[1], tuple(content["videos"][0]), lines)
    files.write_whole(paths[2], to_png(annotator_timelines(found.videos[:n_videos])))
    return paths


def agreement_to_json(found: Agreement) -> dict[str, Any]:
    """For JSON: None where a figure is undefined."""
    return {
        "annotators": list(found.annotators),
        "n_videos": len(found.videos),
        "n_frames": sum(len(one.merged.mean) for one in found.videos),
        "fleiss_kappa": _known(found.kappa),
        "fleiss_kappa_reason": found.kappa_reason or None,
        "krippendorff_alpha": _known(found.alpha),
        "krippendorff_alpha_reason": found.alpha_reason or None,
        "event_iou": _known(found.event_iou),
        **_spread("begin", found.begin),
        **_spread("end", found.end),
        "cohen_kappa": [[_known(value) for value in row] for row in found.cohen.tolist()],
        "to_adjudicate": [one.annotated.video.path for one in found.to_adjudicate],
        "videos": [_video_to_json(one) for one in found.videos],
    }


def _video_to_json(one: VideoAgreement) -> dict[str, Any]:
    return {
        "path": one.annotated.video.path,
        "n_frames": len(one.merged.mean),
        "n_annotators": len(one.annotated.annotations),
        "n_events": len(one.merged.labels.intervals),
        "fleiss_kappa": _known(one.kappa),
        "krippendorff_alpha": _known(one.alpha),
        "event_iou": _known(one.event_iou),
        **_spread("begin", one.begin),
        **_spread("end", one.end),
        "reasons": list(one.reasons),
    }


def _spread(word: str, spread: BoundarySpread) -> dict[str, float | None]:
    return {f"{word}_std": _known(spread.std), f"{word}_mad": _known(spread.mad)}


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
