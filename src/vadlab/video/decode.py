"""Video files and image folders to RGB frames: every frame once, in presentation order.

Strict about damage: a file that loses frames gives all that decode, then raises; it never ends
quietly. The count of `probe` is the count of that same decoding.
"""

from __future__ import annotations

import logging
import shlex
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Literal

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from vadlab.errors import DataError, UsageError
from vadlab.types import Video
from vadlab.video.colour import rgb, shown_size
from vadlab.video.image_folder import image_frames, image_paths, read_image
from vadlab.video.read_ahead import read_ahead
from vadlab.video.transform import Frame
from vadlab.video.truncation import missing_bytes

__all__ = ["VideoFrames", "decoded_pictures", "opened", "probe", "read_frame"]

_FOLDER_FPS = Fraction(25)
_log = logging.getLogger(__name__)


def probe(path: Path, *, id: str, fps: Fraction | None = None) -> Video:  # noqa: A002
    """Describe a video by decoding it.

    A file is decoded to its end (without colour conversion), because no header, index or packet
    count is proof of how many frames decoding yields. An image folder is listed, and its first
    image read.

    Args:
        path: Video file, or folder of images.
        id: The video's name within its dataset.
        fps: Frame rate of an image folder (25 unless given). A file's own average rate wins over it.

    Raises:
        DataError: If it is missing, is no video, has no frame or no frame rate, changes its size, or
            is damaged.
    """
    if path.is_dir():
        images = image_paths(path)
        height, width, _ = read_image(images[0]).shape
        return Video(id=id, path=path, n_frames=len(images), fps=fps or _FOLDER_FPS, size=(width, height))
    size, n_frames = (0, 0), 0
    for picture in decoded_pictures(path):
        size, n_frames = shown_size(picture), n_frames + 1
    return Video(id=id, path=path, n_frames=n_frames, fps=_file_rate(path, fps), size=size)


class VideoFrames:
    """The frames of one video file or image folder, decoded anew in each iteration.

    Decoding runs in a thread of its own, ahead of the consumer. Up to `ahead` + 1 frames beyond the
    consumer's are held: 32 frames of 1920x1080 are 200 MB. The thread ends when the iteration ends,
    or soon after the iterator is closed or dropped.

    Frames are (h, w, 3) RGB uint8, contiguous. Every frame comes once, in presentation order,
    whatever its time stamp, so a variable frame rate neither repeats nor drops any. Rotation is
    applied, to the nearest quarter turn. Colours follow the file's matrix and range tags; without a
    tag, BT.601 and limited range. Grey becomes three equal channels, deeper formats become 8 bits.

    Args:
        path: Video file, or folder of images (jpg, jpeg, png, tif, tiff, bmp) in natural order.
        ahead: Frames that may wait, at least 1.
        resize: (width, height) of the frames to yield, after rotation; area average to shrink, bilinear
            to grow. Cheaper than resizing afterwards: see `vadlab.video.colour`.
        fps: Frame rate of an image folder (25 unless given). A file's own average rate wins over it.

    Raises:
        DataError: On use, not on construction: what `probe` raises. Damage is raised after the last
            frame that decodes.
        UsageError: If `ahead` or `resize` is not positive.
    """

    def __init__(
        self,
        path: Path,
        *,
        ahead: int = 32,
        resize: tuple[int, int] | None = None,
        fps: Fraction | None = None,
    ) -> None:
        if ahead < 1 or (resize is not None and min(resize) < 1):
            raise UsageError(
                "frames need a positive size and room to wait",
                expected="ahead >= 1 and resize (width, height) >= 1",
                found=f"ahead={ahead}, resize={resize}",
            )
        self.path = Path(path)
        self.ahead = ahead
        self.resize = resize
        self._fps = fps

    @cached_property
    def fps(self) -> Fraction:
        """Average frames per second."""
        if self.path.is_dir():
            return self._fps or _FOLDER_FPS
        return _file_rate(self.path, self._fps)

    @cached_property
    def size(self) -> tuple[int, int]:
        """(width, height) of the frames as yielded: after rotation, and after `resize` where given."""
        with closing(_frames(self.path, self.resize)) as frames:
            height, width, _ = next(frames).shape
        return width, height

    def __iter__(self) -> Iterator[Frame]:
        return read_ahead(_frames(self.path, self.resize), self.ahead)


def read_frame(path: Path, index: int) -> Frame:
    """One frame, (h, w, 3) RGB uint8; a file is decoded from its start.

    Raises:
        DataError: If the video cannot be decoded that far.
        UsageError: If there is no such frame.
    """
    count = 0
    if index >= 0 and path.is_dir():
        images = image_paths(path)
        count = len(images)
        if index < count:
            return read_image(images[index])
    elif index >= 0:
        with closing(decoded_pictures(path)) as pictures:
            for count, picture in enumerate(pictures, start=1):
                if count > index:
                    return rgb(picture)
    raise UsageError(
        f"there is no frame {index}",
        file=path,
        expected=f"0 to {count - 1}" if count else "0 or more",
    )


def _frames(path: Path, size: tuple[int, int] | None) -> Generator[Frame]:
    if path.is_dir():
        yield from image_frames(path, size)
    else:
        for picture in decoded_pictures(path):
            yield rgb(picture, size)


@dataclass
class _Tally:
    """What one pass over a file found."""

    promised: int = 0  # frames by the container's header; 0 where it does not say
    intact: int = 0  # packets that are whole
    due: int = 0  # packets that should give a frame (not cut away by an edit list)
    pictures: int = 0
    error: str = ""  # the first of the demuxer or decoder


