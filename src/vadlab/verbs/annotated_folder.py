"""A folder's two tables together: `annotations.csv` with its videos, `annotators.csv` with people's marks."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from vadlab import progress
from vadlab.annotation_table import Annotator, Row, read_annotators
from vadlab.annotations.folder_csv import to_annotation
from vadlab.annotations.marks import AnnotatedVideo, Annotation, ListedVideo
from vadlab.annotations.video_list import VideoList, listed_video
from vadlab.csv_table import listed
from vadlab.errors import DataError
from vadlab.video.decode import probe

__all__ = ["MARKS", "TABLE", "annotated_videos", "read_marks", "refuse_nothing", "video_list"]

TABLE, MARKS = "annotations.csv", "annotators.csv"


def read_marks(root: Path) -> tuple[Annotator, ...]:
    """The rows of `annotators.csv`; none without the file."""
    return read_annotators(root / MARKS) if (root / MARKS).is_file() else ()


def video_list(root: Path, rows: Sequence[Row]) -> VideoList:
    """The table's videos; frame counts and rates that it does not say come from decoding."""
    rates = {row.path: row.fps for row in rows}

    @functools.cache
    def measure(path: str) -> tuple[int, Fraction]:
        if (root / path).is_dir() and rates[path] is None:
            raise DataError(
                f"the image folder {path} has no frame rate",
                file=root / TABLE,
                remedy="fill the column fps: images carry none",
            )
        video = probe(root / path, id=path, fps=rates[path])
        return video.n_frames, video.fps

    return VideoList([listed_video(root, row) for row in rows], measure=measure)


def annotated_videos(
    root: Path, rows: Sequence[Row], marks: Sequence[Annotator], *, timed: bool
) -> list[AnnotatedVideo]:
    """All annotated videos in the order of the table, with their frame counts, and rates if `timed`.

    Raises:
        DataError: If a video is not in the table, is needed and missing, or is shorter than its marks.
    """
    of_path: dict[str, list[Annotation]] = {}
    for mark in marks:
        of_path.setdefault(mark.path, []).append(to_annotation(mark))
    videos = video_list(root, rows)
    known = {video.path: video for video in videos.videos}
    unknown = [path for path in of_path if path not in known]
    if unknown:
        raise DataError(
            f"{len(unknown)} annotated videos are not in {TABLE}",
            file=root / MARKS,
            found=listed(unknown),
            remedy=f"add them to {TABLE}, or take their lines out",
        )
    wanted = [known[path] for path in known if path in of_path]
    return [
        AnnotatedVideo(video, tuple(of_path[video.path])) for video in _measured(videos, wanted, timed=timed)
    ]


def refuse_nothing(root: Path, videos: Sequence[AnnotatedVideo]) -> None:
    """Tell how to begin where nobody annotated a video.

    Raises:
        DataError: If there are no videos.
    """
    if not videos:
        raise DataError(
            "nobody annotated anything",
            file=root / MARKS,
            expected="a row a video and annotator",
            remedy=f"vadlab annotations import FORMAT FILE --root {root}",
        )


def _measured(videos: VideoList, wanted: Sequence[ListedVideo], *, timed: bool) -> list[ListedVideo]:
    if all(video.n_frames is not None and (video.fps is not None or not timed) for video in wanted):
        return list(wanted)
    measured = []
    with progress.bar("decode") as report:
        for number, video in enumerate(wanted, start=1):
            measured.append(videos.with_facts(video, timed=timed))
            report(number, len(wanted), video.path)
    return measured
