"""Taking a video from a request: limited in size, under a safe name, and only if it is a video."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import av
from starlette.requests import ClientDisconnect

from vadlab.errors import DataError, StoreError

__all__ = ["SUFFIXES", "TooLargeError", "check_video", "receive", "safe_name"]

SUFFIXES = (
    ".3gp",
    ".asf",
    ".avi",
    ".flv",
    ".m4v",
    ".mkv",
    ".mov",
    ".mp4",
    ".mpeg",
    ".mpg",
    ".ts",
    ".webm",
    ".wmv",
)
# Containers that hold their pictures themselves. FFmpeg also knows play lists, which name further files and
# addresses to read: a file of that kind must not be opened for a stranger.
DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,asf,flv"
MAX_NAME = 80
MAX_PIXELS = 8192 * 8192


class TooLargeError(DataError):
    """The request's body is larger than the server takes; answered with 413."""


def safe_name(given: str) -> str:
    """A file name without folders, in plain letters, that keeps the suffix.

    Args:
        given: Whatever the client calls its file.

    Returns:
        Such as "gate-2.mp4": letters, digits, `-`, `_` and `.`, at most MAX_NAME, not beginning with a dot.

    Raises:
        DataError: If the suffix is not one of a video.
    """
    last = re.split(r"[/\\]", given)[-1]
    stem, dot, ending = last.rpartition(".")
    suffix = dot + ending.lower()
    if suffix not in SUFFIXES:
        raise DataError("this is no name of a video", expected=f"a name in {', '.join(SUFFIXES)}", found=last)
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    kept = re.sub(r"[^A-Za-z0-9_-]+", "-", plain).strip("-_")[: MAX_NAME - len(suffix)]
    return f"{kept or 'video'}{suffix}"


async def receive(body: AsyncIterator[bytes], file: Path, *, max_bytes: int) -> int:
    """Write a request's body to a file as it comes, and return its size; nothing is left of a refused one.

    Raises:
        TooLargeError: If it is larger than `max_bytes`, as soon as that is known.
        DataError: If it is empty, or the client goes away before its end.
        StoreError: If it cannot be written.
    """
    size = 0
    try:
        async with await anyio.open_file(file, "xb") as out:
            async for part in body:
                size += len(part)
                if size > max_bytes:
                    raise TooLargeError("the file is too large", expected=f"at most {max_bytes:,} bytes")
                await out.write(part)
        if not size:
            raise DataError("the file is empty", expected="a video")
    except OSError as error:
        file.unlink(missing_ok=True)
        raise StoreError("the file cannot be kept", file=file.parent, found=error.strerror) from error
    except ClientDisconnect as error:
        file.unlink(missing_ok=True)
        raise DataError("the file came to its end too early", found=f"{size:,} bytes") from error
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    return size


def check_video(file: Path) -> None:
    """Open a file with nothing but containers of video allowed, and decode its first picture.

    Raises:
        DataError: If that does not work, or the picture is larger than any camera's.
    """
    try:
        with av.open(
            str(file.absolute()),
            metadata_errors="replace",
            container_options={"format_whitelist": DEMUXERS, "protocol_whitelist": "file"},
        ) as container:
            picture = next(container.decode(video=0))
    except (av.FFmpegError, OSError, IndexError, StopIteration, ValueError) as error:
        raise DataError(
            "the file is no video",
            expected="pictures in a container such as mp4, mkv, avi or webm",
            found=getattr(error, "strerror", None) or type(error).__name__,
        ) from error
    if picture.width * picture.height > MAX_PIXELS:
        raise DataError("the picture is too large", found=f"{picture.width}x{picture.height}")
