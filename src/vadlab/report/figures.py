"""Figures of an evaluation (matplotlib, without its global state): each function returns a new figure."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from vadlab.evaluation.result import Evaluation, Judged
from vadlab.report.findings import by_category, counted_frames, thinned
from vadlab.report.style import (
    BLUE,
    DPI,
    EDGE,
    HEAT,
    INK,
    MUTED,
    N_POINTS,
    PAPER,
    SERIES,
    VERMILION,
    add_legend,
    empty_figure,
    new_figure,
    percent_ticks,
    plain,
    shortened,
    style_axes,
)
from vadlab.report.time_axis import (
    draw_categories,
    draw_events,
    draw_scores,
    draw_threshold,
    draw_truth,
    score_limits,
    seconds_axis,
)
from vadlab.types import Categories, Event, FloatArray, Video

__all__ = [
    "confusion",
    "per_category",
    "roc",
    "score_histogram",
    "score_plot",
    "timeline",
    "timelines",
    "to_png",
    "to_svg",
    "training",
]


def timeline(judged: Judged, *, threshold: float | None = None) -> Figure:
    """Frame scores of one video over time; the labelled events are shaded, frames not counted hatched."""
    figure = new_figure(9.0, 2.7)
    axes = figure.subplots()
    video = judged.scores.video
    category = judged.labels.category
    style_axes(axes, title=shortened(video.id, 60) + ("" if category is None else f"   {plain(category)}"))
    draw_scores(axes, video, judged.frame_scores)
    draw_truth(axes, judged)
    if threshold is not None:
        draw_threshold(axes, threshold)
    axes.set_ylim(*score_limits(judged.frame_scores, threshold))
    axes.set_ylabel("score")
    seconds_axis(axes, video)
    add_legend(axes)
    return figure


def timelines(evaluation: Evaluation, *, n: int = 12, columns: int = 3) -> Figure:
    """Small timelines of at most `n` videos, spread evenly over the test set, on one common score axis."""
    chosen = np.unique(np.linspace(0, len(evaluation.videos) - 1, n).round().astype(int))
    shown = [evaluation.videos[i] for i in chosen] if evaluation.videos else []
    if not shown:
        return empty_figure("no videos")
    columns = min(columns, len(shown))
    rows = math.ceil(len(shown) / columns)
    figure = new_figure(3.4 * columns, 1.5 * rows + 0.3)
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    limits = score_limits(np.concatenate([judged.frame_scores for judged in shown]), None)
    for axes in grid.flat[len(shown) :]:
        axes.set_visible(False)
    for axes, judged in zip(grid.flat, shown, strict=False):
        video = judged.scores.video
        style_axes(axes, title=shortened(video.id, 34), small=True)
        draw_scores(axes, video, judged.frame_scores, width=1.0)
        draw_truth(axes, judged)
        axes.set_ylim(*limits)
        seconds_axis(axes, video, label=False)
    return figure


def roc(evaluation: Evaluation) -> Figure:
    """The ROC curve over all counted frames with its area, and the point of equal error rates."""
    false_rates, true_rates = evaluation.roc
    if not len(false_rates) or not np.isfinite(true_rates).all() or not np.isfinite(false_rates).all():
        reason = evaluation.reasons.get("auc_micro", "the rates are undefined")
        return empty_figure(f"no ROC curve: {reason}", width=4.8, height=2.4)
    # The curve may be thinned; the figures come from all its points.
    area, rate = evaluation.metrics.get("auc_micro", math.nan), evaluation.metrics.get("eer", math.nan)
    figure = new_figure(4.8, 4.6)
    axes = figure.subplots()
    style_axes(axes, grid="both")
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 4)), label="guessing")
    axes.fill_between(false_rates, true_rates, color=BLUE, alpha=0.09, linewidth=0)
    axes.plot(
        false_rates,
        true_rates,
        color=BLUE,
        linewidth=2,
        solid_joinstyle="round",
        label=f"AUC {100 * area:.2f} %",
    )
    axes.plot(
        [rate],
        [1 - rate],
        marker="o",
        markersize=7,
        color=VERMILION,
        markeredgecolor=PAPER,
        markeredgewidth=1.2,
        linestyle="none",
        label=f"EER {100 * rate:.2f} %",
        zorder=5,
        clip_on=False,
    )
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set_xlabel("false alarms, share of normal frames")
    axes.set_ylabel("found, share of abnormal frames")
    percent_ticks(axes, "both")
    handles, names = axes.get_legend_handles_labels()
    order = [1, 2, 0]
    axes.legend(
        [handles[i] for i in order],
        [names[i] for i in order],
        loc="lower right",
        frameon=False,
        fontsize=10,
        labelcolor=INK,
    )
    return figure


def confusion(evaluation: Evaluation, *, of: Literal["windows", "videos"] = "windows") -> Figure:
    """The confusion matrix: rows are the true categories, in % of the row, with counts in small print."""
    counts = evaluation.confusion if of == "windows" else evaluation.confusion_videos
    names = evaluation.categories
    if counts is None or not len(names):
        return empty_figure("this detector names no categories")
    n = len(names)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)
    side = max(0.62 * n, 2.2)
    figure = new_figure(side + 2.4, side + 1.5)
    axes = figure.subplots()
    style_axes(axes, grid="none")
    axes.imshow(shares, cmap=HEAT.with_extremes(bad=PAPER), vmin=0, vmax=1, aspect="equal")
    labels = [plain(name) for name in names]
    axes.set_xticks(range(n), labels, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(n), labels)
    axes.set_xticks(np.arange(n + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(n + 1) - 0.5, minor=True)
    axes.grid(visible=True, which="minor", color=PAPER, linewidth=1.6)
    axes.tick_params(which="both", length=0)
    axes.tick_params(labelcolor=INK)
    axes.spines[:].set_visible(False)
    for row, column in np.ndindex(n, n):
        _draw_cell(axes, row, column, float(shares[row, column]), int(counts[row, column]))
    for row in range(n):
        axes.text(n - 0.35, row, f"n = {int(totals[row, 0]):,}", color=MUTED, fontsize=7.5, va="center")
    axes.set_ylabel("true category", labelpad=8)
    axes.set_xlabel(f"predicted category\n% of the true category's {of}, counts in small print", labelpad=8)
    return figure


def score_histogram(evaluation: Evaluation) -> Figure:
    """How the scores of normal and of abnormal frames are distributed, each in % of its own frames."""
    everything = evaluation.rules.frames == "all"
    pooled = [judged for judged in evaluation.videos if everything or judged.labels.abnormal]
    abnormal, scores = counted_frames(pooled)
    if not len(scores):
        return empty_figure("no frame is counted", width=5.6, height=4.6)
    low, high = float(scores.min()), float(scores.max())
    edges = np.linspace(low, high if high > low else low + 1, 51)
    figure = new_figure(5.6, 4.6)
    axes = figure.subplots()
    style_axes(axes)
    for kind, colour, mask in (("normal", BLUE, ~abnormal), ("abnormal", VERMILION, abnormal)):
        if not mask.any():
            continue
        share = np.histogram(scores[mask], edges)[0] / mask.sum()
        name = f"{kind}, {int(mask.sum()):,} frames"
        axes.stairs(share, edges, color=colour, fill=True, alpha=0.22, linewidth=0)
        axes.stairs(share, edges, color=colour, linewidth=1.6, label=name)
    axes.set_ylim(0, None)
    axes.set_xlabel("frame score")
    axes.set_ylabel("share of the frames")
    percent_ticks(axes, "y")
    add_legend(axes)
    return figure


def per_category(evaluation: Evaluation) -> Figure:
    """Frame AUC over each category's videos, best first, with the guessing line."""
    rows = by_category(evaluation)
    if not rows:
        return empty_figure("the videos have no categories")
    rows = tuple(sorted(rows, key=lambda row: (math.isnan(row.auc), -row.auc)))
    figure = new_figure(6.6, 0.34 * len(rows) + 1.1)
    axes = figure.subplots()
    style_axes(axes, grid="x")
    places = np.arange(len(rows))
    areas = np.array([row.auc for row in rows])
    axes.barh(places, np.nan_to_num(areas), height=0.62, color=BLUE)
    axes.axvline(0.5, color=VERMILION, linewidth=1.2, linestyle=(0, (4, 3)))
    axes.text(0.5, -0.8, "guessing", color=VERMILION, fontsize=8, ha="center", backgroundcolor=PAPER)
    for place, row in zip(places.tolist(), rows, strict=True):
        text = f"–  {row.reasons.get('auc', '')}" if math.isnan(row.auc) else f"{100 * row.auc:.1f}"
        x = 0.0 if math.isnan(row.auc) else row.auc
        axes.text(x + 0.01, place, text, va="center", fontsize=8.5, color=MUTED if not x else INK)
    labels = [f"{plain(row.name)}  ({row.n_videos})" for row in rows]
    axes.set_yticks(places, labels)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set(xlim=(0, 1.08), ylim=(len(rows) - 0.4, -1.1))
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_xlabel("frame AUC (number of videos in brackets)")
    percent_ticks(axes, "x")
    return figure


