"""A thread that delivers an outbox's messages, and tries again where that fails."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from vadlab.errors import StoreError, VadlabError
from vadlab.live.outbox import Message, Outbox, Totals
from vadlab.live.sink import SinkHealth

__all__ = ["Courier", "Retry", "Undelivered"]

LONGEST_ATTEMPT_S = 12.0
LONGEST_CLOSING_S = 60.0

_log = logging.getLogger(__name__)


class Undelivered(Exception):  # noqa: N818 (a message's fate, not a fault of the program)
    """A message did not arrive; the text says why.

    Args:
        reason: Why.
        hopeless: Whether this very message will never be taken, so that it is given up at once.
    """

    def __init__(self, reason: str, *, hopeless: bool = False) -> None:
        super().__init__(reason)
        self.hopeless = hopeless


@dataclass(frozen=True)
class Retry:
    """When a failed delivery is tried again.

    Args:
        first_s: The first wait, seconds; each one more is twice the last.
        longest_s: But not longer than this.
        give_up_after_s: A message that has waited for so long, and has failed once more, is given up.
        closing_s: When the watch ends, delivery goes on until it has failed for so long, but no longer than
            a minute; what is left waits on disk.
    """

    first_s: float = 1.0
    longest_s: float = 60.0
    give_up_after_s: float = 24 * 3600.0
    closing_s: float = 5.0

    def wait_s(self, n_failures: int) -> float:
        """The wait after so many failures in a row, shortened by chance to no less than half."""
        # From the thirtieth on it no longer fits, nor is it needed.
        longest = min(self.longest_s, self.first_s * 2.0 ** min(n_failures - 1, 30))
        return longest * random.uniform(0.5, 1.0)


class Courier:
    """Delivers one message after the other, in order, in a thread of its own.

    While the receiver is down nothing overtakes: the first message is tried again, the others wait.
    """

    def __init__(
        self,
        outbox: Outbox,
        deliver: Callable[[Message], None],
        *,
        name: str,
        retry: Retry | None = None,
    ) -> None:
        """Start delivering.

        Args:
            outbox: Whose messages; the courier does not close it.
            deliver: Returns when the message has arrived; raises `Undelivered` where it has not.
            name: The sink's, for its health.
            retry: When to try again.
        """
        self._outbox, self._deliver, self._retry = outbox, deliver, retry or Retry()
        self._name = name
        self._totals = Totals(0, 0, 0)
        self._n_sent = 0
        self._last_sent: float | None = None
        self._n_lost = 0
        self._last_error: str | None = None  # of the last attempt
        self._fault: str | None = None  # of the outbox, so that there was no attempt
        self._arrived: int | None = None  # the number of a message that arrived, but is still in the outbox
        self._end = self._latest_end = 0.0  # by the monotonic clock, once it is closing
        self._work = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"vadlab-{name}", daemon=True)
        self._work.set()
        self._thread.start()

    def wake(self) -> None:
        """Say that there is a new message."""
        self._work.set()

    def health(self) -> SinkHealth:
        """How it does; any thread may ask, and after the outbox is closed, too."""
        try:
            totals = self._totals = self._outbox.totals()
        except StoreError:  # closed, or its disk fails, which the next message will say
            totals = self._totals
        # One that was given up while it was on its way may arrive yet, but a counter does not go back.
        self._n_lost = max(self._n_lost, totals.n_given_up)
        error = self._fault or self._last_error
        return SinkHealth(
            self._name,
            state="ok" if error is None else "failing",
            n_sent=self._n_sent,
            n_waiting=totals.n_waiting,
            n_lost=self._n_lost,
            last_sent=self._last_sent,
            last_error=error,
        )

    def close(self) -> None:
        """Deliver for a while what can be delivered, and stop."""
        self._end = time.monotonic() + self._retry.closing_s
        self._latest_end = time.monotonic() + LONGEST_CLOSING_S
        self._closing.set()
        self._work.set()
        self._thread.join(LONGEST_CLOSING_S + LONGEST_ATTEMPT_S)
        n_waiting = self.health().n_waiting  # the last look into the outbox
        if n_waiting:
            _log.warning("%s: %d messages wait on disk for the next watch", self._name, n_waiting)

    def _run(self) -> None:
        n_failures = 0
        while True:
            self._work.clear()
            try:
                message = self._outbox.first()
                if message is not None:
                    self._attempt(message)
            except Exception as error:
                # Whatever went wrong, the thread goes on: the messages are on disk, and health says why.
                said = str(error) if isinstance(error, Undelivered | VadlabError) else repr(error)
                if isinstance(error, StoreError):
                    self._fault = said
                else:
                    self._last_error = said
                n_failures += 1
                if n_failures == 1:
                    _log.warning("%s: not delivered, will be tried again: %s", self._name, said)
                if not self._wait(n_failures):
                    return
                continue
            self._fault = None
            if n_failures and self._last_error is None:
                _log.warning("%s: delivers again after %d failures", self._name, n_failures)
            n_failures = 0
            if self._closing.is_set():
                if message is None or time.monotonic() >= self._latest_end:
                    return
                self._end = min(time.monotonic() + self._retry.closing_s, self._latest_end)
            elif message is None:
                self._work.wait()

    def _wait(self, n_failures: int) -> bool:
        """Wait after a failure, less where the watch ends; whether to try again."""
        wait_s = self._retry.wait_s(n_failures)
        if not self._closing.is_set():
            self._closing.wait(wait_s)
            return True
        left_s = self._end - time.monotonic()
        time.sleep(max(0.0, min(wait_s, self._retry.first_s, left_s)))
        return left_s > 0

    def _attempt(self, message: Message) -> None:
        if message.number != self._arrived:
            try:
                self._deliver(message)
            except Undelivered as error:
                if error.hopeless:
                    self._last_error = str(error)
                    self._outbox.give_up(message, str(error))
                    _log.warning("%s: gave up message %s: %s", self._name, message.key, error)
                    return
                self._outbox.failed(message)
                n_given_up = self._outbox.give_up_older(self._retry.give_up_after_s, str(error))
                if n_given_up:
                    _log.warning("%s: gave up %d old messages: %s", self._name, n_given_up, error)
                raise
            self._arrived = message.number
            self._n_sent += 1
            self._last_sent, self._last_error = time.time(), None
        self._outbox.delivered(message)
