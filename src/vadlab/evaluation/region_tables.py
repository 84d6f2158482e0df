"""Regions from tables: what is true, and what a method found.

- true: `video,frame,track,left,top,right,bottom`; a track's name is unique within its video.
- found: `video,frame,left,top,right,bottom,score`.

Frames are counted from 0; boxes are in pixels, half-open.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vadlab.csv_table import Cells, Problem, read_lines, refuse
from vadlab.evaluation.regions import Detections, TrueRegions
from vadlab.types import IntArray

__all__ = ["read_detections", "read_true_regions"]

_BOX = ("left", "top", "right", "bottom")


def read_true_regions(file: Path, n_frames: Mapping[str, int]) -> TrueRegions:
    """The true regions of these videos.

    Args:
        file: The table.
        n_frames: Video id to its number of frames; the order is that in which frames are counted on.

    Raises:
        DataError: If the file is missing, or any line is malformed or of another video; tells every one.
    """
    frames, boxes, tracks = _read(file, "track", n_frames)
    numbers: dict[str, int] = {}
    ids = [numbers.setdefault(track, len(numbers)) for track in tracks]
    return TrueRegions(frames, boxes, np.array(ids, dtype=np.int64))


def read_detections(file: Path, n_frames: Mapping[str, int]) -> Detections:
    """What a method found in these videos; see `read_true_regions`."""
    frames, boxes, scores = _read(file, "score", n_frames)
    return Detections(frames, boxes, np.array([float(score) for score in scores], dtype=np.float32))


def _read(
    file: Path, last: str, n_frames: Mapping[str, int]
) -> tuple[IntArray, NDArray[np.float64], list[str]]:
    """Frames, boxes and the last column of every line."""
    columns = ("video", "frame", *_BOX, last)
    problems: list[Problem] = []
    frames: list[int] = []
    boxes: list[list[float]] = []
    others: list[str] = []
    lengths = list(n_frames.values())
    first = dict(zip(n_frames, np.cumsum([0, *lengths]).tolist(), strict=False))
    example = "Test001,60,3,10,20,30,60" if last == "track" else "Test001,60,10,20,30,60,0.9"
    for line, fields in read_lines(
        file, columns=columns, required=columns, problems=problems, example=example
    ):
        cells, before, video = Cells(line, fields, problems), len(problems), fields["video"]
        if video not in n_frames:
            problems.append(Problem(line, "video", "the id of a test video", repr(video)))
            continue
        frame = cells.read("frame", int, "a whole number")
        if frame is not None and not 0 <= frame < n_frames[video]:
            problems.append(Problem(line, "frame", f"0 to {n_frames[video] - 1}", str(frame)))
        box = [cells.read(side, float, "a number") for side in _BOX]
        if last == "score":
            cells.read(last, _finite, "a finite number")
        sides = [side for side in box if side is not None]
        if len(sides) == len(_BOX) and not (sides[0] < sides[2] and sides[1] < sides[3]):
            problems.append(Problem(line, "right", "left < right and top < bottom", str(sides)))
        if len(problems) == before and frame is not None:
            frames.append(first[video] + frame)
            boxes.append(sides)
            others.append(f"{video}\0{fields[last]}" if last == "track" else fields[last])
    refuse(file, problems)
    return (
        np.array(frames, dtype=np.int64),
        np.array(boxes, dtype=np.float64).reshape(-1, len(_BOX)),
        others,
    )


def _finite(text: str) -> float:
    value = float(text)
    if not np.isfinite(value):
        raise ValueError(text)
    return value
