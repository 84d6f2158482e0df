"""Progress of long work: a bar on a terminal, a line now and then elsewhere; always on stderr."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

__all__ = ["Report", "bar"]

Report = Callable[[float, float, str], None]
"""Called with (done, total, a short text such as a rate)."""

SECONDS_BETWEEN_LINES = 10.0


@contextlib.contextmanager
def bar(what: str, *, counted: bool = True) -> Iterator[Report]:
    """Show progress and the time left while the context lasts; it yields what to call.

    Args:
        what: The work's name.
        counted: Whether to show "3/10"; leave it out where the total is an estimate.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(what)
        return
    columns = [TextColumn("{task.description}"), BarColumn()]
    columns += [MofNCompleteColumn()] if counted else []
    columns += [
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[text]}"),
    ]
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(what, total=None, text="")

        def report(done: float, total: float, text: str = "") -> None:
            progress.update(task, completed=done, total=total, text=text)

        yield report


def _lines(what: str) -> Report:
    started = last = time.monotonic()

    def report(done: float, total: float, text: str = "") -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < SECONDS_BETWEEN_LINES and done < total:
            return
        last = now
        share = done / total if total else 1.0
        left = f"{(now - started) * (1 - share) / share:.0f} s left" if share else "time left unknown"
        print(f"{what}: {share:.0%}, {now - started:.0f} s gone, {left} {text}", file=sys.stderr)  # noqa: T201

    return report
