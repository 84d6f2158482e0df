"""Arguments and options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from vadlab import config

__all__ = [
    "AllowHost",
    "DatasetName",
    "Device",
    "Engine",
    "Host",
    "Json",
    "OpenPage",
    "Port",
    "Recipe",
    "Root",
    "Seed",
    "Settings",
    "read_settings",
]

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout; bars stay on stderr.")]
Device = Annotated[str, typer.Option(help="auto | cpu | cuda | cuda:N")]
Engine = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|DIR",
        help="Another engine for the features than the training's, or a folder of `vadlab export`.",
    ),
]
Seed = Annotated[int, typer.Option(help="Of random draws: splits, initialisation, batches.")]
DatasetName = Annotated[str, typer.Argument(metavar="DATASET", help="A name of `vadlab list datasets`.")]
Root = Annotated[Path, typer.Argument(metavar="ROOT", help="The dataset's folder.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting that differs from its default; repeatable."),
]
Recipe = Annotated[
    Path | None, typer.Option("--recipe", help="TOML file of settings; --set wins over it.", metavar="FILE")
]

# Of the verbs that serve pages.
Host = Annotated[
    str, typer.Option(help="Address to listen on; 0.0.0.0 for people at other machines, with a token.")
]
Port = Annotated[int | None, typer.Option(help="0: any free one. Default: the first free one from 8470 on.")]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Another name that browsers use for this server; repeatable."),
]
OpenPage = Annotated[bool, typer.Option("--open", help="Open the page in the browser.")]


def read_settings(recipe: Path | None, assignments: list[str] | None) -> dict[str, Any]:
    """The settings of a recipe and of --set, which wins."""
    return (config.read_recipe(recipe) if recipe else {}) | config.parse_assignments(assignments or [])
