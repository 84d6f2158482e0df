"""Fig. 5: AUC by K, the clips of a window."""

from __future__ import annotations

from vadlab.report.paper_tables import PaperTable
from vadlab.reproduce.bench import Bench
from vadlab.reproduce.published import FIGURE_5
from vadlab.reproduce.sweep import sweep

__all__ = ["fig5"]

KS = (
    1,
    2,
    3,
    5,
    7,
    10,
)  # the paper's best is 5, its text compares it with 2; the release's scripts use 10 too


def fig5(bench: Bench) -> PaperTable:
    """The sweep of K."""
    title = "Fig. 5: frame-level AUC by K, the clips of a window, %"
    return sweep(bench, name="fig5", title=title, setting="k", symbol="K", values=KS, printed=FIGURE_5)
