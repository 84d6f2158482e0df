"""Figures of an evaluation (matplotlib, without its global state): each function returns a new figure.

Colours are safe for colour-blind readers: blue is the detector or normal, vermilion is abnormal.
"""

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
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from vadlab.evaluation.result import Evaluation, Judged
from vadlab.report.findings import by_category, counted_frames, thinned
from vadlab.types import Categories, Event, FloatArray, FrameLabels, Video

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

INK, MUTED, EDGE, GRID, PAPER = "#1f2933", "#66727f", "#aeb7c0", "#e3e7eb", "#ffffff"
BLUE, VERMILION, GREEN, PURPLE, AMBER = "#0b66a8", "#d1510a", "#00876c", "#8e5a9f", "#b57a00"
SERIES = (BLUE, VERMILION, GREEN, PURPLE, AMBER, MUTED)
HEAT = LinearSegmentedColormap.from_list("heat", ["#f6f9fc", "#b9d7ec", "#5ba3d0", "#0b66a8", "#06365c"])
DPI = 100
N_POINTS = 4000  # of a curve; more than a figure has pixels


def timeline(judged: Judged, *, threshold: float | None = None) -> Figure:
    """Frame scores of one video over time; the labelled events are shaded, frames not counted hatched."""
    figure = _figure(9.0, 2.7)
    axes = figure.subplots()
    video = judged.scores.video
    category = judged.labels.category
    _style(axes, title=_short(video.id, 60) + ("" if category is None else f"   {_plain(category)}"))
    _draw_scores(axes, video, judged.frame_scores)
    _draw_truth(axes, judged)
    if threshold is not None:
        _draw_threshold(axes, threshold)
    axes.set_ylim(*_limits(judged.frame_scores, threshold))
    axes.set_ylabel("score")
    _seconds_axis(axes, video)
    _legend(axes)
    return figure


def timelines(evaluation: Evaluation, *, n: int = 12, columns: int = 3) -> Figure:
    """Small timelines of at most `n` videos, spread evenly over the test set, on one common score axis."""
    chosen = np.unique(np.linspace(0, len(evaluation.videos) - 1, n).round().astype(int))
    shown = [evaluation.videos[i] for i in chosen] if evaluation.videos else []
    if not shown:
        return _empty("no videos")
    columns = min(columns, len(shown))
    rows = math.ceil(len(shown) / columns)
    figure = _figure(3.4 * columns, 1.5 * rows + 0.3)
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    limits = _limits(np.concatenate([judged.frame_scores for judged in shown]), None)
    for axes in grid.flat[len(shown) :]:
        axes.set_visible(False)
    for axes, judged in zip(grid.flat, shown, strict=False):
        video = judged.scores.video
        _style(axes, title=_short(video.id, 34), small=True)
        _draw_scores(axes, video, judged.frame_scores, width=1.0)
        _draw_truth(axes, judged)
        axes.set_ylim(*limits)
        _seconds_axis(axes, video, label=False)
    return figure


def roc(evaluation: Evaluation) -> Figure:
    """The ROC curve over all counted frames with its area, and the point of equal error rates."""
    false_rates, true_rates = evaluation.roc
    if not len(false_rates) or not np.isfinite(true_rates).all() or not np.isfinite(false_rates).all():
        reason = evaluation.reasons.get("auc_micro", "the rates are undefined")
        return _empty(f"no ROC curve: {reason}", width=4.8, height=2.4)
    # The curve may be thinned; the figures come from all its points.
    area, rate = evaluation.metrics.get("auc_micro", math.nan), evaluation.metrics.get("eer", math.nan)
    figure = _figure(4.8, 4.6)
    axes = figure.subplots()
    _style(axes, grid="both")
    kept = _along(false_rates + true_rates)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 4)), label="guessing")
    axes.fill_between(false_rates[kept], true_rates[kept], color=BLUE, alpha=0.09, linewidth=0)
    axes.plot(
        false_rates[kept],
        true_rates[kept],
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
    _percent(axes, "both")
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
        return _empty("this detector names no categories")
    n = len(names)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)
    side = max(0.62 * n, 2.2)
    figure = _figure(side + 2.4, side + 1.5)
    axes = figure.subplots()
    _style(axes, grid="none")
    axes.imshow(shares, cmap=HEAT.with_extremes(bad=PAPER), vmin=0, vmax=1, aspect="equal")
    labels = [_plain(name) for name in names]
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
        return _empty("no frame is counted", width=5.6, height=4.6)
    low, high = float(scores.min()), float(scores.max())
    edges = np.linspace(low, high if high > low else low + 1, 51)
    figure = _figure(5.6, 4.6)
    axes = figure.subplots()
    _style(axes)
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
    _percent(axes, "y")
    _legend(axes, within=True)
    return figure


