"""Single frames as small JPEG pictures, quickly rather than by exact number."""

from __future__ import annotations

import functools
import threading
from fractions import Fraction
from pathlib import Path

import av
import cv2

from vadlab.video.colour import rgb
from vadlab.video.decode import read_frame
from vadlab.video.transform import Frame, resize
from vadlab.web.stamps import stamp

__all__ = ["thumbnail"]

WIDTH = 320  # pixels
QUALITY = 82
_one_at_a_time = threading.Semaphore(2)  # decoding takes all cores already


def thumbnail(path: Path, frame: int, fps: Fraction) -> bytes:
    """A JPEG of one frame, at most WIDTH wide; made anew once the video was replaced.

    A file is read from the key frame before the frame's time; where its times are uneven, a neighbour may be
    shown.

    Raises:
        DataError: If the video cannot be decoded.
        UsageError: If there is no such frame.
    """
    return _thumbnail(path, frame, fps, stamp(path))


@functools.lru_cache(maxsize=512)
def _thumbnail(path: Path, frame: int, fps: Fraction, _stamp: str) -> bytes:
    with _one_at_a_time:
        picture = None if path.is_dir() else _near(path, frame, fps)
        if picture is None:
            picture = read_frame(path, frame)
    height, width = picture.shape[:2]
    if width > WIDTH:
        picture = resize(picture, (WIDTH, max(1, round(height * WIDTH / width))))
    _, content = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return content.tobytes()


def _near(path: Path, frame: int, fps: Fraction) -> Frame | None:
    """The picture shown at the middle of a frame's time; None where seeking does not lead there."""
    try:
        with av.open(str(path.absolute()), metadata_errors="replace") as container:
            stream = container.streams.video[0]
            if stream.time_base is None:
                return None
            wanted = (stream.start_time or 0) + int((frame + Fraction(1, 2)) / fps / stream.time_base)
            container.seek(wanted, stream=stream)
            before = None
            for picture in container.decode(stream):
                if picture.pts is None or (before is None and picture.pts > wanted):
                    return None
                if picture.pts > wanted:
                    break
                before = picture
            return None if before is None else rgb(before)
    except (av.FFmpegError, OSError, IndexError):
        return None
