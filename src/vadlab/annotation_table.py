r"""Annotations of a folder of videos as a table: `annotations.csv`, and `annotators.csv` beside it.

`annotations.csv` has a row a video: `path,split,category,abnormal,events[,n_frames,fps,source]`.

- path: file or image folder, relative to the table's folder, with `/`;
- split: train | val | test;
- category: name, or empty;
- abnormal: 0 | 1;
- events: the abnormal frames as `start-stop;start-stop`, 0-based, half-open. A video with `abnormal` 1
  and no events is labelled weakly: it has an anomaly somewhere;
- n_frames: number of frames that decoding yields; checked when labels are read;
- fps: frames per second, `25` or `30000/1001`; needed for image folders only;
- source: the recording that a clip was cut from; its own id where empty.

`annotators.csv` has a row a video and annotator: `path,annotator,events[,categories][,notes]`. No events:
the person looked and found the video normal. Categories and notes stand in the order of the events, with
`;` between them; any may be empty, and one category alone is that of all events. A `;` or `\` within one is
written `\;` or `\\`.

Columns may stand in any order. A byte order mark and CRLF line ends are accepted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from vadlab.csv_table import (
    Cells,
    Problem,
    listed,
    parse_count,
    parse_flag,
    parse_path,
    parse_rate,
    read_lines,
    refuse,
    write_lines,
)
from vadlab.errors import DataError
from vadlab.types import Entry, FrameLabels

__all__ = [
    "AnnotationTable",
    "Annotator",
    "Row",
    "Spans",
    "format_events",
    "parse_events",
    "read_annotators",
    "read_rows",
    "write_annotators",
    "write_rows",
]

Spans: TypeAlias = tuple[tuple[int, int], ...]
Texts: TypeAlias = tuple[str | None, ...]

ROW_COLUMNS = ("path", "split", "category", "abnormal", "events", "n_frames", "fps", "source")
ROW_REQUIRED = ROW_COLUMNS[:5]
ANNOTATOR_COLUMNS = ("path", "annotator", "events", "categories", "notes")
ANNOTATOR_REQUIRED = ANNOTATOR_COLUMNS[:3]
PARTS = ("train", "val", "test")
EXAMPLE = "Fighting/clip01.mp4,train,Fighting,1,120-240;300-360"


@dataclass(frozen=True)
class Row:
    """One line of `annotations.csv`.

    Args:
        path: Relative to the table's folder, with `/`.
        part: "train", "val" or "test".
        category: Name, or None.
        abnormal: Whether any frame is abnormal.
        events: Abnormal frames, half-open; empty for a normal video and for a weak label.
        n_frames: Number of frames, or None where unknown.
        fps: Frames per second, or None where unknown.
        source: Recording that the clip was cut from, or None for its own.
    """

    path: str
    part: str
    category: str | None
    abnormal: bool
    events: Spans = ()
    n_frames: int | None = None
    fps: Fraction | None = None
    source: str | None = None


@dataclass(frozen=True)
class Annotator:
    """One line of `annotators.csv`: what one person marked in one video.

    Args:
        path: Relative to the table's folder, with `/`.
        annotator: Name.
        events: Marked frames, half-open.
        categories: One an event, None for none; or empty.
        notes: One an event, None for none; or empty.
    """

    path: str
    annotator: str
    events: Spans
    categories: Texts = ()
    notes: Texts = ()


class AnnotationTable:
    """The videos of a folder with `annotations.csv`.

    Args:
        root: The folder.

    Raises:
        DataError: If the table is missing or malformed, a video is missing, two videos have the same
            id, or an image folder has no fps.
    """

    def __init__(self, root: Path) -> None:
        self.file = root / "annotations.csv"
        rows = read_rows(self.file)
        _check_videos(self.file, rows)
        made = sorted(((_entry(root, row), row) for row in rows), key=lambda pair: pair[0].id)
        self.entries = tuple(entry for entry, _ in made)
        self._rows = {entry.id: row for entry, row in made}
        if len(self._rows) < len(made):
            ids = [entry.id for entry in self.entries]
            twice = sorted({name for name in ids if ids.count(name) > 1})
            raise DataError(
                "videos differ only in their file suffix",
                file=self.file,
                expected="paths that differ without their suffix too: it is not part of a video's id",
                found=listed(twice),
                remedy="rename one of each pair",
            )

    def has_frame_labels(self, entry: Entry) -> bool:
        """Whether every frame's label is known: normal videos, and abnormal ones with events."""
        row = self._row(entry)
        return not row.abnormal or bool(row.events)

    def labels(self, entry: Entry, n_frames: int) -> FrameLabels:
        """Frame labels of a video of `n_frames` frames.

        Raises:
            DataError: If the video has a weak label only, or the table does not fit its length.
        """
        row = self._row(entry)
        if not self.has_frame_labels(entry):
            raise DataError(
                f"{row.path!r} has no frame labels, only the weak label abnormal=1",
                file=self.file,
                expected="events, as start-stop;start-stop",
                found="an empty column",
                remedy="mark its events, or use weak supervision and keep the video out of the test part",
            )
        if row.n_frames is not None and row.n_frames != n_frames:
            raise DataError(
                f"{row.path!r} has another length than its annotation",
                file=self.file,
                expected=f"{row.n_frames} frames, by the column n_frames",
                found=f"{n_frames} frames",
                remedy="annotate the video file that is used; a re-encoded copy may gain or lose frames",
            )
        last = max((stop for _, stop in row.events), default=0)
        if last > n_frames:
            raise DataError(
                f"an event of {row.path!r} ends after the video",
                file=self.file,
                expected=f"stops up to {n_frames}, the number of its frames",
                found=format_events(row.events),
                remedy="give events in frames of this file, 0-based, half-open",
            )
        return FrameLabels.from_spans(row.events, n_frames, category=row.category)

    def _row(self, entry: Entry) -> Row:
        try:
            return self._rows[entry.id]
        except KeyError:
            raise DataError(f"the table has no video {entry.id!r}", file=self.file) from None


