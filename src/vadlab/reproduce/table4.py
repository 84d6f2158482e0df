"""Table 4: the paper's model on the features of several networks and streams."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from vadlab.report.paper_figures import comparison
from vadlab.report.paper_tables import PaperTable, published
from vadlab.reproduce import notes
from vadlab.reproduce.bench import Bench, Source
from vadlab.reproduce.cells import Cell
from vadlab.reproduce.grid import Grid, Metric, Row, made
from vadlab.reproduce.published import TABLE_4

__all__ = ["table4"]

# The paper's rows: backbone, streams, the letters of its column "input".
ROWS = {
    "C3D": ("c3d", ("rgb",), "R"),
    "I3D RGB": ("i3d", ("rgb",), "R"),
    "I3D flow": ("i3d", ("flow",), "O"),
    "I3D RGB + flow": ("i3d", ("rgb", "flow"), "R & O"),
}


def table4(bench: Bench) -> PaperTable:
    """The paper's four rows, and one for each further backbone whose features are given."""
    wanted = dict(ROWS)
    stores = {source.name: source.backbones() for source in bench.sources}
    for source in bench.sources:
        for backbone, store in stores[source.name].items():
            if backbone not in ("c3d", "i3d"):
                streams = source.streams(store)
                wanted[f"{backbone} {' + '.join(streams)}"] = (backbone, streams, "")
    rows = [
        Row(
            (label, letters),
            {source.name: _cell(source, backbone, streams, stores[source.name]) for source in bench.sources},
            {("lad", "auc"): published(TABLE_4.get(label))},
        )
        for label, (backbone, streams, letters) in wanted.items()
    ]
    grid = Grid(
        "table4",
        "Table 4: frame-level AUC by features, %",
        ("Features", "Input"),
        rows,
        (Metric("auc", "AUC"),),
        ("lad",),
        notes=(notes.OTHER_DATASET, notes.OURS_TWICE),
    )
    done = made(bench, grid)
    figure = comparison(list(wanted), done.panels("auc"), unit="%", warning=done.table.warning)
    return dataclasses.replace(done.table, figure=figure)


def _cell(
    source: Source, backbone: str, streams: tuple[str, ...], stores: Mapping[str, object]
) -> Cell | str:
    store = source.backbones().get(backbone)
    if store is None:
        there = ", ".join(stores) or "none"
        return f"No {backbone} features of {source.label} are given (given: {there})."
    absent = [stream for stream in streams if stream not in source.streams(store)]
    if absent:
        return f"The {backbone} features of {source.label} have no stream {' + '.join(absent)}."
    return Cell(source, "aed", store, streams)
