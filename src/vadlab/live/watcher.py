"""Several sources watched at once: scores become events, events go to the sinks, the state is noted."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from vadlab.errors import StoreError
from vadlab.files import write_json
from vadlab.live.capture import Capture, Onlooker, Patience
from vadlab.live.event import LiveEvent
from vadlab.live.event_store import EVENTS, EventStore
from vadlab.live.health import Health, SourceHealth, prometheus, report
from vadlab.live.life_cycle import LifeCycle, LifeCycleSettings
from vadlab.live.networks import Networks
from vadlab.live.rolling import Timing
from vadlab.live.scorer import Done, LostTrack, Scorer, Told
from vadlab.live.sink import Fanout
from vadlab.live.source import Source

__all__ = ["STATUS", "Watcher"]

STATUS = "status.json"
BETWEEN_STATUS_S = 1.0
RECENT = 600  # scores of each source in the status, one for each time that scores are told
WAITING_MESSAGES = 8  # few, or a fast file runs ahead of the frames kept for clips
GRACE_S = 30.0  # for what is under way when the user stops

_log = logging.getLogger(__name__)


@dataclass
class _Watched:
    """One source, and what has become of it."""

    source: Source
    health: Health
    capture: Capture
    scorer: Scorer
    life_cycle: LifeCycle | None = None
    open_event: str | None = None
    score: float | None = None
    category: str | None = None
    recent: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=RECENT))
    error: str | None = None
    done: bool = False

    def to_json(self) -> dict[str, Any]:
        """For the status."""
        return self.health.now().to_json() | {
            "address": self.source.shown,
            "kind": self.source.kind,
            "score": self.score,
            "category": self.category,
            "open_event": self.open_event,
            "kept_back": self.life_cycle.n_dropped if self.life_cycle else 0,
            "recent": [[round(when, 3), round(score, 5)] for when, score in self.recent],
        }


class Watcher:
    """Watches sources until they end or it is told to stop.

    Args:
        networks: Shared by all sources.
        sources: With different names.
        settings: Frames a second to when scores become an event.
        sinks: Told of events; opened and closed by `run`.
        folder: Gets status.json once a second; None writes none.
        about: What the status says besides: the run's name, for example.
        timing: See `live.rolling`.
        patience: See `live.capture`.
        real_time: Read files at their own speed.
        onlooker: Sees all frames.
        on_event: Called with each message about an event, after the sinks.
        on_scores: Called with all scores.
    """

    def __init__(
        self,
        networks: Networks,
        sources: Sequence[Source],
        *,
        settings: Callable[[Fraction], LifeCycleSettings],
        sinks: Fanout | None = None,
        folder: Path | None = None,
        about: dict[str, Any] | None = None,
        timing: Timing = "settled",
        patience: Patience | None = None,
        real_time: bool = False,
        onlooker: Onlooker | None = None,
        on_event: Callable[[LiveEvent], None] | None = None,
        on_scores: Callable[[Told], None] | None = None,
    ) -> None:
        self._settings, self._sinks, self._folder = settings, sinks or Fanout(()), folder
        self._about, self._on_event, self._on_scores = about or {}, on_event, on_scores
        self._messages: queue.Queue[Told | LostTrack | Done] = queue.Queue(maxsize=WAITING_MESSAGES)
        self._started = time.time()
        # Enough to keep all cores at work, but no more: what is under way is late.
        ahead = max(2, -(-2 * networks.workers // len(sources)))
        self._watched: dict[str, _Watched] = {}
        for source in sources:
            health = Health(source.name)
            capture = Capture(
                source,
                health=health,
                resize=networks.frame_size,
                patience=patience,
                real_time=real_time,
                onlooker=onlooker,
            )
            scorer = Scorer(networks, capture, tell=self._messages.put, timing=timing, ahead=ahead)
            self._watched[source.name] = _Watched(source, health, capture, scorer)

    def health(self) -> list[SourceHealth]:
        """The numbers of each source at this moment; any thread may ask."""
        return [one.health.now() for one in self._watched.values()]

    def healthy(self) -> bool:
        """Whether every source is live, or has ended as files do."""
        return all(one.state in ("live", "ended") for one in self.health())

    def report(self) -> str:
        """A line for each source and each sink: its state, and what a sink has lost or waits to deliver."""
        return report(self.health(), self._sinks.health())

    def metrics(self) -> str:
        """The numbers as Prometheus reads them."""
        return prometheus(self.health(), self._sinks.health())

    def status(self) -> dict[str, Any]:
        """All that is known at this moment, for JSON."""
        return {
            "format": 1,
            "time": time.time(),
            "started": self._started,
            **self._about,
            "sources": [one.to_json() for one in self._watched.values()],
            "sinks": [asdict(one) for one in self._sinks.health()],
        }

    def run(self, stop: threading.Event) -> list[tuple[str, str]]:
        """Watch; when `stop` is set, frames that wait are scored, open events end, and all is written.

        Returns:
            Name and reason of each source that failed.

        Raises:
            VadlabError: If a sink cannot be opened.
        """
        self._sinks.open()
        self._end_left_open()
        try:
            for one in self._watched.values():
                one.scorer.start()
            self._follow(stop)
            for one in self._watched.values():
                if not one.done:
                    _log.warning("%s did not stop in time; what it had under way is lost", one.source.name)
                    self._finish(one)
        finally:
            # The state comes last, so that it tells of all deliveries.
            self._sinks.close()
            self._write_status("stopped")
        return [(name, one.error) for name, one in self._watched.items() if one.error is not None]

    def _end_left_open(self) -> None:
        """Tell the end of events that an earlier watch in this folder was killed in."""
        if self._folder is None or not (self._folder / EVENTS).exists():
            return
        store = EventStore(self._folder / EVENTS)
        left = store.unfinished()
        store.close()
        for event in left:
            self._sinks.send(dataclasses.replace(event, state="end"))

    def _follow(self, stop: threading.Event) -> None:
        next_status, give_up = 0.0, float("inf")
        while not all(one.done for one in self._watched.values()) and time.monotonic() < give_up:
            if stop.is_set() and give_up == float("inf"):
                give_up = time.monotonic() + GRACE_S
                for one in self._watched.values():
                    one.capture.stop()
            with contextlib.suppress(queue.Empty):
                self._take(self._messages.get(timeout=0.1))
            if time.monotonic() >= next_status:
                next_status = time.monotonic() + BETWEEN_STATUS_S
                self._write_status("stopping" if stop.is_set() else "running")

    def _take(self, message: Told | LostTrack | Done) -> None:
        one = self._watched[message.source]
        if isinstance(message, Told):
            self._take_scores(one, message)
        elif isinstance(message, LostTrack):
            self._close(one)
        else:
            one.error = message.error
            self._finish(one)

    def _take_scores(self, one: _Watched, told: Told) -> None:
        if self._on_scores is not None:
            self._on_scores(told)
        scores, length = told.scores, float(1 / told.fps)
        if one.life_cycle is None:
            one.life_cycle = LifeCycle(self._settings(told.fps), source=told.source)
        shares = scores.probabilities
        for i, (score, when) in enumerate(zip(scores.values.tolist(), told.times, strict=True)):
            frame = told.start + i
            likely = None if shares is None else dict(zip(scores.categories, shares[i].tolist(), strict=True))
            times = (when, when + length)
            for event in one.life_cycle.feed((frame, frame + 1), score, times=times, probabilities=likely):
                self._send(one, event)
        one.score = float(scores.values.max())
        one.category = None if shares is None else scores.categories[int(shares[-1].argmax())]
        one.recent.append((told.times[-1], one.score))

    def _close(self, one: _Watched) -> None:
        for event in one.life_cycle.close() if one.life_cycle else ():
            self._send(one, event)

    def _finish(self, one: _Watched) -> None:
        self._close(one)
        one.done = True
        if one.health.now().state not in ("ended", "failed"):
            one.health.turned("failed" if one.error else "stopped", one.error)

    def _send(self, one: _Watched, event: LiveEvent) -> None:
        if event.state == "new":
            one.health.event()
        one.open_event = None if event.state == "end" else event.id
        self._sinks.send(event)
        if self._on_event is not None:
            self._on_event(event)

    def _write_status(self, state: str) -> None:
        if self._folder is None:
            return
        try:
            write_json(self._folder / STATUS, {"state": state} | self.status())
        except StoreError as error:  # a full disk must not blind the watch
            _log.warning("the state was not written: %s", error)
