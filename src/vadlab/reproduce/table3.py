"""Table 3: frame-level AUC of eleven methods on five datasets."""

from __future__ import annotations

import dataclasses

from vadlab import catalog
from vadlab.report.paper_figures import comparison
from vadlab.report.paper_tables import PaperTable, Value
from vadlab.report.paper_tables import published as printed
from vadlab.reproduce import notes
from vadlab.reproduce.bench import Bench
from vadlab.reproduce.grid import Grid, Metric, Row, cell_of, made
from vadlab.reproduce.published import DATASETS, ONE_CLASS, TABLE_3, Figure, Method

__all__ = ["table3"]

STRETCHED = ("conv_ae", "stacked_rnn", "unet_prediction", "mnad")  # by their own code, in each video


def table3(bench: Bench) -> PaperTable:
    """The paper's methods, or those that `bench.detectors` names, on the datasets at hand.

    On the official splits these are the unsupervised ones, and the published columns of their own papers.
    """
    by_detector = {method.detector: method for method in TABLE_3}
    own = bench.protocol == "official"
    chosen = bench.detectors or tuple(m.detector for m in TABLE_3 if m.supervision == "U" or not own)
    methods = [by_detector.get(name) or _unpublished(name) for name in chosen]
    grid = Grid(
        "table3-official" if own else "table3",
        "The methods of Table 3 on the datasets' own splits: frame-level AUC, %"
        if own
        else "Table 3: frame-level AUC, %",
        ("Method", "Supervision"),
        [_row(bench, method) for method in methods],
        (Metric("auc", "AUC"),),
        tuple(DATASETS),
        notes=(
            notes.ONE_CLASS if own else notes.OURS_TWICE,
            *((notes.VIDEO_MINMAX,) if set(chosen) & set(STRETCHED) else ()),
        ),
        costs=True,
        publisher="their own papers" if own else "paper",
    )
    done = made(bench, grid)
    labels = [method.name for method in methods]
    figure = comparison(labels, done.panels("auc"), unit="%", warning=done.table.warning)
    return dataclasses.replace(done.table, figure=figure)


def _unpublished(detector: str) -> Method:
    """A detector that the paper does not compare."""
    known = detector in catalog.names("detectors")
    letter = str(catalog.load("detectors", detector).supervision)[0].upper() if known else ""
    return Method(detector, letter, detector, {})


def _row(bench: Bench, method: Method) -> Row:
    published = (
        {(name, "auc"): printed(value) for name, value in ONE_CLASS.get(method.detector, {}).items()}
        if bench.protocol == "official"
        else {(name, "auc"): _printed(method, name, figure) for name, figure in method.auc.items()}
    )
    cells = {source.name: cell_of(source, method.detector) for source in bench.sources}
    return Row((method.name, method.supervision), cells, published)


def _printed(method: Method, dataset: str, figure: Figure) -> Value:
    told = [notes.RERUN] if figure.rerun else []
    told += [notes.MLEP] if method.detector == "mlep" and not figure.rerun else []
    told += [notes.UCF_LABELS] if method.detector == "aed" and dataset == "ucf_crime" else []
    return printed(figure.value, *told)
