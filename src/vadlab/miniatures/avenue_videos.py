"""Avenue's videos, without a truth."""

from __future__ import annotations

from pathlib import Path

from vadlab.miniatures.drawn_video import write_file

__all__ = ["write_videos"]


def write_videos(root: Path) -> range:
    """The videos of both parts; the numbers of the test videos."""
    for number in range(1, 17):
        write_file(root / "training_videos" / f"{number:02d}.avi", abnormal=False)
    test = range(1, 22)
    for number in test:
        write_file(root / "testing_videos" / f"{number:02d}.avi", abnormal=True)
    return test
