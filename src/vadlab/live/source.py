"""Where live frames come from: a file, a camera at this machine, or a stream of the network."""

from __future__ import annotations

import logging
import re
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from vadlab.errors import UsageError

__all__ = ["Connection", "LostError", "Source", "parse_sources"]

Kind = Literal["file", "device", "stream"]

DEVICE_FORMATS = ("v4l2", "avfoundation", "dshow", "lavfi")  # FFmpeg's names for cameras and test pictures
SLOWEST, FASTEST = 1, 240  # frames per second; some streams state their clock's 90000 instead
ASSUMED_FPS = Fraction(25)

_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)=(.+)", re.DOTALL)
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """One thing to watch.

    Args:
        name: Unique among the sources; letters, digits and . _ -, since it names files and topics.
        address: Path, device or URL; may hold a password.
        kind: "file" ends by itself and waits for us; "device" and "stream" do neither.
    """

    name: str
    address: str
    kind: Kind

    @property
    def shown(self) -> str:
        """The address as others may see it: without user, password and query."""
        if self.kind != "stream":
            return self.address
        parts = urlsplit(self.address)
        host = parts.netloc.rpartition("@")[2]
        return f"{parts.scheme}://{host}{parts.path}"


def parse_sources(texts: Sequence[str]) -> tuple[Source, ...]:
    """Sources from what a user wrote: ADDRESS or NAME=ADDRESS.

    An address is a video file or a folder of images, a device (`/dev/video0`, or FFmpeg's FORMAT:DEVICE such
    as `avfoundation:0`), or a URL (`rtsp://`, `http://`, ...). Without a name, it is taken from the address;
    where two are alike, they are numbered.

    Raises:
        UsageError: If there is no such file or device, or a name is given twice.
    """
    named = [_NAMED.fullmatch(text) if not Path(text).exists() else None for text in texts]
    given = [match[1] for match in named if match]
    twice = sorted({name for name in given if given.count(name) > 1})
    if twice:
        raise UsageError("two sources have the same name", found=", ".join(twice))
    sources: list[Source] = []
    for text, match in zip(texts, named, strict=True):
        address = match[2] if match else text
        kind = _kind(address)
        taken = {source.name for source in sources} | set(given)
        name = match[1] if match else _free(_name(address, kind), taken)
        sources.append(Source(name, address, kind))
    return tuple(sources)


def _kind(address: str) -> Kind:
    if "://" in address:
        return "stream"
    if address.split(":")[0] in DEVICE_FORMATS and ":" in address:
        return "device"
    path = Path(address)
    if not path.exists():
        raise UsageError(
            "there is no such source",
            file=address,
            expected="a video file, a folder of images, /dev/videoN, FORMAT:DEVICE or a URL such as rtsp://...",
            remedy="check the path; a URL begins with its scheme",
        )
    return "device" if stat.S_ISCHR(path.stat().st_mode) else "file"


def _name(address: str, kind: Kind) -> str:
    if kind == "stream":
        parts = urlsplit(address)
        text = f"{parts.hostname or ''}{parts.path}"
    else:
        text = Path(address).resolve().stem if kind == "file" else Path(address).name
    return _UNSAFE.sub("-", text).strip("-._")[:60] or "source"


def _free(wanted: str, taken: set[str]) -> str:
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    return name


class LostError(Exception):
    """A connection that is no more, or never was; the message says why."""

    def __init__(self, reason: str, *, stalled: bool = False) -> None:
        super().__init__(reason)
        self.stalled = stalled


class Connection:
    """One connection to a device or stream, for as long as the context lasts.

    Args:
        source: A device or stream.
        patience_s: Seconds without an answer, or without a picture, after which it counts as lost.

    Raises:
        LostError: When it is entered or iterated: it cannot be made, the other side ended it, or it stalled.
    """

    def __init__(self, source: Source, *, patience_s: float) -> None:
        self.source, self.patience_s = source, patience_s
        self.n_damaged = 0
        """Packets that could not be decoded; what they held is missing, or seen damaged."""

    def __enter__(self) -> Connection:
        self._container = self._opened()
        streams = self._container.streams.video
        if not streams or streams[0].codec_context is None:
            self._container.close()
            raise LostError("it has no video stream that can be decoded")
        self._stream = streams[0]
        # Frame threads would hold back as many pictures as there are threads.
        self._stream.thread_type = "SLICE"
        self.fps = _rate(self._stream)
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def __iter__(self) -> Iterator[av.VideoFrame]:
        """Pictures as they come, until the connection is lost; it never ends in another way."""
        last = time.monotonic()
        try:
            for packet in self._container.demux(self._stream):
                if packet.size:
                    for picture in self._decoded(packet):
                        last = time.monotonic()
                        yield picture
                if time.monotonic() - last > self.patience_s:
                    raise LostError(f"no picture for {self.patience_s:g} s", stalled=True)
        except (av.FFmpegError, OSError) as error:
            raise self._lost(error, time.monotonic() - last) from error
        for picture in self._decoded(None):
            yield picture
        raise LostError("the other side ended the stream")

    def _decoded(self, packet: av.Packet[VideoStream] | None) -> list[av.VideoFrame]:
        try:
            return list(self._stream.decode(packet))
        except av.FFmpegError:
            self.n_damaged += 1
            return []

    def _opened(self) -> InputContainer:
        address, options = self.source.address, dict[str, str]()
        kind: str | None = None
        if self.source.kind == "device":
            head, _, tail = address.partition(":")
            kind, address = (head, tail) if head in DEVICE_FORMATS else ("v4l2", address)
        elif address.lower().startswith("rtsp"):
            # UDP loses packets without a word; sound would keep a dead picture alive.
            options = {"rtsp_transport": "tcp", "allowed_media_types": "video"}
        started = time.monotonic()
        try:
            timeout = (self.patience_s, self.patience_s)
            return av.open(address, format=kind, options=options, timeout=timeout, metadata_errors="replace")
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._lost(error, time.monotonic() - started) from error

    def _lost(self, error: Any, waited: float) -> LostError:
        # FFmpeg's own word for an interrupted wait depends on where it was: "Invalid data", "Immediate exit".
        if waited >= self.patience_s:
            return LostError(f"no answer for {self.patience_s:g} s", stalled=True)
        return LostError(getattr(error, "strerror", None) or type(error).__name__)


def _rate(stream: VideoStream) -> Fraction:
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate is not None and SLOWEST <= rate <= FASTEST:
            return Fraction(rate)
    _log.warning("a stream states no frame rate; %s a second are assumed", ASSUMED_FPS)
    return ASSUMED_FPS
