"""`vadlab annotate`: the page on which several people mark events, and the labels that come of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vadlab.cli.options import AllowHost, Host, Json, OpenPage, Port
from vadlab.cli.printing import counted, err, out, print_json

if TYPE_CHECKING:
    from vadlab.verbs.annotated_labels import Labels

__all__ = ["annotate"]


def annotate(
    root: Annotated[Path, typer.Argument(metavar="ROOT", help="The folder with the videos.")],
    labels: Annotated[
        bool, typer.Option("--labels", help="Write the labels that the marks come to, and open no page.")
    ] = False,
    threshold: Annotated[
        float,
        typer.Option(help="With --labels: abnormal if at least this share of the annotators say so."),
    ] = 0.5,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --labels: print the changes, write nothing.")
    ] = False,
    as_json: Json = False,
    host: Host = "127.0.0.1",
    port: Port = None,
    allow_host: AllowHost = None,
    open_page: OpenPage = False,
) -> None:
    """Mark events in a folder's videos, several people at once; review, decide, write frame labels.

    Serves until Ctrl-C. Names are trusted: who can open the page can give anybody's. Every change is kept at
    once, in ROOT/annotation-journal.sqlite, which takes in what ROOT/annotators.csv says. `--labels`, like
    the page, writes annotations.csv, annotators.csv and decisions.csv from it.
    """
    if labels:
        _write_labels(root, threshold=threshold, dry_run=dry_run, as_json=as_json)
        return
    from vadlab.verbs.annotate import table_rows
    from vadlab.web.serve import Binding, serve
    from vadlab.web.site import Site

    n_videos = len(table_rows(root))  # tells what is wrong with the folder before a page is opened

    def tell(address: str) -> None:
        out.print(f"{counted(n_videos, 'video')} of {root} at {address}", soft_wrap=True, highlight=False)
        out.print("Ctrl-C stops; what is marked is on disk", style="dim")

    binding = Binding(host, port, tuple(allow_host or ()))
    serve(Site(root), binding, page="/annotate", open_browser=open_page, tell=tell)


def _write_labels(root: Path, *, threshold: float, dry_run: bool, as_json: bool) -> None:
    from vadlab.verbs.annotate import Project
    from vadlab.verbs.annotated_labels import make_labels
    from vadlab.verbs.annotations import describe

    with Project(root) as project:
        found = make_labels(project, threshold=threshold, dry_run=dry_run)
    changes = [describe(change) for change in found.changes]
    if as_json:
        print_json(_to_json(found, changes))
        return
    for change in changes:
        out.print(change, soft_wrap=True, markup=False, highlight=False)
    if found.unfinished:
        err.print(f"{counted(len(found.unfinished), 'video')} that nobody has finished are left as they are")
    verb = "would change" if dry_run else "changed"
    out.print(
        f"{counted(found.n_merged, 'video')} by consensus, {found.n_decided} by decision; "
        f"{counted(len(changes), 'row')} of annotations.csv {verb}"
    )
    for path in found.written:
        out.print(f"wrote {path}", soft_wrap=True)


def _to_json(found: Labels, changes: list[str]) -> dict[str, Any]:
    return {
        "by_consensus": found.n_merged,
        "by_decision": found.n_decided,
        "changes": changes,
        "unfinished": list(found.unfinished),
        "written": [str(path) for path in found.written],
    }
