"""Events as JSON lines, appended to a file."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from vadlab.errors import DataError, StoreError, UsageError
from vadlab.live.event import LiveEvent
from vadlab.live.sink import SinkHealth

__all__ = ["JsonlSink", "Lines", "Sync", "read_events"]

Sync = Literal["always", "end", "never"]


@dataclass(frozen=True)
class Lines:
    """The events of a file, and the text of a last line that was not written to its end, or None."""

    events: tuple[LiveEvent, ...]
    torn: str | None


def read_events(path: Path) -> Lines:
    """Read a file of events; one that is being written, or whose writer was killed, may end in the middle.

    Raises:
        StoreError: If it cannot be read, or a line before the last is no event; all such lines are named.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StoreError("cannot read the events", file=path, found=error.strerror) from error
    *whole, last = content.split(b"\n")
    events, bad = [], []
    for number, line in enumerate(whole, start=1):
        try:
            events.append(LiveEvent.from_line(line.decode()))
        except (DataError, UnicodeDecodeError):
            bad.append(number)
    if bad:
        raise StoreError(
            "these lines are no events",
            file=path,
            expected="one event a line, as JSON",
            found="line " + ", ".join(map(str, bad)),
        )
    return Lines(tuple(events), last.decode(errors="replace") if last else None)


class JsonlSink:
    """See `vadlab.live.sink.Sink`; each line is handed to the system whole, in one write.

    The file is opened anew for each event, so it may be renamed or removed at any time, as log rotation does.
    """

    def __init__(self, path: Path, *, sync: Sync = "always") -> None:
        """Take the file.

        Args:
            path: Such as WATCH/events.jsonl; it is made where there is none, with its folder.
            sync: Which lines are forced to the disk, and so outlast a power cut: "always" all, "end" up
                to the end of each event, "never" none. A killed process alone loses no line in any case.

        Raises:
            UsageError: If `sync` is none of these.
        """
        if sync not in get_args(Sync):
            raise UsageError(f"unknown sync {sync!r}", expected=" | ".join(get_args(Sync)))
        self._path, self._sync = path, sync
        self._last = b""  # the line that an earlier process wrote last
        self._health = SinkHealth("jsonl")

    def open(self) -> None:
        """Make the file where there is none; move a torn last line to FILE.torn.

        Raises:
            StoreError: If the file cannot be written.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a+b") as file:
                self._set_torn_aside(file.fileno())
                self._last = _last_line(file.fileno())
        except OSError as error:
            raise self._failure(error) from error

    def _set_torn_aside(self, file: int) -> None:
        """Cut off what was written of a last line when the power failed, so that a next line stands alone."""
        size = os.fstat(file).st_size
        tail = b""
        position = size
        while position and b"\n" not in tail:
            step = min(position, 65536)
            position -= step
            tail = os.pread(file, step, position) + tail
        torn = tail.rpartition(b"\n")[2]
        if torn:
            with self._path.with_name(self._path.name + ".torn").open("ab") as aside:
                aside.write(torn + b"\n")
                aside.flush()
                os.fsync(aside.fileno())
            os.ftruncate(file, size - len(torn))

    def send(self, event: LiveEvent) -> None:
        """Append one line; the one that an earlier process wrote last is not written again.

        Raises:
            StoreError: If it cannot be written; then nothing of it is.
        """
        line = (event.to_line() + "\n").encode()
        if line == self._last:
            return
        self._last = b""
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                self._write(file, line)
                if self._sync == "always" or (self._sync == "end" and event.state == "end"):
                    os.fsync(file)
            finally:
                os.close(file)
        except OSError as error:
            failure = self._failure(error)
            self._health = replace(self._health, state="failing", last_error=str(failure))
            raise failure from error
        self._health = SinkHealth("jsonl", n_sent=self._health.n_sent + 1, last_sent=time.time())

    @staticmethod
    def _write(file: int, line: bytes) -> None:
        size = os.fstat(file).st_size
        try:
            rest = line
            while rest:
                rest = rest[os.write(file, rest) :]
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(file, size)
            raise

    def _failure(self, error: OSError) -> StoreError:
        return StoreError(
            "the event was not written",
            file=self._path,
            expected="a file that can be written, and room on the disk",
            found=error.strerror or str(error),
        )

    def health(self) -> SinkHealth:
        """How it does."""
        return self._health

    def close(self) -> None:
        """Nothing is open between events."""


def _last_line(file: int) -> bytes:
    """The last line with its end, b"" where there is none; of one longer than 64 KB, its end."""
    size = os.fstat(file).st_size
    lines = os.pread(file, 65536, max(0, size - 65536)).splitlines(keepends=True)
    return lines[-1] if lines else b""