def per_category(evaluation: Evaluation) -> Figure:
    """Frame AUC over each category's videos, best first, with the guessing line."""
    rows = by_category(evaluation)
    if not rows:
        return _empty("the videos have no categories")
    rows = tuple(sorted(rows, key=lambda row: (math.isnan(row.auc), -row.auc)))
    figure = _figure(6.6, 0.34 * len(rows) + 1.1)
    axes = figure.subplots()
    _style(axes, grid="x")
    places = np.arange(len(rows))
    areas = np.array([row.auc for row in rows])
    axes.barh(places, np.nan_to_num(areas), height=0.62, color=BLUE)
    axes.axvline(0.5, color=VERMILION, linewidth=1.2, linestyle=(0, (4, 3)))
    axes.text(0.5, -0.8, "guessing", color=VERMILION, fontsize=8, ha="center", backgroundcolor=PAPER)
    for place, row in zip(places.tolist(), rows, strict=True):
        text = f"–  {row.reasons.get('auc', '')}" if math.isnan(row.auc) else f"{100 * row.auc:.1f}"
        x = 0.0 if math.isnan(row.auc) else row.auc
        axes.text(x + 0.01, place, text, va="center", fontsize=8.5, color=MUTED if not x else INK)
    labels = [f"{_plain(row.name)}  ({row.n_videos})" for row in rows]
    axes.set_yticks(places, labels)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set(xlim=(0, 1.08), ylim=(len(rows) - 0.4, -1.1))
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_xlabel("frame AUC (number of videos in brackets)")
    _percent(axes, "x")
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
        return _empty("nothing was logged")
    figure = _figure(8.0, 3.2 if len(panels) == 1 else 3.0 + 1.5 * (len(panels) - 1))
    ratios = [2.0 if title == "losses" else 1.0 for title, _ in panels]
    grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=ratios)
    for axes, (title, lines) in zip(grid.flat, panels, strict=True):
        _style(axes, title=_plain(title), small=True)
        for colour, (name, (steps, values)) in zip(_cycle(len(lines)), lines.items(), strict=True):
            _draw_curve(axes, steps, values, name=name, colour=colour)
        if title == "losses":
            everything = np.concatenate([values for _, values in lines.values()])
            if everything.min() > 0 and everything.max() / everything.min() > 100:
                axes.set_yscale("log")
            if len(lines) > 1:
                _legend(axes)
        axes.margins(x=0.01)
    grid.flat[-1].set_xlabel("step")
    grid.flat[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def score_plot(
    video: Video,
    frame_scores: FloatArray,
    events: Sequence[Event] = (),
    categories: Categories | None = None,
) -> Figure:
    """Scores of one video without labels, the events found, and the category probabilities over time.

    Args:
        video: The video.
        frame_scores: (n_frames,) float.
        events: What was found; shaded, named, with the peak marked.
        categories: Probabilities by window, drawn as a heat map below, or None.
    """
    n_names = len(categories.names) if categories is not None else 0
    heights = [2.4, 0.2 * n_names + 0.3] if n_names else [2.4]
    figure = _figure(9.0, sum(heights) + 1.0)
    grid = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)
    axes = grid[0, 0]
    found = f"{len(events)} event" + ("" if len(events) == 1 else "s")
    _style(axes, title=_short(video.id, 70), note=found)
    _draw_scores(axes, video, frame_scores)
    low, high = _limits(frame_scores, None)
    axes.set_ylim(low, high + 0.16 * (high - low))
    axes.set_ylabel("score")
    _draw_events(axes, video, events)
    if n_names and categories is not None:
        _draw_categories(grid[1, 0], video, categories)
    _seconds_axis(grid[-1, 0], video)
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


def _figure(width: float, height: float) -> Figure:
    """An empty figure of that size in inches."""
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08)
    return Figure(figsize=(width, height), dpi=DPI, layout=layout, facecolor=PAPER)


def _empty(reason: str, *, width: float = 6.0, height: float = 1.4) -> Figure:
    figure = _figure(width, height)
    figure.text(0.5, 0.5, _plain(reason), ha="center", va="center", color=MUTED, fontsize=10, wrap=True)
    return figure


def _style(
    axes: Axes,
    *,
    title: str = "",
    note: str = "",
    grid: Literal["x", "y", "both", "none"] = "y",
    small: bool = False,
) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(EDGE)
    axes.tick_params(colors=MUTED, labelsize=8 if small else 9, length=3, width=0.8)
    axes.xaxis.label.set(color=MUTED, fontsize=9)
    axes.yaxis.label.set(color=MUTED, fontsize=9)
    axes.set_axisbelow(True)
    if grid != "none":
        axes.grid(visible=True, axis=grid, color=GRID, linewidth=0.8)
    if title:
        axes.set_title(title, loc="left", color=INK, fontsize=8.5 if small else 10.5, pad=5)
    if note:
        axes.set_title(_plain(note), loc="right", color=MUTED, fontsize=9, pad=5)


