"""`vadlab annotations`: several people's marks, and other tools' files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table
from rich.text import Text

from vadlab.cli.options import Json, Root
from vadlab.cli.printing import complain, counted, err, out, print_json

if TYPE_CHECKING:  # what it imports is heavy
    from vadlab.annotations.agreement import Agreement

__all__ = ["app"]

SHOWN = 20  # lines of a list on the screen

app = typer.Typer(
    no_args_is_help=True,
    help="""Merge the marks of several people, measure how they agree, exchange them with annotation tools.

`ROOT/annotations.csv` lists the videos, `ROOT/annotators.csv` has a line a video and annotator. Formats:
`activitynet`, `cvat` (for video 1.1), `folder` (these tables), `label-studio` (JSON), `via` (version 3).""",
)

FormatName = Annotated[
    str, typer.Argument(metavar="FORMAT", help="activitynet | cvat | folder | label-studio | via")
]
Threshold = Annotated[
    float, typer.Option(help="A frame is abnormal if at least this share of the annotators say so.")
]


@app.command("import")
def annotations_import(
    format_name: FormatName,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to read.")],
    root: Annotated[Path, typer.Option("--root", metavar="ROOT", help="The folder with annotations.csv.")],
    annotator: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Whose marks they are, where the file does not say so."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--replace", help="Replace other marks of the same annotator and video.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Add a file's marks to ROOT/annotators.csv; if anything is malformed, all of it is listed instead."""
    from vadlab.verbs.annotations import import_marks

    done = import_marks(format_name, file, root, annotator=annotator, overwrite=overwrite)
    if as_json:
        print_json(
            {
                name: [list(pair) for pair in pairs]
                for name, pairs in (
                    ("added", done.added),
                    ("replaced", done.replaced),
                    ("unchanged", done.unchanged),
                )
            }
            | {"warnings": list(done.warnings)}
        )
        return
    _warn(done.warnings)
    out.print(
        f"{counted(len(done.added), 'annotation')} added, {len(done.replaced)} replaced, "
        f"{len(done.unchanged)} unchanged in {root / 'annotators.csv'}",
        soft_wrap=True,
    )


