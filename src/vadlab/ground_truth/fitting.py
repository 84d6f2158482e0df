"""Labels of one video, brought to the frame count that decoding found, or refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadlab.errors import DataError
from vadlab.types import Entry, FrameLabels
from vadlab.video.image_folder import image_paths

__all__ = ["as_row", "from_mask", "from_spans"]

REMEDY = "download the video again; a re-encoded or resampled copy has other frames than the labels"


def as_row(values: object, *, file: Path) -> NDArray[np.bool_]:
    """(frames,) bool from (frames,), [1, frames] or [frames, 1] of 0 and 1.

    Raises:
        DataError: If it is anything else.
    """
    array = np.asarray(values)
    flat = array.ndim == 1 or (array.ndim == 2 and 1 in array.shape)
    if not flat or array.dtype.kind not in "biuf" or not np.isin(array, (0, 1)).all():
        others = np.setdiff1d(array, (0, 1))[:3] if array.dtype.kind in "iuf" else ()
        raise DataError(
            "the frame labels are malformed",
            file=file,
            expected="(frames,), [1, frames] or [frames, 1] of 0 and 1",
            found=f"shape {list(array.shape)}, type {array.dtype}"
            + (f", values such as {', '.join(f'{value:g}' for value in others)}" if len(others) else ""),
            remedy="unpack the ground truth again",
        )
    return array.ravel().astype(bool)


def from_mask(
    mask: NDArray[Any], n_frames: int, *, entry: Entry, file: Path, remedy: str = REMEDY
) -> FrameLabels:
    """From a (frames,) mask, which must have exactly `n_frames` values.

    Raises:
        DataError: If it has another length; the message names both.
    """
    if len(mask) != n_frames:
        raise DataError(
            f"the labels of {entry.id} have another length than the video",
            file=file,
            expected=f"{n_frames} labels, one a frame",
            found=f"{len(mask)} labels",
            remedy=remedy,
        )
    return FrameLabels.from_mask(mask, category=entry.category)


def from_spans(
    spans: Sequence[tuple[int, int]],
    n_frames: int,
    *,
    entry: Entry,
    file: Path | None,
    spare: int = 0,
    remedy: str = REMEDY,
) -> FrameLabels:
    """From half-open spans, which must end within the video.

    Args:
        spans: Abnormal frames, 0-based; none for a normal video.
        n_frames: Number of frames that decoding yields; of an image folder, also its number of images.
        entry: The video.
        file: Where the spans stand.
        spare: Frames by which a span may end too late; they are cut off.
        remedy: What the user can do.

    Raises:
        DataError: If a span ends later, or the folder has another number of images.
    """
    if entry.path.is_dir() and len(image_paths(entry.path)) != n_frames:
        raise DataError(
            f"{entry.id} has another length than its folder",
            file=entry.path,
            expected=f"{len(image_paths(entry.path))} frames, one an image",
            found=f"{n_frames} frames",
            remedy="extract it anew, or unpack the archive again",
        )
    last = max((stop for _, stop in spans), default=0)
    if last > n_frames + spare or any(start >= n_frames for start, _ in spans):
        raise DataError(
            f"the labels of {entry.id} end after the video",
            file=file,
            expected=f"spans within {n_frames} frames"
            + (f", {spare} too many at most: those are cut off" if spare else ""),
            found="; ".join(f"{start} to {stop}" for start, stop in spans) + ", half-open, from 0",
            remedy=remedy,
        )
    within = [(start, min(stop, n_frames)) for start, stop in spans]
    return FrameLabels.from_spans(within, n_frames, category=entry.category)
