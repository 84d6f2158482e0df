"""vadlab data: open a dataset, describe it, write its splits and folds, make a miniature of it."""

from __future__ import annotations

import csv
import importlib
import io
from dataclasses import asdict, fields
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from vadlab import catalog, files
from vadlab.csv_table import write_lines
from vadlab.datasets._protocol import Dataset
from vadlab.errors import DataError, UsageError
from vadlab.folds import MLEP_FOLDS, category_folds, few_anomalies_folds
from vadlab.report.figures import to_png
from vadlab.report.statistics import VideoFacts, by_category, figure_3, summary
from vadlab.splits import write_split
from vadlab.types import Split, Supervision
from vadlab.verbs.data_check import measure

__all__ = [
    "FoldProtocol",
    "draw_folds",
    "example",
    "open_dataset",
    "stats",
    "summary",
    "supervision_of",
    "write_folds",
    "write_stats",
]

FoldProtocol: TypeAlias = Literal["mlep", "tcnn"]
"""Whose cross-validation: see `vadlab.folds`."""


def open_dataset(name: str, root: Path) -> Dataset:
    """A dataset by its catalogue name and folder."""
    dataset: Dataset = catalog.load("datasets", name)(root)
    return dataset


def supervision_of(kind: str) -> Supervision:
    """The mode of that name.

    Raises:
        UsageError: If there is none.
    """
    if kind not in list(Supervision):
        raise UsageError(f"no kind of supervision {kind!r}", expected=" | ".join(Supervision))
    return Supervision(kind)


def stats(name: str, root: Path, *, decode: bool = True) -> list[VideoFacts]:
    """Frames, abnormal frames and category of every video, for the paper's Table 1 and Fig. 3.

    Raises:
        DataError: If a video does not decode, its length is not known, or its labels do not fit.
    """
    facts, findings, unknown = measure(open_dataset(name, root), decode=decode)
    if findings:
        raise DataError(
            f"{len(findings)} videos cannot be counted, the first is {findings[0].subject}",
            found=findings[0].text(),
            remedy=f"vadlab data check {name} {root}",
        )
    if unknown:
        raise DataError(
            f"{len(unknown)} videos do not state their number of frames, the first is {unknown[0]}",
            remedy="leave out --no-decode",
        )
    return facts


def write_stats(facts: list[VideoFacts], folder: Path) -> list[Path]:
    """Write Fig. 3 and its numbers; the paths.

    `fig3.png` holds the three panels, `categories.csv` the numbers of the first, and `videos.csv`, a line
    a video, those of the others.
    """
    text = io.StringIO()
    names = [f.name for f in fields(VideoFacts)]
    writer = csv.DictWriter(text, [*names, "share"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(f) | {"share": "" if f.share is None else f"{f.share:.6f}"} for f in facts)
    written = [folder / "videos.csv", folder / "categories.csv", folder / "fig3.png"]
    files.write_whole(written[0], text.getvalue().encode())
    rows = by_category(facts)
    header = ("category", *next(iter(rows.values()), {}))
    write_lines(written[1], header, [(name, *row.values()) for name, row in rows.items()])
    files.write_whole(written[2], to_png(figure_3(facts)))
    return written


def draw_folds(
    name: str,
    dataset: Dataset,
    protocol: str,
    *,
    supervision: Supervision = Supervision.WEAK,
    folds: int | None = None,
    seed: int = 0,
) -> tuple[Split, ...]:
    """The splits of a cross-validation.

    Args:
        name: Catalogue name of the dataset.
        dataset: The dataset.
        protocol: "mlep" or "tcnn".
        supervision: Of "mlep": which labels its few anomalies show.
        folds: Their number; None for the paper's: 10 and 5 of MLEP, 4 of TCNN.
        seed: Of "tcnn": which videos are drawn.

    Raises:
        UsageError: If the protocol is unknown, or its number of folds for this set.
        DataError: If videos are absent, or a source would be on two sides.
    """
    if dataset.absent:
        raise DataError(
            f"{len(dataset.absent)} videos are absent, so folds would not be the protocol's",
            found=", ".join(entry.id for entry in dataset.absent[:20]),
            remedy=f"finish the download from {dataset.home}",
        )
    entries = dataset.entries()
    if protocol == "tcnn":
        return category_folds(name, entries, folds=4 if folds is None else folds, seed=seed)
    if protocol != "mlep":
        raise UsageError(
            f"unknown cross-validation {protocol!r}", expected=" | ".join(get_args(FoldProtocol))
        )
    number = MLEP_FOLDS.get(name) if folds is None else folds
    if number is None:
        raise UsageError(
            f"MLEP has no number of folds for {name}",
            expected=f"one of {', '.join(MLEP_FOLDS)}, or a number",
            remedy="give --folds",
        )
    return few_anomalies_folds(name, entries, supervision, folds=number)


def write_folds(splits: tuple[Split, ...], folder: Path) -> list[Path]:
    """Write each split as `fold01.json` ...; the paths."""
    written = [folder / f"fold{number:02d}.json" for number in range(1, len(splits) + 1)]
    for path, split in zip(written, splits, strict=True):
        write_split(path, split)
    return written


def example(name: str, folder: Path) -> None:
    """Write a miniature of a dataset: its layout and label formats, with tiny drawn videos.

    Raises:
        UsageError: If there is no such miniature.
        DataError: If the folder is not empty.
    """
    known = [n for n in catalog.names("datasets") if n != "synth"]
    if name not in known:
        raise UsageError(
            f"no miniature of {name!r}",
            expected=" | ".join(known),
            remedy="vadlab data synth OUT" if name == "synth" else None,
        )
    if folder.exists() and any(folder.iterdir()):
        raise DataError("the folder is not empty", file=folder, remedy="choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    importlib.import_module(f"vadlab.miniatures.{name}").write(folder)