def training(curves: Sequence[Mapping[str, Any]] | Path) -> Figure:
    """Losses, and whatever else was logged, over the training steps.

    Args:
        curves: Rows with a "step" and any further numbers, or the CSV file that holds them. A column
            with "loss" in its name goes to the first panel, others get a panel each. "seconds" is
            left out. Rows may lack a column.
    """
    if isinstance(curves, Path):
        with curves.open(newline="", encoding="utf-8") as file:
            curves = list(csv.DictReader(file))
    columns = _columns(curves)
    losses = {name: points for name, points in columns.items() if "loss" in name.lower()}
    others = {name: points for name, points in columns.items() if name not in losses}
    panels = ([("losses", losses)] if losses else []) + [(name, {name: p}) for name, p in others.items()]
    if not panels:
        return empty_figure("nothing was logged")
    figure = new_figure(8.0, 3.2 if len(panels) == 1 else 3.0 + 1.5 * (len(panels) - 1))
    ratios = [2.0 if title == "losses" else 1.0 for title, _ in panels]
    grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=ratios)
    for axes, (title, lines) in zip(grid.flat, panels, strict=True):
        style_axes(axes, title=plain(title), small=True)
        for colour, (name, (steps, values)) in zip(_cycle(len(lines)), lines.items(), strict=True):
            _draw_curve(axes, steps, values, name=name, colour=colour)
        if title == "losses":
            everything = np.concatenate([values for _, values in lines.values()])
            if everything.min() > 0 and everything.max() / everything.min() > 100:
                axes.set_yscale("log")
            if len(lines) > 1:
                add_legend(axes)
        axes.margins(x=0.01)
    grid.flat[-1].set_xlabel("step")
    grid.flat[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def score_plot(
    video: Video,
    frame_scores: FloatArray,
    events: Sequence[Event] = (),
    categories: Categories | None = None,
    *,
    threshold: float | None = None,
) -> Figure:
    """Scores of one video without labels, the events found, and the category probabilities over time.

    Args:
        video: The video.
        frame_scores: (n_frames,) float.
        events: What was found; shaded, named, with the peak marked.
        categories: Probabilities by window, drawn as a heat map below, or None.
        threshold: The score at which events begin: named, and drawn as dashes.
    """
    n_names = len(categories.names) if categories is not None else 0
    heights = [2.4, 0.2 * n_names + 0.3] if n_names else [2.4]
    figure = new_figure(9.0, sum(heights) + 1.0)
    grid = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)
    axes = grid[0, 0]
    found = f"{len(events)} event" + ("" if len(events) == 1 else "s")
    if threshold is not None:
        found += f", threshold {threshold:.3g}"
    style_axes(axes, title=shortened(video.id, 70), note=found)
    draw_scores(axes, video, frame_scores)
    if threshold is not None:
        draw_threshold(axes, threshold)
    low, high = score_limits(frame_scores, threshold)
    axes.set_ylim(low, high + 0.16 * (high - low))
    axes.set_ylabel("score")
    draw_events(axes, video, events)
    if n_names and categories is not None:
        draw_categories(grid[1, 0], video, categories)
    seconds_axis(grid[-1, 0], video)
    return figure


