"""`vadlab export`: a run's networks as files for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from vadlab import catalog
from vadlab.cli.options import Json
from vadlab.cli.printing import err, out, print_json
from vadlab.errors import UsageError

__all__ = ["export"]


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A folder of `vadlab train`.")],
    to: Annotated[str, typer.Option(metavar="FORMAT", help="onnx | openvino")] = "onnx",
    folder: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Default: RUN/export-FORMAT.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a run's networks as files for other programs, and compare their answers with PyTorch's.

    One network a stream of the backbone, from a decoded clip (pixels as they are; flow in pixels per frame)
    to features, and the detector's head, from the features of K clips to scores and category probabilities.
    DIR/export.json tells inputs, outputs, thresholds, categories and how far the answers differ.

    `vadlab score RUN VIDEO --engine DIR` makes the features with these files.
    """
    if to not in catalog.names("exports"):
        raise UsageError(f"no format {to!r}", expected=" | ".join(catalog.names("exports")))
    from vadlab.verbs.export import TOLERANCE, export_run

    target = folder or run / f"export-{to}"
    exported, parity = export_run(run, to=to, out=target)
    if as_json:
        print_json({"folder": str(target), **exported.facts})
        return
    table = Table(title=f"against PyTorch fp32; at most {TOLERANCE:g} is allowed", title_justify="left")
    for heading in ("network", "output", "inputs", "largest difference", "least cosine"):
        table.add_column(heading, justify="left" if heading in ("network", "output") else "right")
    for one in parity:
        cells = (one.network, one.output, str(one.rows), f"{one.max_relative:.1e}", f"{one.cosine:.6f}")
        table.add_row(*cells)
    out.print(table)
    err.print(f"wrote {target}", soft_wrap=True, markup=False)
