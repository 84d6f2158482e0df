"""The look that all figures share: colours, sizes, axes, legends, texts.

Colours are safe for colour-blind readers: blue is the detector or normal, vermilion is abnormal.
"""

from __future__ import annotations

from typing import Literal

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter

__all__ = [
    "AMBER",
    "BLUE",
    "DPI",
    "EDGE",
    "GREEN",
    "GRID",
    "HEAT",
    "INK",
    "MUTED",
    "N_POINTS",
    "PAPER",
    "PURPLE",
    "SERIES",
    "VERMILION",
    "add_legend",
    "empty_figure",
    "new_figure",
    "percent_ticks",
    "plain",
    "shortened",
    "style_axes",
]

INK, MUTED, EDGE, GRID, PAPER = "#1f2933", "#66727f", "#aeb7c0", "#e3e7eb", "#ffffff"
BLUE, VERMILION, GREEN, PURPLE, AMBER = "#0b66a8", "#d1510a", "#00876c", "#8e5a9f", "#b57a00"
SERIES = (BLUE, VERMILION, GREEN, PURPLE, AMBER, MUTED)
HEAT = LinearSegmentedColormap.from_list("heat", ["#f6f9fc", "#b9d7ec", "#5ba3d0", "#0b66a8", "#06365c"])
DPI = 100
N_POINTS = 4000  # of a curve; more than a figure has pixels


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of that size in inches."""
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08)
    return Figure(figsize=(width, height), dpi=DPI, layout=layout, facecolor=PAPER)


def empty_figure(reason: str, *, width: float = 6.0, height: float = 1.4) -> Figure:
    """A figure that only says why there is nothing to draw."""
    figure = new_figure(width, height)
    figure.text(0.5, 0.5, plain(reason), ha="center", va="center", color=MUTED, fontsize=10, wrap=True)
    return figure


def style_axes(
    axes: Axes,
    *,
    title: str = "",
    note: str = "",
    grid: Literal["x", "y", "both", "none"] = "y",
    small: bool = False,
) -> None:
    """Two thin spines, muted ticks and a faint grid; a title on the left, a note on the right.

    Args:
        axes: The axes.
        title: As matplotlib reads it; see `plain`.
        note: Plain text.
        grid: Which grid lines to draw.
        small: Smaller letters, for small panels.
    """
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
        axes.set_title(plain(note), loc="right", color=MUTED, fontsize=9, pad=5)


def add_legend(axes: Axes) -> None:
    """A legend in one row above the axes, where it covers nothing."""
    handles, names = axes.get_legend_handles_labels()
    if not handles:
        return
    axes.legend(
        handles,
        names,
        loc="lower right",
        ncols=4,
        frameon=False,
        fontsize=8.5,
        labelcolor=MUTED,
        handlelength=1.4,
        columnspacing=1.4,
        borderaxespad=0.3,
        bbox_to_anchor=(1.0, 1.0),
    )


def percent_ticks(axes: Axes, which: Literal["x", "y", "both"]) -> None:
    """Ticks of shares in 0..1 as percentages."""
    formatter = FuncFormatter(lambda value, _: f"{100 * value:g} %")
    if which in ("x", "both"):
        axes.xaxis.set_major_formatter(formatter)
    if which in ("y", "both"):
        axes.yaxis.set_major_formatter(formatter)


def shortened(text: str, length: int) -> str:
    """The text with its middle left out where it is too long."""
    if len(text) > length:
        half = (length - 1) // 2
        text = f"{text[:half]}…{text[-half:]}"
    return plain(text)


def plain(text: str) -> str:
    """Keep matplotlib from reading dollar signs as mathematics."""
    return text.replace("$", r"\$")
