"""Frames of one source, read in a thread of their own: reconnecting, and dropping what cannot wait.

A file waits for the one who scores. A camera does not: its frames wait here, at most so many seconds and so
many bytes. When that is exceeded, scoring is too slow, and all that wait are dropped at once and counted, so
that scoring goes on with the newest frame. Dropping some here and there would be worse: a clip with holes
shows motion that is too fast. What comes after such a hole, or after a lost connection, is a new stretch,
which is scored as a video of its own.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vadlab.errors import UsageError
from vadlab.live.health import Health
from vadlab.live.source import Connection, LostError, Source
from vadlab.video.colour import rgb, shown_size
from vadlab.video.decode import VideoFrames
from vadlab.video.transform import Frame

__all__ = ["Capture", "Captured", "Onlooker", "Patience", "Stretch"]

MOST_BYTES = 2**28
LEAST_FRAMES = 32  # that may wait however large they are
FILE_FRAMES = 32  # of a file that may wait

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Patience:
    """How long a watch waits for what, seconds.

    Args:
        stalled_s: For an answer or a frame, before the connection counts as lost.
        first_wait_s: Before the first attempt to connect again; each further one waits twice as long.
        longest_wait_s: Between two attempts.
        give_up_s: Without a frame, before a source is given up; None never.
        behind_s: That a frame of a live source may wait to be scored, before all that wait are dropped.

    Raises:
        UsageError: If a time is negative, or none at all where there must be some.
    """

    stalled_s: float = 10.0
    first_wait_s: float = 1.0
    longest_wait_s: float = 30.0
    give_up_s: float | None = None
    behind_s: float = 4.0

    def __post_init__(self) -> None:
        times = (self.first_wait_s, self.longest_wait_s, self.behind_s, self.give_up_s or 0.0)
        if not self.stalled_s > 0 or not min(times) >= 0:
            raise UsageError(
                "one cannot wait for so long",
                expected="a time to call a stream stalled above 0 s, and others of 0 s or more",
                found=self,
            )


@dataclass(frozen=True)
class Captured:
    """A frame of a source.

    Args:
        index: Its number since the source was first opened; dropped frames count.
        time: UNIX seconds: of a live source when it came, of a file when the file was opened plus its place.
        arrived: When it came, by the monotonic clock.
        fps: Of the source, as it states.
        frame: (h, w, 3) RGB uint8.
    """

    index: int
    time: float
    arrived: float
    fps: Fraction
    frame: Frame


class Stretch:
    """Frames without a hole between them, to be read before the next stretch is asked for."""

    def __init__(self, fps: Fraction, frames: Iterator[Captured]) -> None:
        self.fps = fps
        """Frames a second, as the source states."""
        self.lost = False
        """Once the frames are read: whether the connection was lost after them."""
        self._frames = frames

    def __iter__(self) -> Iterator[Captured]:
        return self._frames


@dataclass(frozen=True)
class Onlooker:
    """One who sees every frame, dropped ones too, in a size fit for people.

    Args:
        see: Called with the source's name, the frame's index, its time and the frame, in a thread of each
            source.
        longest_side: Pixels; larger frames are shrunk.
    """

    see: Callable[[str, int, float, Frame], None]
    longest_side: int

    def size(self, shown: tuple[int, int]) -> tuple[int, int]:
        """(width, height) of what it sees of frames of this size."""
        scale = min(1.0, self.longest_side / max(shown))
        width, height = (max(1, round(side * scale)) for side in shown)
        return width, height


@dataclass(frozen=True)
class _Hole:
    """Frames before and after are no neighbours."""

    lost: bool


class Capture:
    """One source's frames; the thread runs from `start` until the source ends or `stop`.

    Args:
        source: Where from.
        health: Takes the numbers.
        resize: (width, height) of the frames; None keeps their own.
        patience: How long to wait.
        real_time: Read a file as if it were a camera: at its own speed, with frames dropped when scoring is
            too slow.
        onlooker: Sees the frames before they wait; a file is decoded a second time for it.
    """

    def __init__(
        self,
        source: Source,
        *,
        health: Health,
        resize: tuple[int, int] | None = None,
        patience: Patience | None = None,
        real_time: bool = False,
        onlooker: Onlooker | None = None,
    ) -> None:
        self.source, self.health, self._onlooker = source, health, onlooker
        self.error: BaseException | None = None
        """Why the capture failed, once it has."""
        self._resize, self._patience, self._real_time = resize, patience or Patience(), real_time
        self._waiting: deque[Captured | _Hole] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._stop = threading.Event()
        self._index = 0
        self._fps = Fraction(25)
        self._thread = threading.Thread(target=self._run, name=f"capture {source.name}", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Read no further; frames that wait are still given."""
        self._stop.set()
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def join(self, timeout: float) -> bool:
        """Wait for the thread, which may be waiting for a camera; whether it has ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def stretches(self) -> Iterator[Stretch]:
        """The frames; ends with the source, and never raises: see `error` and the health."""
        while (first := self._take()) is not None:
            if isinstance(first, Captured):
                stretch = Stretch(first.fps, iter(()))
                stretch._frames = self._until_hole(first, stretch)
                yield stretch

    def _until_hole(self, first: Captured, stretch: Stretch) -> Iterator[Captured]:
        item: Captured | _Hole | None = first
        while isinstance(item, Captured):
            yield item
            item = self._take()
        stretch.lost = item is not None and item.lost

    def _take(self) -> Captured | _Hole | None:
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            item = self._waiting.popleft() if self._waiting else None
            self._changed.notify_all()
            return item

    def _run(self) -> None:
        try:
            if self.source.kind == "file":
                self._read_file()
            else:
                self._keep_connected()
            if self._stop.is_set():
                self.health.turned("stopped")
        except BaseException as error:  # whatever it is, the watcher must see it
            self.error = error
            self.health.turned("failed", str(error))
        finally:
            with self._changed:
                self._closed = True
                self._changed.notify_all()

    def _read_file(self) -> None:
        frames = VideoFrames(Path(self.source.address), resize=self._resize)
        self._fps = frames.fps
        self.health.connected()
        opened, began = time.time(), time.monotonic()
        seen = self._seen_frames(frames.path)
        for frame in frames:
            after = float(self._index / self._fps)
            if self._real_time:
                self._stop.wait(max(0.0, began + after - time.monotonic()))
            if self._stop.is_set():
                return
            if self._onlooker is not None and seen is not None:
                self._onlooker.see(self.source.name, self._index, opened + after, next(seen))
            self._put(frame, opened + after)
        self.health.turned("ended")

    def _seen_frames(self, path: Path) -> Iterator[Frame] | None:
        if self._onlooker is None:
            return None
        return iter(VideoFrames(path, resize=self._onlooker.size(VideoFrames(path).size)))

    def _keep_connected(self) -> None:
        wait, since = self._patience.first_wait_s, time.monotonic()
        while not self._stop.is_set():
            before = self._index
            try:
                self._read_connection()
                return
            except LostError as lost:
                error = lost
            except Exception as fault:  # a picture like no other must not end a watch of months
                _log.exception("%s: a frame could not be taken", self.source.name)
                error = LostError(str(fault) or type(fault).__name__)
            if self._stop.is_set():
                return
            if self._index > before:
                wait, since = self._patience.first_wait_s, time.monotonic()
                self._hole(lost=True)
            # Many cameras lost at once should not all come back in the same instant.
            pause = wait * random.uniform(0.8, 1.2)
            if self._patience.give_up_s is not None:
                left = since + self._patience.give_up_s - time.monotonic()
                if left <= 0:
                    raise error
                pause = min(pause, left)
            self.health.turned("stalled" if error.stalled else "lost", str(error))
            self._stop.wait(pause)
            wait = min(2 * wait, self._patience.longest_wait_s)

    def _read_connection(self) -> None:
        """Read until the user stops; raises LostError when the connection is lost."""
        with Connection(self.source, patience_s=self._patience.stalled_s) as connection:
            self._fps = connection.fps
            self.health.connected()
            size = None
            damaged = 0
            for picture in connection:
                if self._stop.is_set():
                    return
                if size is not None and size != (picture.width, picture.height):
                    self._hole(lost=True)
                size = picture.width, picture.height
                when = time.time()
                if self._onlooker is not None:
                    seen = rgb(picture, self._onlooker.size(shown_size(picture)))
                    self._onlooker.see(self.source.name, self._index, when, seen)
                self._put(rgb(picture, self._resize), when)
                self.health.lost(damaged=connection.n_damaged - damaged)
                damaged = connection.n_damaged

    def _put(self, frame: Frame, when: float) -> None:
        now = time.monotonic()
        item = Captured(self._index, when, now, self._fps, frame)
        waits = self.source.kind == "file" and not self._real_time
        with self._changed:
            if waits:
                while len(self._waiting) >= FILE_FRAMES and not self._closed:
                    self._changed.wait()
            elif self._too_late(now, frame.nbytes):
                self._drop()
            if not self._closed:
                self._index += 1
                self.health.came(when)
                self._waiting.append(item)
                self._changed.notify_all()

    def _too_late(self, now: float, n_bytes: int) -> bool:
        most = max(LEAST_FRAMES, MOST_BYTES // n_bytes)
        oldest = next((item for item in self._waiting if isinstance(item, Captured)), None)
        late = oldest is not None and now - oldest.arrived > self._patience.behind_s
        return late or len(self._waiting) >= most

    def _drop(self) -> None:
        lost = any(isinstance(item, _Hole) and item.lost for item in self._waiting)
        self.health.lost(dropped=sum(isinstance(item, Captured) for item in self._waiting))
        self._waiting.clear()
        self._waiting.append(_Hole(lost))

    def _hole(self, *, lost: bool) -> None:
        with self._changed:
            self._waiting.append(_Hole(lost))
            self._changed.notify_all()
