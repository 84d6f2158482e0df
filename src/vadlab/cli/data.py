"""`vadlab data`: look at a dataset's folder, split it, or make one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from vadlab.cli.options import DatasetName, Json, Root, Seed
from vadlab.cli.printing import complain, out, print_json

if TYPE_CHECKING:
    from vadlab.verbs.data_check import Check

__all__ = ["app"]

SHOWN = 30  # findings; --json tells all

app = typer.Typer(no_args_is_help=True, help="Look at a dataset's folder, split it, or make one.")

Decode = Annotated[
    bool,
    typer.Option(
        help="Decode every video: the only proof of its frame count. Otherwise headers are believed."
    ),
]
Kind = Annotated[str, typer.Option(help="unsupervised | weak | full")]


@app.command("check")
def data_check(dataset: DatasetName, root: Root, decode: Decode = True, as_json: Json = False) -> None:
    """Compare a folder with what the dataset should be; say what is wrong and how to mend it."""
    from vadlab.verbs.data import open_dataset
    from vadlab.verbs.data_check import check

    found = check(dataset, open_dataset(dataset, root), decode=decode)
    if as_json:
        print_json(found.to_json())
    else:
        _print_check(found)
    if found.findings:
        raise typer.Exit(1)


@app.command("stats")
def data_stats(
    dataset: DatasetName,
    root: Root,
    folder: Annotated[
        Path | None, typer.Option("--out", help="Write fig3.png, categories.csv and videos.csv there.")
    ] = None,
    decode: Decode = True,
    as_json: Json = False,
) -> None:
    """Count videos, frames and anomalies: the paper's Table 1 row and the panels of its Fig. 3."""
    from vadlab.report.statistics import summary, table_1_row
    from vadlab.verbs.data import stats, write_stats

    facts = stats(dataset, root, decode=decode)
    totals = summary(facts)
    row = table_1_row(dataset, facts)
    written = [] if folder is None else write_stats(facts, folder)
    if as_json:
        print_json(totals | {"table_1": row})
        return
    table = Table("Table 1", "measured", "published")
    for key in ("database", "year", "videos", "scenes", "supervision", "categories"):
        if key in row["measured"] or key in row["published"]:
            table.add_row(key, *(str(row[side].get(key, "")) for side in ("measured", "published")))
    out.print(table)
    for key, value in totals.items():
        if key != "categories":
            out.print(f"{key.replace('_', ' ')}: {value:,}")
    _print_categories(totals["categories"])
    for path in written:
        out.print(f"wrote {path}", soft_wrap=True)


@app.command("split")
def data_split(
    dataset: DatasetName,
    root: Root,
    file: Annotated[Path, typer.Option("--out", help="The JSON file to write.", metavar="FILE")],
    kind: Kind = "full",
    seed: Seed = 0,
    val: Annotated[float, typer.Option(help="Share of the training videos that validates.")] = 0.0,
    protocol: Annotated[str, typer.Option(help="paper (the LAD paper's, Table 2) | official")] = "paper",
) -> None:
    """Draw a split and keep it in a file, an id a line, for others to reuse."""
    from vadlab.splits import write_split
    from vadlab.verbs.data import open_dataset, supervision_of

    opened = open_dataset(dataset, root)
    split = opened.split(supervision_of(kind), seed=seed, val_fraction=val, protocol=protocol)  # type: ignore[arg-type]
    write_split(file, split)
    out.print(f"{split.name}: {_sizes(split)}")
    out.print(f"wrote {file}", soft_wrap=True)


@app.command("folds")
def data_folds(
    dataset: DatasetName,
    root: Root,
    folder: Annotated[Path, typer.Option("--out", help="Write fold01.json ... there.", metavar="DIR")],
    protocol: Annotated[
        str, typer.Option(help="mlep: a few anomalies of the test part | tcnn: equally many of each category")
    ],
    kind: Annotated[str, typer.Option(help="Of mlep: weak | full")] = "weak",
    folds: Annotated[int | None, typer.Option(help="Their number, where not the paper's.")] = None,
    seed: Seed = 0,
) -> None:
    """Make the splits of a cross-validation, a file each."""
    from vadlab.verbs.data import draw_folds, open_dataset, supervision_of, write_folds

    opened = open_dataset(dataset, root)
    splits = draw_folds(dataset, opened, protocol, supervision=supervision_of(kind), folds=folds, seed=seed)
    for split, path in zip(splits, write_folds(splits, folder), strict=True):
        out.print(f"wrote {path}: {split.name}, {_sizes(split)}", soft_wrap=True)


