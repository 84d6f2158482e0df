"""UCF-Crime: 1,900 untrimmed surveillance videos, 13 kinds of crime and accident.

- Paper: W. Sultani, C. Chen, M. Shah: Real-world anomaly detection in surveillance videos, CVPR 2018.
- Get it: from the project page (`home` below), with `Anomaly_Train.txt` and
  `Temporal_Anomaly_Annotation.txt`.
- Terms: none stated on the lists; for research.
- Layout: videos `<Name>_x264.mp4` in any folders, as `Anomaly-Videos-Part-1/Abuse/`, `Abuse/`,
  `Training_Normal_Videos_Anomaly/`; they are found by name. `Normal_Videos_for_Event_Recognition` holds
  copies and is passed over. Lists and annotations in the folder itself, `splits/` or `annotations/`.
- Errors in circulation: copies at 24 or 25 frames a second (annotations count the original's 30); label
  files with seven of the classes only (52,844 of 84,345 abnormal frames); label files one clip short;
  `Arson011` annotated to frame 1,267 of 1,266.
- What differs here: only the 290 test videos have frame labels. For full supervision the LAD paper takes
  every frame of an abnormal training video for abnormal (Sec. 5.1), and so does `labels`.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from vadlab.errors import DataError
from vadlab.ground_truth.fitting import from_spans
from vadlab.ground_truth.interval_text import read_ucf
from vadlab.ground_truth.name_list import read_lists
from vadlab.layouts.listed import ListedVideos
from vadlab.layouts.video_files import absent_part, by_name, first, refuse_other_case
from vadlab.types import Entry, FrameLabels

__all__ = ["UCFCrime"]

LISTS = ("Anomaly_Train.txt", "splits/Anomaly_Train.txt", "Anomaly_Detection_splits/Anomaly_Train.txt")
ANNOTATIONS = tuple(
    f"{folder}{name}"
    for name in ("Temporal_Anomaly_Annotation.txt", "Temporal_Anomaly_Annotation_for_Testing_Videos.txt")
    for folder in ("", "annotations/", "Temporal_Anomaly_Annotation_for_Testing_Videos/")
)
CLASSES = {  # in the published order; videos to train and to test
    "Abuse": (48, 2),
    "Arrest": (45, 5),
    "Arson": (41, 9),
    "Assault": (47, 3),
    "Burglary": (87, 13),
    "Explosion": (29, 21),
    "Fighting": (45, 5),
    "RoadAccidents": (127, 23),
    "Robbery": (145, 5),
    "Shooting": (27, 23),
    "Shoplifting": (29, 21),
    "Stealing": (95, 5),
    "Vandalism": (45, 5),
    "Normal": (800, 150),
}
SPARE = 16  # frames that an annotation may end too late; more means another frame rate


class UCFCrime(ListedVideos):
    """UCF-Crime; ids are `<Class>/<Name>`, such as `Abuse/Abuse028_x264`. Every video is its own source.

    Args:
        root: The folder that holds videos, list and annotations.

    Raises:
        DataError: If the list, the annotations or all videos are missing, lines of them are malformed, or
            videos are there twice or named with other capitals.
    """

    name: ClassVar[str] = "ucf_crime"
    licence: ClassVar[str] = "none stated; for research, cite Sultani et al., CVPR 2018"
    home: ClassVar[str] = "https://www.crcv.ucf.edu/projects/real-world/"
    published: ClassVar[dict[str, int]] = {
        "videos": 1900,
        "normal": 950,
        "abnormal": 950,
        "train": 1610,
        "train_normal": 800,
        "train_abnormal": 810,
        "test": 290,
        "test_normal": 150,
        "test_abnormal": 140,
        **{f"train {name}": train for name, (train, _) in CLASSES.items()},
        **{f"test {name}": test for name, (_, test) in CLASSES.items()},
        # Of abnormal frames 84,345 are annotated, a frame or two of them after the end of their video.
    }
    categories: tuple[str, ...] = tuple(CLASSES)

    def __init__(self, root: Path) -> None:
        self.root = root
        train, truth = first(root, LISTS), first(root, ANNOTATIONS)
        for file, names in ((train, LISTS), (truth, ANNOTATIONS)):
            if file is None:
                raise absent_part(root, names[0], expected=" | ".join(names), home=self.home)
        assert train is not None and truth is not None
        self._truth = truth
        annotated = read_ucf(truth)
        parts = read_lists({"train": train})
        both = sorted(parts.keys() & annotated.keys())
        if both:
            raise DataError(
                f"{len(both)} videos are in the training list and annotated for the test",
                file=train,
                expected="each video in one of them",
                found=", ".join(both[:20]),
                remedy=f"download both again from {self.home}",
            )
        self._spans = {name: spans for name, (_, spans) in annotated.items()}
        videos = by_name(root, skip=("Event_Recognition",))
        every = parts | dict.fromkeys(annotated, "test")
        refuse_other_case(every, videos, file=train)
        if not videos.keys() & every.keys():
            raise absent_part(
                root, "the videos of UCF-Crime", expected="Abuse/Abuse001_x264.mp4 ...", home=self.home
            )
        wrong = [f"{n} is {c}" for n, (c, _) in annotated.items() if c != self._category(n, truth)]
        if wrong:
            raise DataError(
                f"{len(wrong)} videos are annotated as another class than their names",
                file=truth,
                expected="the class that the name begins with",
                found="; ".join(wrong[:20]),
            )
        self._keep(self._entry(name, part, videos.get(name), train) for name, part in every.items())

    def has_frame_labels(self, entry: Entry) -> bool:
        """False for abnormal training videos: somewhere in them is an anomaly."""
        return entry.part == "test" or not entry.abnormal

    def labels(self, entry: Entry, n_frames: int) -> FrameLabels:
        """Frame labels of test videos from the annotations; abnormal training videos are so throughout.

        Raises:
            DataError: If an interval ends after the video, which is then at another frame rate.
        """
        spans = self._spans.get(entry.id.rpartition("/")[2])
        if spans is None:
            spans = ((0, n_frames),) if entry.abnormal else ()
        return from_spans(spans, n_frames, entry=entry, file=self._truth, spare=SPARE)

    def _category(self, name: str, file: Path) -> str:
        """The class that a name begins with; the authors cut off the last eight characters."""
        category = "Normal" if name.startswith("Normal_Videos") else name[:-8]
        if category not in self.categories:
            raise DataError(
                f"{name!r} is of no known class",
                file=file,
                expected=", ".join(self.categories) + ", three digits and _x264",
            )
        return category

    def _entry(self, name: str, part: str, path: Path | None, file: Path) -> Entry:
        category = self._category(name, file)
        return Entry(
            id=f"{category}/{name}",
            path=path or self.root / category / f"{name}.mp4",
            category=category,
            abnormal=category != "Normal",
            source=f"{category}/{name}",
            part=part,
        )
