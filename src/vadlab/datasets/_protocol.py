"""The contract of every dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar
from typing import Protocol as TypingProtocol

from vadlab.splits import Protocol
from vadlab.types import Entry, FrameLabels, Split, Supervision

__all__ = ["Dataset", "category_counts", "video_counts"]


class Dataset(TypingProtocol):
    """A set of labelled videos in a folder; one file and one class each, found by the file's name.

    `published` holds the official set's counts, as far as it has any: keys of `video_counts` and
    `category_counts`, and `train_frames`, `test_frames`, `test_abnormal_frames`. Parts are the official ones.

    `categories` is in the published order; every entry's category is one of them, or None.

    The constructor takes the folder and looks at its layout, not into its videos. It refuses what it cannot
    understand; of a partial download it lists what is there as `entries`, and what its lists name besides as
    `absent`.

    `vadlab.layouts.listed` holds what most sets share: a file here is then facts, a layout and labels.
    """

    name: ClassVar[str]
    licence: ClassVar[str]
    home: ClassVar[str]
    published: ClassVar[dict[str, int]]
    root: Path
    categories: tuple[str, ...]
    absent: tuple[Entry, ...]

    def __init__(self, root: Path) -> None: ...

    def entries(self) -> tuple[Entry, ...]:
        """All videos that are there, sorted by id."""
        ...

    def has_frame_labels(self, entry: Entry) -> bool:
        """Whether `labels` knows every frame of the video."""
        ...

    def labels(self, entry: Entry, n_frames: int) -> FrameLabels:
        """The truth of a video for which decoding yields `n_frames` frames.

        Raises:
            DataError: If the video has no frame labels, or theirs is another length.
        """
        ...

    def split(
        self,
        supervision: Supervision,
        *,
        seed: int = 0,
        val_fraction: float = 0.0,
        protocol: Protocol = "paper",
    ) -> Split:
        """The split for a mode of supervision: the paper's (Table 2), or the dataset's own.

        `seed` draws the validation part, and where the paper drew at random, train and test too.

        Raises:
            UsageError: If the set has no such split.
            DataError: If videos of it are absent.
        """
        ...


def video_counts(entries: Iterable[Entry]) -> dict[str, int]:
    """Numbers of videos: in all, by kind, by part, and by part and kind, as `published` names them."""
    every = tuple(entries)
    kinds = {"normal": False, "abnormal": True}
    counts = {"videos": len(every)}
    counts.update({kind: sum(e.abnormal is flag for e in every) for kind, flag in kinds.items()})
    for part in ("train", "val", "test"):
        of_part = [e for e in every if e.part == part]
        if part == "val" and not of_part:
            continue
        counts[part] = len(of_part)
        counts.update(
            {f"{part}_{kind}": sum(e.abnormal is flag for e in of_part) for kind, flag in kinds.items()}
        )
    return counts


def category_counts(entries: Iterable[Entry]) -> dict[str, int]:
    """Numbers of videos by part and category, as `published` names them: `"train Abuse"`."""
    return dict(Counter(f"{entry.part} {entry.category}" for entry in entries if entry.category))
