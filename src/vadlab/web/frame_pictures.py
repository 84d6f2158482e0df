"""Frames of videos as JPEG by number, from our own decoder: a browser's seeking is not exact."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Generator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import cv2

from vadlab.errors import DataError
from vadlab.video.frame_by_number import NumberedFrames
from vadlab.video.transform import Frame, resize

__all__ = ["FramePictures"]

AHEAD = 8  # frames made at once: stepping and playing ask for the next ones
BEHIND = 24  # frames made before the one asked for, where reading begins anew: stepping back asks for them
PATIENCE = 64  # frames decoded in passing rather than seeking
QUALITY = 85


@dataclass
class _Reading:
    """One video, its frames so far, and the decoding that is under way."""

    frames: NumberedFrames
    lock: threading.Lock = field(default_factory=threading.Lock)
    under_way: Generator[Frame] | None = None
    place: int = 0  # number of the frame that comes next

    def close(self) -> None:
        if self.under_way is not None:
            self.under_way.close()
        self.under_way = None


class FramePictures:
    """JPEG pictures of frames; safe to share between threads.

    Args:
        max_bytes: Of all pictures that are kept; those not asked for longest are dropped.
        max_open: Videos whose decoding is kept going.
        max_side: Larger frames are shrunk to this many pixels along their longer side.
    """

    def __init__(self, *, max_bytes: int = 256 * 1024**2, max_open: int = 4, max_side: int = 1280) -> None:
        self.max_bytes, self.max_open, self.max_side = max_bytes, max_open, max_side
        self._lock = threading.Lock()
        self._pictures: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._n_bytes = 0
        self._readings: OrderedDict[str, _Reading] = OrderedDict()
        self._counting: dict[str, threading.Lock] = {}

    def frames(self, path: Path, *, fps: Fraction | None = None) -> NumberedFrames:
        """The video's facts; the first call decodes it, and so does one after the file has changed.

        Raises:
            DataError: If it cannot be decoded.
        """
        return self._reading(path, fps)[1].frames

    def jpeg(self, path: Path, number: int, *, fps: Fraction | None = None) -> bytes | None:
        """One frame, or None if there is no frame of that number.

        Raises:
            DataError: If the video cannot be decoded.
        """
        key, reading = self._reading(path, fps)
        if not 0 <= number < reading.frames.n_frames:
            return None
        found = self._kept(key, number)
        if found is not None:
            return found
        with reading.lock:
            # Whoever had the lock before may have made it.
            return self._kept(key, number) or self._make(key, reading, number)

    def stamp(self, path: Path) -> str:
        """A text that changes with the file."""
        facts = path.stat()
        return f"{facts.st_size:x}-{facts.st_mtime_ns:x}"

    def _reading(self, path: Path, fps: Fraction | None) -> tuple[str, _Reading]:
        key = f"{path}|{self.stamp(path) if path.exists() else ''}"
        with self._lock:
            counting = self._counting.setdefault(key, threading.Lock())
        with counting:  # the first to ask decodes, the others wait
            with self._lock:
                if key in self._readings:
                    self._readings.move_to_end(key)
                    return key, self._readings[key]
            reading = _Reading(NumberedFrames(path, fps=fps))
            with self._lock:
                self._readings[key] = reading
                return key, reading

    def _make(self, key: str, reading: _Reading, number: int) -> bytes:
        wanted = b""
        if reading.under_way is None or not reading.place <= number < reading.place + PATIENCE:
            reading.close()
            reading.place = max(0, number - BEHIND)
            reading.under_way = reading.frames.read(reading.place)
            self._close_others(key)
        try:
            for frame in reading.under_way:
                picture = self._encoded(frame)
                self._keep(key, reading.place, picture)
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

    def _kept(self, key: str, number: int) -> bytes | None:
        with self._lock:
            found = self._pictures.get((key, number))
            if found is not None:
                self._pictures.move_to_end((key, number))
            return found

    def _keep(self, key: str, number: int, picture: bytes) -> None:
        with self._lock:
            self._n_bytes += len(picture) - len(self._pictures.pop((key, number), b""))
            self._pictures[key, number] = picture
            while self._n_bytes > self.max_bytes and len(self._pictures) > 1:
                self._n_bytes -= len(self._pictures.popitem(last=False)[1])

    def _close_others(self, key: str) -> None:
        """Let the decodings go that were not asked for longest."""
        with self._lock:
            going = [
                name for name, one in self._readings.items() if one.under_way is not None and name != key
            ]
            spare = [self._readings[name] for name in going[: max(0, len(going) - self.max_open + 1)]]
        for one in spare:
            if one.lock.acquire(blocking=False):  # one that is in use is not idle
                one.close()
                one.lock.release()
