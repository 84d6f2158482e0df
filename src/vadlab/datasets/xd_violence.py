"""XD-Violence: 4,754 clips of films, sports, games and surveillance, six kinds of violence, with sound.

- Paper: P. Wu et al.: Not only look, but also listen: learning multimodal violence detection under weak
  supervision, ECCV 2020. Not in the LAD paper; kept because weak methods are compared on it.
- Get it: from the project page (`home` below), with `annotations.txt` (500 lines, the violent test videos).
- Terms: research only, by the project page.
- Layout: training videos in folders named `1-1004`, `1005-2004` ... or `train`, test videos in `videos`,
  `test` or `TestClips`; names tell the kinds, `Film__#00-25-20_00-29-20_label_B2-G-0.mp4`; A is normal.
- Errors in circulation: lists that keep one of up to three kinds; label files cut to whole clips of 16
  frames (2,330,384 frames); annotations used at another rate than the files' 24 frames a second.
- What differs here: a video's category is its first kind. Sound is not used. A film's clips may stand in
  both official parts, so a source is a film *within its part*: validation keeps films whole, the official
  test part stays what it is.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

from vadlab.errors import DataError
from vadlab.ground_truth.fitting import from_spans
from vadlab.ground_truth.interval_text import read_xd
from vadlab.layouts.listed import ListedVideos
from vadlab.layouts.video_files import absent_part, by_name, first, refuse_other_case
from vadlab.types import Entry, FrameLabels

__all__ = ["XDViolence"]

KINDS = {
    "A": "Normal",
    "B1": "Fighting",
    "B2": "Shooting",
    "B4": "Riot",
    "B5": "Abuse",
    "B6": "CarAccident",
    "G": "Explosion",
}
TEST_FOLDERS = ("videos", "test", "test_videos", "TestClips")
SPARE = 16  # frames that an annotation may end too late; more means another frame rate


class XDViolence(ListedVideos):
    """XD-Violence; ids are `<part>/<name>`.

    Args:
        root: The folder that holds the videos' folders and `annotations.txt`.

    Raises:
        DataError: If annotations or videos are missing, lines or names are malformed, or videos are there
            twice or named with other capitals.
    """

    name: ClassVar[str] = "xd_violence"
    licence: ClassVar[str] = "research only; cite Wu et al., ECCV 2020"
    home: ClassVar[str] = "https://roc-ng.github.io/XD-Violence/"
    published: ClassVar[dict[str, int]] = {
        "videos": 4754,
        "normal": 2349,
        "abnormal": 2405,
        "train": 3954,
        "train_normal": 2049,
        "train_abnormal": 1905,
        "test": 800,
        "test_normal": 300,
        "test_abnormal": 500,
    }
    categories: tuple[str, ...] = (
        "Fighting",
        "Shooting",
        "Riot",
        "Abuse",
        "CarAccident",
        "Explosion",
        "Normal",
    )

    def __init__(self, root: Path) -> None:
        self.root = root
        truth = first(root, ("annotations.txt", "annotations/annotations.txt"))
        if truth is None:
            raise absent_part(root, "annotations.txt", expected="annotations.txt", home=self.home)
        self._truth = truth
        self._spans = read_xd(truth)
        videos = by_name(root)
        refuse_other_case(self._spans, videos, file=truth)
        found = {n: p for n, p in videos.items() if "_label_" in n and _part(p.relative_to(root).parts)}
        if not found:
            raise absent_part(
                root,
                "the videos of XD-Violence",
                expected="1-1004/*_label_*.mp4 ... and videos/*_label_*.mp4",
                home=self.home,
            )
        made = [_entry(n, _part(p.relative_to(root).parts), p) for n, p in found.items()]
        made += [_entry(n, "test", root / "videos" / f"{n}.mp4") for n in self._spans if n not in found]
        wrong = [e.id for e in made if e.part == "test" and e.abnormal != (_name(e) in self._spans)]
        if wrong:
            raise DataError(
                f"{len(wrong)} test videos are violent by name and not by annotation, or otherwise",
                file=truth,
                expected="a line for each test video but those labelled A",
                found=", ".join(wrong[:20]),
                remedy=f"download annotations.txt again from {self.home}",
            )
        self._keep(made)

    def has_frame_labels(self, entry: Entry) -> bool:
        """False for violent training videos: somewhere in them is violence."""
        return entry.part == "test" or not entry.abnormal

    def labels(self, entry: Entry, n_frames: int) -> FrameLabels:
        """Frame labels of test videos from the annotations; training videos have only a weak label.

        Raises:
            DataError: If the label is weak, or an interval ends after the video.
        """
        if not self.has_frame_labels(entry):
            raise DataError(
                f"{entry.id} has no frame labels: training videos are labelled weakly",
                file=self._truth,
                expected="a test video, or a normal one",
                remedy="use weak supervision",
            )
        spans = self._spans.get(_name(entry), ())
        return from_spans(spans, n_frames, entry=entry, file=self._truth, spare=SPARE)


def _part(folders: tuple[str, ...]) -> str:
    """The part of a video by its folders; nothing if they name none."""
    if any(name in TEST_FOLDERS for name in folders[:-1]):
        return "test"
    train = any(re.fullmatch(r"[0-9]+-[0-9]+|train|train_videos", name) for name in folders[:-1])
    return "train" if train else ""


def _name(entry: Entry) -> str:
    return entry.id.partition("/")[2]


def _entry(name: str, part: str, path: Path) -> Entry:
    kind = re.split(r"[-_]", name.rpartition("_label_")[2])[0]
    if kind not in KINDS:
        raise DataError(
            f"{name!r} is of no known kind",
            file=path,
            expected="..._label_A, or _label_ and some of B1, B2, B4, B5, B6, G",
            remedy="give the file its published name",
        )
    return Entry(
        id=f"{part}/{name}",
        path=path,
        category=KINDS[kind],
        abnormal=kind != "A",
        source=f"{part} {name.partition('__#')[0]}",
        part=part,
    )
