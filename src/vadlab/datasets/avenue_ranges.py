"""CUHK Avenue with the ranges of avenue.mat (3,867 abnormal frames), by which most papers since 2018 go.

- Paper: C. Lu, J. Shi, J. Jia: Abnormal event detection at 150 FPS in MATLAB, ICCV 2013; `avenue.mat` comes
  with the code of W. Liu et al.: Future frame prediction for anomaly detection, CVPR 2018.
- Get it: videos from the project page (`home` below); `avenue.mat` from that code's repository.
- Terms: none stated; for research.
- Layouts: see `vadlab.layouts.avenue`. This truth is `avenue.mat`, beside the two parts.
- Errors in circulation: the last frame of every range left out (3,820).
- What differs from `avenue`: the annotation only.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from vadlab.errors import DataError
from vadlab.ground_truth.fitting import from_spans
from vadlab.ground_truth.mat_file import read_range_cells
from vadlab.layouts.avenue import AvenueVideos
from vadlab.layouts.video_files import first
from vadlab.types import Entry, FrameLabels

__all__ = ["AvenueRanges"]

TRUTHS = ("avenue.mat", "testing/avenue.mat", "../avenue.mat")


class AvenueRanges(AvenueVideos):
    """Avenue, labelled by `avenue.mat`; see `vadlab.layouts.avenue.AvenueVideos`.

    Raises:
        DataError: If videos or the truth are missing, or test videos are not those of the truth.
    """

    name: ClassVar[str] = "avenue_ranges"
    published: ClassVar[dict[str, int]] = AvenueVideos._counts | {"test_abnormal_frames": 3867}

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        truth = first(self._base, TRUTHS)
        if truth is None:
            raise DataError(
                "the ranges of Avenue are missing",
                file=self._base,
                expected=" | ".join(TRUTHS),
                remedy="copy avenue.mat here, or use the dataset avenue, which reads the authors' masks",
            )
        self._truth = truth
        ranges = read_range_cells(truth)
        self._spans = {f"test_{number:02d}": spans for number, spans in enumerate(ranges, start=1)}
        extra = [e.id for e in self._entries if e.part == "test" and e.id not in self._spans]
        if extra:
            raise DataError(
                "the test videos are not those of the ground truth",
                file=truth,
                expected=f"videos 1 to {len(ranges)}",
                found=", ".join(extra),
                remedy=f"download the videos again: {self.home}",
            )

    def labels(self, entry: Entry, n_frames: int) -> FrameLabels:
        """Frame labels from the ranges; training videos are normal.

        Raises:
            DataError: If a range ends after the video, or an image folder has another number of images.
        """
        return from_spans(self._spans.get(entry.id, ()), n_frames, entry=entry, file=self._truth)
