"""A folder of images as a video: which files are its frames, in which order, and their pixels."""

from __future__ import annotations

import re
from collections.abc import Generator
from pathlib import Path

import cv2
import numpy as np

from vadlab.errors import DataError
from vadlab.video.transform import Frame, resize

__all__ = ["SUFFIXES", "image_frames", "image_paths", "read_image"]

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff")


def image_paths(folder: Path) -> list[Path]:
    """The images of a folder in natural order (img2 before img10); hidden files do not count.

    Raises:
        DataError: If there is none.
    """
    files = [p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")]
    if not files:
        raise DataError(
            "the folder holds no image",
            file=folder,
            expected=f"frames as {', '.join(SUFFIXES)}",
            found=", ".join(sorted(p.name for p in folder.iterdir())[:5]) or "an empty folder",
            remedy="give the folder that holds the images themselves",
        )
    return sorted(files, key=_natural)


def _natural(path: Path) -> tuple[list[str | int], str]:
    # Splitting at digits alternates text and number, so two keys never compare one with the other.
    parts = re.split(r"(\d+)", path.name.lower())
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], path.name


def read_image(path: Path) -> Frame:
    """One image as (h, w, 3) RGB uint8; grey becomes three equal channels, 16 bits become 8.

    A photo's orientation mark is applied. Transparency is dropped.

    Raises:
        DataError: If the file cannot be read as an image of 8 or 16 bits.
    """
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise DataError("the image cannot be read", file=path, found=error.strerror) from error
    # imdecode refuses an empty array with an error of its own.
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH
    image = cv2.imdecode(data, flags) if len(data) else None
    if image is None or image.dtype not in (np.uint8, np.uint16):
        raise DataError(
            "the image cannot be decoded",
            file=path,
            expected="a whole image with 8 or 16 bits a channel",
            found=f"{len(data)} bytes that do not decode" if image is None else str(image.dtype),
            remedy="copy or extract the frame again; it may have been cut short",
        )
    if image.dtype == np.uint16:
        image = cv2.convertScaleAbs(image, alpha=255 / 65535)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def image_frames(folder: Path, size: tuple[int, int] | None = None) -> Generator[Frame]:
    """Yield the folder's images in order, resized to (width, height) if a size is given.

    Raises:
        DataError: If an image cannot be read, or is not as large as the first.
    """
    first: tuple[int, ...] | None = None
    for path in image_paths(folder):
        image = read_image(path)
        first = first or image.shape
        if image.shape != first:
            raise DataError(
                "the image is not as large as the first of its folder",
                file=path,
                expected=f"{first[1]}x{first[0]}",
                found=f"{image.shape[1]}x{image.shape[0]}",
                remedy="put frames of one video, all of one size, into the folder",
            )
        yield image if size is None else resize(image, size)
