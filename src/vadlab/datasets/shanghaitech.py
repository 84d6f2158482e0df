"""ShanghaiTech Campus: 437 videos of 13 cameras; bicycles, skaters, running, brawls.

- Paper: W. Luo, W. Liu, S. Gao: A revisit of sparse coding based anomaly detection in stacked RNN framework,
  ICCV 2017. The re-split: J.-X. Zhong et al.: Graph convolutional label noise cleaner, CVPR 2019.
- Get it: from the project page (`home` below); the re-split's lists `SH_Train.txt` and `SH_Test.txt` from the
  repository GCN-Anomaly-Detection, folder ShanghaiTech_new_split.
- Terms: none stated; for research.
- Layouts: `training/videos/SS_VVV.avi` or `training/frames/SS_VVV/*.jpg`; `testing/frames/SS_VVVV/*.jpg` or
  `testing/videos/`; truth `testing/test_frame_mask/SS_VVVV.npy` (0 and 1), else
  `testing/test_pixel_mask/SS_VVVV.npy`; lists in `zhong_split/`, `ShanghaiTech_new_split/` or the folder
  itself.
- Names: SS is the camera; three digits after it are an original training video (normal), four an original
  test video (abnormal).
- Errors in circulation: label files of 142,912 frames with 8,028 abnormal (rounded to 16 frames); clips by
  scene, one scene a run; figures of the two splits compared with each other.
- What differs here: the paper's split is the re-split, 238/199 (Table 2); `--protocol official` is the
  original, 330/107. In both, the 13 cameras stand on both sides: a source is a video, not a camera.
"""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

from vadlab.errors import DataError
from vadlab.ground_truth.fitting import from_mask, from_spans
from vadlab.ground_truth.name_list import read_lists
from vadlab.ground_truth.npy_file import read_frames
from vadlab.layouts.listed import ListedVideos, two_kinds
from vadlab.layouts.video_files import absent_part, first, here, of_part
from vadlab.splits import assemble
from vadlab.types import Entry, FrameLabels, Split, Supervision

__all__ = ["ShanghaiTech"]

FPS = Fraction(24)  # of image folders (unverified); as the training videos
FOLDERS = {"train": ("training/videos", "training/frames"), "test": ("testing/frames", "testing/videos")}
MASKS = (
    "testing/test_frame_mask",
    "test_frame_mask",
    "testing/test_pixel_mask",
    "test_pixel_mask",
)
LISTS = (".", "zhong_split", "ShanghaiTech_new_split", "splits")
NAME = r"[0-9]{2}_[0-9]{3,4}"


class ShanghaiTech(ListedVideos):
    """ShanghaiTech Campus; ids are the videos' names, such as `01_001` and `01_0014`.

    Args:
        root: The folder that holds `training` and `testing`, or the one above it.

    Raises:
        DataError: If a part or the frame labels are missing.
    """

    name: ClassVar[str] = "shanghaitech"
    licence: ClassVar[str] = "none stated; for research, cite Luo et al., ICCV 2017"
    home: ClassVar[str] = "https://sviplab.github.io/dataset/campus_dataset.html"
    normal_training: ClassVar[bool] = True
    published: ClassVar[dict[str, int]] = {
        "videos": 437,
        "normal": 330,
        "abnormal": 107,
        "train": 330,
        "test": 107,
        "test_frames": 40791,
        "test_abnormal_frames": 17326,
    }
    categories: tuple[str, ...] = ("Normal", "Abnormal")

    def __init__(self, root: Path) -> None:
        self.root = root
        base = here(root, (".", "shanghaitech", "ShanghaiTech"), FOLDERS["train"] + FOLDERS["test"])
        masks = first(base, MASKS)
        if masks is None:
            raise absent_part(
                base, "the frame labels of ShanghaiTech", expected=" | ".join(MASKS), home=self.home
            )
        self._masks = masks
        videos: dict[str, Path] = {}
        for part in FOLDERS:
            videos |= {n: p for n, p in of_part(base, FOLDERS[part]).items() if re.fullmatch(NAME, n)}
        if not videos:
            raise absent_part(
                base,
                "the videos of ShanghaiTech",
                expected=f"{FOLDERS['train'][0]}/01_001.avi ... and {FOLDERS['test'][0]}/01_0014/ ...",
                home=self.home,
            )
        self._lists = self._resplit(base)
        # The labels name all test videos; the re-split's lists, where they are there, name all videos.
        names = {*videos, *(path.stem for path in masks.glob("*.npy")), *self._lists}
        self._keep(_entry(name, videos.get(name, base / FOLDERS[_part(name)][0] / name)) for name in names)

    def labels(self, entry: Entry, n_frames: int) -> FrameLabels:
        """Frame labels from the masks; original training videos are normal.

        Raises:
            DataError: If the mask is missing, malformed, or of another length than `n_frames`.
        """
        if entry.part == "train":
            return from_spans((), n_frames, entry=entry, file=None)
        file = self._masks / f"{entry.id}.npy"
        return from_mask(read_frames(file), n_frames, entry=entry, file=file)

    def _resplit(self, base: Path) -> dict[str, str]:
        for folder in (parent / name for parent in (base, self.root) for name in LISTS):
            if (folder / "SH_Train.txt").is_file():
                return read_lists({"train": folder / "SH_Train.txt", "test": folder / "SH_Test.txt"})
        return {}

    def _papers(self, supervision: Supervision, seed: int, val_fraction: float) -> Split:
        if not self._lists:
            raise DataError(
                "the lists of the re-split 238/199 are missing",
                file=self.root,
                expected="SH_Train.txt and SH_Test.txt, here or in zhong_split/",
                remedy="copy them from GCN-Anomaly-Detection, folder ShanghaiTech_new_split; "
                "--protocol official does without",
            )
        parts = {
            part: [entry for entry in self._every() if self._lists.get(entry.id) == part]
            for part in ("train", "test")
        }
        return assemble(
            self.name,
            supervision,
            protocol="paper",
            train=parts["train"],
            test=parts["test"],
            val_fraction=val_fraction,
            seed=seed,
        )


def _part(name: str) -> str:
    """Original test videos have four digits, original training videos three."""
    return "test" if len(name.rpartition("_")[2]) == 4 else "train"


def _entry(name: str, path: Path) -> Entry:
    part = _part(name)
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
