"""LV: 28 realistic videos of shops, streets and stations, 14 kinds of event, each with a mask video.

- Paper: R. Leyva, V. Sanchez, C.-T. Li: The LV dataset: a realistic surveillance video dataset for abnormal
  event detection, IWBF 2017.
- Get it: from the project page (`home` below).
- Terms: CC BY-NC, by a secondary source; ask the authors.
- Layout (as far as its descriptions tell, unverified): videos and, for each, a mask video of the same name
  with `g` before it, white where abnormal, in the folder itself or in `videos/` and `masks/`.
- Errors in circulation: 28 videos or 30, depending on the text; masks with grey noise of the codec, hence
  the threshold at half brightness.
- What differs here: the authors train on the first part of each video and test on the rest of it. A video
  is on one side here, so that split cannot be had; the LAD authors' lists of 14/14 videos are not
  published, so ours is a random half. Every video holds an anomaly: there is nothing to train on without
  supervision.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from vadlab.errors import UsageError
from vadlab.ground_truth.fitting import from_mask
from vadlab.ground_truth.mask_video import read_frames
from vadlab.layouts.listed import HalvedVideos, two_kinds
from vadlab.layouts.video_files import absent_part, of_part
from vadlab.splits import Protocol
from vadlab.types import Entry, FrameLabels, Split, Supervision

__all__ = ["LV"]

VIDEO_FOLDERS = (".", "videos")
MASK_FOLDERS = (".", "videos", "masks", "ground_truth")


class LV(HalvedVideos):
    """LV; ids are the videos' names. Every video is its own source, and abnormal.

    Args:
        root: The folder that holds videos and mask videos.

    Raises:
        DataError: If there is no video with a mask video.
    """

    name: ClassVar[str] = "lv"
    licence: ClassVar[str] = "CC BY-NC by a secondary source; cite Leyva et al., IWBF 2017"
    home: ClassVar[str] = "https://cvrleyva.wordpress.com/2017/04/08/lv-dataset/"
    published: ClassVar[dict[str, int]] = {"videos": 28, "abnormal": 28}
    categories: tuple[str, ...] = ("Normal", "Abnormal")

    def __init__(self, root: Path) -> None:
        self.root = root
        masks: dict[str, Path] = {}
        for folder in MASK_FOLDERS:
            masks |= {name: path for name, path in of_part(root, (folder,)).items() if path.is_file()}
        videos: dict[str, Path] = {}
        for folder in VIDEO_FOLDERS:
            found = of_part(root, (folder,))
            videos |= {n: p for n, p in found.items() if p.is_file() and f"g{n}" in masks}
        if not videos:
            raise absent_part(
                root, "videos of LV with their mask videos", expected="1.avi and g1.avi ...", home=self.home
            )
        self._masks = {name: masks[f"g{name}"] for name in videos}
        self._keep(_entry(name, path) for name, path in videos.items())

    def labels(self, entry: Entry, n_frames: int) -> FrameLabels:
        """Frame labels from the mask video.

        Raises:
            DataError: If it is damaged, or of another length than `n_frames`.
        """
        file = self._masks[entry.id]
        return from_mask(read_frames(file), n_frames, entry=entry, file=file)

    def split(
        self,
        supervision: Supervision,
        *,
        seed: int = 0,
        val_fraction: float = 0.0,
        protocol: Protocol = "paper",
    ) -> Split:
        """A random half of the videos; see above for what the authors do instead.

        Raises:
            UsageError: If the official split or unsupervised training is asked for.
        """
        if supervision is Supervision.UNSUPERVISED:
            raise UsageError(
                "lv has no normal video to train on",
                expected="weak or full supervision",
                found=str(supervision),
                remedy="choose a weakly or fully supervised detector, or another set",
            )
        if protocol == "official":
            raise UsageError(
                "the official split of lv cuts each video in two, which is not supported",
                expected="the paper's split",
                remedy="leave out --protocol official",
            )
        return super().split(supervision, seed=seed, val_fraction=val_fraction, protocol=protocol)


def _entry(name: str, path: Path) -> Entry:
    # No part of a video is a training or a test video; the split draws both.
    return Entry(
        id=name, path=path, category=two_kinds(abnormal=True), abnormal=True, source=name, part="test"
    )
