"""VIA 3 projects (JSON): temporal segments of `metadata`, in seconds, on a view of one video file.

A segment has `z`: [start, end] and no `xy`; `av` holds its attributes by their numbers. The attributes
"category", "annotator" and "note" are read and written by their names; where no attribute is called
"category", the first other one of temporal segments is taken for it, as VIA's own is "TEMPORAL-SEGMENTS".
"annotators" is an attribute of the whole file: all who looked at it, a line each; some may have marked
nothing.

Lost by reading: regions and single moments (warned), other attributes. Times keep three decimals in VIA,
which is enough up to 999 frames per second.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vadlab.annotations.marks import UNNAMED, AnnotatedVideo, ListedVideo, Mark
from vadlab.annotations.reading import Imported, Reading, read_json_value
from vadlab.annotations.seconds import to_seconds
from vadlab.annotations.video_list import VideoList
from vadlab.errors import DataError
from vadlab.files import write_whole

__all__ = ["TIMED", "read", "write"]

TIMED = True
"""Whether the file counts in seconds, so that frame rates must be known."""

OF_SEGMENT, OF_FILE = "FILE1_Z2_XY0", "FILE1_Z0_XY0"
TEXT, SELECT = 1, 4  # kinds of attributes
VIDEO, BY_PATH = 4, 1  # kind of file, and where it lies
CATEGORY, ANNOTATOR, NOTE, ANNOTATORS = "1", "2", "3", "4"  # numbers of the attributes that are written


def read(file: Path, videos: VideoList, *, annotator: str | None = None) -> Imported:
    """Read the temporal segments of all videos of a project.

    Args:
        file: The project.
        videos: The videos it may speak of; their frame rates turn seconds into frames.
        annotator: Whose marks they are, where the project does not say so.

    Raises:
        DataError: If the file is not this format, or items are malformed; all are listed.
        UsageError: If nobody says who annotated.
    """
    content = _project(file)
    reading = Reading(file, videos, annotator=annotator)
    attributes = _Attributes(content["attribute"])
    shown: dict[str, ListedVideo] = {}
    for key, view in content["view"].items():
        where = f"view {key!r}"
        files = view.get("fid_list") if isinstance(view, dict) else None
        if not isinstance(files, list) or len(files) != 1:
            reading.problem(where, "one file in `fid_list`", repr(files)[:80])
            continue
        entry = content["file"].get(str(files[0]))
        if not isinstance(entry, dict):
            reading.problem(where, "a file of the project", repr(files[0]))
            continue
        video = reading.video(entry.get("src") or entry.get("fname"), f"file {files[0]!r}", timed=True)
        if video is None:
            continue
        if video in shown.values():
            reading.problem(where, "each video in one view", f"{video.path} again")
            continue
        shown[key] = video
    own = [(key, item) for key, item in content["metadata"].items() if _is_known(key, item, content, reading)]
    for key, item in own:
        if str(item["vid"]) in shown:
            _read_item(key, item, shown[str(item["vid"])], attributes, reading)
    for key, video in shown.items():
        empty = all(str(item["vid"]) != key for _, item in own)
        if empty and annotator is not None:  # who is named looked at all videos of the project
            reading.open(video, None, f"view {key!r}")
        elif empty:
            reading.lost("videos without any mark are left out, as nobody is said to have looked")
    return reading.done()


def write(file: Path, videos: Sequence[AnnotatedVideo]) -> tuple[str, ...]:
    """Write a project with all videos and annotators; returns what is lost: nothing.

    Raises:
        DataError: If a frame rate is unknown.
    """
    files, views, metadata = {}, {}, {}
    marks = [mark for video in videos for annotation in video.annotations for mark in annotation.marks]
    names = sorted({mark.category for mark in marks if mark.category is not None})
    for number, one in enumerate(videos, start=1):
        key, video = str(number), one.video
        if video.fps is None:
            raise DataError(f"the frame rate of {video.path} is unknown", file=file)
        files[key] = {"fid": key, "fname": video.path, "type": VIDEO, "loc": BY_PATH, "src": video.path}
        views[key] = {"fid_list": [key]}
        people = [annotation.annotator for annotation in one.annotations]
        metadata[f"{key}_people"] = _item(key, [], {ANNOTATORS: "\n".join(people)})
        pairs = [(annotation.annotator, mark) for annotation in one.annotations for mark in annotation.marks]
        for i, (person, mark) in enumerate(pairs):
            times = [to_seconds(mark.start, video.fps), to_seconds(mark.stop, video.fps)]
            metadata[f"{key}_{i:04d}"] = _item(key, times, _values(person, mark))
    content = {
        "project": {
            "pid": "__VIA_PROJECT_ID__",
            "rev": "__VIA_PROJECT_REV_ID__",
            "rev_timestamp": "__VIA_PROJECT_REV_TIMESTAMP__",
            "pname": "vadlab",
            "creator": "vadlab",
            "created": 0,
            "data_format_version": "3.1.1",
            "vid_list": list(views),
        },
        "config": {
            "file": {"loc_prefix": {"1": "", "2": "", "3": "", "4": ""}},
            "ui": {
                "file_content_align": "center",
                "file_metadata_editor_visible": True,
                "spatial_metadata_editor_visible": True,
                "temporal_segment_metadata_editor_visible": True,
                "spatial_region_label_attribute_id": "",
                "gtimeline_visible_row_count": "4",
            },
        },
        "attribute": {
            CATEGORY: _attribute("category", OF_SEGMENT, SELECT, [*names, UNNAMED]),
            ANNOTATOR: _attribute("annotator", OF_SEGMENT, TEXT, []),
            NOTE: _attribute("note", OF_SEGMENT, TEXT, []),
            ANNOTATORS: _attribute("annotators", OF_FILE, TEXT, []),
        },
        "file": files,
        "view": views,
        "metadata": metadata,
    }
    write_whole(file, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
    return ()


class _Attributes:
    """Which attribute says what, and the names of its options."""

    def __init__(self, attributes: Mapping[str, Any]) -> None:
        known = {key: value for key, value in attributes.items() if isinstance(value, dict)}
        self._options = {key: value.get("options", {}) for key, value in known.items()}
        by_name = {str(value.get("aname", "")).lower(): key for key, value in known.items()}
        self.annotator, self.note = by_name.get("annotator"), by_name.get("note")
        self.annotators = by_name.get("annotators")
        others = [
            key
            for key, value in known.items()
            if value.get("anchor_id") == OF_SEGMENT and key not in (self.annotator, self.note)
        ]
        self.category = by_name.get("category", others[0] if others else None)

    def text(self, values: Mapping[str, Any], key: str | None) -> str | None:
        """What an item says for an attribute: its text, or its option's name; VIA's "default" is nothing."""
        value = None if key is None else values.get(key)
        if not isinstance(value, str) or value in ("", "default"):
            return None
        options = self._options.get(key or "", {})
        return str(options.get(value, value)) if isinstance(options, dict) else value


def _project(file: Path) -> dict[str, Any]:
    content = read_json_value(file)
    parts = ("project", "attribute", "file", "view", "metadata")
    if isinstance(content, dict) and any(key.startswith("_via_") for key in content):
        raise DataError("the project is VIA 2's", file=file, expected="a project of VIA 3")
    if not isinstance(content, dict) or any(not isinstance(content.get(part), dict) for part in parts):
        raise DataError("the file is no VIA 3 project", file=file, expected=f"objects {', '.join(parts)}")
    version = str(content["project"].get("data_format_version", "3"))
    if version.split(".")[0] != "3":
        raise DataError("the project has another version", file=file, expected="3.x", found=version)
    found: dict[str, Any] = content
    return found


def _is_known(key: str, item: object, content: Mapping[str, Any], reading: Reading) -> bool:
    if isinstance(item, dict) and str(item.get("vid")) in content["view"]:
        return True
    found = repr(item.get("vid")) if isinstance(item, dict) else type(item).__name__
    reading.problem(f"metadata {key!r}", "an object with a view of the project as `vid`", found)
    return False


def _read_item(
    key: str, item: Mapping[str, Any], video: ListedVideo, attributes: _Attributes, reading: Reading
) -> None:
    where = f"metadata {key!r}"
    times, region, values = item.get("z"), item.get("xy", []), item.get("av", {})
    if not isinstance(times, list) or not isinstance(region, list) or not isinstance(values, dict):
        reading.problem(where, "lists `z` and `xy`, and an object `av`", repr(dict(item))[:80])
        return
    if not times and not region:
        people = attributes.text(values, attributes.annotators) or ""
        for person in filter(None, people.splitlines()):
            reading.open(video, person, where)
    elif region or len(times) == 1:
        reading.lost("regions and single moments are left out")
    elif len(times) != 2:
        reading.problem(where, "`z` of a start and an end", repr(times)[:80])
    else:
        person = reading.open(video, attributes.text(values, attributes.annotator), where)
        reading.mark_seconds(
            video,
            person,
            (times[0], times[1]),
            where=where,
            category=attributes.text(values, attributes.category),
            note=attributes.text(values, attributes.note),
        )


def _item(view: str, times: list[float], values: dict[str, str]) -> dict[str, Any]:
    return {"vid": view, "flg": 0, "z": times, "xy": [], "av": values}


def _values(annotator: str, mark: Mark) -> dict[str, str]:
    values = {CATEGORY: mark.category or UNNAMED, ANNOTATOR: annotator}
    return values if mark.note is None else values | {NOTE: mark.note}


def _attribute(name: str, anchor: str, kind: int, options: Sequence[str]) -> dict[str, Any]:
    return {
        "aname": name,
        "anchor_id": anchor,
        "type": kind,
        "desc": "",
        "options": {option: option for option in options},
        "default_option_id": "",
    }
