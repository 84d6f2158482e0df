"""`vadlab weights`: pretrained weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vadlab.cli.options import Json
from vadlab.cli.printing import out, print_json

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Pretrained weights: list, fetch, import.")


@app.command("list")
def weights_list(as_json: Json = False) -> None:
    """List the known weights, and which of them are installed."""
    from vadlab import weights

    rows = [
        {
            "name": known.name,
            "what": known.what,
            "licence": known.licence,
            "note": known.note,
            "source": known.source,
            "installed": str(weights.locate(known.name) or ""),
        }
        for known in weights.known()
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        out.print(f"[bold]{row['name']}[/]  {row['what']}", soft_wrap=True)
        out.print(f"  {row['note']}", soft_wrap=True)
        out.print(f"  {row['licence']}; from {row['source']}", soft_wrap=True)
        out.print(
            f"  {'installed: ' + row['installed'] if row['installed'] else 'not installed'}", soft_wrap=True
        )


@app.command("fetch")
def weights_fetch(name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Download weights, check their hash, and convert them to safetensors in the cache."""
    from vadlab import progress, weights

    with progress.bar(f"fetch {name}", counted=False) as report:
        path = weights.fetch(name, progress=lambda done, total: report(done, total or 0, ""))
    out.print(f"installed {path}", soft_wrap=True)


@app.command("import")
def weights_import(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help=".pt, .pth, .safetensors or the pinned archive")
    ],
    name: Annotated[str, typer.Argument(metavar="NAME")],
) -> None:
    """Install weights from a file, for machines without network and for your own weights."""
    from vadlab import weights

    out.print(f"installed {weights.import_file(file, name)}", soft_wrap=True)
