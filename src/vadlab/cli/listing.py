"""`vadlab list`: what there is."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from vadlab import catalog
from vadlab.cli.options import Json
from vadlab.cli.printing import out, print_json
from vadlab.errors import UsageError

__all__ = ["list_"]


def list_(
    what: Annotated[
        str, typer.Argument(metavar="WHAT", help="detectors | backbones | engines | datasets | flows | rules")
    ],
    as_json: Json = False,
) -> None:
    """List what there is, one line each."""
    families = {name: name for name in ("detectors", "backbones", "engines", "datasets")} | {"flows": "flow"}
    if what == "rules":
        from vadlab.evaluation.rules import PRESETS, explain

        lines = {name: explain(name) for name in PRESETS}
    elif what in families:
        lines = {name: catalog.describe(families[what], name) for name in catalog.names(families[what])}
    else:
        raise UsageError(f"cannot list {what!r}", expected=" | ".join([*families, "rules"]))
    if as_json:
        print_json(lines)
        return
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, line in lines.items():
        table.add_row(f"[bold]{name}", line)
    out.print(table)
