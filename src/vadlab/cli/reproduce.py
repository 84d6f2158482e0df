"""`vadlab reproduce`: the LAD paper's tables and figures on the data at hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer
from rich.table import Table
from rich.text import Text

from vadlab import catalog
from vadlab.cli.options import Device, Json, Settings, read_settings
from vadlab.cli.printing import complain, err, out, print_json
from vadlab.errors import UsageError
from vadlab.splits import Protocol

if TYPE_CHECKING:
    from vadlab.report.paper_tables import PaperTable
    from vadlab.reproduce.bench import Source

__all__ = ["reproduce"]

TABLES = ("table1", "table2", "table3", "table4", "table5", "table6", "fig3", "fig5", "fig6", "fig7")
STYLES = {"label": "", "published": "dim", "measured": "bold"}


def reproduce(
    tables: Annotated[list[str], typer.Argument(metavar="TABLE...", help=" | ".join(TABLES))],
    datasets: Annotated[
        list[str] | None,
        typer.Option("--dataset", metavar="NAME=ROOT", help="A dataset; repeatable. Or NAME, with --root."),
    ] = None,
    root: Annotated[Path | None, typer.Option(metavar="ROOT", help="The folder of the only dataset.")] = None,
    features: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=STORE",
            help="Its features; repeatable, a store a backbone. Or STORE, with one dataset.",
        ),
    ] = None,
    seeds: Annotated[
        list[str] | None,
        typer.Option(
            metavar="0,1,2",
            help="One run each; default 0,1,2,3,4. `mnad=0` is for one detector; repeatable.",
        ),
    ] = None,
    protocol: Annotated[
        str,
        typer.Option(
            help="Whose splits: paper | official. On the official ones table3 shows each method's own figure."
        ),
    ] = "paper",
    rules: Annotated[
        str, typer.Option(help="Names of `vadlab list rules`; a measured column each.")
    ] = "strict,lad-code",
    detectors: Annotated[
        str | None,
        typer.Option(help="Rows of table3; default: the paper's."),
    ] = None,
    folder: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Tables, figures, and the runs.")
    ] = Path("reproduced"),
    recipes: Annotated[
        list[str] | None,
        typer.Option(
            "--recipe",
            metavar="FILE",
            help="TOML file of settings; --set wins over it. `mnad=FILE` is for one detector, and "
            "--set mnad.KEY wins over it; repeatable.",
        ),
    ] = None,
    settings: Settings = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A smoke run: one seed and a few steps. Its numbers mean nothing.")
    ] = False,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Make tables and figures of the LAD paper again, published numbers beside ours.

    Writes TABLE.md, .csv, .tex, .html and .png into DIR. Each number is trained and evaluated for every
    seed; DIR/runs keeps each run under the hash of all that decides it, so only what is missing runs, and a
    stopped command goes on. The paper's settings are the default (12,000 steps a run); for less,
    `--set steps=300` for all detectors that make steps, `--set aed.steps=300` for one.

    `vadlab reproduce table4 fig5 --dataset ped2=PED2 --features ped2=STORE --set steps=300 --seeds 0,1`
    """
    unknown = [name for name in tables if name not in TABLES]
    if unknown:
        raise UsageError(f"no table or figure {unknown[0]!r}", expected=" | ".join(TABLES))
    sources = _sources(datasets or [], root, features or [])
    general_seeds, own_seeds = _all_seeds(seeds or [])

    from vadlab.reproduce.bench import Bench

    bench = Bench(
        sources,
        folder,
        seeds=general_seeds,
        own_seeds=own_seeds,
        settings=_settings(recipes or [], settings),
        protocol=_protocol(protocol),
        rules=tuple(rules.split(",")),
        detectors=tuple(detectors.split(",")) if detectors else None,
        quick=quick,
        device=device,
    )
    from vadlab.report.paper_page import write_table
    from vadlab.report.paper_tables import to_json
    from vadlab.reproduce.tables import make

    found: dict[str, Any] = {}
    failures: list[str] = []
    told: set[str] = set()
    for name in dict.fromkeys(tables):
        table = make(name, bench)
        paths = write_table(table, folder)
        failures += table.failures
        found[name] = to_json(table) | {"files": [str(path) for path in paths]}
        if not as_json:
            _show(table, paths, told)
    if as_json:
        print_json(found)
    for failure in dict.fromkeys(failures):
        complain("failed", failure)
    if failures:
        raise typer.Exit(1)


