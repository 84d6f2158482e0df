"""The contract of those who are told of events, and telling all of them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from vadlab.errors import VadlabError
from vadlab.live.event import LiveEvent

__all__ = ["Fanout", "Sink", "SinkHealth"]


@dataclass(frozen=True)
class SinkHealth:
    """How a sink does.

    Args:
        name: The sink's name, such as "webhook".
        state: "ok": the last attempt succeeded, or there was none; "failing": it did not, and what waits
            is tried again; "lossy": messages were lost and are counted.
        n_sent: Messages delivered since the sink was opened, each counted once however often it was sent.
        n_waiting: Messages that wait to be delivered.
        n_lost: Messages given up, in all; for an outbox since its file was made, over all watches.
        last_sent: UNIX seconds of the last delivery, or None.
        last_error: Why the last attempt failed, or None where it succeeded.
    """

    name: str
    state: Literal["ok", "failing", "lossy"] = "ok"
    n_sent: int = 0
    n_waiting: int = 0
    n_lost: int = 0
    last_sent: float | None = None
    last_error: str | None = None


class Sink(Protocol):
    """One who is told of events.

    `send` returns at once: what talks to a network, or encodes, does so in a thread of its own, from a
    queue on disk or of bounded length. One thread calls all methods but `health`, which any may ask.
    """

    def open(self) -> None:
        """Prepare; called once, before the first event.

        Raises:
            VadlabError: If the sink cannot work at all: wrong settings, or a file that cannot be written.
        """
        ...

    def send(self, event: LiveEvent) -> None:
        """Take one message.

        Raises:
            VadlabError: If it was lost.
        """
        ...

    def health(self) -> SinkHealth:
        """How it does; quick, and at any time: before `open` and after `close`, too."""
        ...

    def close(self) -> None:
        """Finish; what could not be delivered stays on disk for the next time."""
        ...


class Fanout:
    """All sinks of a watch as one: a sink that fails keeps no other from being told.

    They are told one after the other; of a process that is killed meanwhile, the first ones have the message
    and the last ones may not.
    """

    def __init__(self, sinks: Sequence[Sink]) -> None:
        """Take the sinks; they are told in this order."""
        self._sinks = tuple(sinks)
        self._lost = [0] * len(self._sinks)
        self._errors: list[str | None] = [None] * len(self._sinks)
        self._opened = contextlib.ExitStack()

    def open(self) -> None:
        """Open all; where one cannot be opened, those before it are closed again.

        Raises:
            VadlabError: Of the sink that cannot be opened.
        """
        with contextlib.ExitStack() as opened:
            for sink in self._sinks:
                sink.open()
                opened.callback(sink.close)
            self._opened = opened.pop_all()

    def send(self, event: LiveEvent) -> None:
        """Tell all; what a sink lost is in its health."""
        for number, sink in enumerate(self._sinks):
            try:
                sink.send(event)
                self._errors[number] = None
            except VadlabError as error:
                self._lost[number] += 1
                self._errors[number] = f"{time.strftime('%FT%TZ', time.gmtime())} {error}"

    def health(self) -> list[SinkHealth]:
        """Of each sink, in order."""
        found = []
        for sink, lost, error in zip(self._sinks, self._lost, self._errors, strict=True):
            health = sink.health()
            if lost:
                health = replace(
                    health,
                    state="lossy",
                    n_lost=health.n_lost + lost,
                    last_error=error or health.last_error,
                )
            found.append(health)
        return found

    def close(self) -> None:
        """Close all that were opened, the last one first, even if one of them fails."""
        self._opened.close()
