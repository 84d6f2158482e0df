"""CUHK Avenue's folders of videos, in the official layout and the customary one.

- official: `{training,testing}_videos/NN.avi`, truth
  `ground_truth_demo/testing_label_mask/N_label.mat`;
- customary: `{training,testing}/frames/NN/*.jpg`, truth `avenue.mat`.

The two truths differ (see `datasets/avenue.py` and `datasets/avenue_ranges.py`), so each is a dataset of
its own name, and the name stands beside every number.
"""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

from vadlab.layouts.listed import HalvedVideos, two_kinds
from vadlab.layouts.video_files import absent_part, here, of_part
from vadlab.types import Entry

__all__ = ["AvenueVideos"]

FPS = Fraction(25)  # of image folders; as the videos' own
FOLDERS = {"train": ("training_videos", "training/frames"), "test": ("testing_videos", "testing/frames")}


class AvenueVideos(HalvedVideos):
    """Avenue's videos; ids are `train_01` ... and `test_01` ... in both layouts.

    Every test video holds an anomaly. Every video is its own source; all show the same place.

    Args:
        root: The folder that holds the two parts, or the one above it.

    Raises:
        DataError: If videos are missing.
    """

    home: ClassVar[str] = "http://www.cse.cuhk.edu.hk/leojia/projects/detectabnormal/dataset.html"
    licence: ClassVar[str] = "none stated; for research, cite Lu et al., ICCV 2013"
    categories: tuple[str, ...] = ("Normal", "Abnormal")
    _counts: ClassVar[dict[str, int]] = {
        "videos": 37,
        "normal": 16,
        "abnormal": 21,
        "train": 16,
        "test": 21,
        "train_frames": 15328,
        "test_frames": 15324,
    }

    def __init__(self, root: Path) -> None:
        self.root = root
        folders = [name for names in FOLDERS.values() for name in names]
        self._base = here(root, (".", "Avenue Dataset", "Avenue_Dataset", "avenue"), folders)
        parts = {part: _videos(self._base, part) for part in FOLDERS}
        if not any(parts.values()):
            expected = "training_videos/01.avi ... and testing_videos/01.avi ..., or training/frames/01/ ..."
            raise absent_part(self._base, "the videos of Avenue", expected=expected, home=self.home)
        made = [
            _entry(part, n, found.get(n, self._base / FOLDERS[part][0] / f"{n:02d}.avi"))
            for part, found in parts.items()
            for n in set(range(1, self._counts[part] + 1)) | set(found)
        ]
        self._keep(made)


def _videos(base: Path, part: str) -> dict[int, Path]:
    """Path by video number."""
    found = of_part(base, FOLDERS[part])
    return {int(name): path for name, path in found.items() if re.fullmatch(r"[0-9]+", name)}


def _entry(part: str, number: int, path: Path) -> Entry:
    name = f"{part}_{number:02d}"
    abnormal = part == "test"
    return Entry(
        id=name,
        path=path,
        category=two_kinds(abnormal=abnormal),
        abnormal=abnormal,
        source=name,
        part=part,
        fps=FPS if path.is_dir() else None,
    )
