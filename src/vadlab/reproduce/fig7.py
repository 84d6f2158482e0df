"""Fig. 7: the confusion matrix of the paper's model."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from vadlab.report.paper_figures import confusion
from vadlab.report.paper_tables import Column, PaperTable, Value, missing
from vadlab.report.style import empty_figure
from vadlab.reproduce import notes
from vadlab.reproduce.bench import Bench
from vadlab.reproduce.cells import Outcome, run_cells
from vadlab.reproduce.grid import cell_of, warning
from vadlab.reproduce.protocol import protocol_lines
from vadlab.types import IntArray

__all__ = ["fig7"]

PLOTTED = (
    "The paper plots its matrix (LAD) without numbers: worst is Violence, taken for Crowd or Fighting; best "
    "are Crash, Falling, Fire and Fall Into Water (Sec. 5.4)."
)
SUMMED = "Counts of windows, summed over the seeds, then each row in % of its own windows."


def fig7(bench: Bench) -> PaperTable:
    """Windows of each true category by the category that the model names; the first dataset, first rules.

    A picture holds one matrix: with several datasets or rules, the first of them is taken.
    """
    source, rules = bench.sources[0], bench.rules[0]
    bench = dataclasses.replace(bench, sources=(source,), rules=(rules,))
    cell = cell_of(source, "aed")
    if not isinstance(cell, str) and bench.settings:
        bench.require_used(("aed",))
    (outcome,) = run_cells(bench, [cell], title="fig7")
    counts, names = _summed(outcome, rules)
    title = f"Fig. 7: confusion of the categories on {source.label}, % of the true category's windows"
    if counts is None:
        reason = outcome.reason or f"{source.label} has no categories."
        columns: tuple[Column, ...] = (Column("True category"), Column("Predicted", "measured"))
        rows: tuple[tuple[Value, ...], ...] = ((Value("none"), missing(reason.partition("\n")[0])),)
        figure = empty_figure(reason.partition("\n")[0])
    else:
        columns = (
            Column("True category"),
            *(Column(name, "measured") for name in names),
            Column("Windows", "measured"),
        )
        rows = tuple(_row(name, row) for name, row in zip(names, counts, strict=True))
        figure = confusion(counts, names, warning=warning(bench))
    runs = outcome.runs.get(rules, ())
    return PaperTable(
        "fig7",
        title,
        columns,
        rows,
        protocol=protocol_lines(runs, (rules,)),
        notes=(PLOTTED, SUMMED, notes.ACCURACY, *(notes.of_measuring((source.name,)) if runs else ())),
        warning=warning(bench),
        figure=figure,
        failures=(outcome.reason,) if outcome.failed else (),
    )


def _summed(outcome: Outcome, rules: str) -> tuple[IntArray | None, Sequence[str]]:
    """The (C, C) counts over all seeds and the names; None where there are no categories."""
    runs = outcome.runs.get(rules, ())
    matrices = [np.array(run["confusion"], dtype=np.int64) for run in runs if run["confusion"]]
    if not matrices:
        return None, ()
    return np.sum(matrices, axis=0, dtype=np.int64), runs[0]["categories"]


def _row(name: str, counts: IntArray) -> tuple[Value, ...]:
    total = int(counts.sum())
    shares = [100 * int(count) / total if total else float("nan") for count in counts]
    values = [Value(f"{share:.1f}" if total else "–", mean=share) for share in shares]
    return (Value(name), *values, Value(f"{total:,}", mean=total))
