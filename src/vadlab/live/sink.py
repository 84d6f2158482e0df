"""The contract of those who are told of events, and telling all of them."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from vadlab.errors import StoreError, VadlabError
from vadlab.files import read_json, write_json
from vadlab.live.event import LiveEvent

__all__ = ["UNTOLD", "Fanout", "Sink", "SinkHealth"]

UNTOLD = "untold.json"  # in the folder of a watch

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SinkHealth:
    """How a sink does.

    Args:
        name: The sink's name, such as "webhook".
        state: "ok": the last attempt to deliver succeeded, or there was none; "failing": it did not, or
            none can be made now. Of what was lost earlier, `n_lost` tells.
        n_sent: Messages delivered since the sink was opened, each counted once however often it was sent.
        n_waiting: Messages that wait to be delivered.
        n_lost: Messages given up, in all; for an outbox since its file was made, over all watches. Never
            falls while the sink is open.
        last_sent: UNIX seconds of the last delivery, or None.
        last_error: What went wrong last, in words, or None where nothing did since the last delivery.
    """

    name: str
    state: Literal["ok", "failing"] = "ok"
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

        After a killed process, the last message may come once more, as the first; it counts once.

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

    They are told one after the other. A message is on disk before the first of them is told, and until the
    last one has been; if the process is killed meanwhile, the next one tells all of them again.
    """

    def __init__(self, sinks: Sequence[Sink], *, untold: Path | None = None) -> None:
        """Take the sinks; they are told in this order.

        Args:
            sinks: Whom to tell.
            untold: The file of the message that is being told; None for none.
        """
        self._sinks, self._untold = tuple(sinks), untold
        self._lost = [0] * len(self._sinks)
        self._errors: list[str | None] = [None] * len(self._sinks)
        self._opened = contextlib.ExitStack()

    def open(self) -> None:
        """Open all, and tell them what a killed process has not told to all.

        Where one cannot be opened, those before it are closed again.

        Raises:
            VadlabError: Of the sink that cannot be opened.
        """
        with contextlib.ExitStack() as opened:
            for sink in self._sinks:
                sink.open()
                opened.callback(sink.close)
            self._opened = opened.pop_all()
        if self._untold is not None and self._untold.exists():
            try:
                event = LiveEvent.from_json(read_json(self._untold))
            except VadlabError as error:
                _log.warning("what an earlier watch has not told to all cannot be told: %s", error)
            else:
                self._tell(event)
            self._told()

    def send(self, event: LiveEvent) -> None:
        """Tell all; what a sink lost is in its health."""
        if self._untold is not None:
            try:
                write_json(self._untold, event.to_json())
            except StoreError as error:  # a full disk must not silence those who need none
                _log.warning("%s; if this process is killed now, not all may be told", error)
        self._tell(event)
        self._told()

    def _told(self) -> None:
        if self._untold is not None:
            with contextlib.suppress(OSError):  # told twice is harmless
                self._untold.unlink(missing_ok=True)

    def _tell(self, event: LiveEvent) -> None:
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
            if error is not None:
                health = replace(health, state="failing", last_error=error)
            found.append(replace(health, n_lost=health.n_lost + lost))
        return found

    def close(self) -> None:
        """Close all that were opened, the last one first, even if one of them fails."""
        self._opened.close()
