"""The page's section "All videos": the table, and the timelines that the page's script draws."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np

from vadlab.evaluation.result import Evaluation, Judged
from vadlab.report.findings import VideoRow, thinned
from vadlab.report.wording import DASH, PERCENT, clock
from vadlab.types import FrameLabels

__all__ = ["script_data", "videos_section"]

N_POINTS = 600  # of a timeline, fewer where there are very many videos
N_POINTS_IN_ALL = 180_000
N_POINTS_MINI = 100
NUMBER = ' class="n"'
VIDEO_COLUMNS = (
    ("Video", ""),
    ("Category", ""),
    ("Frames", NUMBER),
    ("Abnormal", NUMBER),
    ("AUC, %", NUMBER),
    ("Peak", NUMBER),
    ("Predicted", ""),
)


def videos_section(evaluation: Evaluation, rows: Sequence[VideoRow]) -> str:
    """The tools, the viewer and the table of all test videos; empty where there is none."""
    if not rows:
        return ""
    head = "".join(
        f'<th scope="col"{kind}><button type="button">{text}</button></th>' for text, kind in VIDEO_COLUMNS
    )
    limits = _score_limits(evaluation.videos)
    lines = "".join(_video_row(i, row, limits) for i, row in enumerate(rows))
    threshold = f"threshold of the false-alarm rate, {evaluation.rules.far_threshold:g}"
    keys = "".join(
        f'<span><i class="{kind}"></i>{text}</span>'
        for kind, text in (
            ("line", "score"),
            ("event", "labelled abnormal"),
            ("hatch", "not counted"),
            ("dashes", threshold),
        )
    )
    return (
        f"{_tools(evaluation)}"
        '<div class="card" id="viewer" data-needs-script hidden><h3><strong id="name"></strong>'
        '<span id="facts"></span></h3><div id="plot" tabindex="0" role="group" aria-label="Timeline; the '
        'arrow keys move along it"><div id="tip"></div></div><output id="said" class="unseen"></output>'
        f'<div class="key">{keys}</div></div>'
        '<div class="card scroll"><table id="videos"><caption>Test videos<small>A row opens its timeline; a '
        f'heading sorts.</small></caption><thead><tr>{head}<th scope="col">Timeline</th></tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def _tools(evaluation: Evaluation) -> str:
    names = sorted({judged.labels.category for judged in evaluation.videos if judged.labels.category})
    options = "".join(f'<option value="{escape(name)}">{escape(name)}</option>' for name in names)
    choice = f'<label>Category <select id="category"><option value="">all</option>{options}</select></label>'
    return (
        f'<div class="tools" data-needs-script hidden>{choice if names else ""}'
        '<label>Show <select id="kind"><option value="">all videos</option><option value="abnormal">abnormal'
        '</option><option value="normal">normal</option></select></label>'
        '<label>Find <input type="search" id="search" placeholder="part of a name"></label>'
        '<label><input type="checkbox" id="same" checked> one score axis for all videos</label>'
        '<button type="button" id="before" aria-label="Previous video">‹ previous</button>'
        '<button type="button" id="after" aria-label="Next video">next ›</button>'
        '<span class="muted" id="found" role="status"></span></div>'
    )


def _video_row(index: int, row: VideoRow, limits: tuple[float, float]) -> str:
    judged, auc, answer = row.judged, row.auc, row.predicted
    name = escape(judged.id)
    category = escape(judged.labels.category or "")
    n_abnormal = int(judged.labels.mask().sum())
    peak = float(judged.frame_scores.max())
    if answer is None:
        guess = f'<td data-v="">{DASH}</td>'
    else:
        wrong = bool(category) and answer[0] != judged.labels.category
        text = f"{'✕ ' if wrong else ''}{escape(answer[0])} <small>{100 * answer[1]:.0f}{PERCENT}</small>"
        kind = ' class="wrong" title="not the labelled category"' if wrong else ""
        guess = f'<td data-v="{escape(answer[0])}"{kind}>{text}</td>'
    auc_cell = (
        f'<td class="n" data-v="" title="frames of one kind only">{DASH}</td>'
        if math.isnan(auc)
        else f'<td class="n" data-v="{auc:.6f}">{100 * auc:.1f}</td>'
    )
    return (
        f'<tr data-i="{index}"><th scope="row" data-v="{name}">'
        f'<button type="button" class="link">{name}</button></th>'
        f'<td data-v="{category}">{category or DASH}</td>'
        f'<td class="n" data-v="{judged.labels.n_frames}">{judged.labels.n_frames:,}</td>'
        f'<td class="n" data-v="{n_abnormal}">{n_abnormal:,}</td>{auc_cell}'
        f'<td class="n" data-v="{peak:.7g}">{peak:.3g}</td>{guess}<td>{_mini(judged, limits)}</td></tr>'
    )


def _mini(judged: Judged, limits: tuple[float, float]) -> str:
    """A small timeline, 170 wide and 28 high in its own units."""
    low, high = limits
    scores = judged.frame_scores
    kept = thinned(scores, n_points=N_POINTS_MINI)
    xs = 170 * kept / max(1, len(scores) - 1)
    ys = 26 - 24 * (scores[kept].astype(np.float64) - low) / (high - low)
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs.tolist(), ys.tolist(), strict=True))
    scale = 170 / judged.labels.n_frames
    events = "".join(
        f'<rect x="{scale * start:.1f}" y="0" width="{max(1.0, scale * (stop - start)):.1f}" height="28"/>'
        for start, stop in judged.labels.intervals.tolist()
    )
    return (
        '<svg class="mini" viewBox="0 0 170 28" preserveAspectRatio="none" role="img" '
        f'aria-label="score over time">{events}<polyline points="{points}"/></svg>'
    )


def script_data(evaluation: Evaluation, rows: Sequence[VideoRow]) -> dict[str, Any]:
    """What the page's script draws."""
    low, high = _score_limits(evaluation.videos)
    n_points = max(100, min(N_POINTS, N_POINTS_IN_ALL // max(1, len(rows))))
    return {
        "low": low,
        "high": high,
        "threshold": evaluation.rules.far_threshold,
        "first": next((i for i, row in enumerate(rows) if row.judged.labels.abnormal), 0),
        "videos": [_timeline(row, n_points) for row in rows],
    }


def _timeline(row: VideoRow, n_points: int) -> dict[str, Any]:
    judged, video = row.judged, row.judged.scores.video
    kept = thinned(judged.frame_scores, n_points=n_points)
    return {
        "id": video.id,
        "category": judged.labels.category,
        "facts": _facts(row),
        "n": video.n_frames,
        "fps": round(float(video.fps), 6),
        "x": kept.tolist(),
        "y": [float(f"{score:.4g}") for score in judged.frame_scores[kept].tolist()],
        "events": judged.labels.intervals.tolist(),
        "skipped": FrameLabels.from_mask(~judged.counted).intervals.tolist(),
    }


def _facts(row: VideoRow) -> str:
    video, auc, answer = row.judged.scores.video, row.auc, row.predicted
    parts = [
        row.judged.labels.category or "",
        f"{video.n_frames:,} frames, {clock(video.seconds(video.n_frames))}",
        "" if math.isnan(auc) else f"AUC {100 * auc:.1f}{PERCENT}",
        "" if answer is None else f"predicted {answer[0]} {100 * answer[1]:.0f}{PERCENT}",
    ]
    return " · ".join(part for part in parts if part)


def _score_limits(videos: Iterable[Judged]) -> tuple[float, float]:
    low = min((float(judged.frame_scores.min()) for judged in videos), default=0.0)
    high = max((float(judged.frame_scores.max()) for judged in videos), default=1.0)
    return (low, high) if high > low else (low, low + 1)