def decoded_pictures(path: Path) -> Generator[av.VideoFrame]:
    """Yield every picture of a file that decodes, then raise if any was lost.

    The codec's threads report damage late or not at all, and drop healthy pictures behind it. So
    where pictures are missing, a second pass in one thread, which is exact, finds the rest. Some
    healthy streams have packets without a picture (hidden VP8 references); those cost a second
    decoding and yield nothing more.
    """
    tally = _Tally()
    yield from _pass(path, tally, threads="AUTO")
    if tally.error or tally.pictures < tally.due:
        seen, tally = tally.pictures, _Tally()
        yield from islice(_pass(path, tally, threads="NONE"), seen, None)
    _report_loss(path, tally)


def _report_loss(path: Path, tally: _Tally) -> None:
    """Raise if a pass lost frames to damage; warn if it may have."""
    missing = missing_bytes(path)
    # A cut that took only what follows the last frame (an index, sound) has lost nothing.
    cut = missing > 0 and not 0 < tally.promised <= tally.intact
    if tally.error or cut or not tally.pictures:
        cause = tally.error or (f"the file ends {missing} bytes too early" if cut else "no error")
        raise DataError(
            "the video is damaged" if tally.error or cut else "the video holds no frame",
            file=path,
            expected=f"{tally.promised} frames" if tally.promised else "a whole video with frames",
            found=f"{tally.pictures} frames that decode; {cause}",
            remedy=f"copy or download it again, or keep the frames that decode: {_reencode(path)}",
        )
    if tally.pictures < tally.due:
        # Some codecs drop what they cannot read without an error; only the numbers show it.
        _log.warning(
            "%s: %d packets gave %d frames; healthy with hidden frames (VP8), otherwise damage",
            path,
            tally.due,
            tally.pictures,
        )


def _pass(path: Path, tally: _Tally, *, threads: Literal["AUTO", "NONE"]) -> Generator[av.VideoFrame]:
    """Decode a file from start to end, noting in the tally what was found."""
    container, stream = opened(path)
    size: tuple[int, int] | None = None
    with container:
        stream.thread_type = threads
        tally.promised = stream.frames
        for packet in _packets(container, stream, tally):
            try:
                pictures = stream.decode(packet)
            except av.FFmpegError as error:
                tally.error = tally.error or _reason(error)
                continue
            for picture in pictures:
                size = size or shown_size(picture)
                if shown_size(picture) != size:
                    raise DataError(
                        f"the picture size changes at frame {tally.pictures}",
                        file=path,
                        expected=f"{size[0]}x{size[1]} throughout",
                        found="{}x{}".format(*shown_size(picture)),
                        remedy=f"bring all frames to one size: {_reencode(path)}",
                    )
                tally.pictures += 1
                yield picture


def _packets(
    container: InputContainer, stream: VideoStream, tally: _Tally
) -> Iterator[av.Packet[VideoStream] | None]:
    """Yield the stream's packets, then None, which makes the decoder give what it still holds."""
    try:
        for packet in container.demux(stream):
            # An empty packet (a dropped frame in AVI) would end the decoding.
            if packet.size:
                tally.intact += not packet.is_corrupt
                tally.due += not packet.is_discard
                yield packet
    except av.FFmpegError as error:
        tally.error = tally.error or _reason(error)
    yield None


def opened(path: Path) -> tuple[InputContainer, VideoStream]:
    """A file's container, to be closed by the caller, and its video stream.

    Raises:
        DataError: If there is no such file, or it is no video.
    """
    if not path.is_file():
        raise DataError(
            "no such video", file=path, remedy="check the path; it is a file or a folder of images"
        )
    if not path.stat().st_size:
        raise DataError(
            "the video file is empty", file=path, found="0 bytes", remedy="copy or download it again"
        )
    try:
        # An absolute path: FFmpeg reads the relative "12:30.mp4" as a protocol named "12".
        container = av.open(str(path.absolute()), metadata_errors="replace")
    except av.FFmpegError as error:
        missing = missing_bytes(path)
        raise DataError(
            "the file cannot be opened as a video",
            file=path,
            expected="a video file that FFmpeg reads",
            found=_reason(error) + (f"; the file ends {missing} bytes too early" if missing else ""),
            remedy=f"copy or download it again; what it holds shows: ffprobe {shlex.quote(str(path))}",
        ) from error
    # The cover picture of a sound file is listed as a video of one frame.
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams or streams[0].codec_context is None:
        kinds = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
        container.close()
        raise DataError(
            "the file holds no video stream that can be decoded",
            file=path,
            expected="a video stream",
            found=kinds,
            remedy=f"convert it: {_reencode(path)}" if streams else "give a file with pictures",
        )
    return container, streams[0]


def _file_rate(path: Path, fallback: Fraction | None) -> Fraction:
    container, stream = opened(path)
    with container:
        rate = stream.average_rate or stream.guessed_rate or fallback
    if not rate:
        raise DataError(
            "the video states no frame rate",
            file=path,
            expected="frames per second",
            remedy=f"give it one: ffmpeg -r 25 -i {shlex.quote(str(path))} -c:v libx264 "
            + shlex.quote(str(path.with_name(f"{path.stem}-25fps.mp4"))),
        )
    return Fraction(rate)


def _reason(error: av.FFmpegError) -> str:
    return error.strerror or type(error).__name__


def _reencode(path: Path) -> str:
    target = path.with_name(f"{path.stem}-mended.mp4")
    return f"ffmpeg -i {shlex.quote(str(path))} -c:v libx264 {shlex.quote(str(target))}"
