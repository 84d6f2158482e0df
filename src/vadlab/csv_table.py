"""CSV files with a known header: read so that all that is malformed is told at once, and written whole.

A byte order mark, CRLF line ends, empty lines and columns in any order are accepted.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import TypeVar

from vadlab.errors import DataError
from vadlab.files import write_whole

__all__ = [
    "Cells",
    "Problem",
    "listed",
    "parse_count",
    "parse_flag",
    "parse_path",
    "parse_rate",
    "read_lines",
    "refuse",
    "write_lines",
]

T = TypeVar("T")

SHOWN = 20  # items of a long list in a message


@dataclass(frozen=True)
class Problem:
    """One malformed cell: where it is, what was expected there and what was found."""

    line: int
    column: str
    expected: str
    found: str


class Cells:
    """Reads the cells of one line, noting what is malformed instead of raising."""

    def __init__(self, line: int, fields: Mapping[str, str], problems: list[Problem]) -> None:
        self._line, self._fields, self._problems = line, fields, problems

    def read(self, column: str, convert: Callable[[str], T], expected: str) -> T | None:
        """The converted cell of a column, "" where the column is absent; None if `convert` refuses it."""
        text = self._fields.get(column, "")
        try:
            return convert(text)
        except (ValueError, ZeroDivisionError):
            self._problems.append(Problem(self._line, column, expected, repr(text)))
            return None


def read_lines(
    file: Path,
    *,
    columns: tuple[str, ...],
    required: tuple[str, ...],
    problems: list[Problem],
    example: str | None = None,
) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number (that a line starts at) and stripped cells by column; empty lines are passed over.

    Args:
        file: The table.
        columns: All columns that the header may name; the first ones are the required ones.
        required: Those that it must name.
        problems: Lines of another length than the header are noted here, and passed over.
        example: A line, to show where the file is missing.

    Raises:
        DataError: If the file is missing or not UTF-8, or the header is not the table's.
    """
    try:
        # utf-8-sig takes off the byte order mark that spreadsheet programs write.
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise DataError(
            "no such file",
            file=file,
            expected=f"a table with the header {','.join(required)}",
            remedy=None if example is None else f"write one; a line is, for example, {example}",
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(
            "the table is not UTF-8 text",
            file=file,
            expected="CSV in UTF-8",
            found=str(error),
            remedy="save it again as CSV UTF-8",
        ) from error
    reader = csv.reader(io.StringIO(text, newline=""))
    header = [name.strip() for name in next(reader, [])]
    missing = [name for name in required if name not in header]
    unknown = [name for name in header if name not in columns]
    if missing or unknown or len(set(header)) < len(header):
        raise DataError(
            "line 1, the header, is not the table's",
            file=file,
            expected=f"{','.join(required)}" + "".join(f"[,{name}]" for name in columns[len(required) :]),
            found=",".join(header) or "nothing",
            remedy="separate columns by commas; add "
            + (", ".join(missing) or "nothing")
            + "; take out "
            + (", ".join(unknown) or "columns that are named twice"),
        )
    start = reader.line_num + 1
    for cells in reader:
        line, start = start, reader.line_num + 1
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            problems.append(Problem(line, "all", f"{len(header)} columns", f"{len(cells)} columns"))
            continue
        yield line, {name: cell.strip() for name, cell in zip(header, cells, strict=True)}


def refuse(file: Path, problems: list[Problem]) -> None:
    """Tell all problems of a file at once.

    Raises:
        DataError: If there is any.
    """
    if len(problems) == 1:
        only = problems[0]
        raise DataError(
            f"line {only.line}, column {only.column!r} is malformed",
            file=file,
            expected=only.expected,
            found=only.found,
        )
    if problems:
        told = [
            f"line {p.line}, column {p.column!r}: expected {p.expected}, found {p.found}" for p in problems
        ]
        raise DataError(f"{len(problems)} cells are malformed", file=file, found=listed(told))


def write_lines(file: Path, header: tuple[str, ...], lines: Iterable[tuple[object, ...]]) -> None:
    """Write a header and lines; the file is whole or absent."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(lines)
    write_whole(file, text.getvalue().encode())


def listed(items: Iterable[str]) -> str:
    """The first items for a message, one a line, and how many more there are."""
    every = list(items)
    more = f"\n    and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return "".join(f"\n    {item}" for item in every[:SHOWN]) + more


def parse_path(text: str) -> str:
    r"""A path within the table's folder, with `/`; `\` is taken for it.

    Raises:
        ValueError: If it is empty, absolute, or goes up with `..`.
    """
    path = PurePosixPath(text.replace("\\", "/"))
    # Lexical: a link within the folder may lead to another disk, which is common and meant.
    drive = re.match(r"[A-Za-z]:", text)
    if drive or path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError(text)
    return str(path)


def parse_flag(text: str) -> bool:
    """`0` or `1`.

    Raises:
        ValueError: If it is anything else.
    """
    if text not in ("0", "1"):
        raise ValueError(text)
    return text == "1"


def parse_count(text: str) -> int | None:
    """A whole number above 0; None for nothing.

    Raises:
        ValueError: If it is anything else.
    """
    if not text:
        return None
    if not re.fullmatch(r"[0-9]+", text) or int(text) < 1:
        raise ValueError(text)
    return int(text)


def parse_rate(text: str) -> Fraction | None:
    """A number above 0, such as `25` or `30000/1001`; None for nothing.

    Raises:
        ValueError: If it is anything else.
        ZeroDivisionError: If it divides by 0.
    """
    if not text:
        return None
    rate = Fraction(text)
    if rate <= 0:
        raise ValueError(text)
    return rate
