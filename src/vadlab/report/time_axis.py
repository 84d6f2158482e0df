"""What figures draw over a video's time: scores, labels, events found, category probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from vadlab.evaluation.result import Judged
from vadlab.report.findings import thinned
from vadlab.report.style import BLUE, EDGE, HEAT, INK, MUTED, N_POINTS, VERMILION, plain, style_axes
from vadlab.types import Categories, Event, FloatArray, FrameLabels, Video

__all__ = [
    "draw_categories",
    "draw_events",
    "draw_scores",
    "draw_threshold",
    "draw_truth",
    "score_limits",
    "seconds_axis",
]


def draw_scores(axes: Axes, video: Video, frame_scores: FloatArray, *, width: float = 1.4) -> None:
    """The scores as a line with its area; the axis ends with the video."""
    kept = thinned(frame_scores, n_points=N_POINTS)
    times = kept * video.seconds(1)
    axes.plot(times, frame_scores[kept], color=BLUE, linewidth=width, solid_joinstyle="round", zorder=3)
    floor = min(0.0, float(frame_scores.min())) if len(frame_scores) else 0.0
    axes.fill_between(times, frame_scores[kept], floor, color=BLUE, alpha=0.08, linewidth=0)
    axes.set_xlim(0, max(video.seconds(len(frame_scores)), video.seconds(1)))


def draw_truth(axes: Axes, judged: Judged) -> None:
    """The labelled events shaded, the frames that are not counted hatched."""
    video = judged.scores.video
    for i, (start, stop) in enumerate(judged.labels.intervals.tolist()):
        axes.axvspan(
            video.seconds(start),
            video.seconds(stop),
            facecolor=VERMILION,
            alpha=0.17,
            linewidth=0,
            label="labelled abnormal" if not i else None,
        )
    for i, (start, stop) in enumerate(FrameLabels.from_mask(~judged.counted).intervals.tolist()):
        axes.axvspan(
            video.seconds(start),
            video.seconds(stop),
            facecolor="#f3f4f6",
            edgecolor=EDGE,
            hatch="////",
            linewidth=0,
            zorder=2.5,
            label="not counted" if not i else None,
        )


def draw_threshold(axes: Axes, threshold: float) -> None:
    """A dashed line at the threshold."""
    axes.axhline(threshold, color=INK, linewidth=1, linestyle=(0, (4, 3)), label=f"threshold {threshold:.3g}")


def draw_events(axes: Axes, video: Video, events: Sequence[Event]) -> None:
    """Events shaded, with their peaks; a name is left out where it would cover the one before."""
    named = -math.inf
    for event in sorted(events, key=lambda event: event.start):
        start, stop = video.seconds(event.start), video.seconds(event.stop)
        axes.axvspan(start, stop, color=VERMILION, alpha=0.14, linewidth=0)
        axes.plot([video.seconds(event.peak)], [event.score], "o", color=VERMILION, markersize=5, zorder=4)
        middle = (start + stop) / 2
        if event.category is None or middle - named < 0.14 * video.seconds(video.n_frames):
            continue
        named = middle
        share = "" if event.probability is None else f" {100 * event.probability:.0f} %"
        axes.text(
            middle,
            0.97,
            plain(event.category) + share,
            transform=axes.get_xaxis_transform(),
            ha="center",
            va="top",
            fontsize=8.5,
            color=VERMILION,
            clip_on=True,
        )


def draw_categories(axes: Axes, video: Video, categories: Categories) -> None:
    """The windows' category probabilities as a heat map, a row a category."""
    style_axes(axes, grid="none", small=True)
    starts = categories.spans[:, 0] * video.seconds(1)
    stops = categories.spans[:, 1] * video.seconds(1)
    # Windows may overlap: each is drawn from its start to the next one's start.
    order = np.argsort(starts, kind="stable")
    right = np.minimum(stops[order], np.append(starts[order][1:], np.inf))
    for (left, end), row in zip(
        zip(starts[order].tolist(), right.tolist(), strict=True), categories.probabilities[order], strict=True
    ):
        axes.imshow(
            row[:, None],
            extent=(left, end, len(row) - 0.5, -0.5),
            cmap=HEAT,
            vmin=0,
            vmax=1,
            aspect="auto",
            interpolation="nearest",
        )
    n = len(categories.names)
    axes.set(ylim=(n - 0.5, -0.5), xlim=(0, video.seconds(video.n_frames)))
    axes.set_yticks(range(n), [plain(name) for name in categories.names])
    axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=8)
    axes.set_title("category probability, white 0 % to dark 100 %", loc="left", color=MUTED, fontsize=8.5)


def score_limits(scores: FloatArray, threshold: float | None) -> tuple[float, float]:
    """The score axis: all scores and the threshold, with a little room above."""
    values = [0.0, 1.0] if not len(scores) else [float(scores.min()), float(scores.max())]
    if threshold is not None:
        values.append(threshold)
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 0.5
    return (0.0 if 0 <= low < 0.3 * high else low - room), high + room


def seconds_axis(axes: Axes, video: Video, *, label: bool = True) -> None:
    """Seconds, or minutes:seconds for a video of two minutes and more."""
    long = video.seconds(video.n_frames) >= 120
    if long:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=9, steps=[1, 1.5, 3, 6, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{int(x) // 60}:{int(x) % 60:02d}"))
    if label:
        axes.set_xlabel("minutes : seconds" if long else "seconds")
