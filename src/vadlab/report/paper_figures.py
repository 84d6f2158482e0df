"""Pictures of the LAD paper's tables and figures, made again: comparisons, sweeps, a confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import NDArray

from vadlab.evaluation.result import Evaluation
from vadlab.evaluation.rules import get
from vadlab.report import figures
from vadlab.report.style import (
    EDGE,
    GRID,
    INK,
    MUTED,
    PAPER,
    SERIES,
    VERMILION,
    new_figure,
    plain,
    style_axes,
)
from vadlab.types import IntArray

__all__ = ["Panel", "Series", "caption", "comparison", "confusion", "picture", "sweep"]

ROW_HEIGHT = 0.62  # inches
PANEL_WIDTH = 4.8

FloatVector = NDArray[np.floating]


@dataclass(frozen=True)
class Series:
    """Numbers of one kind, one a row or a place on the axis.

    Args:
        name: For the legend.
        means: NaN where there is none.
        sds: Sample standard deviations; NaN for one run.
        published: Whether it is the paper's.
    """

    name: str
    means: Sequence[float]
    sds: Sequence[float]
    published: bool = False


@dataclass(frozen=True)
class Panel:
    """A dataset's part of a comparison.

    Args:
        title: Above it.
        series: Each with as many numbers as there are rows.
    """

    title: str
    series: Sequence[Series]


def comparison(labels: Sequence[str], panels: Sequence[Panel], *, unit: str, warning: str = "") -> Figure:
    """A row a label, a panel a dataset: published numbers as diamonds, ours as dots with their deviation.

    Args:
        labels: The rows, from the top.
        panels: At least one.
        unit: What the horizontal axis counts.
        warning: Printed in red above; empty for none.
    """
    height = ROW_HEIGHT * len(labels) + 1.6
    figure = new_figure(2.2 + PANEL_WIDTH * len(panels), height)
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    places = np.arange(len(labels))
    for axes, panel in zip(grid, panels, strict=True):
        style_axes(axes, title=plain(panel.title), grid="both")
        for series, offset, colour in _laid_out(panel.series):
            _dots(axes, np.asarray(series.means, dtype=float), places + offset, series, colour)
        for place, values in zip(places, zip(*(one.means for one in panel.series), strict=True), strict=True):
            if not np.isfinite(values).any():
                axes.text(
                    0.02,
                    place,
                    "none",
                    transform=axes.get_yaxis_transform(),
                    va="center",
                    color=MUTED,
                    fontsize=8,
                    bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1.5},
                )
        axes.set_yticks(places, [plain(label) for label in labels])
        axes.tick_params(axis="y", labelcolor=INK, length=0)
        axes.set_ylim(len(labels) - 0.4, -0.6)
        axes.set_xlabel(unit)
        axes.margins(x=0.16)
    _finish(figure, grid[0], warning)
    return figure


def sweep(
    places: Sequence[float], series: Sequence[Series], *, name: str, unit: str, title: str, warning: str = ""
) -> Figure:
    """A line over the values of one setting, in equal steps, with the deviation as whiskers.

    Args:
        places: Values of the setting, ascending.
        series: Each with as many numbers as there are places.
        name: Of the setting.
        unit: What the vertical axis counts.
        title: Above it.
        warning: As in `comparison`.
    """
    figure = new_figure(6.4, 4.4)
    axes = figure.subplots()
    style_axes(axes, title=plain(title), grid="y")
    x = np.arange(len(places), dtype=float)
    for one, offset, colour in _laid_out(series, width=0.12):
        means, sds = np.asarray(one.means, dtype=float), np.asarray(one.sds, dtype=float)
        there = np.isfinite(means)
        if not there.any():
            continue
        axes.errorbar(
            x[there] + offset,
            means[there],
            yerr=None if one.published else np.nan_to_num(sds[there]),
            color=colour,
            label=plain(one.name),
            linewidth=1.2 if one.published else 1.8,
            linestyle="none" if one.published else "-",
            marker="D" if one.published else "o",
            markersize=6.5,
            markerfacecolor=PAPER if one.published else colour,
            markeredgewidth=1.5,
            elinewidth=1.2,
            capsize=3,
        )
    axes.set_xticks(x, [f"{place:g}" for place in places])
    axes.set_xlim(-0.5, len(places) - 0.5)
    axes.set(xlabel=name, ylabel=unit)
    axes.margins(y=0.15)
    _finish(figure, axes, warning)
    return figure


def confusion(counts: IntArray, categories: Sequence[str], *, warning: str = "") -> Figure:
    """A confusion matrix of windows, (C, C) counts with the true category as row; see `figures.confusion`."""
    empty = np.empty(0)
    figure = figures.confusion(
        Evaluation(get("strict"), {}, {}, (), (empty, empty), tuple(categories), np.asarray(counts))
    )
    _warn(figure, warning)
    return figure


def caption(figure: Figure, texts: Sequence[str]) -> None:
    """Write small lines below a figure, which grows by them; once a figure."""
    width, height = (float(side) for side in figure.get_size_inches())
    lines = [line for text in texts for line in wrap(text, int(16.5 * width))]
    layout = figure.get_layout_engine()
    if not lines or not isinstance(layout, ConstrainedLayoutEngine):
        return
    extra = 0.145 * len(lines) + 0.16
    figure.set_size_inches(width, height + extra)
    layout.set(rect=(0, extra / (height + extra), 1, height / (height + extra)))
    figure.text(
        0.1 / width,
        0.08 / (height + extra),
        plain("\n".join(lines)),
        va="bottom",
        color=MUTED,
        fontsize=7.5,
        linespacing=1.35,
    )


def picture(heads: Sequence[str], rows: Sequence[Sequence[str]], *, title: str, warning: str = "") -> Figure:
    """A table as a picture, for slides: the first column on the left, the others on the right of theirs."""
    lines = [[wrap(head, 14) for head in heads], *([wrap(text, 22) for text in row] for row in rows)]
    widths = [max(len(part) for line in lines for part in line[i]) + 3 for i in range(len(heads))]
    heights = [max(len(cell) for cell in line) + 0.7 for line in lines]
    total, tall = sum(widths), sum(heights)
    figure = new_figure(max(0.085 * total, 3.0), 0.19 * tall + 0.6)
    axes = figure.subplots()
    axes.set(xlim=(0, total), ylim=(tall, 0))
    axes.axis("off")
    axes.set_title(plain(title), loc="left", color=INK, fontsize=10.5, pad=6)
    top = 0.0
    for number, (line, height) in enumerate(zip(lines, heights, strict=True)):
        right = 0.0
        for column, (cell, width) in enumerate(zip(line, widths, strict=True)):
            right += width
            axes.text(
                right - 1.5 if column else 0.5,
                top + height / 2,
                plain("\n".join(cell)),
                ha="right" if column else "left",
                va="center",
                color=INK if number else MUTED,
                fontsize=9 if number else 8.5,
            )
        top += height
        axes.axhline(top, color=EDGE if number == 0 else GRID, linewidth=0.8)
    _warn(figure, warning)
    return figure


def _laid_out(series: Sequence[Series], *, width: float = 0.25) -> list[tuple[Series, float, str]]:
    """Series with their place beside each other and their colour; the paper's are vermilion."""
    middle = (len(series) - 1) / 2
    ours = iter(colour for colour in SERIES * 3 if colour != VERMILION)
    return [
        (one, (i - middle) * width, VERMILION if one.published else next(ours))
        for i, one in enumerate(series)
    ]


