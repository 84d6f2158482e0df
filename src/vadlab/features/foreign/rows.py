"""Rows of one video from its arrays: axes, crops and streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from einops import rearrange
from numpy.typing import NDArray

from vadlab.errors import DataError, UsageError
from vadlab.features.foreign.arrays import load
from vadlab.features.foreign.finding import Piece
from vadlab.features.foreign.layouts import Layout
from vadlab.types import FloatArray

__all__ = ["Crop", "Rows", "parse_crop", "read_rows"]

CROP_COUNTS = (1, 5, 10)  # what an axis of crops may have

Crop = int | str
"""A crop's number, "mean" or "all"."""


@dataclass(frozen=True)
class Rows:
    """Features of one video as they lie in its files.

    Args:
        values: (n, d) float32, finite.
        streams: Columns of each stream, in column order.
        n_crops: Crops that the files hold; 0 where they know none.
        note: What was done to make streams fit each other, or None.
    """

    values: FloatArray
    streams: dict[str, int]
    n_crops: int
    note: str | None = None


def parse_crop(text: str) -> Crop:
    """`"mean"`, `"all"`, or a number from 0 to 9.

    Raises:
        UsageError: If it is anything else.
    """
    if text in ("mean", "all"):
        return text
    if text.isdecimal() and len(text) == 1:
        return int(text)
    raise UsageError(f"no crop {text!r}", expected="mean | all | 0 to 9")


