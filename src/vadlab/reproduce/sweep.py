"""Sweeps of one setting of the paper's model: its Figs. 5 and 6."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from vadlab.report.paper_figures import sweep as draw
from vadlab.report.paper_tables import PaperTable, published
from vadlab.reproduce import notes
from vadlab.reproduce.bench import Bench
from vadlab.reproduce.grid import Grid, Metric, Row, cell_of, made

__all__ = ["sweep"]


def sweep(
    bench: Bench,
    *,
    name: str,
    title: str,
    setting: str,
    symbol: str,
    values: tuple[float, ...] | tuple[int, ...],
    printed: Mapping[float, float] | Mapping[int, float],
) -> PaperTable:
    """A row a value of the setting.

    Args:
        bench: What is at hand.
        name: As of `PaperTable`.
        title: As of `PaperTable`.
        setting: Of the detector `aed`.
        symbol: The paper's name of it.
        values: Ascending.
        printed: Value to the AUC that the paper's text tells.
    """
    rows = [
        Row(
            (f"{value:g}",),
            {source.name: cell_of(source, "aed", {setting: value}) for source in bench.sources},
            {("lad", "auc"): published({float(k): v for k, v in printed.items()}.get(float(value)))},
        )
        for value in values
    ]
    grid = Grid(
        name,
        title,
        (symbol,),
        rows,
        (Metric("auc", "AUC"),),
        ("lad",),
        notes=(notes.CURVE_UNPUBLISHED, notes.OTHER_DATASET),
        varied=(setting,),
    )
    done = made(bench, grid)
    series = done.published(bench.sources[0], "auc")
    for source in bench.sources:
        series += [
            dataclasses.replace(one, name=f"{source.label}, {one.name}") for one in done.series(source, "auc")
        ]
    figure = draw(
        values, series, name=symbol, unit="frame-level AUC, %", title=title, warning=done.table.warning
    )
    return dataclasses.replace(done.table, figure=figure)
