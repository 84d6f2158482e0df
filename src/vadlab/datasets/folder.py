"""Your own videos: a folder with annotations.csv (path,split,category,abnormal,events,...)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from vadlab.annotation_table import AnnotationTable
from vadlab.layouts.listed import ListedVideos
from vadlab.types import Entry, FrameLabels

__all__ = ["Folder"]


class Folder(ListedVideos):
    """Videos and image folders listed in `ROOT/annotations.csv`; `vadlab.annotation_table` tells the format.

    The table lists the parts, validation too; both protocols use them.

    Args:
        root: The folder.

    Raises:
        DataError: If the table is missing or malformed, or videos are missing.
    """

    name: ClassVar[str] = "folder"
    licence: ClassVar[str] = "yours"
    home: ClassVar[str] = "a folder of your own"
    published: ClassVar[dict[str, int]] = {}

    def __init__(self, root: Path) -> None:
        self.root = root
        self._table = AnnotationTable(root)
        self._keep(self._table.entries)
        found = {entry.category for entry in self._table.entries}
        self.categories = tuple(sorted(category for category in found if category))

    def has_frame_labels(self, entry: Entry) -> bool:
        """False for abnormal videos without events: their label is weak."""
        return self._table.has_frame_labels(entry)

    def labels(self, entry: Entry, n_frames: int) -> FrameLabels:
        """Frame labels from the column `events`.

        Raises:
            DataError: If the label is weak, or the table does not fit `n_frames`.
        """
        return self._table.labels(entry, n_frames)
