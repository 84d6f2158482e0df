"""`vadlab engines`: which engine is fastest here."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from vadlab.cli.options import Device, Json
from vadlab.cli.printing import out, print_json

__all__ = ["engines"]


def engines(
    streams: Annotated[str, typer.Option(help="rgb | flow | rgb,flow")] = "rgb,flow",
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Compare all engines on this machine: speed, and how near their I3D features are to plain fp32.

    Measured once and kept in the cache; `vadlab extract` chooses by it. What is installed later, such as
    openvino, is measured the next time.
    """
    from vadlab.backbones.i3d import I3D
    from vadlab.engine_choice import table

    found = I3D(streams=tuple(streams.split(",")), device=device).candidates()
    if as_json:
        print_json([dataclasses.asdict(one) for one in found])
    else:
        out.print(table(found), soft_wrap=True, highlight=False)