def read_rows(file: Path) -> tuple[Row, ...]:
    """All rows of an `annotations.csv`, in its order.

    Raises:
        DataError: If the file is missing, has no rows, or any line is malformed; the message names
            line, column, what was expected and what was found, for every such line.
    """
    problems: list[Problem] = []
    rows: list[Row] = []
    seen: dict[str, int] = {}
    for line, fields in read_lines(
        file, columns=ROW_COLUMNS, required=ROW_REQUIRED, problems=problems, example=EXAMPLE
    ):
        before = len(problems)
        cells = Cells(line, fields, problems)
        path = cells.read("path", parse_path, "a path within the table's folder, with / and without ..")
        row = Row(
            path=path or "",
            part=cells.read("split", _part, " | ".join(PARTS)) or "",
            category=fields["category"] or None,
            abnormal=bool(cells.read("abnormal", parse_flag, "0 | 1")),
            events=cells.read("events", parse_events, "start-stop;start-stop with 0 <= start < stop") or (),
            n_frames=cells.read("n_frames", parse_count, "a whole number above 0, or nothing"),
            fps=cells.read("fps", parse_rate, "a number above 0 such as 25 or 30000/1001, or nothing"),
            source=fields.get("source") or None,
        )
        if path is not None and seen.setdefault(path, line) != line:
            problems.append(Problem(line, "path", "each path once", f"{path!r}, also in line {seen[path]}"))
        if len(problems) == before:
            _check_events(line, row, problems)
        rows.append(row)
    refuse(file, problems)
    if not rows:
        raise DataError("the table has no rows", file=file, expected=f"a line a video, e.g. {EXAMPLE}")
    return tuple(rows)


def write_rows(file: Path, rows: Iterable[Row]) -> None:
    """Write an `annotations.csv` with all columns; the file is whole or absent."""
    lines = [
        (
            row.path,
            row.part,
            row.category or "",
            int(row.abnormal),
            format_events(row.events),
            "" if row.n_frames is None else row.n_frames,
            "" if row.fps is None else row.fps,
            row.source or "",
        )
        for row in rows
    ]
    write_lines(file, ROW_COLUMNS, lines)


def read_annotators(file: Path) -> tuple[Annotator, ...]:
    """All rows of an `annotators.csv`, in its order.

    Raises:
        DataError: If the file is missing or any line is malformed.
    """
    problems: list[Problem] = []
    marks: list[Annotator] = []
    seen: dict[tuple[str, str], int] = {}
    for line, fields in read_lines(
        file, columns=ANNOTATOR_COLUMNS, required=ANNOTATOR_REQUIRED, problems=problems
    ):
        cells = Cells(line, fields, problems)
        path = cells.read("path", parse_path, "a path within the table's folder, with / and without ..") or ""
        events = cells.read("events", parse_events, "start-stop;start-stop with 0 <= start < stop") or ()
        annotator = fields["annotator"]
        if not annotator:
            problems.append(Problem(line, "annotator", "a name", "''"))
        if seen.setdefault((path, annotator), line) != line:
            found = f"line {seen[path, annotator]} too"
            problems.append(Problem(line, "annotator", "each annotator once a video", found))
        texts = {name: _parse_texts(fields.get(name, "")) for name in ANNOTATOR_COLUMNS[3:]}
        if len(texts["categories"]) == 1:
            texts["categories"] *= len(events)
        for name, values in texts.items():
            if len(values) not in (0, len(events)):
                expected = f"nothing, or one for each of the {len(events)} events"
                problems.append(Problem(line, name, expected, repr(fields[name])))
        marks.append(Annotator(path, annotator, events, texts["categories"], texts["notes"]))
    refuse(file, problems)
    return tuple(marks)


