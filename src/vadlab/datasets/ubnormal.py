"""UBnormal: 543 rendered videos of 29 scenes, abnormal ones in training too, of other kinds than in the test.

- Paper: A. Acsintoae et al.: UBnormal: new benchmark for supervised open-set video anomaly detection, CVPR
  2022. Not in the LAD paper; kept because it is the other set with frame labels in training.
- Get it: from the project page (`home` below), with the lists in its folder `scripts`.
- Terms: CC BY-NC-ND 4.0.
- Layout: `SceneN/<name>.mp4`, `SceneN/<name>_annotations/<name>_tracks.txt` (a line an abnormal object:
  number, first and last frame, from 0), lists `{normal,abnormal}_{training,validation,test}_video_names.txt`
  in `scripts/`, `Split/` or the folder itself.
- Errors in circulation: validation used as test; fog versions of a scenario that stand on another side than
  the clear one (`abnormal_scene_8_scenario_4` tests, its fog version trains), also in the official lists,
  so a source here is a video.
- What differs here: nothing; the official parts are used, validation too.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

from vadlab.errors import DataError
from vadlab.ground_truth.fitting import from_spans
from vadlab.ground_truth.interval_text import read_tracks
from vadlab.ground_truth.name_list import read_lists
from vadlab.layouts.listed import ListedVideos, two_kinds
from vadlab.layouts.video_files import absent_part, by_name, refuse_other_case
from vadlab.types import Entry, FrameLabels

__all__ = ["UBnormal"]

PARTS = {"training": "train", "validation": "val", "test": "test"}
LISTS = {
    (kind, part): f"{kind}_{title}_video_names.txt"
    for kind in ("normal", "abnormal")
    for title, part in PARTS.items()
}


class UBnormal(ListedVideos):
    """UBnormal; ids are the videos' names. Every video is its own source.

    Args:
        root: The folder that holds the scenes and the lists.

    Raises:
        DataError: If lists or all videos are missing, lists are malformed, or videos are there twice.
    """

    name: ClassVar[str] = "ubnormal"
    licence: ClassVar[str] = "CC BY-NC-ND 4.0; cite Acsintoae et al., CVPR 2022"
    home: ClassVar[str] = "https://github.com/lilygeorgescu/UBnormal"
    published: ClassVar[dict[str, int]] = {"videos": 543, "train": 268, "test": 211}
    categories: tuple[str, ...] = ("Normal", "Abnormal")

    def __init__(self, root: Path) -> None:
        self.root = root
        names = list(LISTS.values())
        folder = next((root / n for n in ("scripts", "Split", ".") if (root / n / names[0]).is_file()), None)
        if folder is None:
            raise absent_part(
                root, "the lists of UBnormal", expected=f"scripts/{names[0]} ...", home=self.home
            )
        # One reading of all six, so that a name in two of them is told.
        parts = read_lists({f"{kind} {part}": folder / file for (kind, part), file in LISTS.items()})
        videos = by_name(root)
        refuse_other_case(parts, videos, file=folder)
        if not videos.keys() & parts.keys():
            raise absent_part(root, "the videos of UBnormal", expected="Scene1/*.mp4 ...", home=self.home)
        self._keep(self._entry(name, key, videos.get(name), folder) for name, key in parts.items())

    def labels(self, entry: Entry, n_frames: int) -> FrameLabels:
        """Frame labels of abnormal videos from their tracks.

        Raises:
            DataError: If the tracks are missing, malformed, or end after the video.
        """
        if not entry.abnormal:
            return from_spans((), n_frames, entry=entry, file=None)
        file = entry.path.with_name(f"{entry.id}_annotations") / f"{entry.id}_tracks.txt"
        return from_spans(read_tracks(file), n_frames, entry=entry, file=file)

    def _entry(self, name: str, listed: str, path: Path | None, lists: Path) -> Entry:
        kind, part = listed.split()
        scene = re.fullmatch(rf"{kind}_scene_([0-9]+)_scenario_.+", name)
        if scene is None:
            raise DataError(
                f"{name!r} stands in a list of {kind} videos",
                file=lists / LISTS[kind, part],
                expected=f"names such as {kind}_scene_1_scenario_2",
                remedy=f"download the lists again from {self.home}",
            )
        abnormal = kind == "abnormal"
        return Entry(
            id=name,
            path=path or self.root / f"Scene{scene[1]}" / f"{name}.mp4",
            category=two_kinds(abnormal=abnormal),
            abnormal=abnormal,
            source=name,
            part=part,
        )
