"""`vadlab view`: the web pages of a run, or of a folder with runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vadlab.cli.options import AllowHost, Host, OpenPage, Port
from vadlab.cli.printing import out
from vadlab.errors import DataError, UsageError

__all__ = ["view"]


def view(
    root: Annotated[
        Path, typer.Argument(metavar="RUN_OR_ROOT", help="A run, a watch folder, or a folder with some.")
    ] = Path(),
    host: Host = "127.0.0.1",
    port: Port = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=ROOT", help="Where a dataset is, if it has moved; repeatable."),
    ] = None,
    allow_host: AllowHost = None,
    uploads: Annotated[
        Path | None, typer.Option(help="Where videos sent to be scored go. Default: ROOT/uploads.")
    ] = None,
    max_upload: Annotated[int, typer.Option(help="Megabytes that a sent video may have.", min=1)] = 2000,
    open_page: OpenPage = False,
) -> None:
    """Show runs, their videos with scores and events, and watched cameras, in a browser.

    Serves until Ctrl-C. On this machine alone by default; with `--host 0.0.0.0` every request needs the token
    in the address that is printed (or that of the variable VADLAB_TOKEN). There is no encryption: between
    machines that you do not trust, put a proxy with TLS in front. The HTTP API is described at `/api`.
    """
    from vadlab.web.serve import Binding, serve
    from vadlab.web.site import Site, Upload

    if not root.is_dir():
        raise DataError("no such folder", file=root, remedy="give a run, or a folder with runs")
    site = Site(
        root,
        datasets=_moved(dataset or []),
        upload=Upload(max_bytes=max_upload * 1_000_000),
        uploads=uploads,
    )

    def tell(address: str) -> None:
        out.print(f"{root.resolve()} at {address}", soft_wrap=True, highlight=False)
        out.print("Ctrl-C stops", style="dim")

    serve(site, Binding(host, port, tuple(allow_host or ())), open_browser=open_page, tell=tell)


def _moved(pairs: list[str]) -> dict[str, Path]:
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        raise UsageError("not NAME=ROOT", expected="such as ped2=/data/ped2", found=", ".join(wrong))
    return {name: Path(folder) for name, _, folder in (pair.partition("=") for pair in pairs)}
