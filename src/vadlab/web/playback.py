"""Videos as a browser plays them, frame by frame at the right time.

A browser shows frame n of a video at n / fps only if the file has no gaps, starts at 0 and is in a codec that
it knows. Such files are sent as they are; any other, and every folder of images, is encoded once as H.264 and
kept in the cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av

from vadlab import cache
from vadlab.errors import DataError, VadlabError
from vadlab.video.decode import VideoFrames
from vadlab.video.encode import write_video
from vadlab.video.transform import Frame
from vadlab.web.stamps import stamp

__all__ = ["Playback", "Playbacks", "plays_as_is"]

MAX_CACHE_BYTES = 20 * 1024**3
CODECS = {"h264": ("yuv420p", "yuvj420p"), "vp8": ("yuv420p",), "vp9": ("yuv420p",), "av1": ("yuv420p",)}
CONTAINERS = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/mp4", ".webm": "video/webm"}
_log = logging.getLogger(__name__)

State = Literal["ready", "preparing", "failed"]


@dataclass
class Playback:
    """Where a playable copy of a video is, or how far it is.

    Args:
        state: "ready", "preparing" or "failed".
        share: Done so far, in 0..1; None where the end is not known.
        reason: Why it failed.
        file: The playable file, once ready.
        media_type: Of that file.
    """

    state: State
    share: float | None = None
    reason: str | None = None
    file: Path | None = None
    media_type: str = "video/mp4"


@dataclass
class _Work:
    path: Path
    target: Path
    fps: Fraction
    n_frames: int | None
    playback: Playback = field(default_factory=lambda: Playback("preparing", 0.0))


class Playbacks:
    """Finds or makes playable copies; one is made at a time, the last one asked for first.

    Args:
        folder: Where copies are kept; None takes the cache folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or cache.folder() / "playback"
        self._known: dict[Path, Playback] = {}
        self._waiting: queue.LifoQueue[_Work] = queue.LifoQueue()
        self._lock = threading.Lock()
        self._worker: threading.Thread | None = None

    def get(self, path: Path, *, fps: Fraction | None, n_frames: int | None = None) -> Playback:
        """The playable copy of a video, which is begun if there is none.

        Args:
            path: Video file or folder of images.
            fps: The frame rate that frames are counted by; None takes the file's own.
            n_frames: For the share done; None where it is not known.

        Raises:
            DataError: If the video is not there.
        """
        if not path.exists():
            raise DataError("the video is not there", file=path, remedy="check that its folder is mounted")
        rate = fps or VideoFrames(path).fps
        target = self._folder / f"{_version(path, rate)}.mp4"
        with self._lock:
            known = self._known.get(target)
            if known is None or (known.file is not None and not known.file.exists()):
                known = self._find(path, target, rate, n_frames)
                self._known[target] = known
        if known.file == target:
            with contextlib.suppress(OSError):
                os.utime(target)  # used just now, so it is not the next to go
        return known

    def _find(self, path: Path, target: Path, fps: Fraction, n_frames: int | None) -> Playback:
        if target.exists():
            return Playback("ready", 1.0, file=target)
        if plays_as_is(path, fps):
            return Playback("ready", 1.0, file=path, media_type=CONTAINERS[path.suffix.lower()])
        work = _Work(path, target, fps, n_frames)
        self._waiting.put(work)
        if self._worker is None:
            self._worker = threading.Thread(target=self._run, name="playback", daemon=True)
            self._worker.start()
        return work.playback

    def _run(self) -> None:
        while True:
            work = self._waiting.get()
            try:
                write_video(work.target, _counted(work), fps=work.fps, crf=18)
                work.playback.file = work.target
                work.playback.state = "ready"
                _trim(self._folder, keep=work.target)
            except (VadlabError, OSError, av.FFmpegError) as error:
                _log.warning("%s cannot be played: %s", work.path, error)
                work.playback.reason = getattr(error, "message", str(error))
                work.playback.state = "failed"


def _counted(work: _Work) -> Iterator[Frame]:
    for number, frame in enumerate(VideoFrames(work.path, fps=work.fps), start=1):
        work.playback.share = min(1.0, number / work.n_frames) if work.n_frames else None
        yield frame


def plays_as_is(path: Path, fps: Fraction) -> bool:
    """Whether a browser plays the file with frame n from n / fps to (n + 1) / fps.

    Packets are read, not decoded: a minute of video takes milliseconds.
    """
    if path.is_dir() or path.suffix.lower() not in CONTAINERS:
        return False
    try:
        with av.open(str(path.absolute()), metadata_errors="replace") as container:
            stream = container.streams.video[0]
            if stream.pix_fmt not in CODECS.get(stream.codec_context.name, ()):
                return False
            base = stream.time_base
            times = [packet.pts for packet in container.demux(stream) if packet.size]
    except (av.FFmpegError, OSError, IndexError):
        return False
    known = sorted(time for time in times if time is not None)
    if len(known) != len(times) or not known or base is None:
        return False
    # Half a frame would show the neighbour; a tenth is the rounding of a coarse time base.
    return all(abs(time * base * fps - number) < Fraction(1, 10) for number, time in enumerate(known))


def _version(path: Path, fps: Fraction) -> str:
    """A name that changes when the video does."""
    return hashlib.sha256(f"{path.resolve()}\0{fps}\0{stamp(path)}".encode()).hexdigest()[:32]


def _trim(folder: Path, *, keep: Path) -> None:
    """Delete the copies that were not used for longest, until the rest is within the limit."""
    files = sorted(((f.stat().st_mtime, f.stat().st_size, f) for f in folder.glob("*.mp4")), reverse=True)
    total = 0
    for _, size, file in files:
        total += size
        if total > MAX_CACHE_BYTES and file != keep:
            file.unlink(missing_ok=True)