@app.command("export")
def annotations_export(
    format_name: FormatName,
    root: Root,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    annotator: Annotated[str | None, typer.Option(metavar="NAME", help="Only this person's marks.")] = None,
    merged: Annotated[
        bool, typer.Option("--merged", help="The events of annotations.csv instead of anybody's marks.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write the marks of ROOT/annotators.csv, or the merged events, for another tool."""
    from vadlab.verbs.annotations import export_marks

    done = export_marks(format_name, root, file, annotator=annotator, merged=merged)
    if as_json:
        print_json(
            {
                "videos": done.n_videos,
                "annotators": done.n_annotators,
                "events": done.n_events,
                "warnings": list(done.warnings),
            }
        )
        return
    _warn(done.warnings)
    people = counted(done.n_annotators, "annotator")
    facts = f"{counted(done.n_videos, 'video')}, {people}, {counted(done.n_events, 'event')}"
    out.print(f"wrote {file}: {facts}", soft_wrap=True)


@app.command("merge")
def annotations_merge(
    root: Root,
    threshold: Threshold = 0.5,
    replace_categories: Annotated[
        bool, typer.Option(help="Take the category that most annotators name, also where the table has one.")
    ] = False,
    probabilities: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write each frame's share of annotators there, a file a video."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the changes, write nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Turn ROOT/annotators.csv into the events of ROOT/annotations.csv: abnormal where the mean reaches 0.5.

    Split and source stay; a category stays unless it is empty. Videos that nobody annotated stay as they are.
    """
    from vadlab.verbs.annotations import describe, merge_marks

    done = merge_marks(
        root,
        threshold=threshold,
        replace_categories=replace_categories,
        probabilities=probabilities,
        dry_run=dry_run,
    )
    changes = [describe(change) for change in done.changes]
    if as_json:
        print_json(
            {
                "videos": done.n_videos,
                "changes": changes,
                "unannotated": list(done.unannotated),
                "category_ties": done.ties,
                "category_conflicts": done.conflicts,
                "probabilities": [str(path) for path in done.probabilities],
                "written": not dry_run,
            }
        )
        return
    _print_list(changes)
    for path, votes in done.ties.items():
        complain(path, f"the annotators tie on the category: {_votes(votes)}")
    for path, votes in done.conflicts.items():
        kept = "taken from them" if replace_categories else "kept; --replace-categories takes theirs"
        complain(path, f"the table's category is not the annotators', {_votes(votes)}: {kept}")
    if done.unannotated:
        err.print(f"{counted(len(done.unannotated), 'video')} without annotators stay as they are")
    if done.probabilities:
        out.print(f"wrote {counted(len(done.probabilities), 'file')} to {probabilities}", soft_wrap=True)
    verb = "would change" if dry_run else "changed"
    out.print(f"merged {counted(done.n_videos, 'video')}; {len(changes)} rows of annotations.csv {verb}")


@app.command("agreement")
def annotations_agreement(
    root: Root,
    folder: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write agreement.json, .csv and .png there."),
    ] = None,
    threshold: Threshold = 0.5,
    min_alpha: Annotated[float, typer.Option(help="Look again below this Krippendorff's alpha.")] = 0.667,
    min_event_iou: Annotated[float, typer.Option(help="Look again below this mean event IoU.")] = 0.5,
    max_spread: Annotated[
        float, typer.Option(help="Look again if begins or ends scatter by more frames (standard deviation).")
    ] = 25.0,
    as_json: Json = False,
) -> None:
    """Measure how well the annotators of ROOT/annotators.csv agree, and list the videos to look at again."""
    from vadlab.annotations.agreement import Limits
    from vadlab.verbs.annotator_agreement import agreement_to_json, measure_agreement, write_agreement

    limits = Limits(min_alpha, min_event_iou, max_spread)
    found = measure_agreement(root, threshold=threshold, limits=limits)
    written = [] if folder is None else write_agreement(found, folder)
    if as_json:
        print_json(agreement_to_json(found))
        return
    _print_agreement(found, wrote=folder is not None)
    for path in written:
        out.print(f"wrote {path}", soft_wrap=True)


def _print_agreement(found: Agreement, *, wrote: bool) -> None:
    table = Table(Column("video", overflow="fold"), "people", "kappa", "alpha", "IoU", "begin ±", "end ±")
    for one in found.videos[:SHOWN]:
        figures = (one.kappa, one.alpha, one.event_iou, one.begin.std, one.end.std)
        table.add_row(
            one.annotated.video.path, str(len(one.annotated.annotations)), *_shown(figures, (3, 3, 3, 1, 1))
        )
    out.print(table)
    if len(found.videos) > SHOWN:
        rest = "all in agreement.csv" if wrote else "--out DIR writes all"
        out.print(f"and {len(found.videos) - SHOWN} more; {rest}")
    matrix = Table(*(Column(name, overflow="fold") for name in ("Cohen's kappa", *found.annotators)))
    for name, row in zip(found.annotators, found.cohen.tolist(), strict=True):
        matrix.add_row(name, *_shown(row, [3] * len(row)))
    out.print(matrix)
    n_frames = sum(len(one.merged.mean) for one in found.videos)
    out.print(f"over {counted(len(found.videos), 'video')}, {n_frames:,} frames:")
    for name, value, reason in (
        ("Fleiss' kappa", found.kappa, found.kappa_reason),
        ("Krippendorff's alpha", found.alpha, found.alpha_reason),
        ("temporal IoU of events", found.event_iou, "no events"),
    ):
        out.print(f"  {name}: {f'{value:.4f}' if value == value else f'undefined, {reason}'}", soft_wrap=True)
    for name, spread in (("begins", found.begin), ("ends", found.end)):
        if spread.n_events:
            out.print(
                f"  {name} of {counted(spread.n_events, 'event')}: standard deviation {spread.std:.2f}, "
                f"median distance from the median {spread.mad:.2f} frames",
                soft_wrap=True,
            )
    again = found.to_adjudicate
    out.print(f"{counted(len(again), 'video')} to look at again" + (":" if again else ""))
    for one in again:
        path = Text(f"  {one.annotated.video.path} ", "bold red")
        out.print(path + Text("; ".join(one.reasons), ""), soft_wrap=True)


def _shown(values: Iterable[float], digits: Iterable[int]) -> list[str]:
    pairs = zip(values, digits, strict=True)
    return [f"{value:.{places}f}" if value == value else "-" for value, places in pairs]


def _votes(votes: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in votes.items())


def _print_list(lines: list[str]) -> None:
    for line in lines[:SHOWN]:
        out.print(line, soft_wrap=True, markup=False)
    if len(lines) > SHOWN:
        out.print(f"and {len(lines) - SHOWN} more; --json prints all")


def _warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
        err.print(f"note: {warning}", soft_wrap=True, markup=False)
