"""Frames of videos as JPEG by number, from our own decoder: a browser's seeking is not exact.

A long video is numbered by its packets first, so that it is there at once, and then decoded to its end by a
thread of low priority. Where that finds damage, the video is refused as any damaged one; where it finds other
frames, they are numbered anew and the video's stamp changes.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
from collections import OrderedDict
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2

from vadlab.errors import DataError
from vadlab.video.decode import decoded_pictures
from vadlab.video.frame_by_number import NumberedFrames
from vadlab.video.frame_index import decoded_index, packet_index
from vadlab.video.transform import Frame, resize
from vadlab.web.stamps import stamp

__all__ = ["Facts", "FramePictures"]

AHEAD = 8  # frames made at once: stepping and playing ask for the next ones
BEHIND = 24  # frames made before the one asked for, where reading begins anew: stepping back asks for them
PATIENCE = 64  # frames decoded in passing rather than seeking
QUALITY = 85
SHORT = 200e6  # pixels that a core decodes in about a second


@dataclass(frozen=True)
class Facts:
    """A video's frames.

    Args:
        n_frames: How many there are.
        fps: Frames per second.
        stamp: Changes with the file, and where its frames are numbered anew.
        settled: Whether they were counted by decoding the whole video, rather than by its packets.
    """

    n_frames: int
    fps: Fraction
    stamp: str
    settled: bool


@dataclass
class _Reading:
    """One video, its frames so far, and the decoding that is under way."""

    stamp: str
    frames: NumberedFrames
    settled: bool
    damage: DataError | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    under_way: Generator[Frame] | None = None
    place: int = 0  # number of the frame that comes next

    @property
    def name(self) -> str:
        """What its pictures are kept under."""
        return f"{self.frames.path}|{self.stamp}"

    def close(self) -> None:
        if self.under_way is not None:
            self.under_way.close()
        self.under_way = None


class _ClosedError(Exception):
    """Nobody wants to know any more."""


class FramePictures:
    """JPEG pictures of frames; safe to share between threads.

    Args:
        max_bytes: Of all pictures that are kept; those not asked for longest are dropped.
        max_open: Videos whose decoding is kept going.
        max_side: Larger frames are shrunk to this many pixels along their longer side.
        short: Videos of up to so many pixels in all frames are decoded at once.
    """

    def __init__(
        self,
        *,
        max_bytes: int = 256 * 1024**2,
        max_open: int = 4,
        max_side: int = 1280,
        short: float = SHORT,
    ) -> None:
        self.max_bytes, self.max_open, self.max_side, self.short = max_bytes, max_open, max_side, short
        self._lock = threading.Lock()
        self._pictures: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._n_bytes = 0
        self._readings: OrderedDict[str, _Reading] = OrderedDict()
        self._counting: dict[str, threading.Lock] = {}
        self._unsettled: queue.LifoQueue[str] = queue.LifoQueue()  # the last opened is looked at now
        self._worker: threading.Thread | None = None
        self._closed = threading.Event()

    def close(self) -> None:
        """End the decoding in the background."""
        self._closed.set()
        self._unsettled.put("")
        if self._worker is not None:
            self._worker.join()

    def facts(self, path: Path, *, fps: Fraction | None = None) -> Facts:
        """What is known of a video by now; found by the first call, and by one after the file has changed.

        Raises:
            DataError: If it cannot be decoded.
        """
        reading = self._reading(path, fps)
        return Facts(reading.frames.n_frames, reading.frames.fps, reading.stamp, reading.settled)

    def jpeg(self, path: Path, number: int, *, fps: Fraction | None = None) -> bytes | None:
        """One frame, or None if there is no frame of that number.

        Raises:
            DataError: If the video cannot be decoded.
        """
        reading = self._reading(path, fps)
        if not 0 <= number < reading.frames.n_frames:
            return None
        found = self._kept(reading, number)
        if found is not None:
            return found
        with reading.lock:
            # Whoever had the lock before may have made it.
            return self._kept(reading, number) or self._make(reading, number)

    def _reading(self, path: Path, fps: Fraction | None) -> _Reading:
        key = f"{path}|{stamp(path)}"
        with self._lock:
            counting = self._counting.setdefault(key, threading.Lock())
        with counting:  # the first to ask counts, the others wait
            with self._lock:
                reading = self._readings.get(key)
                if reading is not None:
                    self._readings.move_to_end(key)
            if reading is None:
                reading = self._opened(key, path, fps)
        if reading.damage is not None:
            raise reading.damage.with_traceback(None)  # which would grow
        return reading

    def _opened(self, key: str, path: Path, fps: Fraction | None) -> _Reading:
        index = None if path.is_dir() else packet_index(path, short=self.short)
        frames = NumberedFrames(path, fps=fps, index=index)
        reading = _Reading(key.removeprefix(f"{path}|"), frames, settled=index is None)
        with self._lock:
            self._readings[key] = reading
            if index is not None:
                self._unsettled.put(key)
                if self._worker is None:
                    self._worker = threading.Thread(target=self._settle, name="frame numbers", daemon=True)
                    self._worker.start()
        return reading

    def _settle(self) -> None:
        """Decode what was numbered by packets, until closed."""
        if sys.platform == "linux":  # elsewhere a priority belongs to the whole process
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
        while not self._closed.is_set():
            key = self._unsettled.get()
            with self._lock:
                reading = self._readings.get(key)
            if reading is None:
                continue
            frames = reading.frames
            try:
                index = decoded_index(self._until_closed(decoded_pictures(frames.path)))
            except _ClosedError:
                return
            except DataError as error:
                reading.damage = error
                continue
            except (OSError, av.FFmpegError) as error:
                reading.damage = DataError("the video cannot be read", file=frames.path, found=str(error))
                continue
            if (index.n_frames, index.times) == (frames.index.n_frames, frames.index.times):
                reading.settled = True
                continue
            found = NumberedFrames(frames.path, fps=frames.fps, index=index)
            with self._lock:
                self._readings[key] = _Reading(f"{reading.stamp}-decoded", found, settled=True)

    def _until_closed(self, pictures: Generator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
        with contextlib.closing(pictures):
            for picture in pictures:
                if self._closed.is_set():
                    raise _ClosedError
                yield picture

    def _make(self, reading: _Reading, number: int) -> bytes:
        wanted = b""
        if reading.under_way is None or not reading.place <= number < reading.place + PATIENCE:
            reading.close()
            reading.place = max(0, number - BEHIND)
            reading.under_way = reading.frames.read(reading.place)
            self._close_others(reading)
        try:
            for frame in reading.under_way:
                picture = self._encoded(frame)
                self._keep(reading, reading.place, picture)
                wanted = picture if reading.place == number else wanted
                reading.place += 1
                if reading.place > number + AHEAD:
                    break
        except DataError:
            reading.close()
            raise
        if not wanted:
            reading.close()
            raise DataError(
                "the video ends before a frame that it had",
                file=reading.frames.path,
                expected=f"{reading.frames.n_frames} frames",
                found=f"no frame {number}",
                remedy="load the page again if the file was replaced",
            )
        return wanted

    def _encoded(self, frame: Frame) -> bytes:
        height, width, _ = frame.shape
        scale = self.max_side / max(height, width)
        if scale < 1:
            frame = resize(frame, (max(1, round(width * scale)), max(1, round(height * scale))))
        _, picture = cv2.imencode(
            ".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
        )
        return picture.tobytes()

    def _kept(self, reading: _Reading, number: int) -> bytes | None:
        name = reading.name, number
        with self._lock:
            found = self._pictures.get(name)
            if found is not None:
                self._pictures.move_to_end(name)
            return found

    def _keep(self, reading: _Reading, number: int, picture: bytes) -> None:
        name = reading.name, number
        with self._lock:
            self._n_bytes += len(picture) - len(self._pictures.pop(name, b""))
            self._pictures[name] = picture
            while self._n_bytes > self.max_bytes and len(self._pictures) > 1:
                self._n_bytes -= len(self._pictures.popitem(last=False)[1])

    def _close_others(self, reading: _Reading) -> None:
        """Let the decodings go that were not asked for longest."""
        with self._lock:
            going = [
                one for one in self._readings.values() if one.under_way is not None and one is not reading
            ]
            spare = going[: max(0, len(going) - self.max_open + 1)]
        for one in spare:
            if one.lock.acquire(blocking=False):  # one that is in use is not idle
                one.close()
                one.lock.release()
