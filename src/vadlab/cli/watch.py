"""`vadlab watch`: live sources to events."""

from __future__ import annotations

import contextlib
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.live import Live
from rich.table import Table

from vadlab.cli.options import Device, Engine
from vadlab.cli.printing import complain, counted, err, out

if TYPE_CHECKING:
    from vadlab.live.event import LiveEvent
    from vadlab.live.health import SourceHealth
    from vadlab.live.rolling import Timing
    from vadlab.live.watcher import Watcher

__all__ = ["watch"]

REDRAWS_A_SECOND = 2
SECONDS_BETWEEN_LINES = 30.0


def watch(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A folder of `vadlab train`.")],
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Video file, /dev/videoN, or URL (rtsp://, http://, ...); NAME=SOURCE names it.",
        ),
    ],
    folder: Annotated[
        Path, typer.Option("--out", metavar="WATCH", help="Where events and status go.")
    ] = Path("watch"),
    real_time: Annotated[
        bool, typer.Option("--real-time", help="Read files at their own speed, as if they were cameras.")
    ] = False,
    timing: Annotated[
        str, typer.Option(help="settled: the scores of `vadlab score` | causal: sooner; see below.")
    ] = "settled",
    piece: Annotated[
        int | None,
        typer.Option(help="Score so many clips of 16 frames as a video of their own; for some detectors."),
    ] = None,
    threshold: Annotated[
        str | None,
        typer.Option(
            metavar="SCORE|FILE",
            help="Score that starts an event, or a file of `vadlab calibrate`; default: as `vadlab score`.",
        ),
    ] = None,
    close_at: Annotated[
        float | None, typer.Option(help="Fraction of the threshold below which it ends, 0 to 1.")
    ] = None,
    min_length: Annotated[
        float | None, typer.Option(help="Seconds; shorter events are not told of; default 0.4, or FILE's.")
    ] = None,
    merge_gap: Annotated[
        float | None, typer.Option(help="Seconds; closer events become one; default 1, or FILE's.")
    ] = None,
    cool_down: Annotated[
        float | None, typer.Option(help="Seconds after an event without another; default 0, or FILE's.")
    ] = None,
    update_every: Annotated[
        float, typer.Option(help="Seconds by which an open event grows between two messages; 0: none.")
    ] = 1.0,
    clips: Annotated[
        bool, typer.Option("--clips", help="Keep a clip and a thumbnail of each event.")
    ] = False,
    clips_gb: Annotated[float, typer.Option(help="Disk for clips, GB; the oldest go first.")] = 5.0,
    webhook: Annotated[str | None, typer.Option(metavar="URL", help="POST events there.")] = None,
    webhook_secret: Annotated[
        str | None, typer.Option(envvar="VADLAB_WEBHOOK_SECRET", help="Signs them; better not on the line.")
    ] = None,
    mqtt: Annotated[
        str | None, typer.Option(metavar="URL", help="Publish events at mqtt://[USER@]HOST[:PORT][/PREFIX].")
    ] = None,
    mqtt_password: Annotated[
        str | None, typer.Option(envvar="VADLAB_MQTT_PASSWORD", help="Better not on the line.")
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option(help="Serve /metrics for Prometheus, and /healthz, on 127.0.0.1.")
    ] = None,
    stall: Annotated[
        float, typer.Option(help="Seconds without a frame before a stream is connected anew.")
    ] = 10.0,
    give_up: Annotated[
        float | None,
        typer.Option(help="Seconds without a frame before a stream is given up; default: never."),
    ] = None,
    behind: Annotated[
        float,
        typer.Option(help="Seconds a live frame may wait; then all that wait are dropped, and counted."),
    ] = 4.0,
    engine: Engine = None,
    device: Device = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print each event as a line of JSON.")] = False,
) -> None:
    """Watch files, cameras and streams with a trained run; Ctrl-C ends open events and stops.

    Events go to WATCH/events.jsonl and WATCH/events.sqlite, as "new", "update" and "end"; WATCH/status.json
    has each source's state once a second. Streams that are lost are connected again, for ever.

    A webhook and a broker get each message at least once, with the same key each time, or it is given up:
    counted in WATCH/status.json and at the end, and listed by `vadlab undelivered WATCH`.

    With --timing settled, scores are those that `vadlab score` gives to the same frames; for aed with K = 5
    a frame's is known when the window that begins with its clip is complete, 81 frames after the clip's
    start. With causal it is known when the clip is complete; windows that reach beyond have no say in it.

    Detectors that score by the whole video (rtfm, deep_mil, mnad while its memory learns) need --piece.
    """
    from vadlab.live.capture import Patience
    from vadlab.live.sinks.clips import ClipSettings
    from vadlab.verbs.watch import Alarms, Receivers, Watch, WatchPlan

    plan = WatchPlan(
        run,
        tuple(sources),
        folder,
        alarms=Alarms(
            _threshold(threshold),
            close_at,
            min_length_s=min_length,
            merge_gap_s=merge_gap,
            cool_down_s=cool_down,
            update_every_s=update_every,
        ),
        receivers=Receivers(
            webhook=webhook,
            webhook_secret=webhook_secret,
            mqtt=mqtt,
            mqtt_password=mqtt_password,
            clips=ClipSettings(max_bytes=round(clips_gb * 10**9)) if clips else None,
        ),
        timing=cast("Timing", timing),
        piece=piece,
        patience=Patience(stalled_s=stall, give_up_s=give_up, behind_s=behind),
        real_time=real_time,
        metrics_port=metrics_port,
        engine=engine,
        device=device,
    )
    stop = threading.Event()
    with Watch(plan, on_event=_json_line if as_json else _line) as watching, _stopped_by_signals(stop):
        if plan.metrics_port is not None:
            err.print(f"metrics: {watching.metrics}", soft_wrap=True)
        with _shown(watching.watcher):
            failed = watching.run(stop)
        told = watching.watcher.status()
    for one in told["sources"]:
        err.print(
            f"{one['name']}: {one['state']}, {counted(one['frames'], 'frame')}, {one['scored']} scored, "
            f"{one['dropped']} dropped, {counted(one['events'], 'event')}",
            soft_wrap=True,
            markup=False,
        )
    for sink in told["sinks"]:
        if sink["n_waiting"] or sink["n_lost"]:
            complain(sink["name"], _undelivered(sink, folder))
    for name, reason in failed:
        complain(name, reason)
    if failed:
        raise typer.Exit(1)


