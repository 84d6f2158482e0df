"""CVAT for video 1.1 (XML, or the zip file that CVAT gives): tracks, and tags of single frames.

A track is visible from a shape with outside="0" to the next with outside="1", whose frame is the first one
without it; unless it is closed, it lasts to the end of its task. Tags that follow each other with
the same label become one event. The label is the category. Attributes "category", "annotator" and
"note" of a track's first shape, or of a tag, go before the label, the task's assignee, and nothing. A task
without tracks and tags was seen as normal by its assignee. The video is the task's source, or its name.

Frames are the video's own, also in tasks of a part or of every n-th frame of it: between these a label
holds on.

Writing makes a task for each person and video, with a box in the corner of the frame, as marks have no
place. CVAT itself imports one task's file at a time: export one person's marks of one video for that.
Lost by reading: the shapes' places.
"""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat

from vadlab.annotations.marks import UNNAMED, AnnotatedVideo, Annotation, ListedVideo
from vadlab.annotations.reading import Imported, Reading, read_bytes
from vadlab.annotations.video_list import VideoList
from vadlab.errors import DataError
from vadlab.files import write_whole

__all__ = ["TIMED", "read", "write"]

TIMED = False
"""Whether the file counts in seconds, so that frame rates must be known."""

VERSION = "1.1"
LARGEST = 2**30  # bytes of XML in a zip file
SHAPES = ("box", "polygon", "polyline", "points", "cuboid", "ellipse", "mask", "skeleton")
CORNER = {"xtl": "0.00", "ytl": "0.00", "xbr": "32.00", "ybr": "32.00"}


def read(file: Path, videos: VideoList, *, annotator: str | None = None) -> Imported:
    """Read all tracks and tags of a task, a job or a project.

    Args:
        file: XML, or a zip file with `annotations.xml`.
        videos: The videos it may speak of.
        annotator: Whose marks they are, where the file does not say so.

    Raises:
        DataError: If the file is not this format, has a document type (which could expand to any
            size), or items are malformed; all are listed.
        UsageError: If nobody says who annotated.
    """
    root = _parse(file)
    reading = Reading(file, videos, annotator=annotator)
    tasks = _tasks(root, reading)
    for track in root.findall("track"):
        task = _task_of(track, tasks, reading)
        if task is not None:
            _read_track(track, task, reading)
    tags: dict[tuple[int, _Facts], set[int]] = {}
    for parent, tag in _tags(root):
        task = _task_of(parent, tasks, reading)
        if task is not None:
            _gather_tag(tag, parent, task, tags, reading)
    for (index, facts), frames in tags.items():
        _mark_runs(frames, facts, tasks[index], reading)
    for task in tasks:
        if not task.is_used and task.video is not None:
            reading.open(task.video, task.assignee, task.name)
    return reading.done()


def write(file: Path, videos: Sequence[AnnotatedVideo]) -> tuple[str, ...]:
    """Write a task a person and video, several of them as a project; returns what is lost: nothing."""
    pairs = [(one.video, annotation) for one in videos for annotation in one.annotations]
    root = ET.Element("annotations")
    ET.SubElement(root, "version").text = VERSION
    meta = ET.SubElement(root, "meta")
    parent = meta
    if len(pairs) != 1:
        project = ET.SubElement(meta, "project")
        ET.SubElement(project, "name").text = "vadlab"
        parent = ET.SubElement(project, "tasks")
    for number, (video, annotation) in enumerate(pairs):
        _write_task(parent, number, video, annotation)
    tracks = 0
    for number, (video, annotation) in enumerate(pairs):
        for mark in annotation.marks:
            label = mark.category or UNNAMED
            track = ET.SubElement(root, "track", id=str(tracks), label=label, source="manual")
            tracks += 1
            if len(pairs) != 1:
                track.set("task_id", str(number))
            # CVAT refuses a frame outside the task: an event at the end stays open.
            ends = [(mark.start, "0")] + ([(mark.stop, "1")] if mark.stop != video.n_frames else [])
            for frame, outside in ends:
                place = {"keyframe": "1", "outside": outside, "occluded": "0", **CORNER, "z_order": "0"}
                box = ET.SubElement(track, "box", {"frame": str(frame), **place})
                texts = {"annotator": annotation.annotator, "note": mark.note}
                for name, text in texts.items():
                    if text is not None:
                        ET.SubElement(box, "attribute", name=name).text = text
    ET.indent(root)
    content = io.BytesIO()
    ET.ElementTree(root).write(content, encoding="utf-8", xml_declaration=True)
    write_whole(file, content.getvalue() + b"\n")
    return ()


