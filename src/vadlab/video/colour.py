"""Decoded pictures to RGB arrays: colour matrix, value range, resizing and the display matrix."""

from __future__ import annotations

from functools import cache

import av
import cv2
import numpy as np
from av.buffer import Buffer
from av.sidedata.sidedata import SideDataContainer
from numpy.typing import NDArray

from vadlab.video.transform import Frame, resize

__all__ = ["rgb", "shown_size"]

# Luma weights (red, blue) by FFmpeg's AVColorSpace number. 2 = unspecified, which swscale reads as BT.601.
_WEIGHTS = {1: (0.2126, 0.0722), 2: (0.299, 0.114), 5: (0.299, 0.114), 6: (0.299, 0.114)}
_FULL_RANGE = 2  # AVCOL_RANGE_JPEG


def rgb(picture: av.VideoFrame, size: tuple[int, int] | None = None) -> Frame:
    """A decoded picture as it is to be shown.

    With a size, 8-bit 4:2:0 pictures are resized plane by plane before the colour conversion, which
    touches far fewer pixels; other formats are converted first. Both give the same within rounding.

    Args:
        picture: Any pixel format.
        size: (width, height) after rotation, or None for the picture's own.

    Returns:
        (h, w, 3) RGB uint8, contiguous, rotated and flipped as the display matrix says.
    """
    matrix = _display_matrix(picture)
    # The picture is resized before it is turned, so a quarter turn swaps the sides of the target.
    target = size[::-1] if size is not None and _transposes(matrix) else size
    if target is not None and _is_yuv420(picture):
        image = _rgb_of_planes(picture, target)
    else:
        # swscale's own threads cost more than they gain at these sizes.
        image = np.asarray(picture.to_ndarray(format="rgb24", threads=1), dtype=np.uint8)
        image = image if target is None else resize(image, target)
    return np.ascontiguousarray(_turned(image, matrix))


def shown_size(picture: av.VideoFrame) -> tuple[int, int]:
    """(width, height) of a decoded picture after rotation."""
    size = (picture.width, picture.height)
    return size[::-1] if _transposes(_display_matrix(picture)) else size


def _display_matrix(picture: av.VideoFrame) -> tuple[int, int, int, int] | None:
    """(a, b, c, d) where x' = a x + c y and y' = b x + d y, or None where nothing turns."""
    # Not `picture.side_data`: the picture keeps that, which holds the picture, so that only the collector of
    # reference cycles would free the two, late and many at a time.
    data = SideDataContainer(picture).get("DISPLAYMATRIX")  # type: ignore[call-arg]
    if not isinstance(data, Buffer):
        return None
    a, b, _, c, d = (int(value) for value in np.frombuffer(bytes(data), np.int32, count=5))
    return a, b, c, d


def _transposes(matrix: tuple[int, int, int, int] | None) -> bool:
    if matrix is None:
        return False
    a, b, c, d = matrix
    return abs(b) + abs(c) > abs(a) + abs(d)


def _turned(image: Frame, matrix: tuple[int, int, int, int] | None) -> Frame:
    """Apply the quarter turn or flip nearest to the matrix; other angles are not used by cameras."""
    if matrix is None:
        return image
    a, b, c, d = matrix
    if _transposes(matrix):
        image, across, down = image.transpose(1, 0, 2), c, b
    else:
        across, down = a, d
    image = image[:, ::-1] if across < 0 else image
    return image[::-1] if down < 0 else image


def _is_yuv420(picture: av.VideoFrame) -> bool:
    # A negative line size (bottom-up storage) is left to swscale.
    return (
        picture.format.name in ("yuv420p", "yuvj420p")
        and picture.colorspace in _WEIGHTS
        and all(plane.line_size > 0 for plane in picture.planes)
    )


def _rgb_of_planes(picture: av.VideoFrame, size: tuple[int, int]) -> Frame:
    planes = []
    for plane in picture.planes:
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        planes.append(resize(rows[: plane.height, : plane.width], size))
    full = picture.format.name == "yuvj420p" or picture.color_range == _FULL_RANGE
    matrix = _rgb_from_yuv(*_WEIGHTS[picture.colorspace], full)
    return np.asarray(cv2.transform(cv2.merge(planes), matrix), dtype=np.uint8)


@cache
def _rgb_from_yuv(red: float, blue: float, full: bool) -> NDArray[np.float64]:  # noqa: FBT001
    """(3, 4) affine map from 8-bit Y, Cb, Cr to 0..255 RGB.

    Limited range holds luma in 16..235 and chroma in 16..240; full range uses all of 0..255.
    Source: ITU-R BT.601 and BT.709, the relation of R, G, B to Y, Cb, Cr by the luma weights.
    """
    luma, chroma, black = (1.0, 1.0, 0.0) if full else (255 / 219, 255 / 224, 16.0)
    green = 1 - red - blue
    linear = np.array(
        [
            [luma, 0, 2 * (1 - red) * chroma],
            [luma, -2 * blue * (1 - blue) / green * chroma, -2 * red * (1 - red) / green * chroma],
            [luma, 2 * (1 - blue) * chroma, 0],
        ]
    )
    offset = -linear @ np.array([black, 128, 128])
    return np.column_stack([linear, offset])
