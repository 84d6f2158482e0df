"""Which frames the rows of foreign features cover, and what to do where their number does not fit.

Nothing is mended in silence: a video whose rows do not fit is refused with the likely cause until the user
names a remedy, as for foreign scores.

- `drop`: rows start at the first frame; the frames missing at the end have no row.
- `cut`: rows beyond the last frame are left out.
- `stretch`: rows are spread evenly over the frames (another frame rate).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vadlab.errors import DataError, UsageError
from vadlab.types import IntArray

__all__ = ["Grid", "Placed", "parse_align", "place"]

_OTHER_STRIDES = (16, 8, 32, 64, 24, 10, 5, 4, 2, 1)
_BAG = 32  # segments of a bag in DeepMIL


@dataclass(frozen=True)
class Grid:
    """What a row covers.

    Args:
        stride: Frames of a clip, and from one clip to the next.
        segments: Rows of every video, if they are equal parts of it; the stride has no effect then.
        align: Remedies from `parse_align`.

    Raises:
        UsageError: If a number is below 1.
    """

    stride: int = 16
    segments: int | None = None
    align: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.stride < 1 or (self.segments is not None and self.segments < 1):
            raise UsageError(
                "not a number of frames or segments",
                expected="1 or more",
                found=f"stride {self.stride}, segments {self.segments}",
            )


@dataclass(frozen=True)
class Placed:
    """Rows on frames.

    Args:
        spans: (k, 2) half-open frames, of the first k rows.
        note: What was mended, or None.
    """

    spans: IntArray
    note: str | None = None


def parse_align(text: str) -> frozenset[str]:
    """`"drop,cut"` to its parts; "exact" to none.

    Raises:
        UsageError: If a part is unknown, or stretch stands beside another.
    """
    parts = frozenset(text.split(",")) - {"exact", ""}
    if parts - {"drop", "cut", "stretch"} or ("stretch" in parts and len(parts) > 1):
        raise UsageError(
            "cannot align rows so", expected="exact | drop | cut | drop,cut | stretch", found=text
        )
    return parts


def place(n_rows: int, n_frames: int, grid: Grid) -> Placed:
    """Spans of a video's rows.

    Clips follow each other from the first frame; the last one may be short or missing its remainder, for
    both are customary. Segments are equal parts of the frames, rounded. (Sultani et al. cut at whole clips
    and leave out the last clip, which moves a boundary by less than two clips.)

    Raises:
        DataError: If their number does not fit and `grid.align` has no remedy; tells the likely cause.
    """
    if grid.segments is not None:
        if n_rows != grid.segments:
            raise _misfit(
                n_rows, grid.segments, "the rows are no such segments", "leave --segments out", n_frames
            )
        return Placed(_even(n_rows, n_frames))
    full, filled = n_frames // grid.stride, -(-n_frames // grid.stride)
    if full <= n_rows <= filled:
        return Placed(_clips(n_rows, n_frames, grid.stride))
    if "stretch" in grid.align:
        return Placed(_even(n_rows, n_frames), f"{n_rows} rows spread over {n_frames} frames")
    missing = n_frames - n_rows * grid.stride
    # More than half missing, or too much: the rows are then of something else.
    if "drop" in grid.align and 0 < missing <= n_frames // 2:
        return Placed(_clips(n_rows, n_frames, grid.stride), f"the last {missing} frames have no row")
    if "cut" in grid.align and filled < n_rows <= 2 * filled:
        return Placed(_clips(filled, n_frames, grid.stride), f"rows beyond the end cut: {n_rows - filled}")
    cause, remedy = _cause(n_rows, n_frames, grid.stride)
    raise _misfit(n_rows, full, cause, remedy, n_frames)


def _clips(n: int, n_frames: int, stride: int) -> IntArray:
    starts = np.arange(n, dtype=np.int64) * stride
    return np.stack([starts, np.minimum(starts + stride, n_frames)], axis=1)


def _even(n: int, n_frames: int) -> IntArray:
    if n > n_frames:
        raise DataError(
            f"{n} rows cannot be spread over {n_frames} frames", remedy="check the video's length"
        )
    edges = np.linspace(0, n_frames, n + 1).round().astype(np.int64)
    return np.stack([edges[:-1], edges[1:]], axis=1)


def _cause(n: int, n_frames: int, stride: int) -> tuple[str, str]:
    """What so many rows look like, and what would mend it."""
    full, filled = n_frames // stride, -(-n_frames // stride)
    if n == full - 1:
        short = "one clip short"
        if n_frames % stride == 0:
            short += ": flow of N frames has N - 1 images, so the last clip was not full"
        return short, "--align drop"
    if n == filled + 1:
        return "one clip more than the frames give; a last clip may have been added", "--align cut"
    if n == _BAG:
        return "32 segments, as in DeepMIL", f"--segments {_BAG}"
    for other in _OTHER_STRIDES:
        if n in (n_frames // other, -(-n_frames // other)):
            return f"one row for {other} frames", f"--stride {other}"
    ratio = n * stride / n_frames
    if 0.4 <= ratio <= 2.5:
        return (
            f"{ratio:.3g} times as many as the frames give: features of a copy at another frame rate",
            "--align stretch, if it is the same video; else get the very copy that they were made from",
        )
    return f"{ratio:.3g} times as many as the frames give", "check that it is the same video"


def _misfit(n_rows: int, expected: int, cause: str, remedy: str, n_frames: int) -> DataError:
    return DataError(
        f"the rows do not fit the video: {cause}",
        expected=f"{expected} rows for {n_frames:,} frames",
        found=f"{n_rows} rows",
        remedy=remedy,
    )
