"""UCSD Ped1: 34 and 36 folders of .tif, `UCSDped1.m`, .bmp masks of ten clips."""

from __future__ import annotations

from pathlib import Path

from vadlab.miniatures.ucsd_archive import write_archive

__all__ = ["write"]


def write(root: Path) -> None:
    """Make the tree."""
    write_archive(root, "UCSDped1", train=34, test=36, masks=10)
