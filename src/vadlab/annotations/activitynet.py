"""ActivityNet's JSON: `database` of videos by id, each with `segment`s in seconds and a `label`.

One truth a video; who marked it is not kept, so one annotator is written, and reading needs a name.

Lost by writing: annotators' names, notes, the path's suffix. Lost by reading: `subset` (the table's split
stays), `duration` and everything else of other tools. An event without a category has the label "abnormal".
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vadlab.annotations.marks import UNNAMED, AnnotatedVideo
from vadlab.annotations.reading import Imported, Reading, read_json_value
from vadlab.annotations.seconds import to_seconds
from vadlab.annotations.video_list import VideoList
from vadlab.errors import DataError, UsageError
from vadlab.files import write_whole

__all__ = ["TIMED", "read", "write"]

TIMED = True
"""Whether the file counts in seconds, so that frame rates must be known."""

SUBSETS = {"train": "training", "val": "validation", "test": "testing"}


def read(file: Path, videos: VideoList, *, annotator: str | None = None) -> Imported:
    """Read the segments as one person's marks; a video without segments was seen as normal.

    Args:
        file: The JSON file.
        videos: The videos it may speak of, by id; their frame rates turn seconds into frames.
        annotator: Whose marks they are.

    Raises:
        DataError: If the file is not this format, or items are malformed; all are listed.
        UsageError: If no annotator is given.
    """
    content = read_json_value(file)
    database = content.get("database") if isinstance(content, dict) else None
    if not isinstance(database, dict):
        raise DataError(
            "the file is not ActivityNet's", file=file, expected="an object with the object `database`"
        )
    reading = Reading(file, videos, annotator=annotator)
    seen: dict[str, str] = {}
    for name, entry in database.items():
        where = f"database {name!r}"
        video = reading.video(name, where, timed=True)
        if video is None:
            continue
        if seen.setdefault(video.path, name) != name:
            reading.problem(where, "each video once", f"{seen[video.path]!r} too, which is {video.path}")
            continue
        segments = entry.get("annotations", []) if isinstance(entry, dict) else None
        if not isinstance(segments, list):
            reading.problem(where, "an object with a list `annotations`", type(entry).__name__)
            continue
        subset = entry.get("subset")
        if subset is not None and video.part is not None and subset != SUBSETS[video.part]:
            reading.lost("videos are in another subset than the table's split, which stays")
        name_used = reading.open(video, None, where)
        for i, segment in enumerate(segments):
            place = f"{where}, annotation {i}"
            times = segment.get("segment") if isinstance(segment, dict) else None
            if not isinstance(times, list) or len(times) != 2:
                reading.problem(place, "an object with `segment`: [start, end]", repr(segment)[:80])
                continue
            label = segment.get("label")
            if not isinstance(label, str):
                reading.problem(place, "a `label`", repr(label))
                continue
            reading.mark_seconds(video, name_used, (times[0], times[1]), where=place, category=label)
    return reading.done()


def write(file: Path, videos: Sequence[AnnotatedVideo]) -> tuple[str, ...]:
    """Write one annotator's marks; returns what is lost.

    Raises:
        UsageError: If there are several annotators.
        DataError: If a frame rate or count is unknown.
    """
    names = sorted({annotation.annotator for video in videos for annotation in video.annotations})
    if len(names) > 1:
        raise UsageError(
            "ActivityNet's format holds one truth a video",
            expected="the marks of one annotator, or the merged ones",
            found=f"{len(names)} annotators: {', '.join(names)}",
            remedy="give --annotator NAME or --merged",
        )
    database: dict[str, Any] = {}
    for one in videos:
        video = one.video
        if video.fps is None or video.n_frames is None:
            raise DataError(f"the frame rate or count of {video.path} is unknown", file=file)
        database[video.id] = {
            "duration": to_seconds(video.n_frames, video.fps),
            "annotations": [
                {
                    "segment": [to_seconds(mark.start, video.fps), to_seconds(mark.stop, video.fps)],
                    "label": mark.category or UNNAMED,
                }
                for annotation in one.annotations
                for mark in annotation.marks
            ],
        }
        if video.part is not None:
            database[video.id]["subset"] = SUBSETS[video.part]
    content = {"version": "1.3", "taxonomy": [], "database": database}
    write_whole(file, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
    notes = sum(mark.note is not None for one in videos for a in one.annotations for mark in a.marks)
    lost = [f"the annotator's name, {names[0]!r}, is not written; give it again to import"] if names else []
    return tuple(lost + ([f"notes are not written ({notes})"] if notes else []))