def _undelivered(sink: dict[str, Any], folder: Path) -> str:
    from vadlab.verbs.undelivered import OUTBOXES

    has_outbox = sink["name"] in OUTBOXES
    text = f"{sink['n_lost']} {'given up so far' if has_outbox else 'lost'}, {sink['n_waiting']} waiting"
    text += f" ({sink['last_error']})" if sink["last_error"] else ""
    return text + (f"; see vadlab undelivered {folder}" if has_outbox else "")


def _threshold(text: str | None) -> float | Path | None:
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        return Path(text)


def _line(event: LiveEvent) -> None:
    started = time.strftime("%F %T", time.localtime(event.start_time))
    text = f"{started}  {event.source}  {event.state:6}  {event.stop_time - event.start_time:.1f} s"
    text += f"  score {event.top_score:.3f}" + (f"  {event.category}" if event.category else "")
    # On a terminal, the table's own console writes above it.
    console = err if out.is_terminal and err.is_terminal else out
    console.print(text, style=None if event.state == "update" else "bold", soft_wrap=True, markup=False)


def _json_line(event: LiveEvent) -> None:
    print(json.dumps(event.to_json(), allow_nan=False), flush=True)  # noqa: T201


@contextlib.contextmanager
def _stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """The first Ctrl-C or termination stops in good order; the next one at once."""
    before = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]

    def restore() -> None:
        for number, handler in before:
            signal.signal(number, handler)

    def handle(*_: object) -> None:
        restore()
        stop.set()

    for number, _ in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        restore()


@contextlib.contextmanager
def _shown(watcher: Watcher) -> Iterator[None]:
    """The sources' state on stderr: a table that renews itself, or on no terminal a line now and then."""
    if err.is_terminal:
        with Live(get_renderable=lambda: _table(watcher), console=err, refresh_per_second=REDRAWS_A_SECOND):
            yield
        return
    done = threading.Event()
    thread = threading.Thread(target=_speak, args=(watcher.health, done), name="status", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _speak(health: Callable[[], list[SourceHealth]], done: threading.Event) -> None:
    states: dict[str, str] = {}
    spoken = time.monotonic()
    while not done.wait(0.5):
        due = time.monotonic() - spoken >= SECONDS_BETWEEN_LINES
        for one in health():
            if due or states.get(one.name) != one.state:
                err.print(_sentence(one), soft_wrap=True, markup=False)
            states[one.name] = one.state
        spoken = time.monotonic() if due else spoken


def _sentence(one: SourceHealth) -> str:
    text = f"{one.name}: {one.state}, {one.fps:.1f} fps, lag {one.lag_s:.1f} s, {one.dropped} dropped"
    return text + (f" ({one.error})" if one.error else "")


def _table(watcher: Watcher) -> Table:
    table = Table("source", "state", "fps", "lag, s", "dropped", "reconnects", "score", "event")
    for one in watcher.status()["sources"]:
        state = one["state"] + (f": {one['error']}" if one["error"] else "")
        score = "-" if one["score"] is None else f"{one['score']:.3f}"
        event = (one["category"] or "yes") if one["open_event"] else ""
        numbers = f"{one['fps']:.1f}", f"{one['lag_s']:.1f}", str(one["dropped"]), str(one["reconnects"])
        table.add_row(one["name"], state, *numbers, score, event)
    return table
