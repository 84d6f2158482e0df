"""The page's section "Curves": figures as SVG that takes on the page's colours and font."""

from __future__ import annotations

import math
import re
from html import escape

from matplotlib.figure import Figure

from vadlab.evaluation.result import Evaluation
from vadlab.report import figures
from vadlab.report.style import BLUE, EDGE, GRID, INK, MUTED, PAPER, VERMILION
from vadlab.report.wording import metric_text

__all__ = ["curves_section"]

# Colour of a figure -> the page's variable, which changes with a dark screen.
FIGURE_COLOURS = {
    INK: "--ink",
    MUTED: "--muted",
    EDGE: "--edge",
    GRID: "--grid",
    PAPER: "--card",
    BLUE: "--blue",
    VERMILION: "--vermilion",
}


def curves_section(evaluation: Evaluation) -> str:
    """The ROC curve and the histogram of the scores."""
    auc = metric_text("auc_micro", evaluation.metrics.get("auc_micro", math.nan))
    roc = _inline(
        figures.roc(evaluation),
        name="roc",
        alt=f"ROC curve over all counted frames, area {auc}",
    )
    histogram = _inline(
        figures.score_histogram(evaluation),
        name="histogram",
        alt="Histogram of the scores of normal and of abnormal frames",
    )
    return (
        '<div class="grid">'
        f'<figure class="card figure"><figcaption><h3>ROC curve</h3></figcaption>{roc}</figure>'
        f'<figure class="card figure"><figcaption><h3>Scores of normal and abnormal frames</h3></figcaption>'
        f"{histogram}</figure></div>"
    )


def _inline(figure: Figure, *, name: str, alt: str) -> str:
    """SVG to stand inside HTML: ids of its own, the page's colours and font, no namespaces."""
    svg = figures.to_svg(figure)
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<defs>\s*<style.*?</defs>", "", svg, flags=re.DOTALL)
    svg = (
        re.sub(r'\s(xmlns(:\w+)?|width|height|version)="[^"]*"', "", svg.partition(">")[0])
        + svg[svg.index(">") :]
    )
    svg = re.sub(r"font-family: [^;\"]*", "font-family: inherit", svg)
    svg = re.sub(r'(\bid="|xlink:href="#|url\(#)', rf"\g<1>{name}-", svg).replace("xlink:href", "href")
    for colour, variable in FIGURE_COLOURS.items():
        svg = svg.replace(colour, f"var({variable})")
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(alt)}"', 1)
