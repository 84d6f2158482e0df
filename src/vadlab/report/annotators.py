"""What several annotators marked, drawn over time: who saw what, and where they part."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from vadlab.annotations.agreement import VideoAgreement
from vadlab.annotations.marks import Annotation
from vadlab.report.style import (
    BLUE,
    HEAT,
    INK,
    MUTED,
    PAPER,
    VERMILION,
    empty_figure,
    new_figure,
    plain,
    shortened,
    style_axes,
)

__all__ = ["annotator_timelines"]

BAR = 0.62  # height of a bar; rows are 1 apart
NAMED = 0.09  # share of the axis from which on a bar carries its category's name
REASONS = 140  # letters that fit above a panel


def annotator_timelines(videos: Sequence[VideoAgreement]) -> Figure:
    """A panel a video: a row an annotator, then the share of annotators, then what they say together.

    The frames of the consensus are shaded over all rows, so that what stands out of the shade, or is
    missing from it, is where annotators part.
    """
    if not videos:
        return empty_figure("nobody annotated anything")
    heights = [0.24 * (len(one.annotated.annotations) + 2) + 0.55 for one in videos]
    figure = new_figure(10.0, sum(heights) + 0.85)
    grid = figure.subplots(len(videos), 1, squeeze=False, height_ratios=heights)
    for axes, one in zip(grid.flat, videos, strict=True):
        _draw_video(axes, one)
    figure.legend(
        handles=[
            Patch(color=BLUE, label="marked by one annotator"),
            Patch(color=HEAT(0.45), label="share of the annotators, darker is more"),
            Patch(color=VERMILION, label="consensus"),
        ],
        loc="outside upper right",
        ncols=3,
        frameon=False,
        fontsize=8.5,
        labelcolor=MUTED,
        handlelength=1.2,
    )
    return figure


def _draw_video(axes: Axes, one: VideoAgreement) -> None:
    video, people = one.annotated.video, one.annotated.annotations
    category = one.merged.labels.category
    style_axes(axes, grid="none", small=True)
    axes.set_title(
        shortened(video.path, 48), loc="left", color=INK, fontsize=9.5, pad=18 if one.reasons else 6
    )
    axes.set_title(_figures(one), loc="right", color=MUTED, fontsize=8.5, pad=18 if one.reasons else 6)
    if one.reasons:
        axes.annotate(
            shortened("look again: " + "; ".join(one.reasons), REASONS),
            (0, 1),
            xycoords="axes fraction",
            xytext=(0, 5),
            textcoords="offset points",
            color=VERMILION,
            fontsize=8,
            va="bottom",
            clip_on=False,
        )
    unit = Fraction(1) if video.fps is None else 1 / video.fps
    n_frames = len(one.merged.mean)
    share, together = len(people), len(people) + 1
    for start, stop in one.merged.labels.intervals.tolist():
        left, width = float(start * unit), float((stop - start) * unit)
        axes.axvspan(left, left + width, color=VERMILION, alpha=0.1, linewidth=0, zorder=-1)
        axes.barh(together, width, BAR, left, color=VERMILION)
    for row, annotation in enumerate(people):
        _draw_marks(axes, annotation, row, unit, n_frames)
    axes.imshow(
        one.merged.mean[None],
        extent=(0, float(n_frames * unit), share + BAR / 2, share - BAR / 2),
        cmap=HEAT,
        vmin=0,
        vmax=1,
        aspect="auto",
        interpolation="nearest",
    )
    names = [shortened(annotation.annotator, 24) for annotation in people]
    said = "consensus" + ("" if category is None else f": {shortened(category, 16)}")
    axes.set_yticks(range(together + 1), [*names, "share", said])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set(xlim=(0, float(n_frames * unit)), ylim=(together + 0.6, -0.6))
    _time_axis(axes, float(n_frames * unit), timed=video.fps is not None)


def _draw_marks(axes: Axes, annotation: Annotation, row: int, unit: Fraction, n_frames: int) -> None:
    for mark in annotation.marks:
        left, width = float(mark.start * unit), float((mark.stop - mark.start) * unit)
        axes.barh(row, width, BAR, left, color=BLUE, edgecolor=PAPER, linewidth=0.5)
        if mark.category is not None and mark.stop - mark.start > NAMED * n_frames:
            axes.text(
                left + width / 2,
                row,
                plain(mark.category),
                color=PAPER,
                fontsize=7,
                ha="center",
                va="center_baseline",
            )
    if not annotation.marks:
        axes.text(0.004, row, "nothing marked", color=MUTED, fontsize=7.5, va="center_baseline",
                  transform=axes.get_yaxis_transform())  # fmt: skip


def _figures(one: VideoAgreement) -> str:
    parts = [f"alpha {_shown(one.alpha, 3)}", f"event IoU {_shown(one.event_iou, 3)}"]
    parts += [f"begin ±{_shown(one.begin.std, 1)}, end ±{_shown(one.end.std, 1)} frames"]
    return "    ".join(parts)


def _shown(value: float, digits: int) -> str:
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def _time_axis(axes: Axes, length: float, *, timed: bool) -> None:
    if timed and length >= 120:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=9, steps=[1, 1.5, 3, 6, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{int(x) // 60}:{int(x) % 60:02d}"))
    axes.set_xlabel(
        "frames" if not timed else "minutes : seconds" if length >= 120 else "seconds", fontsize=8
    )