@app.command("example")
def data_example(
    dataset: DatasetName,
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to make.")],
) -> None:
    """Write a miniature of a dataset, in its official layout, to try commands on without the data."""
    from vadlab.verbs.data import example

    example(dataset, folder)
    out.print(f"wrote {folder}; look at it: vadlab data check {dataset} {folder}", soft_wrap=True)


@app.command("synth")
def data_synth(
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to make.")],
    train_videos: Annotated[
        int, typer.Option("--train", help="Per category and kind in the training part.")
    ] = 3,
    test_videos: Annotated[int, typer.Option("--test", help="Per category and kind in the test part.")] = 2,
    seed: Seed = 0,
) -> None:
    """Generate the LAD-shaped set: 14 categories, normal and abnormal videos, exact frame labels."""
    from vadlab import progress
    from vadlab.datasets.synth import generate

    with progress.bar("generate") as report:
        generate(
            folder,
            train=train_videos,
            test=test_videos,
            seed=seed,
            workers=os.cpu_count() or 1,
            progress=report,
        )
    out.print(f"wrote {folder / 'annotations.csv'}", soft_wrap=True)


def _print_check(found: Check) -> None:
    known = bool(found.published)
    table = Table("count", "found", *(["published"] if known else []))
    for key, value in found.counts.items():
        if " " not in key:  # "train Abuse": below
            expected = found.published.get(key)
            cells = [f"{value:,}", *(["" if expected is None else f"{expected:,}"] if known else [])]
            table.add_row(key, *cells, style="red" if expected not in (None, value) else None)
    out.print(table)
    _print_classes(found)
    protocols: dict[str, list[str]] = {}
    for protocol, modes in found.splits.items():
        for mode, sizes in modes.items():
            told = f"split {mode}: " + ", ".join(f"{n:,} {part}" for part, n in sizes.items())
            protocols.setdefault(told, []).append(protocol)
    for told, names in protocols.items():
        out.print(f"{told} ({' and '.join(names)})")
    for note in found.notes:
        out.print(f"note: {note}", soft_wrap=True)
    for finding in found.findings[:SHOWN]:
        complain(finding.subject, finding.text())
    more = len(found.findings) - SHOWN
    out.print(
        ("nothing is wrong" if not found.findings else f"{len(found.findings)} findings")
        + (f", {more} of them not shown: --json tells all" if more > 0 else "")
    )


def _print_classes(found: Check) -> None:
    """Videos by category, for sets with more than normal and abnormal ones."""
    keys = [key for key in [*found.published, *found.counts] if " " in key]
    names = dict.fromkeys(key.partition(" ")[2] for key in keys)
    if len(names) < 3 and not any(key in found.published for key in keys):
        return
    table = Table("category", "train", "published", "test", "published")
    for name in names:
        cells = [
            side.get(f"{part} {name}")
            for part in ("train", "test")
            for side in (found.counts, found.published)
        ]
        table.add_row(name, *("" if cell is None else f"{cell:,}" for cell in cells))
    out.print(table)


def _print_categories(categories: dict[str, dict[str, Any]]) -> None:
    columns = ("category", "videos", "abnormal", "frames", "abnormal frames, %", "of abnormal videos, %")
    table = Table(*columns)
    for name, row in categories.items():
        shares = (row["share"], row["share_in_abnormal"])
        table.add_row(
            name,
            str(row["videos"]),
            str(row["abnormal_videos"]),
            f"{row['frames']:,}",
            *("" if share is None else f"{100 * share:.1f}" for share in shares),
        )
    out.print(table)


def _sizes(split: Any) -> str:
    return ", ".join(f"{len(getattr(split, part))} {part}" for part in ("train", "val", "test"))
