"""How each source does, in numbers: for the status file, for people, and for Prometheus."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from vadlab.live.sink import SinkHealth

__all__ = ["Health", "SourceHealth", "State", "prometheus", "report"]

State = Literal["connecting", "live", "stalled", "lost", "ended", "failed", "stopped"]

RATE_OVER_S = 5.0  # seconds that the frame rate is measured over
BETWEEN_MARKS_S = 0.25


@dataclass(frozen=True)
class SourceHealth:
    """A source's numbers at one time; counts are since the start.

    Args:
        name: The source's.
        state: "connecting"; "live": frames come; "stalled": connected, but none came for too long, or "lost":
            no connection, both to be tried again; "ended": a file was read to its end; "failed": given up;
            "stopped" by the user.
        fps: Frames a second over the last 5 s.
        lag_s: From a frame's arrival until its score was known, of the newest scored frame, seconds.
        frames: Frames that came.
        scored: Frames that have a score.
        dropped: Frames that were never scored, because scoring was too slow.
        damaged: Packets that could not be decoded.
        reconnects: Connections made after the first.
        events: Events that were told of.
        last_frame_time: When the last frame came, UNIX seconds, or None.
        error: Why the connection was lost last, or None while frames come.
    """

    name: str
    state: State
    fps: float
    lag_s: float
    frames: int
    scored: int
    dropped: int
    damaged: int
    reconnects: int
    events: int
    last_frame_time: float | None
    error: str | None

    def to_json(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"fps": round(self.fps, 2), "lag_s": round(self.lag_s, 3)}


class Health:
    """The numbers of one source while it is watched; any thread may write or read them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._state: State = "connecting"
        self._error: str | None = None
        self._connections = 0
        self._frames = self._scored = self._dropped = self._damaged = self._events = 0
        self._lag = 0.0
        self._last_frame: float | None = None
        self._marks = deque([(time.monotonic(), 0)])

    def connected(self) -> None:
        """A connection has been made; frames may come."""
        with self._lock:
            self._connections += 1

    def came(self, when: float) -> None:
        """A frame came, at this UNIX time."""
        with self._lock:
            self._state, self._error = "live", None
            self._frames += 1
            self._last_frame = when
            now = time.monotonic()
            if now - self._marks[-1][0] >= BETWEEN_MARKS_S:
                self._marks.append((now, self._frames))
                self._forget(now)

    def told(self, n: int, lag_s: float) -> None:
        """So many frames got their score, the last one so long after it came."""
        with self._lock:
            self._scored += n
            self._lag = lag_s

    def lost(self, *, dropped: int = 0, damaged: int = 0) -> None:
        """So many frames will never be scored, so many packets never decoded."""
        with self._lock:
            self._dropped += dropped
            self._damaged += damaged

    def event(self) -> None:
        """An event has begun."""
        with self._lock:
            self._events += 1

    def turned(self, state: State, error: str | None = None) -> None:
        """The source is in another state, and why."""
        with self._lock:
            self._state, self._error = state, error

    def now(self) -> SourceHealth:
        """The numbers of this moment."""
        with self._lock:
            now = time.monotonic()
            self._forget(now)
            since, before = self._marks[0]
            over = now - since
            return SourceHealth(
                name=self.name,
                state=self._state,
                fps=(self._frames - before) / over if over > 0 else 0.0,
                lag_s=self._lag,
                frames=self._frames,
                scored=self._scored,
                dropped=self._dropped,
                damaged=self._damaged,
                reconnects=max(0, self._connections - 1),
                events=self._events,
                last_frame_time=self._last_frame,
                error=self._error,
            )

    def _forget(self, now: float) -> None:
        # One mark that is older stays, for the count from which the rate is measured.
        while len(self._marks) > 1 and self._marks[1][0] <= now - RATE_OVER_S:
            self._marks.popleft()


_SOURCE_FIGURES = {
    "up": ("gauge", "Whether frames come, 0 or 1."),
    "fps": ("gauge", "Frames a second over the last 5 s."),
    "lag_seconds": ("gauge", "From a frame's arrival until its score was known."),
    "frames_total": ("counter", "Frames that came."),
    "frames_scored_total": ("counter", "Frames that have a score."),
    "frames_dropped_total": ("counter", "Frames never scored, because scoring was too slow."),
    "packets_damaged_total": ("counter", "Packets that could not be decoded."),
    "reconnects_total": ("counter", "Connections made after the first."),
    "events_total": ("counter", "Events that were told of."),
    "last_frame_timestamp_seconds": ("gauge", "UNIX time of the last frame; 0 before the first."),
}
_SINK_FIGURES = {
    "sink_ok": ("gauge", "Whether the last delivery succeeded and nothing fails now, 0 or 1."),
    "sink_sent_total": ("counter", "Messages delivered."),
    "sink_waiting": ("gauge", "Messages that wait to be delivered."),
    "sink_lost_total": ("counter", "Messages given up; of an outbox, since its file was made."),
}


def report(sources: Sequence[SourceHealth], sinks: Sequence[SinkHealth] = ()) -> str:
    """A line for each source and each sink, for people."""
    lines = [_line(f"{one.name}: {one.state}", one.error) for one in sources]
    lines += [
        _line(f"{one.name}: {one.state}, {one.n_waiting} waiting, {one.n_lost} lost", one.last_error)
        for one in sinks
    ]
    return "".join(lines)


def _line(text: str, error: str | None) -> str:
    return " ".join((text + (f" ({error})" if error else "")).split()) + "\n"


def prometheus(sources: Sequence[SourceHealth], sinks: Sequence[SinkHealth] = ()) -> str:
    """The numbers in Prometheus's text format, version 0.0.4."""
    by_source = [(f'source="{_escaped(one.name)}"', _source_figures(one)) for one in sources]
    by_sink = [(f'sink="{_escaped(one.name)}"', _sink_figures(one)) for one in sinks]
    lines: list[str] = []
    for figures, described in ((by_source, _SOURCE_FIGURES), (by_sink, _SINK_FIGURES)):
        for name, (kind, text) in described.items() if figures else ():
            lines += [f"# HELP vadlab_{name} {text}", f"# TYPE vadlab_{name} {kind}"]
            lines += [f"vadlab_{name}{{{label}}} {values[name]!r}" for label, values in figures]
    return "\n".join(lines) + "\n"


def _source_figures(one: SourceHealth) -> dict[str, float]:
    return {
        "up": int(one.state == "live"),
        "fps": round(one.fps, 3),
        "lag_seconds": round(one.lag_s, 3),
        "frames_total": one.frames,
        "frames_scored_total": one.scored,
        "frames_dropped_total": one.dropped,
        "packets_damaged_total": one.damaged,
        "reconnects_total": one.reconnects,
        "events_total": one.events,
        "last_frame_timestamp_seconds": one.last_frame_time or 0,
    }


def _sink_figures(one: SinkHealth) -> dict[str, float]:
    return {
        "sink_ok": int(one.state == "ok"),
        "sink_sent_total": one.n_sent,
        "sink_waiting": one.n_waiting,
        "sink_lost_total": one.n_lost,
    }


def _escaped(label: str) -> str:
    return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
