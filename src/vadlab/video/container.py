"""What a video's container says of itself, without decoding: quick, and no proof (see `decode.probe`)."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av

from vadlab.errors import DataError
from vadlab.types import Video
from vadlab.video.image_folder import image_paths, read_image

__all__ = ["promised"]


def promised(path: Path, *, id: str, fps: Fraction | None = None) -> Video | None:  # noqa: A002
    """The video as its header describes it; None where the header counts no frames.

    Args:
        path: Video file, or folder of images, which is listed.
        id: The video's name within its dataset.
        fps: Frame rate of an image folder (25 unless given), and of a file that states none.

    Raises:
        DataError: If it is missing or cannot be opened.
    """
    if path.is_dir():
        images = image_paths(path)
        height, width, _ = read_image(images[0]).shape
        return Video(id=id, path=path, n_frames=len(images), fps=fps or Fraction(25), size=(width, height))
    try:
        # An absolute path: FFmpeg reads the relative "12:30.mp4" as a protocol named "12".
        with av.open(str(path.absolute()), metadata_errors="replace") as container:
            stream = next(iter(container.streams.video), None)
            rate = (stream.average_rate or stream.guessed_rate or fps) if stream else None
            if stream is None or not stream.frames or not rate:
                return None
            return Video(
                id=id,
                path=path,
                n_frames=stream.frames,
                fps=Fraction(rate),
                size=(stream.width, stream.height),
            )
    except (av.FFmpegError, OSError) as error:
        raise DataError(
            "the file cannot be opened as a video",
            file=path,
            expected="a video file that FFmpeg reads",
            found=error.strerror or str(error),
            remedy="copy or download it again",
        ) from error
