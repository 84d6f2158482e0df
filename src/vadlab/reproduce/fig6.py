"""Fig. 6: AUC by lambda_2, the weight of the score loss; lambda_1 is 1."""

from __future__ import annotations

from vadlab.report.paper_tables import PaperTable
from vadlab.reproduce.bench import Bench
from vadlab.reproduce.published import FIGURE_6
from vadlab.reproduce.sweep import sweep

__all__ = ["fig6"]

LAMBDAS = (0.1, 1.0, 10.0, 100.0)  # a decade either side of the paper's best and of 1


def fig6(bench: Bench) -> PaperTable:
    """The sweep of lambda_2."""
    return sweep(
        bench,
        name="fig6",
        title="Fig. 6: frame-level AUC by λ2, the weight of the score loss (λ1 = 1), %",
        setting="lambda_score",
        symbol="λ2",
        values=LAMBDAS,
        printed=FIGURE_6,
    )
