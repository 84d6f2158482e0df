"""Your own videos: .mp4 files, `annotations.csv`."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from vadlab.annotation_table import Row, write_rows
from vadlab.miniatures.drawn_video import EVENT, N_FRAMES, write_file

__all__ = ["write"]


def write(root: Path) -> None:
    """Make the tree: of two categories six normal and six abnormal videos, two of each recording."""
    rows: list[Row] = []
    for category in ("Fire", "Panic"):
        for number in range(12):
            abnormal = number % 2 == 1
            path = f"{category}/v{number:02d}.mp4"
            write_file(root / path, abnormal=abnormal)
            rows.append(
                Row(
                    path=path,
                    part="train" if number < 8 else "test",
                    category=category,
                    abnormal=abnormal,
                    events=(EVENT,) if abnormal else (),
                    n_frames=N_FRAMES,
                    fps=Fraction(25),
                    source=f"{category} camera {number // 2}",
                )
            )
    write_rows(root / "annotations.csv", rows)
