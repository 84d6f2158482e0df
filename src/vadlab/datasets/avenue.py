"""CUHK Avenue with its authors' pixel masks (3,712 abnormal frames); 16 normal and 21 abnormal videos.

- Paper: C. Lu, J. Shi, J. Jia: Abnormal event detection at 150 FPS in MATLAB, ICCV 2013.
- Get it: from the project page (`home` below): the videos, and the ground truth beside them.
- Terms: none stated; for research.
- Layouts: see `vadlab.layouts.avenue`. This truth is `ground_truth_demo/testing_label_mask/N_label.mat`.
- Errors in circulation: the ranges of `avenue.mat` (3,867 abnormal frames), by which most papers since
  2018 evaluate, disagree with these masks on 441 of 15,324 frames, e.g. on 29 of video 18: they are the
  dataset `avenue_ranges`. A third annotation, MLEP's `avenue.json` (4,835), is not read: never mix them.
  Masks at 120x160, the size of the authors' demo, lose small objects.
- What differs here: the LAD paper's split is a random half of the 37 videos (Table 2).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from vadlab.errors import DataError
from vadlab.ground_truth.fitting import from_mask, from_spans
from vadlab.ground_truth.mat_file import read_mask_cells, read_masks
from vadlab.layouts.avenue import AvenueVideos
from vadlab.layouts.video_files import first
from vadlab.types import Entry, FrameLabels

__all__ = ["Avenue"]

MASKS = ("ground_truth_demo/testing_label_mask", "testing_label_mask")


class Avenue(AvenueVideos):
    """Avenue, a frame abnormal where any pixel is marked; see `vadlab.layouts.avenue.AvenueVideos`.

    Raises:
        DataError: If videos or the masks' folder are missing.
    """

    name: ClassVar[str] = "avenue"
    published: ClassVar[dict[str, int]] = AvenueVideos._counts | {"test_abnormal_frames": 3712}

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        # The ground truth comes as an archive of its own, unpacked beside the videos or within.
        masks = first(self._base, MASKS) or first(root, MASKS) or first(self._base.parent, MASKS)
        if masks is None:
            ranges = first(self._base, ("avenue.mat",))
            raise DataError(
                "the pixel masks of Avenue are missing",
                file=self._base,
                expected=f"{MASKS[0]}/1_label.mat ...",
                found="avenue.mat, another annotation" if ranges else None,
                remedy="use the dataset avenue_ranges, and say so beside every number"
                if ranges
                else f"download the ground truth from {self.home}",
            )
        self._masks = masks
        self._read: dict[str, NDArray[np.bool_]] = {}

    def labels(self, entry: Entry, n_frames: int) -> FrameLabels:
        """Frame labels from the pixel masks; training videos are normal.

        Raises:
            DataError: If the masks are missing, damaged, or of another number than `n_frames`.
        """
        if entry.part == "train":
            return from_spans((), n_frames, entry=entry, file=None)
        file = self._file(entry)
        if entry.id not in self._read:  # unpacking the masks of one video takes a quarter of a second
            self._read[entry.id] = read_mask_cells(file)
        return from_mask(self._read[entry.id], n_frames, entry=entry, file=file)

    def pixel_masks(self, entry: Entry) -> Iterator[NDArray[np.bool_]]:
        """Yield (height, width) bool for every frame of a test video, True where it is abnormal.

        Raises:
            DataError: If the video has no masks (training videos have none), or they are damaged.
        """
        yield from read_masks(self._file(entry))

    def _file(self, entry: Entry) -> Path:
        if entry.part == "train":
            raise DataError(f"{entry.id} has no pixel masks: training videos have none", file=self._masks)
        return self._masks / f"{int(entry.id.removeprefix('test_'))}_label.mat"
