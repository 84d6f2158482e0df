"""UCSD's folders of clips, Ped1 or Ped2, in the official layout and the customary one.

- official: `UCSDpedN/{Train,Test}/{Train,Test}NNN/*.tif`, truth `Test/UCSDpedN.m`, masks
  `Test/TestNNN_gt/*.bmp`;
- customary: `{training,testing}/frames/NN/*.jpg`, truth `UCSDpedN.m` or, as Liu et al. (CVPR 2018)
  distribute it, `pedN.mat`; masks `testing/masks/NN/*.png`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from vadlab.errors import DataError
from vadlab.ground_truth.fitting import from_spans
from vadlab.ground_truth.m_file import read_ranges
from vadlab.ground_truth.mask_images import read_masks
from vadlab.ground_truth.mat_file import read_range_cells
from vadlab.layouts.listed import HalvedVideos, two_kinds
from vadlab.layouts.video_files import absent_part, first, here, of_part
from vadlab.types import Entry, FrameLabels

__all__ = ["UCSD"]

FPS = Fraction(10)  # LAD paper, Sec. 2.1
FOLDERS = {"train": ("Train", "training/frames"), "test": ("Test", "testing/frames")}


class UCSD(HalvedVideos):
    """Clips of one of UCSD's walkways; ids are `Train001` ... and `Test001` ... in both layouts.

    Every clip is its own source. The truth lists test clips; training clips are normal.

    Args:
        root: The folder that holds the two parts, `UCSDpedN`, or the archive's folder above it.

    Raises:
        DataError: If clips or the truth are missing, or do not fit each other.
    """

    home: ClassVar[str] = "http://www.svcl.ucsd.edu/projects/anomaly/dataset.html"
    licence: ClassVar[str] = "none stated; for research, cite Mahadevan et al., CVPR 2010"
    published: ClassVar[dict[str, int]]
    categories: tuple[str, ...] = ("Normal", "Abnormal")

    def __init__(self, root: Path) -> None:
        self.root = root
        title = f"UCSD{self.name}"
        folders = [name for names in FOLDERS.values() for name in names]
        base = here(root, (".", title, f"UCSD_Anomaly_Dataset.v1p2/{title}"), folders)
        parts = {part: _clips(base, part) for part in FOLDERS}
        if not any(parts.values()):
            expected = "Train/Train001/ ... and Test/Test001/ ..., or {training,testing}/frames/01/ ..."
            raise absent_part(base, f"the clips of {title}", expected=expected, home=self.home)
        names = (f"Test/{title}.m", f"{title}.m", f"testing/{title}.m", f"{self.name}.mat")
        truth = first(base, names)
        if truth is None:
            raise DataError(
                f"the ground truth of {title} is missing",
                file=base,
                expected=" | ".join(names),
                remedy=f"copy {title}.m here from the official archive's Test folder: {self.home}",
            )
        self._truth = truth
        ranges = read_ranges(truth) if truth.suffix == ".m" else read_range_cells(truth)
        every = set(range(1, len(ranges) + 1))
        extra = sorted(set(parts["test"]) - every)
        if extra:
            raise DataError(
                "the test clips are not those of the ground truth",
                file=base,
                expected=f"clips 1 to {len(ranges)}, one a line of {truth.name}",
                found=f"clips {', '.join(map(str, extra))} too",
                remedy=f"unpack the official archive again: {self.home}",
            )
        self._spans = {f"Test{number:03d}": spans for number, spans in enumerate(ranges, start=1)}
        normal = set(range(1, self.published["train"] + 1)) | set(parts["train"])
        made = [
            _entry(base, "Train", number, parts["train"].get(number), abnormal=False) for number in normal
        ]
        made += [
            _entry(base, "Test", number, parts["test"].get(number), abnormal=bool(ranges[number - 1]))
            for number in every
        ]
        self._keep(made)

    def labels(self, entry: Entry, n_frames: int) -> FrameLabels:
        """Frame labels from the truth's ranges; training clips are normal.

        Raises:
            DataError: If `n_frames` is not the number of the clip's images, or a range lies outside.
        """
        return from_spans(self._spans.get(entry.id, ()), n_frames, entry=entry, file=self._truth)

    def pixel_masks(self, entry: Entry) -> Iterator[NDArray[np.bool_]]:
        """Yield (height, width) bool for every frame of a test clip, True where it is abnormal.

        Raises:
            DataError: If the clip has no masks (training clips have none), or one cannot be read.
        """
        # Test001 has its masks in Test001_gt, frames/01 in masks/01.
        official = entry.path.with_name(f"{entry.path.name}_gt")
        customary = entry.path.parents[1] / "masks" / entry.path.name
        folder = official if official.is_dir() else customary
        if entry.part != "test" or not folder.is_dir():
            raise DataError(
                f"clip {entry.id} has no pixel masks",
                file=entry.path,
                expected=f"{official} or {customary}; training clips have none",
                remedy=f"get them from {self.home}",
            )
        yield from read_masks(folder)


def _clips(base: Path, part: str) -> dict[int, Path]:
    """Folder by clip number."""
    pattern = rf"(?:{part.title()})?([0-9]+)"
    found = ((re.fullmatch(pattern, name), path) for name, path in of_part(base, FOLDERS[part]).items())
    return {int(match[1]): path for match, path in found if match and path.is_dir()}


def _entry(base: Path, title: str, number: int, path: Path | None, *, abnormal: bool) -> Entry:
    name = f"{title}{number:03d}"
    return Entry(
        id=name,
        path=path or base / title / name,
        category=two_kinds(abnormal=abnormal),
        abnormal=abnormal,
        source=name,
        part=title.lower(),
        fps=FPS,
    )
