"""Tables whose rows are trained and tested: each dataset's published column, and ours beside it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vadlab import catalog
from vadlab.report.paper_figures import Panel, Series
from vadlab.report.paper_tables import DASH, Column, PaperTable, Value, measured, missing
from vadlab.reproduce import notes
from vadlab.reproduce.bench import QUICK_STEPS, Bench, Source
from vadlab.reproduce.cells import Cell, Outcome, run_cells
from vadlab.reproduce.protocol import protocol_lines
from vadlab.reproduce.published import DATASETS

__all__ = ["Grid", "Made", "Metric", "Row", "cell_of", "made", "warning"]

QUICK = f"QUICK smoke run: one seed, {QUICK_STEPS} steps. It shows that all runs; its numbers mean nothing."


@dataclass(frozen=True)
class Metric:
    """A figure that a table shows.

    Args:
        name: Its key in metrics.json.
        heading: In the table.
        printed: Whether the paper prints it.
        notes: Of its measured columns.
    """

    name: str
    heading: str
    printed: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """A row of a grid.

    Args:
        labels: What names it, a text a label column.
        cells: Name of each dataset at hand to its cell, or to the reason why there is none.
        published: Dataset and figure to the paper's value.
    """

    labels: tuple[str, ...]
    cells: Mapping[str, Cell | str]
    published: Mapping[tuple[str, str], Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Grid:
    """A table to be measured.

    Args:
        name, title: As of `PaperTable`.
        labels: Headings of the label columns.
        rows: The rows.
        metrics: The figures.
        datasets: Catalogue names of the datasets that the paper prints numbers for.
        notes: Beside those that hold for every measured number.
        varied: Settings that it gives values itself.
        costs: Whether it shows what a training took in minutes and memory.
        publisher: Whose the published numbers are, for the headings.
    """

    name: str
    title: str
    labels: tuple[str, ...]
    rows: Sequence[Row]
    metrics: tuple[Metric, ...]
    datasets: tuple[str, ...]
    notes: tuple[str, ...] = ()
    varied: tuple[str, ...] = ()
    costs: bool = False
    publisher: str = "paper"


@dataclass(frozen=True)
class Made:
    """A grid with its outcomes.

    Args:
        table: Without a figure.
        outcomes: A row each, dataset to outcome.
        bench: What it was made with.
        grid: What was to be made.
    """

    table: PaperTable
    outcomes: Sequence[Mapping[str, Outcome]]
    bench: Bench
    grid: Grid

    def series(self, source: Source, metric: str) -> list[Series]:
        """The measured numbers of a dataset in %, a series for each of the rules."""
        found = []
        for name in self.bench.rules:
            spreads = [row[source.name].spreads.get(name, {}).get(metric) for row in self.outcomes]
            means = [100 * s.mean if s else math.nan for s in spreads]
            sds = [100 * s.sd if s else math.nan for s in spreads]
            found.append(Series(name, means, sds))
        return found

    def published(self, source: Source, metric: str) -> list[Series]:
        """The paper's numbers of that dataset; where it has none, those of the only one that it has."""
        own = _paper_name(source.name)
        dataset = own if own in self.grid.datasets else self.grid.datasets[0]
        if dataset != own and len(self.grid.datasets) > 1:
            return []
        publisher = self.grid.publisher
        name = publisher if dataset == own else f"{publisher}, {DATASETS[dataset]}"
        values = [row.published.get((dataset, metric), Value("")).mean for row in self.grid.rows]
        there = any(math.isfinite(value) for value in values)
        return [Series(name, values, [math.nan] * len(values), published=True)] if there else []

    def panels(self, metric: str) -> list[Panel]:
        """A panel a dataset at hand."""
        heading = next(one.heading for one in self.grid.metrics if one.name == metric)
        return [
            Panel(
                f"{source.label}: {heading}", [*self.published(source, metric), *self.series(source, metric)]
            )
            for source in self.bench.sources
        ]


def cell_of(source: Source, detector: str, settings: Mapping[str, Any] | None = None) -> Cell | str:
    """A detector's cell on a dataset, or why there is none."""
    if detector not in catalog.names("detectors"):
        return f"vadlab has no detector {detector!r} yet."
    if catalog.load("detectors", detector).reads == "frames":
        return Cell(source, detector, settings=settings or {})
    if not source.stores:
        return f"No features of {source.label} are given: --features {source.name}=STORE."
    return Cell(source, detector, source.stores[0], settings=settings or {})


def warning(bench: Bench) -> str:
    """What a smoke run says loudly; empty for a real one."""
    return QUICK if bench.quick else ""


def _paper_name(name: str) -> str:
    """The paper knows one Avenue."""
    return "avenue" if name == "avenue_ranges" else name


