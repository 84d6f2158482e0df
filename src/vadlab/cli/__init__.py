"""The command line: thin verbs, each calling one function of `vadlab.verbs`.

Heavy modules are imported inside the verbs, so that `--help` and `list` answer at once.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from vadlab import __version__
from vadlab.cli import data, pipeline, weights
from vadlab.cli.annotate import annotate
from vadlab.cli.annotations import app as annotations_app
from vadlab.cli.calibrate import calibrate
from vadlab.cli.engines import engines
from vadlab.cli.export import export
from vadlab.cli.features import app as features_app
from vadlab.cli.listing import list_
from vadlab.cli.printing import complain, err
from vadlab.cli.reproduce import reproduce
from vadlab.cli.scores import import_scores
from vadlab.cli.undelivered import undelivered
from vadlab.cli.view import view
from vadlab.cli.watch import watch
from vadlab.errors import VadlabError

__all__ = ["INTERRUPTED", "app", "main"]

INTERRUPTED = 130  # the exit code that typer gives to Ctrl-C

app = typer.Typer(
    name="vadlab",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    help="""Video anomaly detection: from a folder of videos to frame scores, categories and a report.

The way through, with your own videos in `VIDEOS/annotations.csv`:

    vadlab data check folder VIDEOS
    vadlab extract folder VIDEOS --out FEATURES
    vadlab train folder VIDEOS aed --features FEATURES --out RUN
    vadlab evaluate RUN
    vadlab score RUN some.mp4 --overlay

`vadlab demo` does it all on videos that it generates. Every verb reads and writes plain files and can be
stopped and run again. Exit codes: 0 done, 1 data or a run failed, 2 wrong usage.""",
)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    if version:
        print(__version__)  # noqa: T201
        raise typer.Exit


# The order here is the order of the help.
app.command("list")(list_)
for verb in (pipeline.demo, pipeline.extract, pipeline.train, pipeline.evaluate, pipeline.score):
    app.command()(verb)
app.command()(watch)
app.command()(calibrate)
app.command()(undelivered)
app.command()(view)
app.command("import-scores")(import_scores)
app.command()(reproduce)
app.command()(export)
app.command()(engines)
app.command()(annotate)
app.add_typer(annotations_app, name="annotations")
app.add_typer(data.app, name="data")
app.add_typer(features_app, name="features")
app.add_typer(weights.app, name="weights")


def main() -> None:
    """Entry point: errors that a user can mend are printed without a traceback."""
    try:
        app()
    except VadlabError as error:
        complain("error", str(error))
        sys.exit(error.exit_code)
    except SystemExit as stop:
        if stop.code == INTERRUPTED:
            err.print("stopped; run the same command again to go on")
        raise