def read_rows(
    layout: Layout,
    pieces: Sequence[Piece],
    *,
    crop: Crop = "mean",
    crops: Sequence[int] | None = None,
    cut: bool = False,
) -> Rows:
    """Read one video.

    Args:
        layout: How axes and crops are kept.
        pieces: The video's, sorted by stream and crop.
        crop: One crop's number as the files count them; "mean" of all; or "all", side by side as streams
            `crop_0`, `crop_1` and so on. No effect where the files know no crops.
        crops: The crop files that each video has; others here are an error. None takes what is there.
        cut: Whether a stream that is longer than another is cut to it (flow has a frame less than RGB).

    Raises:
        DataError: If an array is malformed, has other axes or columns than the layout, no rows or NaN, or
            crops or streams do not fit each other.
        UsageError: If the crop is not there.
    """
    streams = list(dict.fromkeys(piece.stream for piece in pieces))
    if "combine" in streams:  # rgb and flow are in it
        streams = ["combine"]
    blocks: list[NDArray[Any]] = []
    widths: dict[str, int] = {}
    n_crops = 0
    for stream in streams:
        parts = [piece for piece in pieces if piece.stream == stream]
        name = stream or next(iter(layout.widths))
        cube, numbers = _cube(layout, parts, name, crop, crops)
        n_crops = len(numbers)
        if crop == "all" and numbers:
            widths |= {f"crop_{number}": cube.shape[2] for number in numbers}
        elif stream == "combine":
            widths |= {"rgb": cube.shape[2] // 2, "flow": cube.shape[2] // 2}
        else:
            widths[name] = cube.shape[2]
        blocks.append(_pick(cube, crop))
    lengths = [len(block) for block in blocks]
    note = None
    if len(set(lengths)) > 1:
        told = ", ".join(f"{stream} {n}" for stream, n in zip(streams, lengths, strict=True))
        if not cut or max(lengths) - min(lengths) > 1:
            raise DataError(
                "the streams have different numbers of clips",
                file=pieces[0].file.parent.parent,
                expected="as many clips in each",
                found=told,
                remedy="--align cut drops the last clip of the longer one"
                if max(lengths) - min(lengths) == 1
                else "get both streams from one source",
            )
        blocks, note = [block[: min(lengths)] for block in blocks], f"streams cut to the shorter: {told}"
    values = np.concatenate(blocks, axis=1).astype(np.float32)
    _refuse_not_finite(values, pieces[0])
    return Rows(values, widths, n_crops, note)


def _cube(
    layout: Layout, parts: Sequence[Piece], stream: str, crop: Crop, crops: Sequence[int] | None
) -> tuple[NDArray[Any], Sequence[int]]:
    """(clips, crops, dim) of what is to be used, and the numbers of all crops; none for files without."""
    numbers = [part.crop for part in parts]
    if numbers[0] is None:
        cube, has_crops = _clip_crop_dim(layout, parts[0], stream)
        if not has_crops:
            return cube, ()
        there = range(cube.shape[1])
        if isinstance(crop, int):
            _refuse_crop(crop, there)
            cube = cube[:, crop : crop + 1]
        return cube, there
    expected = list(crops if crops is not None else (n for n in numbers if n is not None))
    if numbers != expected:
        raise DataError(
            "the video has other crops than most",
            file=parts[0].file,
            expected=f"crops {', '.join(map(str, expected))}",
            found=f"crops {', '.join(map(str, numbers))}",
            remedy="download the missing files, or keep one crop that every video has: --crop 0",
        )
    if isinstance(crop, int):
        _refuse_crop(crop, expected)
        parts = [part for part in parts if part.crop == crop]
    cubes = [_clip_crop_dim(layout, part, stream)[0] for part in parts]
    if len({cube.shape for cube in cubes}) > 1:
        shapes = ", ".join(
            f"{p.crop}: {c.shape[0]} x {c.shape[2]}" for p, c in zip(parts, cubes, strict=True)
        )
        raise DataError(
            "the crops have different shapes",
            file=parts[0].file,
            expected="as many clips and columns in each",
            found=shapes,
            remedy="download them again, or keep one crop: --crop 0",
        )
    return np.concatenate(cubes, axis=1), expected


def _clip_crop_dim(layout: Layout, piece: Piece, stream: str) -> tuple[NDArray[Any], bool]:
    """An array as (clips, crops, dim), and whether crops are one of its axes."""
    array = load(piece.file, piece.array)
    widths = layout.widths[stream]
    axes = "(clips, crops, dim)" if layout.crops == "axis" else "(clips, dim)"
    expected = f"{axes} of {' or '.join(map(str, widths))} columns" if widths else "(clips, dim)"

    def refusal(remedy: str) -> DataError:
        found = f"shape {array.shape}"
        return DataError(
            f"{piece.stem} has another shape than the layout",
            file=piece.file,
            expected=expected,
            found=found,
            remedy=remedy,
        )

    if array.size == 0:
        raise DataError(
            f"{piece.stem} has no clips",
            file=piece.file,
            expected="one row or more",
            found=f"shape {array.shape}",
            remedy="extract or download it again; the video may be too short for their extractor",
        )
    if widths and array.shape[-1] not in widths:
        raise refusal("choose the layout that these features have (vadlab features import --help), or plain")
    has_crops = array.ndim == 3 and layout.crops in ("axis", "either") and piece.crop is None
    if array.ndim != (3 if has_crops or layout.crops == "axis" else 2):
        raise refusal("choose the layout that these features have, such as plain, rtfm or ur-dmu")
    if not has_crops:
        _refuse_segments(layout, array, piece)
        return array[:, None, :], False
    second, first = array.shape[1] in CROP_COUNTS, array.shape[0] in CROP_COUNTS
    if layout.crops == "either" and first and second and array.shape[:2] != (1, 1):
        raise refusal("it is not clear which axis is which: save one crop a file, or use the layout rtfm")
    if layout.crops == "either" and first and not second:
        array = np.swapaxes(array, 0, 1)
    elif not second:
        raise refusal(
            "the axes are (crops, clips, dim): use the layout plain"
            if first
            else f"an axis of {', '.join(map(str, CROP_COUNTS))} crops is known"
        )
    return array, True


def _refuse_segments(layout: Layout, array: NDArray[Any], piece: Piece) -> None:
    if layout.segments is not None and len(array) != layout.segments:
        raise DataError(
            f"{piece.stem} has another number of segments",
            file=piece.file,
            expected=f"{layout.segments} rows",
            found=f"{len(array)} rows",
            remedy="if the rows are clips, save them as npy and use the layout plain",
        )


def _refuse_crop(crop: int, there: Sequence[int]) -> None:
    if crop not in there:
        raise UsageError(f"no crop {crop}", expected=f"mean | all | {' | '.join(map(str, there))}")


def _pick(cube: NDArray[Any], crop: Crop) -> NDArray[Any]:
    """(clips, dim) of (clips, crops, dim); all crops become columns, crop after crop."""
    if cube.shape[1] == 1:
        return cube[:, 0]
    if crop == "all":
        return rearrange(cube, "clip crop dim -> clip (crop dim)")
    return np.asarray(cube.mean(axis=1, dtype=np.float64))


def _refuse_not_finite(values: FloatArray, piece: Piece) -> None:
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        raise DataError(
            f"{piece.stem} holds NaN or infinity",
            file=piece.file,
            expected="finite values",
            found=f"{len(bad)} of {len(values)} rows, the first is row {bad[0]}",
            remedy="ask for or download the file again; it is damaged at its source otherwise",
        )
