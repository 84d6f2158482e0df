"""`vadlab import-scores`: other people's scores under our rules."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vadlab.cli.findings import print_finding
from vadlab.cli.options import Json
from vadlab.cli.printing import err, print_json

__all__ = ["import_scores"]

SHOWN_NOTES = 10


def import_scores(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="npz, csv, json, pkl, npy, txt, or a folder of npy or txt."),
    ],
    dataset: Annotated[str, typer.Option(metavar="DATASET", help="A name of `vadlab list datasets`.")],
    root: Annotated[Path, typer.Option(metavar="ROOT", help="The dataset's folder.")],
    rules: Annotated[
        str, typer.Option(help="A name of `vadlab list rules`, or several with commas.")
    ] = "strict",
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where everything goes.")] = Path(
        "imported"
    ),
    method: Annotated[str, typer.Option(help="What to call it in the report.")] = "imported scores",
    split: Annotated[
        Path | None, typer.Option(help="A split file whose test part is meant; default: the dataset's own.")
    ] = None,
    stride: Annotated[int, typer.Option(help="Frames for each score, where a file names no frames.")] = 1,
    align: Annotated[
        str,
        typer.Option(help="exact | hold | drop | hold-head | drop-head | cut | stretch; hold,cut for both."),
    ] = "exact",
    lower_is_abnormal: Annotated[
        bool, typer.Option("--lower-is-abnormal", help="For PSNR and regularity: negate the scores.")
    ] = False,
    threshold: Annotated[
        float | None, typer.Option(help="Scores from here on are alarms; default: the rules' 0.5.")
    ] = None,
    group: Annotated[int, typer.Option(help="The method's window in frames, for lad-code.")] = 80,
    categories: Annotated[
        Path | None, typer.Option(help="CSV of video,category[,probability]: the method's answers.")
    ] = None,
    annotators: Annotated[
        Path | None, typer.Option(help="annotators.csv: labels by their mean, for prob_auc and prob_ap.")
    ] = None,
    true_regions: Annotated[
        Path | None, typer.Option(help="CSV video,frame,track,left,top,right,bottom, for RBDC and TBDC.")
    ] = None,
    found_regions: Annotated[
        Path | None, typer.Option(help="CSV video,frame,left,top,right,bottom,score: the method's boxes.")
    ] = None,
    features: Annotated[
        Path | None, typer.Option(metavar="STORE", help="Take frame counts from there, not by decoding.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Evaluate anyone's scores: metrics.json, figures and a report, as `vadlab evaluate` writes them.

    A CSV has the columns `video,frame,score` or `video,start,stop,score`; the other kinds hold one list of
    scores a video, named by its id. Lengths that do not fit are listed with their likely cause and are
    mended only as --align says:

    `hold` repeats the last score to the end, `drop` leaves those frames out; `hold-head` and `drop-head` do
    so at the start; `cut` leaves out scores beyond the last frame; `stretch` spreads the scores evenly.
    """
    from vadlab.evaluation.alignment import parse_remedies
    from vadlab.evaluation.rules import get
    from vadlab.verbs.import_scores import Source
    from vadlab.verbs.import_scores import import_scores as run_import

    source = Source(
        tuple(files),
        method=method,
        stride=stride,
        remedies=parse_remedies(align),
        lower_is_abnormal=lower_is_abnormal,
        threshold=threshold,
        group=group,
        categories=categories,
        annotators=annotators,
        true_regions=true_regions,
        found_regions=found_regions,
    )
    chosen = [get(name) for name in rules.split(",")]
    done = run_import(source, dataset, root, rules=chosen, out=folder, split=split, features=features)
    for note in done.notes[:SHOWN_NOTES]:
        err.print(note, soft_wrap=True, markup=False)
    if len(done.notes) > SHOWN_NOTES:
        err.print(f"and {len(done.notes) - SHOWN_NOTES} more notes, all in metrics.json")
    if as_json:
        print_json({name: finding.metrics for name, finding in done.findings.items()})
        return
    for finding in done.findings.values():
        print_finding(finding)
