"""Text files of abnormal intervals: UCF-Crime's and XD-Violence's, a line a video, and UBnormal's tracks.

They look alike and count otherwise, which is why each has its reader:

- UCF-Crime `Name.mp4  Class  s1  e1  s2  e2`: from 1, inclusive, -1 for none;
- XD-Violence `Name s1 e1 s2 e2 ...`: from 0, the end exclusive (as the authors' make_gt.py uses them);
- UBnormal `track,start,end`: from 0, inclusive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from vadlab.annotation_table import Spans
from vadlab.csv_table import Problem, refuse
from vadlab.errors import DataError

__all__ = ["read_tracks", "read_ucf", "read_xd"]


def read_ucf(file: Path) -> dict[str, tuple[str, Spans]]:
    """Class and half-open spans by video name (without suffix), from `Temporal_Anomaly_Annotation.txt`.

    Raises:
        DataError: If lines are malformed or a video comes twice; tells every one.
    """
    problems: list[Problem] = []
    found: dict[str, tuple[str, Spans]] = {}
    lines: dict[str, int] = {}
    for number, words in _lines(file):
        if len(words) != 6:
            problems.append(Problem(number, "all", "Name.mp4  Class  s1  e1  s2  e2", " ".join(words)))
            continue
        name = _stem(words[0])
        numbers = _whole(words[2:])
        if numbers is None:
            problems.append(Problem(number, "s1 e1 s2 e2", "whole numbers", " ".join(words[2:])))
            continue
        pairs = [(a, b) for a, b in zip(numbers[::2], numbers[1::2], strict=True) if (a, b) != (-1, -1)]
        for first, last in pairs:
            if not 1 <= first <= last:
                told = f"{first} {last}" + (
                    ", swapped?" if 1 <= last < first else ", counted from 0?" if first == 0 else ""
                )
                problems.append(
                    Problem(number, "interval", "1 <= start <= end, counted from 1, or -1 -1", told)
                )
        if (words[1] == "Normal") == bool(pairs):
            expected = "no interval, as the class is Normal" if pairs else f"an interval of {words[1]}"
            problems.append(Problem(number, "interval", expected, " ".join(words[2:])))
        _once(lines, name, number, problems)
        found[name] = (words[1], tuple((first - 1, last) for first, last in pairs))
    refuse(file, problems)
    return found


def read_xd(file: Path) -> dict[str, Spans]:
    """Half-open spans by video name (without suffix), from `annotations.txt`.

    Raises:
        DataError: If lines are malformed or a video comes twice; tells every one.
    """
    problems: list[Problem] = []
    found: dict[str, Spans] = {}
    lines: dict[str, int] = {}
    for number, words in _lines(file):
        name = _stem(words[0])
        numbers = _whole(words[1:])
        if numbers is None or not numbers or len(numbers) % 2:
            problems.append(Problem(number, "intervals", "pairs of start and end", " ".join(words[1:])))
            continue
        pairs = tuple(zip(numbers[::2], numbers[1::2], strict=True))
        for start, stop in pairs:
            if not 0 <= start < stop:
                problems.append(Problem(number, "interval", "0 <= start < end", f"{start} {stop}"))
        _once(lines, name, number, problems)
        found[name] = pairs
    refuse(file, problems)
    return found


def read_tracks(file: Path) -> Spans:
    """Half-open spans of one video's abnormal objects, from `<name>_tracks.txt`; they may overlap.

    Raises:
        DataError: If the file is missing or empty, or lines are malformed; tells every one.
    """
    problems: list[Problem] = []
    spans: list[tuple[int, int]] = []
    for number, words in _lines(file, separator=","):
        numbers = _whole(words)
        if numbers is None or len(numbers) != 3 or not 0 <= numbers[1] <= numbers[2]:
            problems.append(Problem(number, "all", "track,start,end with 0 <= start <= end", ",".join(words)))
            continue
        spans.append((numbers[1], numbers[2] + 1))
    refuse(file, problems)
    return tuple(spans)


def _lines(file: Path, *, separator: str | None = None) -> Iterator[tuple[int, list[str]]]:
    """Number and words of every line that is not empty."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise DataError("no such label file", file=file, remedy="download the annotations again") from error
    except UnicodeDecodeError as error:
        raise DataError("the file is no text", file=file, expected="UTF-8", found=str(error)) from error
    if not text.strip():
        raise DataError("the label file is empty", file=file, remedy="download the annotations again")
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield number, [word.strip() for word in line.strip().split(separator)]


def _whole(words: Sequence[str]) -> list[int] | None:
    # np.savetxt, by which some copies were written, makes 3 to 3.000e+00.
    try:
        values = [float(word) for word in words]
    except ValueError:
        return None
    return [int(value) for value in values] if all(value.is_integer() for value in values) else None


def _once(lines: dict[str, int], name: str, number: int, problems: list[Problem]) -> None:
    first = lines.setdefault(name, number)
    if first != number:
        problems.append(Problem(number, "name", "each video once", f"{name}, also in line {first}"))


def _stem(name: str) -> str:
    return re.sub(r"\.(avi|mkv|mp4)$", "", name.replace("\\", "/").rpartition("/")[2], flags=re.IGNORECASE)
