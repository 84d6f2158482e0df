"""LAD: 2,000 videos, 14 kinds of anomaly, every frame labelled; the set of the LAD paper.

- Paper: B. Wan, W. Jiang, Y. Fang, Z. Luo, G. Ding: Anomaly detection in video sequences: a benchmark and
  computational model, IET Image Processing 15, 2021.
- Get it: links on the project page (`home` below) and in the authors' repository anomaly_detection_LAD2000:
  videos, data_splits.zip, GTs.zip.
- Terms: none stated; for research.
- Layout: videos `denseflow_img/<Class>/<v_name>/img/*.jpg`, or files `<Class>/<v_name>.mp4` in `videos/` or
  in the folder itself; lists `train_split.txt` and `test_split.txt`; frame labels
  `GT_mat/all/gt_<name>.mat`, or `GT/frame_label_IET.pickle`; video labels, where there,
  `GT/video_label_IET.pickle`.
- Errors in circulation: the tool that made `denseflow_img` writes one image less than the video has frames,
  the last being without a flow: for its image folders, labels that are longer by exactly one lose the last
  one. The class counts of the repository's later README add up to 2,010.
- What differs here: nothing; "Thieving" is taken for the class that the files call "Thiefing".
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from vadlab.csv_table import listed
from vadlab.errors import DataError
from vadlab.ground_truth.fitting import as_row, from_mask
from vadlab.ground_truth.mat_file import read_row
from vadlab.ground_truth.name_list import VIDEO_SUFFIXES, read_lists
from vadlab.ground_truth.pickle_file import read_dict
from vadlab.layouts.listed import ListedVideos
from vadlab.layouts.video_files import absent_part, first, refuse_other_case
from vadlab.types import Entry, FrameLabels

__all__ = ["LAD"]

FPS = Fraction(25)  # LAD paper, Sec. 3.1
VIDEO_FOLDERS = ("denseflow_img", "videos", ".")
LIST_FOLDERS = (".", "data_splits", "GT")
MAT_FOLDERS = ("GT_mat/all", "GT/GT_mat/all", "GTs/GT_mat/all")
PICKLE_FOLDERS = ("GT", "GTs", ".")
CLASSES = (  # in the published order, which the authors number from 0
    "Crash",
    "Crowd",
    "Destroy",
    "Drop",
    "FallIntoWater",
    "Falling",
    "Fighting",
    "Fire",
    "Hurt",
    "Loitering",
    "Panic",
    "Thiefing",
    "Trampled",
    "Violence",
)
CLASS_ALIASES = {"Thieving": "Thiefing"}


class LAD(ListedVideos):
    """LAD in the authors' layout; ids are `<Class>/<v_name>`.

    The two lists define the set: videos in the folders that neither list names are not part of it.
    A normal video carries the class of its folder, as the authors train with it; whether a video is
    normal stands in its name, `..._n_<number>_<number>` or `..._a_...`. Every video is its own source,
    as no list of scenes is published.

    Args:
        root: The folder that holds videos, lists and labels.

    Raises:
        DataError: If labels, lists or all videos are missing, names are malformed, or the video labels
            contradict the folders.
    """

    name: ClassVar[str] = "lad"
    licence: ClassVar[str] = "none stated; for research, cite Wan et al., IET Image Processing 2021"
    home: ClassVar[str] = "http://sim.jxufe.cn/JDMKL/ymfang/anomaly-detection.html"
    published: ClassVar[dict[str, int]] = {
        "videos": 2000,
        "normal": 1238,
        "abnormal": 762,
        "train": 1440,
        "train_normal": 958,
        "train_abnormal": 482,
        "test": 560,
        "test_normal": 280,
        "test_abnormal": 280,
        **{f"test {name}": 40 for name in CLASSES},
    }
    categories: tuple[str, ...] = CLASSES

    def __init__(self, root: Path) -> None:
        self.root = root
        truths = MAT_FOLDERS + tuple(f"{folder}/frame_label_IET.pickle" for folder in PICKLE_FOLDERS)
        truth = first(root, truths)
        if truth is None:
            raise absent_part(
                root, "the frame labels of LAD (GTs.zip)", expected=" | ".join(truths), home=self.home
            )
        self._truth = truth  # folder of .mat files, or the pickle
        lists = {part: _list(root, part) for part in ("train", "test")}
        parts = read_lists(lists)
        videos = self._videos(root)
        refuse_other_case(parts, {name: path for name, (_, path) in videos.items()}, file=lists["train"])
        classes = self._video_labels(
            first(root, tuple(f"{f}/video_label_IET.pickle" for f in PICKLE_FOLDERS))
        )
        self._check_classes(videos, classes)
        abnormal = _abnormal(parts, lists)
        self._keep(
            _entry(root, name, part, videos.get(name, (classes.get(name), None)), abnormal=abnormal[name])
            for name, part in parts.items()
        )

    def labels(self, entry: Entry, n_frames: int) -> FrameLabels:
        """Frame labels of a video, from the .mat files where there are any, else from the pickle.

        Raises:
            DataError: If they are missing, malformed, or of another length than `n_frames` (one more
                is allowed for an image folder).
        """
        file, values = self._label_values(PurePosixPath(entry.id).name)
        remedy = "download the video again; a re-encoded copy may gain or lose frames"
        if entry.path.is_dir() and len(values) == n_frames + 1:
            values = values[:-1]  # denseflow wrote no image for the last frame
        return from_mask(values, n_frames, entry=entry, file=file, remedy=remedy)

    def _videos(self, root: Path) -> dict[str, tuple[str | None, Path]]:
        """Class and path by video name."""
        classes = {name: name for name in self.categories} | CLASS_ALIASES
        found = (
            [
                (root / base / name, category)
                for name, category in classes.items()
                if (root / base / name).is_dir()
            ]
            for base in VIDEO_FOLDERS
        )
        folders = next(filter(None, found), None)
        if folders is None:
            expected = "denseflow_img/<Class>/<v_name>/img/ or videos/<Class>/<v_name>.mp4"
            raise absent_part(root, "the videos of LAD", expected=expected, home=self.home)
        videos: dict[str, tuple[str | None, Path]] = {}
        twice: list[str] = []
        for folder, category in folders:
            for path in sorted(folder.iterdir()):
                is_images = (path / "img").is_dir()
                if not is_images and (path.suffix.lower() not in VIDEO_SUFFIXES or path.name.startswith(".")):
                    continue
                name = path.name if is_images else path.stem
                if name in videos:
                    twice.append(f"{name} in {folder.name} and {videos[name][0]}")
                videos[name] = (category, path / "img" if is_images else path)
        if twice:
            raise DataError(
                f"{len(twice)} videos are there twice",
                file=root,
                expected="each name once",
                found=listed(twice),
                remedy="delete the copies",
            )
        return videos

    def _label_values(self, name: str) -> tuple[Path, NDArray[np.bool_]]:
        """The label file and its (frames,) values."""
        if self._truth.is_dir():
            file = self._truth / f"gt_{name.removeprefix('v_')}.mat"
            return file, read_row(file)
        if name not in self._pickled:
            raise DataError(f"no frame labels of {name!r}", file=self._truth, remedy="unpack GTs.zip again")
        return self._truth, as_row(self._pickled[name], file=self._truth)

    @cached_property
    def _pickled(self) -> Mapping[str, Any]:
        return read_dict(self._truth)

    def _video_labels(self, file: Path | None) -> dict[str, str]:
        """Class by video name."""
        if file is None:
            return {}
        indices = {name: np.ravel(index) for name, index in read_dict(file).items()}
        wrong = [n for n, i in indices.items() if i.size != 1 or i[0] not in range(len(self.categories))]
        if wrong:
            raise DataError(
                f"{len(wrong)} video labels are malformed",
                file=file,
                expected=f"a class from 0 to {len(self.categories) - 1}",
                found=listed(f"{name}: {indices[name].tolist()}" for name in wrong),
            )
        return {name: self.categories[int(index[0])] for name, index in indices.items()}

    def _check_classes(
        self, videos: Mapping[str, tuple[str | None, Path]], classes: Mapping[str, str]
    ) -> None:
        wrong = [
            f"{category}/{name} is labelled {classes[name]}"
            for name, (category, _) in videos.items()
            if classes.get(name, category) != category
        ]
        if wrong:
            raise DataError(
                f"{len(wrong)} videos stand in the folder of another class",
                file=self.root,
                expected="the class of each video's folder, by video_label_IET.pickle",
                found=listed(wrong),
                remedy="move them to the labelled class's folder",
            )


def _list(root: Path, part: str) -> Path:
    file = first(root, tuple(f"{folder}/{part}_split.txt" for folder in LIST_FOLDERS))
    if file is None:
        raise DataError(
            f"the list of {part} videos is missing",
            file=root,
            expected=f"{part}_split.txt",
            remedy=f"unpack data_splits.zip here; links are at {LAD.home}",
        )
    return file


def _abnormal(parts: Mapping[str, str], lists: Mapping[str, Path]) -> dict[str, bool]:
    """Whether each video is abnormal, by its name."""
    marks = {name: name.split("_")[-3] if name.count("_") >= 2 else "" for name in parts}
    wrong = [f"{name} in {lists[parts[name]].name}" for name, mark in marks.items() if mark not in ("n", "a")]
    if wrong:
        raise DataError(
            f"{len(wrong)} names tell neither normal nor abnormal",
            file=lists["train"].parent,
            expected="n or a as the third last part between underscores, e.g. v_Crash_a_01_02",
            found=listed(wrong),
        )
    return {name: mark == "a" for name, mark in marks.items()}


def _entry(
    root: Path, name: str, part: str, video: tuple[str | None, Path | None], *, abnormal: bool
) -> Entry:
    category, path = video
    # Of a video that is absent, only the video labels tell the class.
    full = f"{category}/{name}" if category else name
    return Entry(
        id=full,
        path=path or root / f"{full}.mp4",
        category=category,
        abnormal=abnormal,
        source=full,
        part=part,
        fps=FPS if path is not None and path.is_dir() else None,
    )
