"""LAD: 2,000 videos, 14 kinds of anomaly, every frame labelled; the set of the LAD paper.

B. Wan, W. Jiang, Y. Fang, Z. Luo, G. Ding: Anomaly detection in video sequences: a benchmark and
computational model, IET Image Processing 15, 2021. The authors' layout is read:

- videos `denseflow_img/<Class>/<v_name>/img/*.jpg`, or files `<Class>/<v_name>.mp4` in `videos/` or
  in the folder itself;
- lists `train_split.txt` and `test_split.txt`, a name a line;
- frame labels `GT_mat/all/gt_<name>.mat`, or `GT/frame_label_IET.pickle`; video labels, where there,
  `GT/video_label_IET.pickle`. Pickles are read without running anything that they ask for.

The tool that made `denseflow_img` writes one image less than the video has frames, the last being
without a flow. For its image folders, labels that are longer by exactly one lose the last one; any
other difference is an error.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import numpy as np
import scipy.io
from numpy.typing import NDArray

from vadlab import array_pickle
from vadlab.errors import DataError
from vadlab.splits import Protocol, official
from vadlab.types import Entry, FrameLabels, Split, Supervision

__all__ = ["LAD", "read_pickle"]

FPS = Fraction(25)  # LAD paper, Sec. 3.1
VIDEO_SUFFIXES = frozenset({".avi", ".mkv", ".mov", ".mp4", ".webm"})
VIDEO_FOLDERS = ("denseflow_img", "videos", ".")
LIST_FOLDERS = (".", "data_splits", "GT")
MAT_FOLDERS = ("GT_mat/all", "GT/GT_mat/all", "GTs/GT_mat/all")
PICKLE_FOLDERS = ("GT", "GTs", ".")
CLASS_ALIASES = {"Thieving": "Thiefing"}


class LAD:
    """LAD in the authors' layout.

    The two lists define the set: videos in the folders that neither list names are not part of it.
    A normal video carries the class of its folder, as the authors train with it; whether a video is
    normal stands in its name, `..._n_<number>_<number>` or `..._a_...`. Every video is its own source,
    as no list of scenes is published.

    Args:
        root: The folder that holds videos, lists and labels.

    Raises:
        DataError: If a part of the layout is missing, a listed video is missing or named otherwise,
            or the video labels contradict the folders.
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
    }
    categories: tuple[str, ...] = (
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

    def __init__(self, root: Path) -> None:
        self.root = root
        pickles = tuple(f"{folder}/frame_label_IET.pickle" for folder in PICKLE_FOLDERS)
        truth = _first(root, MAT_FOLDERS + pickles)
        if truth is None:
            raise DataError(
                "the frame labels of LAD are missing",
                file=root,
                expected=f"{MAT_FOLDERS[0]}/gt_<name>.mat or {pickles[0]}",
                remedy=f"unpack GTs.zip here; links are at {self.home}",
            )
        self._truth = truth  # folder of .mat files, or the pickle
        self._entries = _entries(root, self._videos(root))
        self._check_classes(_first(root, tuple(f"{f}/video_label_IET.pickle" for f in PICKLE_FOLDERS)))

    def entries(self) -> tuple[Entry, ...]:
        """All listed videos, sorted by id, `<Class>/<v_name>`."""
        return self._entries

    def has_frame_labels(self, entry: Entry) -> bool:  # noqa: ARG002
        """True: LAD labels every frame."""
        return True

    def labels(self, entry: Entry, n_frames: int) -> FrameLabels:
        """Frame labels of a video, from the .mat files where there are any, else from the pickle.

        Raises:
            DataError: If they are missing, malformed, or of another length than `n_frames` (one more
                is allowed for an image folder).
        """
        file, values = self._label_values(entry)
        is_denseflow = entry.path.is_dir()
        if is_denseflow and len(values) == n_frames + 1:
            values = values[:-1]
        if len(values) != n_frames:
            raise DataError(
                f"the labels of {entry.id} have another length than the video",
                file=file,
                expected=f"{n_frames} labels" + (f" or {n_frames + 1}" if is_denseflow else ""),
                found=f"{len(values)} labels",
                remedy="download the video again; a re-encoded copy may gain or lose frames",
            )
        return FrameLabels.from_mask(values, category=entry.category)

    def split(
        self,
        supervision: Supervision,
        *,
        seed: int = 0,
        val_fraction: float = 0.0,
        protocol: Protocol = "paper",
    ) -> Split:
        """The authors' lists, for both protocols: 1,440 train and 560 test; 958 and 560 without supervision.

        Source: LAD paper, Table 2.
        """
        return official(
            self.name, self.entries(), supervision, protocol=protocol, val_fraction=val_fraction, seed=seed
        )

    def _videos(self, root: Path) -> dict[str, tuple[str, Path]]:
        """Class and path by video name."""
        classes = {name: name for name in self.categories} | CLASS_ALIASES
        for base in (root / folder for folder in VIDEO_FOLDERS):
            folders = [
                (base / name, category) for name, category in classes.items() if (base / name).is_dir()
            ]
            if folders:
                break
        else:
            raise DataError(
                "no videos of LAD here",
                file=root,
                expected="denseflow_img/<Class>/<v_name>/img/ or videos/<Class>/<v_name>.mp4",
                found=", ".join(sorted(p.name for p in root.iterdir())[:10])
                if root.is_dir()
                else "no such folder",
                remedy=f"unpack the videos here; links are at {self.home}",
            )
        videos: dict[str, tuple[str, Path]] = {}
        for folder, category in folders:
            for path in sorted(folder.iterdir()):
                if (path / "img").is_dir():
                    name, video = path.name, path / "img"
                elif path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith("."):
                    name, video = path.stem, path
                else:
                    continue
                if name in videos:
                    raise DataError(
                        f"two videos are named {name!r}",
                        file=video,
                        expected="each name once",
                        found=videos[name][1],
                        remedy="delete the copy",
                    )
                videos[name] = (category, video)
        return videos

    def _label_values(self, entry: Entry) -> tuple[Path, NDArray[np.bool_]]:
        """The label file and its (frames,) values."""
        name = PurePosixPath(entry.id).name
        file = self._truth
        if file.is_dir():
            file = file / f"gt_{name.removeprefix('v_')}.mat"
            values = _read_mat(file)
        elif name in self._pickled:
            values = self._pickled[name]
        else:
            raise DataError(f"no frame labels of {name!r}", file=file, remedy="unpack GTs.zip again")
        array = np.asarray(values)
        if array.ndim != 2 or array.shape[0] != 1 or not np.isin(array, (0, 1)).all():
            raise DataError(
                f"the frame labels of {name!r} are malformed",
                file=file,
                expected="an array [1, frames] of 0 and 1",
                found=f"shape {list(array.shape)}, type {array.dtype}",
            )
        return file, array[0].astype(bool)

    @cached_property
    def _pickled(self) -> Mapping[str, Any]:
        return read_pickle(self._truth)

    def _check_classes(self, file: Path | None) -> None:
        if file is None:
            return
        classes = read_pickle(file)
        wrong = []
        for entry in self._entries:
            index = np.ravel(classes.get(PurePosixPath(entry.id).name, ()))
            if index.size and entry.category != self.categories[int(index[0])]:
                wrong.append(f"{entry.id} is labelled {self.categories[int(index[0])]}")
        if wrong:
            raise DataError(
                f"{len(wrong)} videos stand in the folder of another class",
                file=file,
                expected="the class of each video's folder",
                found="; ".join(wrong[:10]),
                remedy="move them to the labelled class's folder",
            )


def read_pickle(file: Path) -> dict[str, Any]:
    """A pickled dict of arrays, numbers and lists, read without running anything that it asks for.

    Raises:
        DataError: If the file is damaged, holds no dict, or asks for anything but NumPy arrays.
    """
    try:
        value = array_pickle.loads(file.read_bytes())
    except (pickle.UnpicklingError, OSError) as error:
        raise DataError(
            "the pickle cannot be read safely",
            file=file,
            expected="a dict of NumPy arrays",
            found=str(error),
            remedy="use the .mat files, or the file as the authors published it",
        ) from error
    if not isinstance(value, dict):
        raise DataError("the pickle is malformed", file=file, expected="a dict", found=type(value).__name__)
    return value


def _entries(root: Path, videos: Mapping[str, tuple[str, Path]]) -> tuple[Entry, ...]:
    entries: list[Entry] = []
    missing: list[str] = []
    parts: dict[str, str] = {}
    for part in ("train", "test"):
        file = _first(root, tuple(f"{folder}/{part}_split.txt" for folder in LIST_FOLDERS))
        if file is None:
            raise DataError(
                f"the list of {part} videos is missing",
                file=root,
                expected=f"{part}_split.txt",
                remedy=f"unpack data_splits.zip here; links are at {LAD.home}",
            )
        for number, name in _listed_names(file):
            if name in parts:
                raise DataError(
                    f"line {number} lists {name!r} again",
                    file=file,
                    expected="each video once in both lists",
                    found=f"it is in the {parts[name]} list too",
                    remedy="unpack data_splits.zip again",
                )
            parts[name] = part
            if name not in videos:
                missing.append(name)
                continue
            category, path = videos[name]
            entries.append(
                Entry(
                    id=f"{category}/{name}",
                    path=path,
                    category=category,
                    abnormal=_is_abnormal(name, file, number),
                    source=f"{category}/{name}",
                    part=part,
                    fps=FPS if path.is_dir() else None,
                )
            )
    if missing:
        raise DataError(
            f"{len(missing)} of {len(parts)} listed videos are missing",
            file=root,
            expected="every video of train_split.txt and test_split.txt in its class's folder",
            found=", ".join(missing[:10]) + (" ..." if len(missing) > 10 else ""),
            remedy="finish the download, or shorten the lists to the videos that you have",
        )
    return tuple(sorted(entries, key=lambda entry: entry.id))


def _listed_names(file: Path) -> list[tuple[int, str]]:
    """Line numbers and video names of a list; folders and file suffixes are taken off."""
    names = []
    for number, line in enumerate(file.read_text(encoding="utf-8-sig").splitlines(), start=1):
        path = PurePosixPath(line.strip().replace("\\", "/"))
        if path.parts:
            names.append((number, path.stem if path.suffix.lower() in VIDEO_SUFFIXES else path.name))
    return names


def _is_abnormal(name: str, file: Path, number: int) -> bool:
    parts = name.split("_")
    if len(parts) < 3 or parts[-3] not in ("n", "a"):
        raise DataError(
            f"line {number} holds a name that tells neither normal nor abnormal",
            file=file,
            expected="n or a as the third last part between underscores, e.g. v_Crash_a_01_02",
            found=name,
        )
    return parts[-3] == "a"


def _read_mat(file: Path) -> Any:
    if not file.is_file():
        raise DataError("no such label file", file=file, remedy="unpack GTs.zip again")
    try:
        return scipy.io.loadmat(file)["gt"]
    except Exception as error:  # a damaged file may raise almost anything
        raise DataError(
            "the label file cannot be read",
            file=file,
            expected="a MATLAB file with the variable gt",
            found=f"{type(error).__name__}: {error}",
            remedy="unpack GTs.zip again",
        ) from error


def _first(root: Path, names: tuple[str, ...]) -> Path | None:
    return next((root / name for name in names if (root / name).exists()), None)