def to_png(figure: Figure) -> bytes:
    """PNG at twice the figure's nominal size in pixels, for sharp screens."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=2 * DPI)
    return content.getvalue()


def to_svg(figure: Figure) -> str:
    """SVG with text as text; the same figure gives the same bytes."""
    content = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "vadlab"}):
        figure.savefig(content, format="svg", metadata={"Date": None})
    return content.getvalue()


def _draw_cell(axes: Axes, row: int, column: int, share: float, count: int) -> None:
    if math.isnan(share):
        axes.text(column, row, "–", ha="center", va="center", color=EDGE, fontsize=9)
        return
    if not count:
        return
    colour = PAPER if share > 0.6 else INK
    for text, size, rise in ((f"{100 * share:.0f}", 9.5, 4), (f"{count:,}", 6.5, -8)):
        axes.annotate(
            text,
            (column, row),
            xytext=(0, rise),
            textcoords="offset points",
            ha="center",
            va="center",
            color=colour,
            fontsize=size,
        )


def _draw_curve(
    axes: Axes, steps: NDArray[np.float64], values: NDArray[np.float64], *, name: str, colour: str
) -> None:
    """A curve; a long one is drawn faintly under its running mean over 2 % of its points."""
    width = len(values) // 50
    if width < 4:
        axes.plot(steps, values, color=colour, linewidth=1.6, label=plain(name))
        return
    kept = thinned(values, n_points=N_POINTS)
    axes.plot(steps[kept], values[kept], color=colour, linewidth=0.7, alpha=0.3)
    mean = np.convolve(values, np.ones(width) / width, mode="valid")
    axes.plot(steps[width // 2 :][: len(mean)], mean, color=colour, linewidth=1.8, label=plain(name))


def _columns(
    rows: Sequence[Mapping[str, Any]],
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Name to (steps, values), both (k,) float64 and finite; blanks and text are left out."""
    points: dict[str, list[tuple[float, float]]] = {}
    for i, row in enumerate(rows):
        step = _number(row.get("step", row.get("epoch")))
        for name, text in row.items():
            value = _number(text)
            if name not in ("step", "epoch", "seconds") and math.isfinite(value):
                points.setdefault(name, []).append((float(i) if math.isnan(step) else step, value))
    return {name: (np.array(p)[:, 0], np.array(p)[:, 1]) for name, p in points.items()}


def _number(text: object) -> float:
    try:
        return float(text)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return math.nan


def _cycle(n: int) -> list[str]:
    return [SERIES[i % len(SERIES)] for i in range(n)]
