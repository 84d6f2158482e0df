"""Table 6: accuracy of the anomaly categories."""

from __future__ import annotations

import dataclasses

from vadlab.report.paper_figures import comparison
from vadlab.report.paper_tables import PaperTable, Value, published
from vadlab.reproduce import notes
from vadlab.reproduce.bench import Bench, Source
from vadlab.reproduce.cells import Cell
from vadlab.reproduce.grid import Grid, Metric, Row, cell_of, made
from vadlab.reproduce.published import TABLE_6

__all__ = ["table6"]

C3D_ROW = "The paper does not say what classifies its C3D features; ours is its own model on them."
PROBE = "I3D, linear probe (not in the paper)"


def table6(bench: Bench) -> PaperTable:
    """The paper's three rows and a linear probe, which tells what its model adds to the features."""
    cells = {
        "TCNN": {source.name: cell_of(source, "tcnn") for source in bench.sources},
        "C3D": {source.name: _c3d(source) for source in bench.sources},
        PROBE: {source.name: cell_of(source, "linear_probe") for source in bench.sources},
        "Our Method": {source.name: cell_of(source, "aed") for source in bench.sources},
    }
    rows = [Row((label,), of, _published(label)) for label, of in cells.items()]
    grid = Grid(
        "table6",
        "Table 6: accuracy of the categories, %",
        ("Method",),
        rows,
        (
            Metric("accuracy_windows", "accuracy", notes=(notes.ACCURACY,)),
            Metric("accuracy_videos", "accuracy of videos", printed=False, notes=(notes.ACCURACY_VIDEOS,)),
        ),
        ("ucf_crime", "lad"),
        notes=(C3D_ROW,),
    )
    done = made(bench, grid)
    panels = [*done.panels("accuracy_windows"), *done.panels("accuracy_videos")]
    figure = comparison(list(cells), panels, unit="%", warning=done.table.warning)
    return dataclasses.replace(done.table, figure=figure)


def _c3d(source: Source) -> Cell | str:
    store = source.backbones().get("c3d")
    return Cell(source, "aed", store) if store else f"No c3d features of {source.label} are given."


def _published(label: str) -> dict[tuple[str, str], Value]:
    return {
        (dataset, "accuracy_windows"): published(
            value,
            *((notes.OTHER_PROTOCOL,) if dataset == "ucf_crime" and label != "Our Method" else ()),
            decimals=1,
        )
        for dataset, value in TABLE_6.get(label, {}).items()
    }
