"""Lists of videos, a name a line, as most sets publish their splits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from vadlab.csv_table import Problem, refuse
from vadlab.errors import DataError

__all__ = ["VIDEO_SUFFIXES", "read_lists"]

VIDEO_SUFFIXES = frozenset({".avi", ".mkv", ".mov", ".mp4", ".webm"})


def read_lists(files: Mapping[str, Path]) -> dict[str, str]:
    """Part by video name, of the lists of several parts; folders and file suffixes are taken off.

    Args:
        files: Part to its list.

    Raises:
        DataError: If a list is missing or empty, or a name stands twice, in one list or in two; tells
            every one.
    """
    parts: dict[str, str] = {}
    lines: dict[str, str] = {}
    for part, file in files.items():
        problems: list[Problem] = []
        names = _names(file)
        for number, name in names:
            if name in parts:
                expected = "each video once in all lists"
                problems.append(Problem(number, "name", expected, f"{name!r}, also in {lines[name]}"))
            parts.setdefault(name, part)
            lines.setdefault(name, f"line {number} of {file.name}")
        refuse(file, problems)
        if not names:
            raise DataError("the list is empty", file=file, expected="a video's name a line")
    return parts


def _names(file: Path) -> list[tuple[int, str]]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise DataError("no such list", file=file, expected="a video's name a line") from error
    names = []
    for number, line in enumerate(text.splitlines(), start=1):
        path = PurePosixPath(line.strip().replace("\\", "/"))
        if path.parts:
            names.append((number, path.stem if path.suffix.lower() in VIDEO_SUFFIXES else path.name))
    return names