def _legend(axes: Axes, *, within: bool = False) -> None:
    """A legend in one row above the axes, or in one column in their upper right corner."""
    handles, names = axes.get_legend_handles_labels()
    if not handles:
        return
    axes.legend(
        handles,
        names,
        loc="upper right" if within else "lower right",
        ncols=1 if within else 4,
        frameon=False,
        fontsize=8.5,
        labelcolor=MUTED,
        handlelength=1.4,
        columnspacing=1.4,
        borderaxespad=0.3,
        bbox_to_anchor=(1.0, 1.0),
    )


def _draw_scores(axes: Axes, video: Video, frame_scores: FloatArray, *, width: float = 1.4) -> None:
    kept = thinned(frame_scores, n_points=N_POINTS)
    times = kept * video.seconds(1)
    axes.plot(times, frame_scores[kept], color=BLUE, linewidth=width, solid_joinstyle="round", zorder=3)
    floor = min(0.0, float(frame_scores.min())) if len(frame_scores) else 0.0
    axes.fill_between(times, frame_scores[kept], floor, color=BLUE, alpha=0.08, linewidth=0)
    axes.set_xlim(0, max(video.seconds(len(frame_scores)), video.seconds(1)))


def _draw_truth(axes: Axes, judged: Judged) -> None:
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


def _draw_events(axes: Axes, video: Video, events: Sequence[Event]) -> None:
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
            _plain(event.category) + share,
            transform=axes.get_xaxis_transform(),
            ha="center",
            va="top",
            fontsize=8.5,
            color=VERMILION,
            clip_on=True,
        )


def _draw_threshold(axes: Axes, threshold: float) -> None:
    axes.axhline(threshold, color=INK, linewidth=1, linestyle=(0, (4, 3)), label=f"threshold {threshold:.3g}")


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


def _draw_categories(axes: Axes, video: Video, categories: Categories) -> None:
    _style(axes, grid="none", small=True)
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
    axes.set_yticks(range(n), [_plain(name) for name in categories.names])
    axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=8)
    axes.set_title("category probability, white 0 % to dark 100 %", loc="left", color=MUTED, fontsize=8.5)


def _draw_curve(
    axes: Axes, steps: NDArray[np.float64], values: NDArray[np.float64], *, name: str, colour: str
) -> None:
    """A curve; a long one is drawn faintly under its running mean over 2 % of its points."""
    width = len(values) // 50
    if width < 4:
        axes.plot(steps, values, color=colour, linewidth=1.6, label=_plain(name))
        return
    kept = thinned(values, n_points=N_POINTS)
    axes.plot(steps[kept], values[kept], color=colour, linewidth=0.7, alpha=0.3)
    mean = np.convolve(values, np.ones(width) / width, mode="valid")
    axes.plot(steps[width // 2 :][: len(mean)], mean, color=colour, linewidth=1.8, label=_plain(name))


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


def _along(length: NDArray[np.float64]) -> NDArray[np.int64]:
    """Indices of at most N_POINTS points, evenly along a curve whose length grows from 0 to 2."""
    if len(length) <= N_POINTS:
        return np.arange(len(length))
    kept = np.searchsorted(length, np.linspace(0, 2, N_POINTS)).clip(max=len(length) - 1)
    return np.unique(np.concatenate([[0], kept, [len(length) - 1]]))


def _limits(scores: FloatArray, threshold: float | None) -> tuple[float, float]:
    """The score axis: all scores and the threshold, with a little room above."""
    values = [0.0, 1.0] if not len(scores) else [float(scores.min()), float(scores.max())]
    if threshold is not None:
        values.append(threshold)
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 0.5
    return (0.0 if 0 <= low < 0.3 * high else low - room), high + room


def _percent(axes: Axes, which: Literal["x", "y", "both"]) -> None:
    formatter = FuncFormatter(lambda value, _: f"{100 * value:g} %")
    if which in ("x", "both"):
        axes.xaxis.set_major_formatter(formatter)
    if which in ("y", "both"):
        axes.yaxis.set_major_formatter(formatter)


def _seconds_axis(axes: Axes, video: Video, *, label: bool = True) -> None:
    """Seconds, or minutes:seconds for a video of two minutes and more."""
    long = video.seconds(video.n_frames) >= 120
    if long:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=9, steps=[1, 1.5, 3, 6, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{int(x) // 60}:{int(x) % 60:02d}"))
    if label:
        axes.set_xlabel("minutes : seconds" if long else "seconds")


def _short(text: str, length: int) -> str:
    """The text with its middle left out where it is too long."""
    if len(text) > length:
        half = (length - 1) // 2
        text = f"{text[:half]}…{text[-half:]}"
    return _plain(text)


def _plain(text: str) -> str:
    """Keep matplotlib from reading dollar signs as mathematics."""
    return text.replace("$", r"\$")