@dataclass
class _Task:
    """A task or job of the file: which frames of which video, and who worked on it."""

    index: int
    id: str
    name: str
    video: ListedVideo | None
    assignee: str | None
    step: int
    stop: int | None
    is_used: bool = False


@dataclass(frozen=True)
class _Facts:
    """What a shape or a tag says of its event."""

    category: str | None
    annotator: str | None
    note: str | None


def _parse(file: Path) -> ET.Element:
    content = read_bytes(file)
    if content[:2] == b"PK":
        content = _unzipped(file, content)
    guard = expat.ParserCreate()
    guard.StartDoctypeDeclHandler = _refuse_doctype
    try:
        # Expanded entities can fill the memory: refused before anything else parses the file.
        guard.Parse(content)
        root = ET.fromstring(content)
    except (expat.ExpatError, ET.ParseError, ValueError) as error:
        found = str(error)
        raise DataError("the file is not safe XML", file=file, expected="XML of CVAT", found=found) from error
    if root.tag != "annotations" or root.find("meta") is None:
        raise DataError(
            "the file is not CVAT's", file=file, expected="<annotations> with <meta>", found=root.tag
        )
    version = (root.findtext("version") or "").strip()
    if version != VERSION:
        raise DataError(
            "the file has another version",
            file=file,
            expected=VERSION,
            found=version or "none",
            remedy="export as `CVAT for video 1.1`",
        )
    return root


def _refuse_doctype(name: str, *_: object) -> None:
    raise ValueError(f"a document type declaration, <!DOCTYPE {name}>")