def _sources(datasets: list[str], root: Path | None, features: list[str]) -> tuple[Source, ...]:
    from vadlab.reproduce.bench import Source

    roots: list[tuple[str, Path]] = []
    for text in datasets:
        name, equals, path = text.partition("=")
        if not equals and (root is None or len(datasets) > 1):
            raise UsageError(f"where is {name}?", expected="--dataset NAME=ROOT", found=f"--dataset {text}")
        roots.append((name, Path(path) if equals else Path(root or "")))
    if not roots:
        raise UsageError("no dataset is given", expected="--dataset NAME=ROOT", remedy="vadlab list datasets")
    stores: dict[str, list[Path]] = {name: [] for name, _ in roots}
    for text in features:
        name, equals, path = text.partition("=")
        if equals and name in stores:
            stores[name].append(Path(path))
        elif len(roots) == 1:
            stores[roots[0][0]].append(Path(text))
        else:
            raise UsageError(
                "whose features are these?", expected="--features NAME=STORE", found=f"--features {text}"
            )
    return tuple(Source(name, path, tuple(stores[name])) for name, path in roots)


def _all_seeds(texts: list[str]) -> tuple[tuple[int, ...], dict[str, tuple[int, ...]]]:
    """Those of all detectors, and those of single ones."""
    general: tuple[int, ...] = (0, 1, 2, 3, 4)
    own: dict[str, tuple[int, ...]] = {}
    for text in texts:
        detector, equals, given = text.rpartition("=")
        if equals:
            own[_detector(detector, f"--seeds {text}")] = _seeds(given)
        else:
            general = _seeds(given)
    return general, own


def _settings(recipes: list[str], given: list[str] | None) -> dict[str, Any]:
    """Of recipes for one detector, those for all, and --set, each winning over the ones before."""
    own: dict[str, Any] = {}
    general: dict[str, Any] = {}
    for text in recipes:
        detector, equals, file = text.rpartition("=")
        name = _detector(detector, f"--recipe {text}") if equals else ""
        found = read_settings(Path(file), None)
        if name:
            own |= {f"{name}.{key}": value for key, value in found.items()}
        else:
            general |= found
    return own | general | read_settings(None, given)


def _detector(name: str, given: str) -> str:
    if name not in catalog.names("detectors"):
        raise UsageError(
            f"no detector {name!r}", expected=" | ".join(catalog.names("detectors")), found=given
        )
    return name


def _protocol(name: str) -> Protocol:
    for known in get_args(Protocol):
        if name == known:
            return known  # type: ignore[no-any-return]
    raise UsageError(f"unknown protocol {name!r}", expected=" | ".join(get_args(Protocol)))


def _seeds(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(seed) for seed in text.split(","))
    except ValueError as error:
        raise UsageError("cannot read the seeds", expected="such as 0,1,2", found=repr(text)) from error


def _show(table: PaperTable, paths: list[Path], told: set[str]) -> None:
    """Print a table; `told` are the texts that tables before it have printed."""
    from vadlab.report.paper_tables import footnotes, marked

    numbers = footnotes(table)
    if table.warning:
        out.print(Text(table.warning, "bold white on red"))
    heads = [column.heading + marked(column, numbers, " [{}]") for column in table.columns]
    styles = [STYLES[column.kind] for column in table.columns]
    texts = [[value.text + marked(value, numbers, " [{}]") for value in row] for row in table.rows]
    upright = [[head, *(row[i] for row in texts)] for i, head in enumerate(heads)]
    lying = [list(line) for line in zip(*upright, strict=True)]
    narrow = _least_width(upright) > out.width and _least_width(lying) < _least_width(upright)
    shown = _lying(heads, styles, texts) if narrow else _upright(heads, styles, texts)
    shown.title, shown.title_justify = table.title, "left"
    out.print(shown)
    for note, number in numbers.items():
        out.print(Text(f"[{number}] {note}", "dim"))
    for text in (*table.protocol, *table.notes):
        if text not in told:
            out.print(Text(f"- {text}", "dim"))
            told.add(text)
    for path in paths:
        err.print(f"wrote {path}", soft_wrap=True, markup=False)


def _least_width(columns: list[list[str]]) -> int:
    """Letters that a table takes whose words are not broken, with its rules."""
    longest = [max(len(word) for text in column for word in text.split() or [""]) for column in columns]
    return sum(longest) + 3 * len(columns) + 1


def _upright(heads: list[str], styles: list[str], rows: list[list[str]]) -> Table:
    shown = Table()
    for head, style in zip(heads, styles, strict=True):
        shown.add_column(Text(head), justify="right" if style else "left", style=style, overflow="fold")
    for row in rows:
        shown.add_row(*map(Text, row))
    return shown


def _lying(heads: list[str], styles: list[str], rows: list[list[str]]) -> Table:
    """Rows and columns changed about, for tables that are wider than the terminal."""
    shown = Table()
    shown.add_column(Text(heads[0]), overflow="fold")
    for row in rows:
        shown.add_column(Text(row[0]), justify="right", overflow="fold")
    for index, (head, style) in enumerate(zip(heads[1:], styles[1:], strict=True), start=1):
        shown.add_row(Text(head), *(Text(row[index]) for row in rows), style=style)
    return shown
