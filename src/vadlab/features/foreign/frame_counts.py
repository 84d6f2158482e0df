"""Where an imported video's frame count comes from: decoding, another store, or a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path

from vadlab.csv_table import Cells, Problem, parse_count, parse_rate, read_lines, refuse
from vadlab.errors import DataError, StoreError
from vadlab.features.store import Store
from vadlab.types import Entry, Video
from vadlab.video.decode import probe

__all__ = ["DEFAULT_RATE", "video_facts"]

DEFAULT_RATE = Fraction(30)  # of a table's video whose rate nobody tells; UCF-Crime's


def video_facts(frames: Path | None) -> Callable[[Entry], Video]:
    """A function that gives an entry's video, or raises DataError where its frame count is not known.

    Args:
        frames: None decodes the video; a folder is a feature store that has it; a file is a table
            `video,n_frames[,fps]` (a size is not known then, and stays 0 x 0).

    Raises:
        DataError: If the table is missing or malformed; tells every line.
        StoreError: If the folder is no store.
    """
    if frames is None:
        return lambda entry: probe(entry.path, id=entry.id, fps=entry.fps)
    if frames.is_dir():
        store = Store.open(frames)
        return lambda entry: _of_store(store, entry)
    table = _read(frames)
    return lambda entry: _of_table(table, entry, frames)


def _of_store(store: Store, entry: Entry) -> Video:
    try:
        return store.read(entry.id).video
    except StoreError as error:
        raise DataError(
            "the frame count is not known",
            file=error.file,
            found=error.message,
            remedy="leave --frames out: the video is decoded then",
        ) from error


def _of_table(table: Mapping[str, tuple[int, Fraction | None]], entry: Entry, file: Path) -> Video:
    if entry.id not in table:
        raise DataError("the frame count is not known", file=file, expected=f"a line {entry.id},N")
    n_frames, fps = table[entry.id]
    return Video(entry.id, entry.path, n_frames, fps or entry.fps or DEFAULT_RATE, (0, 0))


def _read(file: Path) -> dict[str, tuple[int, Fraction | None]]:
    problems: list[Problem] = []
    table: dict[str, tuple[int, Fraction | None]] = {}
    columns, required = ("video", "n_frames", "fps"), ("video", "n_frames")
    lines = read_lines(
        file, columns=columns, required=required, problems=problems, example="Fire/v_01,250,25"
    )
    for line, fields in lines:
        cells = Cells(line, fields, problems)
        count = cells.read("n_frames", _positive, "a whole number above 0")
        rate = cells.read("fps", parse_rate, "a number above 0, or nothing")
        if fields["video"] in table:
            problems.append(Problem(line, "video", "each video once", fields["video"]))
        if count is not None:
            table[fields["video"]] = (count, rate)
    refuse(file, problems)
    return table


def _positive(text: str) -> int:
    count = parse_count(text)
    if count is None:
        raise ValueError(text)
    return count
