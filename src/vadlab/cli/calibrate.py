"""`vadlab calibrate`: the alarm threshold from a rate of false alarms on normal video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from vadlab.cli.options import Device, Engine, Json
from vadlab.cli.printing import complain, counted, out, print_json

if TYPE_CHECKING:  # what it imports is heavy
    from vadlab.live.calibrate import Calibration
    from vadlab.live.rolling import Timing

__all__ = ["calibrate"]


def calibrate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A folder of `vadlab train`.")],
    videos: Annotated[
        list[Path],
        typer.Argument(metavar="VIDEO...", help="Normal videos, of the watched cameras if possible."),
    ],
    per_hour: Annotated[
        float, typer.Option("--false-alarms-per-hour", metavar="X", help="So many at most, 0 or more.")
    ],
    to: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="What `vadlab watch --threshold FILE` reads.")
    ] = Path("threshold.json"),
    close_at: Annotated[
        float | None,
        typer.Option(help="An event ends below this fraction of the threshold; default as in `watch`."),
    ] = None,
    min_length: Annotated[float, typer.Option(help="Seconds; shorter events are not told of.")] = 0.4,
    merge_gap: Annotated[float, typer.Option(help="Seconds; closer events become one.")] = 1.0,
    cool_down: Annotated[float, typer.Option(help="Seconds after an event without another.")] = 0.0,
    timing: Annotated[str, typer.Option(help="settled | causal, as in `watch`.")] = "settled",
    piece: Annotated[int | None, typer.Option(help="Clips scored at a time, as in `watch`.")] = None,
    engine: Engine = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Choose the alarm threshold: the lowest that keeps false alarms within X per hour.

    The videos are scored and their events counted as `vadlab watch` does, so all options that `watch` is to
    have belong here, too. Nothing may happen in the videos, and none may be of the test part. How many false
    alarms there will be elsewhere is printed as an interval: few hours show little.
    """
    from vadlab.live.calibrate import EventLengths
    from vadlab.verbs.calibrate import calibrate as run_calibrate

    lengths = EventLengths(min_length_s=min_length, merge_gap_s=merge_gap, cool_down_s=cool_down)
    found, failed = run_calibrate(
        run,
        videos,
        per_hour=per_hour,
        out=to,
        lengths=lengths,
        close_at=close_at,
        timing=cast("Timing", timing),
        piece=piece,
        engine=engine,
        device=device,
    )
    if as_json:
        print_json(_shown(found, failed))
    else:
        _print(found, run, to)
        for path, reason in failed:
            complain("failed", f"{path}: {reason}")
    if failed:
        raise typer.Exit(1)


def _shown(found: Calibration, failed: list[tuple[Path, str]]) -> dict[str, Any]:
    return found.to_json() | {"failed": [{"path": str(path), "reason": reason} for path, reason in failed]}


def _print(found: Calibration, run: Path, to: Path) -> None:
    lower, upper = found.bounds
    videos, alarms = counted(len(found.videos), "normal video"), counted(found.n_alarms, "false alarm")
    out.print(f"threshold {found.threshold:g}, from {_length(found.hours)} of {videos}")
    lines = [f"wanted: at most {found.per_hour:g} per hour; on these: {alarms}"]
    if found.n_held_out is not None:
        lines.append(f"on videos held out from the choice: {counted(found.n_held_out, 'false alarm')}")
    lines.append(
        f"so the true rate lies between {lower:,.3f} and {upper:,.3f} per hour (95 % for each bound)"
    )
    if found.trained_on:
        lines.append(
            f"{len(found.trained_on)} of them trained the detector, which scores new video higher: "
            "expect more false alarms, and prefer video that it has not seen"
        )
    if upper > found.per_hour > 0:
        needed = _length(found.hours_needed)
        lines.append(f"this does not show the wanted rate; {needed} without a false alarm would")
    for line in lines:
        out.print(f"  {line}", soft_wrap=True)
    out.print(f"next: vadlab watch {run} SOURCE --threshold {to}", soft_wrap=True)


def _length(hours: float) -> str:
    return f"{hours:.3g} h" if hours >= 1 else f"{60 * hours:.3g} min"
