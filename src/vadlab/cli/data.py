"""`vadlab data`: look at a dataset's folder, or generate one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from vadlab.cli.options import DatasetName, Json, Root, Seed
from vadlab.cli.printing import complain, out, print_json

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Look at a dataset's folder, or generate one.")


@app.command("check")
def data_check(
    dataset: DatasetName,
    root: Root,
    decode: Annotated[
        bool, typer.Option(help="Decode every video: the only way to know its frame count.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Compare a folder with what the dataset should be; say what is wrong and how to mend it."""
    from vadlab.verbs.data import check

    found = check(dataset, root, decode=decode)
    if as_json:
        print_json(found.to_json())
    else:
        table = Table("count", "found", "published")
        for key, value in found.counts.items():
            expected = found.published.get(key)
            table.add_row(key, f"{value:,}", "" if expected is None else f"{expected:,}")
        out.print(table)
        for name, sizes in found.splits.items():
            out.print(f"split {name}: " + ", ".join(f"{n} {part}" for part, n in sizes.items()))
        for finding in found.findings:
            complain(finding.subject, finding.message)
        out.print("nothing is wrong" if not found.findings else f"{len(found.findings)} findings")
    if found.findings:
        raise typer.Exit(1)


@app.command("stats")
def data_stats(
    dataset: DatasetName,
    root: Root,
    folder: Annotated[Path | None, typer.Option("--out", help="Write fig3.png and videos.csv there.")] = None,
    as_json: Json = False,
) -> None:
    """Count videos, frames and anomalies: the paper's Table 1 row and the panels of its Fig. 3."""
    from vadlab.verbs.data import stats, summary, write_stats

    facts = stats(dataset, root)
    totals = summary(facts)
    written = [] if folder is None else write_stats(facts, folder)
    if as_json:
        print_json(totals)
        return
    for key, value in totals.items():
        if key != "categories":
            out.print(f"{key.replace('_', ' ')}: {value:,}")
    table = Table("category", "videos", "abnormal", "frames", "abnormal frames, %")
    for name, row in totals["categories"].items():
        share = f"{100 * row['abnormal_frames'] / row['frames']:.1f}"
        table.add_row(name, str(row["videos"]), str(row["abnormal_videos"]), f"{row['frames']:,}", share)
    out.print(table)
    for path in written:
        out.print(f"wrote {path}", soft_wrap=True)


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
