"""Table 5: the paper's model with one of its two losses, and with both."""

from __future__ import annotations

import dataclasses

from vadlab.report.paper_figures import comparison
from vadlab.report.paper_tables import PaperTable, published
from vadlab.reproduce import notes
from vadlab.reproduce.bench import Bench
from vadlab.reproduce.grid import Grid, Metric, Row, cell_of, made
from vadlab.reproduce.published import TABLE_5

__all__ = ["table5"]

# A loss of weight 0 gives no gradient, so its head learns nothing.
LOSSES = {
    "score": ("smooth L1 of scores alone", {"lambda_category": 0.0}),
    "category": ("cross-entropy of categories alone", {"lambda_score": 0.0}),
    "both": ("both", {}),
}
UNTRAINED = "A head whose loss has no weight learns nothing: its figure is a matter of chance."


def table5(bench: Bench) -> PaperTable:
    """AUC and category accuracy by the losses that the training minimises."""
    rows = [
        Row(
            (label,),
            {source.name: cell_of(source, "aed", settings) for source in bench.sources},
            {
                ("lad", "auc"): published(TABLE_5[key][0]),
                ("lad", "accuracy_windows"): published(TABLE_5[key][1], decimals=1),
            },
        )
        for key, (label, settings) in LOSSES.items()
    ]
    grid = Grid(
        "table5",
        "Table 5: AUC and category accuracy by losses, %",
        ("Losses",),
        rows,
        (
            Metric("auc", "AUC"),
            Metric("accuracy_windows", "accuracy", notes=(notes.ACCURACY,)),
        ),
        ("lad",),
        notes=(notes.LOSS_NAMES, notes.OTHER_DATASET, UNTRAINED),
        varied=("lambda_category", "lambda_score"),
    )
    done = made(bench, grid)
    figure = comparison(
        [label for label, _ in LOSSES.values()],
        [*done.panels("auc"), *done.panels("accuracy_windows")],
        unit="%",
        warning=done.table.warning,
    )
    return dataclasses.replace(done.table, figure=figure)