def write_annotators(file: Path, marks: Iterable[Annotator]) -> None:
    """Write an `annotators.csv`, without columns that would be empty; the file is whole or absent."""
    every = tuple(marks)
    columns: tuple[str, ...] = ANNOTATOR_REQUIRED
    columns += ("categories",) if any(any(mark.categories) for mark in every) else ()
    columns += ("notes",) if any(any(mark.notes) for mark in every) else ()
    cells = [
        {
            "path": mark.path,
            "annotator": mark.annotator,
            "events": format_events(mark.events),
            "categories": _format_texts(mark.categories),
            "notes": _format_texts(mark.notes),
        }
        for mark in every
    ]
    write_lines(file, columns, [tuple(of_mark[name] for name in columns) for of_mark in cells])


def parse_events(text: str) -> Spans:
    """`"3-9;12-20"` to `((3, 9), (12, 20))`; nothing to `()`.

    Raises:
        ValueError: If a part is not start-stop with start < stop.
    """
    spans = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        match = re.fullmatch(r"([0-9]+)\s*-\s*([0-9]+)", part)
        if match is None or int(match[1]) >= int(match[2]):
            raise ValueError(part)
        spans.append((int(match[1]), int(match[2])))
    return tuple(spans)


def format_events(spans: Iterable[tuple[int, int]]) -> str:
    """`((3, 9), (12, 20))` to `"3-9;12-20"`."""
    return ";".join(f"{start}-{stop}" for start, stop in spans)


def _parse_texts(text: str) -> Texts:
    r"""`"a;;b\;c"` to `("a", None, "b;c")`; nothing to `()`."""
    if not text:
        return ()
    items, escaped = [""], False
    for sign in text:
        if sign == "\\" and not escaped:
            escaped = True
            continue
        if sign == ";" and not escaped:
            items.append("")
        else:
            items[-1] += sign
        escaped = False
    return tuple(item.strip() or None for item in items)


def _format_texts(texts: Texts) -> str:
    if not any(texts):
        return ""
    return ";".join(re.sub(r"([\\;])", r"\\\1", text or "") for text in texts)


def _check_events(line: int, row: Row, problems: list[Problem]) -> None:
    last = max((stop for _, stop in row.events), default=0)
    if row.events and not row.abnormal:
        found = repr(format_events(row.events))
        problems.append(Problem(line, "events", "nothing, as the column abnormal is 0", found))
    elif row.n_frames is not None and last > row.n_frames:
        found = repr(format_events(row.events))
        problems.append(Problem(line, "events", f"stops up to n_frames = {row.n_frames}", found))


def _check_videos(file: Path, rows: tuple[Row, ...]) -> None:
    missing = [row.path for row in rows if not (file.parent / row.path).exists()]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(rows)} videos are missing",
            file=file,
            expected="every path of the table to exist in its folder",
            found=listed(missing),
            remedy="copy them there, or take their lines out of the table",
        )
    unclear = [row.path for row in rows if row.fps is None and (file.parent / row.path).is_dir()]
    if unclear:
        raise DataError(
            f"{len(unclear)} image folders have no frame rate",
            file=file,
            expected="a number in the column fps: images carry none",
            found=listed(unclear),
            remedy="add it, e.g. 25",
        )


def _entry(root: Path, row: Row) -> Entry:
    path = root / row.path
    is_folder = path.is_dir()
    name = row.path if is_folder else str(PurePosixPath(row.path).with_suffix(""))
    return Entry(
        id=name,
        path=path,
        category=row.category,
        abnormal=row.abnormal,
        source=row.source or name,
        part=row.part,
        fps=row.fps if is_folder else None,
    )


def _part(text: str) -> str:
    if text not in PARTS:
        raise ValueError(text)
    return text
