"""UCSD Ped2: 16 and 12 folders of .tif, `UCSDped2.m`, .bmp masks."""

from __future__ import annotations

from pathlib import Path

from vadlab.miniatures.ucsd_archive import write_archive

__all__ = ["write"]


def write(root: Path) -> None:
    """Make the tree."""
    write_archive(root, "UCSDped2", train=16, test=12, masks=12)