def _dots(axes: Axes, means: FloatVector, places: FloatVector, series: Series, colour: str) -> None:
    there = np.isfinite(means)
    if not there.any():
        return  # nor in the legend
    sds = np.nan_to_num(np.asarray(series.sds, dtype=float))
    axes.errorbar(
        means[there],
        places[there],
        xerr=None if series.published else sds[there],
        color=colour,
        label=plain(series.name),
        linestyle="none",
        marker="D" if series.published else "o",
        markersize=6.5 if series.published else 7,
        markerfacecolor=PAPER if series.published else colour,
        markeredgewidth=1.5,
        elinewidth=1.4,
        capsize=3,
    )
    for mean, sd, place in zip(means[there], sds[there], places[there], strict=True):
        axes.annotate(
            f"{mean:.1f}",
            (mean + sd, place),
            xytext=(7, -0.5),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=MUTED,
        )


def _finish(figure: Figure, axes: Axes, warning: str) -> None:
    """The legend of all panels in a row between the titles and the first axes, and the warning on top."""
    handles: dict[str, Artist] = {}
    for one in figure.axes:
        one.set_title(one.get_title(loc="left"), loc="left", color=INK, fontsize=10.5, pad=24)
        for handle, name in zip(*one.get_legend_handles_labels(), strict=True):
            handles.setdefault(name, handle)
    if handles:
        axes.legend(
            list(handles.values()),
            list(handles),
            loc="lower left",
            bbox_to_anchor=(-0.02, 1.0),
            ncols=len(handles),
            frameon=False,
            fontsize=8.5,
            labelcolor=MUTED,
            columnspacing=1.4,
            handletextpad=0.5,
            borderaxespad=0.2,
        )
    else:
        axes.text(0.5, 0.5, "no number", transform=axes.transAxes, ha="center", color=EDGE)
    _warn(figure, warning)


def _warn(figure: Figure, warning: str) -> None:
    if warning:
        figure.suptitle(plain(warning), color=VERMILION, fontsize=9, fontweight="bold", wrap=True)
