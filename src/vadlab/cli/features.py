"""`vadlab features`: take in other people's features, and tell how two sets of features differ."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vadlab.cli.options import Json
from vadlab.cli.printing import complain, counted, err, out, print_json

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Take in other people's features, and tell how two sets of features differ.",
)

SHOWN = 10  # notes and names of a kind


@app.command("import")
def features_import(
    layout: Annotated[
        str, typer.Argument(metavar="LAYOUT", help="rtfm | ur-dmu | vadclip | sultani | lad | plain")
    ],
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="Their folder, or one file.")],
    dataset: Annotated[str, typer.Option(metavar="DATASET", help="A name of `vadlab list datasets`.")],
    root: Annotated[Path, typer.Option(metavar="ROOT", help="The dataset's folder.")],
    folder: Annotated[Path, typer.Option("--out", metavar="STORE", help="The store to make or to fill.")],
    crop: Annotated[
        str,
        typer.Option(help="mean | all | 0 to 9: their mean, each as a stream crop_0, crop_1 ..., or one."),
    ] = "mean",
    wanted: Annotated[
        Path | None, typer.Option("--list", metavar="FILE", help="Use only files that it names, one a line.")
    ] = None,
    stride: Annotated[int, typer.Option(help="Frames that a row covers.")] = 16,
    segments: Annotated[
        int | None, typer.Option(help="Rows are so many equal parts of each video, as DeepMIL's 32.")
    ] = None,
    align: Annotated[
        str, typer.Option(help="exact | drop | cut | drop,cut | stretch: for rows that do not fit.")
    ] = "exact",
    frames: Annotated[
        Path | None,
        typer.Option(
            help="CSV of video,n_frames[,fps], or a store: frame counts from there, not by decoding."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a store of features that others extracted, to train and evaluate on.

    - **rtfm** `<video>_i3d.npy`: (clips, crops, 2048 or 1024)
    - **ur-dmu** `<video>__0.npy` ... `__9.npy`, a file a crop, or `<video>.npy`: (clips, 1024 or 2048)
    - **vadclip** `<video>__0.npy` ... `__9.npy`: (clips, 512)
    - **sultani** `<video>.txt`: 32 lines of 4096 values
    - **lad** `rgb/<video>/feature.npy` and `flow/...`, or `combine/...`
    - **plain** any npy, npz or h5: (clips, dim), or with an axis of 5 or 10 crops

    Names are compared with the dataset's ids: whole, without suffix, or from their ends. Rows that do not fit
    a video's frames are refused with the likely cause, and mended only as --align says: `drop` leaves frames
    at the end without a row, `cut` leaves out rows beyond the end, `stretch` spreads the rows evenly.
    """
    from vadlab.features.foreign.layouts import get
    from vadlab.features.foreign.placing import Grid, parse_align
    from vadlab.features.foreign.rows import parse_crop
    from vadlab.verbs.import_features import Foreign, import_features

    chosen = get(layout)
    grid = Grid(stride, segments or chosen.segments, parse_align(align))
    foreign = Foreign(chosen, source, parse_crop(crop), grid, wanted, frames)
    done = import_features(foreign, dataset, root, out=folder)
    if as_json:
        print_json(done.to_json())
    else:
        for note in done.notes[:SHOWN]:
            err.print(note, soft_wrap=True, markup=False)
        _more(len(done.notes), "notes, all in sources.csv")
        for name, reason in done.failed:
            complain(name, reason)
        for names, what in (
            (done.without, "videos have no features"),
            (done.unused, "names are of no video"),
        ):
            if names:
                told = ", ".join(names[:SHOWN]) + (" ..." if len(names) > SHOWN else "")
                err.print(f"{len(names)} {what}: {told}", soft_wrap=True, markup=False)
        kept = f", {done.kept} were there" if done.kept else ""
        failed = f", {len(done.failed)} failed" if done.failed else ""
        out.print(f"imported {counted(len(done.done), 'video')}{kept}{failed}: {folder}", soft_wrap=True)
    if done.failed:
        raise typer.Exit(1)


@app.command("verify")
def features_verify(
    a: Annotated[Path, typer.Argument(metavar="A", help="A store, or npy, npz, h5, safetensors, txt.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The other.")],
    video: Annotated[str | None, typer.Option(metavar="ID", help="Compare this video only.")] = None,
    tolerance: Annotated[
        float, typer.Option(help="Largest |B - A| / |A| of a video that counts as equal.")
    ] = 1e-4,
    as_json: Json = False,
) -> None:
    """Say how B's features differ from A's: the likeliest explanation first, a line a finding.

    Tested are clips left out or added, strides, means and segments, scale, bias, norms and roots, halves
    swapped, columns, clips or crops in another order, one crop or their mean, each by doing it to A; it is
    told only if A then agrees with B. Exit code 0 if they are equal, 1 if not.
    """
    from vadlab.verbs.verify_features import verify_features

    found = verify_features(a, b, video=video, tolerance=tolerance)
    if as_json:
        print_json(found.to_json())
    else:
        n = len(found.videos)
        same = sum(one.equal for one in found.videos)
        verdict = "equal" if found.equal else "different"
        out.print(f"{verdict}: {same} of {counted(n, 'video')} within {tolerance:g}", soft_wrap=True)
        for line in found.findings:
            out.print(f"- {line}", soft_wrap=True, markup=False)
    if not found.equal:
        raise typer.Exit(1)


def _more(n: int, what: str) -> None:
    if n > SHOWN:
        err.print(f"and {n - SHOWN} more {what}")
