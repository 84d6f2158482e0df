"""MATLAB scripts of UCSD: a line a test clip, `TestVideoFile{end+1}.gt_frame = [61:180, 190:195];`."""

from __future__ import annotations

import re
from pathlib import Path

from vadlab.annotation_table import Spans
from vadlab.csv_table import Problem, refuse
from vadlab.errors import DataError

__all__ = ["read_ranges"]

EXPECTED = "first:last with 1 <= first <= last, as MATLAB counts"


def read_ranges(file: Path) -> tuple[Spans, ...]:
    """The abnormal frames of every test clip, in the order of the lines.

    MATLAB's 1-based inclusive `[61:180, 190:195]` becomes the half-open `((60, 180), (189, 195))`.

    Raises:
        DataError: If there is no such line, or ranges are malformed; tells every one.
    """
    clips: list[Spans] = []
    problems: list[Problem] = []
    for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        match = re.search(r"gt_frame\s*=\s*\[([^\]]*)\]", line.partition("%")[0])
        if match is None:
            continue
        spans: list[tuple[int, int]] = []
        for part in filter(None, re.split(r"[,;\s]+", re.sub(r"\s*:\s*", ":", match[1].strip()))):
            found = re.fullmatch(r"([0-9]+):([0-9]+)", part)
            if found and 1 <= int(found[1]) <= int(found[2]):
                spans.append((int(found[1]) - 1, int(found[2])))
            else:
                problems.append(Problem(number, "gt_frame", EXPECTED, part))
        clips.append(tuple(spans))
    refuse(file, problems)
    if not clips:
        raise DataError(
            "no clip in the ground truth",
            file=file,
            expected="lines such as TestVideoFile{end+1}.gt_frame = [61:180];",
            remedy="unpack the official archive again",
        )
    return tuple(clips)
