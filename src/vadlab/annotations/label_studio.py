"""Label Studio's JSON: tasks with one video each, annotations by person, `timelinelabels` ranges of frames.

Ranges count frames from 1 and include the end: {"start": 1, "end": 10} is frames 0-10 here. An
annotation without results was seen as normal. `completed_by` names the person: an e-mail address, a name, or
a number alone, which becomes "user7".

Label Studio draws such ranges with

    <View><Video name="video" value="$video" frameRate="$fps"/>
    <TimelineLabels name="events" toName="video"><Label value="Fighting"/></TimelineLabels></View>

It takes the frame rate from there, and a wrong one shifts all frames, so each task is written with its `fps`.

Lost by reading: other results, skipped annotations, predictions (all warned).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vadlab.annotations.marks import UNNAMED, AnnotatedVideo, ListedVideo, Mark
from vadlab.annotations.reading import Imported, Reading, read_json_value
from vadlab.annotations.video_list import VideoList
from vadlab.errors import DataError
from vadlab.files import write_whole

__all__ = ["TIMED", "read", "write"]

TIMED = False
"""Whether the file counts in seconds, so that frame rates must be known."""

KIND = "timelinelabels"


def read(file: Path, videos: VideoList, *, annotator: str | None = None) -> Imported:
    """Read all timeline labels of an export ("JSON", not "JSON-MIN").

    Args:
        file: The export.
        videos: The videos it may speak of.
        annotator: Whose marks they are, where the export does not say so.

    Raises:
        DataError: If the file is not this format, or items are malformed; all are listed.
        UsageError: If nobody says who annotated.
    """
    tasks = read_json_value(file)
    if not isinstance(tasks, list) or not all(isinstance(task, dict) and "data" in task for task in tasks):
        raise DataError(
            "the file is not Label Studio's",
            file=file,
            expected="a list of tasks with `data` and `annotations`",
            remedy="export as JSON, not as JSON-MIN or CSV",
        )
    reading = Reading(file, videos, annotator=annotator)
    seen: dict[object, int] = {}
    for index, task in enumerate(tasks):
        where = f"task {task.get('id', index)}"
        if task.get("id") is not None and seen.setdefault(task["id"], index) != index:
            reading.problem(where, "each id once", f"the tasks at {seen[task['id']]} and {index}")
        video = reading.video(_video_name(task["data"], videos), where)
        annotations = task.get("annotations")
        if video is None:
            continue
        if not isinstance(annotations, list) or not all(isinstance(one, dict) for one in annotations):
            reading.problem(where, "a list `annotations` of objects", repr(annotations)[:80])
            continue
        if task.get("predictions"):
            reading.lost("predictions are left out")
        for position, one in enumerate(annotations):
            _read_annotation(one, video, f"{where}, annotation {one.get('id', position)}", reading)
    return reading.done()


def write(file: Path, videos: Sequence[AnnotatedVideo]) -> tuple[str, ...]:
    """Write a task a video, with an annotation a person; returns what is lost: nothing.

    To import it, Label Studio must find the videos where the tasks say, and know the people by their e-mail.
    """
    people = sorted({annotation.annotator for video in videos for annotation in video.annotations})
    tasks = []
    for number, one in enumerate(videos, start=1):
        data: dict[str, Any] = {"video": one.video.path}
        if one.video.fps is not None:
            data["fps"] = float(one.video.fps)
        annotations = [
            {
                "completed_by": {"id": people.index(annotation.annotator) + 1, "email": annotation.annotator},
                "was_cancelled": False,
                "result": [_result(number, person, i, mark) for i, mark in enumerate(annotation.marks)],
            }
            for person, annotation in enumerate(one.annotations)
        ]
        tasks.append({"id": number, "data": data, "annotations": annotations})
    write_whole(file, (json.dumps(tasks, indent=1, ensure_ascii=False) + "\n").encode())
    return ()


def _video_name(data: object, videos: VideoList) -> object:
    """The value of `video`, or of the first field that names a known video."""
    if not isinstance(data, dict):
        return data
    texts = [value for value in data.values() if isinstance(value, str)]
    known = (text for text in texts if videos.find(text))
    return data.get("video") or next(known, texts[0] if texts else None)


def _read_annotation(one: Mapping[str, Any], video: ListedVideo, where: str, reading: Reading) -> None:
    if one.get("was_cancelled"):
        reading.lost("skipped annotations are left out")
        return
    results = one.get("result")
    if not isinstance(results, list):
        reading.problem(where, "a list `result`", repr(results)[:80])
        return
    name = _person(one.get("completed_by"))
    again = reading.is_open(video, name)
    person = reading.open(video, name, where)
    if again:
        reading.problem(where, "one annotation a person and video", f"another of {name} for {video.path}")
        return
    for i, result in enumerate(results):
        _read_result(result, video, person, f"{where}, result {i}", reading)


def _read_result(result: object, video: ListedVideo, person: str, where: str, reading: Reading) -> None:
    value = result.get("value") if isinstance(result, dict) else None
    if not isinstance(result, dict) or not isinstance(value, dict):
        reading.problem(where, "an object with an object `value`", repr(result)[:80])
        return
    # Where boxes and a timeline share a video, it repeats each box as a timeline label without ranges.
    if result.get("type") != KIND or ("sequence" in value and "ranges" not in value):
        reading.lost("results other than timeline labels are left out")
        return
    ranges, labels = value.get("ranges"), value.get(KIND)
    if not isinstance(ranges, list) or not isinstance(labels, list) or not labels:
        reading.problem(where, f"lists `ranges` and `{KIND}`", repr(value)[:80])
        return
    note = _note(result.get("meta"))
    for span in ranges:
        start, end = (span.get("start"), span.get("end")) if isinstance(span, dict) else (None, None)
        whole = all(isinstance(frame, int) and not isinstance(frame, bool) for frame in (start, end))
        if not whole or not isinstance(start, int) or not isinstance(end, int) or not 1 <= start <= end:
            reading.problem(where, "1 <= start <= end in frames, counted from 1", f"{start!r} to {end!r}")
            continue
        for label in labels:
            frames = (start - 1, end)
            reading.mark(video, person, frames, where=where, category=str(label), note=note)


def _person(found: object) -> str | None:
    """An e-mail address, a name, or a number."""
    if isinstance(found, dict):
        full = " ".join(str(found.get(key) or "") for key in ("first_name", "last_name")).strip()
        return found.get("email") or found.get("username") or full or _person(found.get("id"))
    if isinstance(found, int):
        return f"user{found}"
    return found if isinstance(found, str) else None


def _note(meta: object) -> str | None:
    texts = meta.get("text") if isinstance(meta, dict) else None
    if isinstance(texts, list):
        return " ".join(str(text) for text in texts)
    return texts if isinstance(texts, str) else None


def _result(task: int, person: int, number: int, mark: Mark) -> dict[str, Any]:
    result: dict[str, Any] = {
        "id": f"v{task}p{person}e{number}",
        "from_name": "events",
        "to_name": "video",
        "type": KIND,
        "origin": "manual",
        "value": {
            "ranges": [{"start": mark.start + 1, "end": mark.stop}],
            KIND: [mark.category or UNNAMED],
        },
    }
    return result if mark.note is None else result | {"meta": {"text": [mark.note]}}