def _unzipped(file: Path, content: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            member = archive.getinfo("annotations.xml")
            if member.file_size > LARGEST:
                raise DataError(
                    "annotations.xml is too large", file=file, found=f"{member.file_size:,} bytes"
                )
            return archive.read(member)
    except (zipfile.BadZipFile, KeyError, RuntimeError, NotImplementedError) as error:
        raise DataError("no annotations.xml in the zip file", file=file, found=str(error)) from error


def _tasks(root: ET.Element, reading: Reading) -> list[_Task]:
    of_project = root.findall("meta/project/tasks/task")
    elements = of_project or root.findall("meta/task") + root.findall("meta/job")
    if not elements:
        reading.problem("meta", "a <task>, <job> or <project> with tasks", "none")
    tasks: list[_Task] = []
    for index, element in enumerate(elements):
        number, name = _text(element, "id") or str(index), _text(element, "name")
        where = f"{element.tag} {number}"
        source = _text(element, "source") or ("" if of_project else _text(root, "meta/source")) or name
        video = reading.video(source, f"{where}, <source> or <name>")
        start = _whole(_text(element, "start_frame") or "0", where, reading) or 0
        step_text = re.fullmatch(r"step=([1-9][0-9]*)", _text(element, "frame_filter"))
        step = int(step_text[1]) if step_text else 1
        last, size = _text(element, "stop_frame"), _text(element, "size")
        stop = None if not size else start + step * (_whole(size, where, reading) or 0)
        stop = stop if not last else (_whole(last, where, reading) or 0) + step
        if video is not None and video.n_frames is not None:
            whole = start == 0 and step == 1 and element.tag == "task"
            if whole and stop is not None and stop != video.n_frames:
                reading.lost(
                    f"CVAT counted another number of frames than annotations.csv, as in {video.path}"
                )
            stop = video.n_frames if stop is None or whole else min(stop, video.n_frames)
        if any(number == other.id for other in tasks):
            reading.problem(where, "each id once", number)
        assignee = _text(element, "assignee/username") or None
        tasks.append(_Task(index, number, where, video, assignee, step, stop))
    return tasks


def _task_of(element: ET.Element, tasks: Sequence[_Task], reading: Reading) -> _Task | None:
    """The task of a track, a tag or an image; None if its video is unknown, which is noted already."""
    wanted = element.get("task_id")
    found = [task for task in tasks if wanted is None or task.id == wanted]
    if len(found) != 1:
        expected = "the id of one of the file's tasks in task_id"
        reading.problem(f"{element.tag} {element.get('id', '')}".strip(), expected, repr(wanted))
        return None
    return found[0] if found[0].video is not None else None


def _read_track(track: ET.Element, task: _Task, reading: Reading) -> None:
    where = f"track {track.get('id', '')}".strip()
    shapes: dict[int, ET.Element] = {}
    for shape in track:
        if shape.tag not in SHAPES:
            continue
        frame = _whole(shape.get("frame"), where, reading)
        if frame is None:
            continue
        if shapes.setdefault(frame, shape) is not shape:
            reading.problem(where, "each frame once", f"frame {frame} twice")
        if shape.get("outside", "0") not in ("0", "1"):
            reading.problem(where, "outside 0 | 1", repr(shape.get("outside")))
    if not shapes:
        reading.problem(where, "a shape", "none")
        return
    spans: list[tuple[int, int, ET.Element]] = []
    begun: tuple[int, ET.Element] | None = None
    for frame in sorted(shapes):
        outside = shapes[frame].get("outside", "0") == "1"
        if not outside and begun is None:
            begun = frame, shapes[frame]
        elif outside and begun is not None:
            spans.append((begun[0], frame, begun[1]))
            begun = None
    if begun is not None:
        after = max(shapes) + task.step
        stop = after if task.stop is None else max(task.stop, max(shapes) + 1)
        spans.append((begun[0], stop, begun[1]))
    for start, stop, shape in spans:
        _mark(start, stop, _facts(shape, track.get("label")), task, where, reading)


def _tags(root: ET.Element) -> Iterator[tuple[ET.Element, ET.Element]]:
    """Tags with what says their task: themselves, or the image they are of."""
    for tag in root.findall("tag"):
        yield tag, tag
    for image in root.findall("image"):
        for tag in image.findall("tag"):
            yield image, tag


def _gather_tag(
    tag: ET.Element,
    parent: ET.Element,
    task: _Task,
    tags: dict[tuple[int, _Facts], set[int]],
    reading: Reading,
) -> None:
    where = f"tag {tag.get('label', '')!r}"
    frame = _whole(parent.get("frame", parent.get("id")), where, reading)
    if frame is not None:
        tags.setdefault((task.index, _facts(tag, tag.get("label"))), set()).add(frame)


def _mark_runs(frames: set[int], facts: _Facts, task: _Task, reading: Reading) -> None:
    """Frames that follow each other become one event."""
    where = f"tags {facts.category or UNNAMED!r}"
    order = sorted(frames)
    start = order[0]
    for frame, following in zip(order, [*order[1:], None], strict=True):
        if following != frame + task.step:
            # The last of every n-th frame may stand for frames beyond the end.
            stop = (
                frame + task.step if task.stop is None else min(frame + task.step, max(task.stop, frame + 1))
            )
            _mark(start, stop, facts, task, where, reading)
            start = following if following is not None else start


def _mark(start: int, stop: int, facts: _Facts, task: _Task, where: str, reading: Reading) -> None:
    if task.video is None:
        return
    task.is_used = True
    person = reading.open(task.video, facts.annotator or task.assignee, where)
    reading.mark(task.video, person, (start, stop), where=where, category=facts.category, note=facts.note)


def _facts(element: ET.Element, label: str | None) -> _Facts:
    texts = {one.get("name"): (one.text or "").strip() or None for one in element.findall("attribute")}
    return _Facts(texts.get("category") or label, texts.get("annotator"), texts.get("note"))


def _text(element: ET.Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _whole(text: str | None, where: str, reading: Reading) -> int | None:
    if text is None or not re.fullmatch(r"-?[0-9]{1,18}", text):
        reading.problem(where, "a whole number of frames", repr(text))
        return None
    return int(text)


def _write_task(parent: ET.Element, number: int, video: ListedVideo, annotation: Annotation) -> None:
    task = ET.SubElement(parent, "task")
    facts = {"id": str(number), "name": video.path, "mode": "interpolation", "source": video.path}
    if video.n_frames is not None:
        facts |= {"size": str(video.n_frames), "start_frame": "0", "stop_frame": str(video.n_frames - 1)}
    for name, text in facts.items():
        ET.SubElement(task, name).text = text
    ET.SubElement(ET.SubElement(task, "assignee"), "username").text = annotation.annotator
    labels = ET.SubElement(task, "labels")
    for name in sorted({mark.category or UNNAMED for mark in annotation.marks} | {UNNAMED}):
        label = ET.SubElement(labels, "label")
        ET.SubElement(label, "name").text = name
        attributes = ET.SubElement(label, "attributes")
        for attribute in ("annotator", "note"):
            one = ET.SubElement(attributes, "attribute")
            ET.SubElement(one, "name").text = attribute
            ET.SubElement(one, "mutable").text = "False"
            ET.SubElement(one, "input_type").text = "text"