def made(bench: Bench, grid: Grid) -> Made:
    """Measure what is missing of a grid, and lay the table out."""
    present = {c.detector for row in grid.rows for c in row.cells.values() if isinstance(c, Cell)}
    if bench.settings and present:
        bench.require_used(tuple(sorted(present)), varied=grid.varied)
    flat = [row.cells[source.name] for row in grid.rows for source in bench.sources]
    found = iter(run_cells(bench, flat, title=grid.name))
    outcomes = [{source.name: next(found) for source in bench.sources} for _ in grid.rows]
    runs = [run for row in outcomes for one in row.values() for of in one.runs.values() for run in of]
    everywhere = notes.of_measuring(tuple(source.name for source in bench.sources)) if runs else ()
    columns = _columns(bench, grid)
    rows = tuple(
        (*(Value(label) for label in row.labels), *(column.value(row, of) for column in columns))
        for row, of in zip(grid.rows, outcomes, strict=True)
    )
    here = {_paper_name(source.name) for source in bench.sources}
    absent = [DATASETS[name] for name in grid.datasets if name not in here]
    given = (f"Not measured, for no data is given: {', '.join(absent)}.",) if absent else ()
    reasons = [one.reason for row in outcomes for one in row.values() if one.failed]
    table = PaperTable(
        grid.name,
        grid.title,
        (*(Column(label) for label in grid.labels), *(column.heading for column in columns)),
        rows,
        protocol=protocol_lines(runs, bench.rules),
        notes=(*given, *grid.notes, *everywhere),
        warning=warning(bench),
        failures=tuple(dict.fromkeys(reasons)),
    )
    return Made(table, outcomes, bench, grid)


@dataclass(frozen=True)
class _Published:
    dataset: str
    metric: Metric
    publisher: str

    @property
    def heading(self) -> Column:
        return Column(f"{DATASETS[self.dataset]} {self.metric.heading}, {self.publisher}", "published")

    def value(self, row: Row, _: Mapping[str, Outcome]) -> Value:
        return row.published.get((self.dataset, self.metric.name), Value(DASH))


@dataclass(frozen=True)
class _Measured:
    source: Source
    metric: Metric
    rules: str

    @property
    def heading(self) -> Column:
        return Column(
            f"{self.source.label} {self.metric.heading}, ours, {self.rules}", "measured", self.metric.notes
        )

    def value(self, _: Row, outcomes: Mapping[str, Outcome]) -> Value:
        outcome = outcomes[self.source.name]
        if outcome.reason:
            return missing(outcome.reason.partition("\n")[0])
        spread = outcome.spreads[self.rules].get(self.metric.name)
        if spread is None:
            told = [run["reasons"].get(self.metric.name) for run in outcome.runs[self.rules]]
            return missing(f"Undefined: {next(filter(None, told), 'this detector has no such figure')}.")
        return measured(spread)


@dataclass(frozen=True)
class _Cost:
    """The median of what the runs' trainings took; runs under several rules are one training."""

    source: Source
    key: str
    unit: str

    @property
    def heading(self) -> Column:
        return Column(f"{self.source.label} training, {self.unit}", "measured")

    def value(self, _: Row, outcomes: Mapping[str, Outcome]) -> Value:
        outcome = outcomes[self.source.name]
        runs = next(iter(outcome.runs.values()), ())
        known = [run["run"][self.key] for run in runs if run["run"].get(self.key) is not None]
        if not known:
            return missing(outcome.reason.partition("\n")[0] or f"The run tells no {self.unit}.")
        middle = statistics.median(known)
        return Value(f"{middle:.1f}" if middle < 100 else f"{middle:.0f}", mean=middle, n=len(known))


_AnyColumn = _Published | _Measured | _Cost


def _columns(bench: Bench, grid: Grid) -> list[_AnyColumn]:
    """The paper's columns in its order, each followed by ours of the same dataset; then other datasets'."""
    columns: list[_AnyColumn] = []
    left = list(bench.sources)
    for dataset in grid.datasets:
        columns += [_Published(dataset, metric, grid.publisher) for metric in grid.metrics if metric.printed]
        for source in [s for s in left if _paper_name(s.name) == dataset]:
            columns += _ours(bench, grid, source)
            left.remove(source)
    for source in left:
        columns += _ours(bench, grid, source)
    return columns


def _ours(bench: Bench, grid: Grid, source: Source) -> list[_AnyColumn]:
    measured = [_Measured(source, metric, name) for metric in grid.metrics for name in bench.rules]
    costs = [_Cost(source, "minutes", "minutes"), _Cost(source, "peak_mib", "MiB at most")]
    return [*measured, *(costs if grid.costs else [])]
