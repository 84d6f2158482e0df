"""Reading a file of annotations: what it says, all that is malformed in it, and what of it is lost."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from vadlab.annotations.marks import AnnotatedVideo, Annotation, ListedVideo, Mark, one_line
from vadlab.annotations.seconds import to_span
from vadlab.annotations.video_list import VideoList
from vadlab.csv_table import listed
from vadlab.errors import DataError, UsageError

__all__ = ["Imported", "Reading", "number", "read_bytes", "read_json_value"]


@dataclass(frozen=True)
class Imported:
    """What a file says, and in words what of it was left out."""

    videos: tuple[AnnotatedVideo, ...]
    warnings: tuple[str, ...] = ()


class Reading:
    """Gathers the marks of one file; what is malformed is noted, and told at once by `done`.

    Args:
        file: The file, for messages.
        videos: The videos it may speak of.
        annotator: The name to use instead of the one that the file gives, or where it gives none.
    """

    def __init__(self, file: Path, videos: VideoList, *, annotator: str | None) -> None:
        self.file, self._videos, self._given = file, videos, one_line(annotator)
        self._marks: dict[tuple[ListedVideo, str], list[Mark]] = {}
        self._names: set[str] = set()
        self._problems: list[str] = []
        self._warnings: dict[str, int] = {}

    def problem(self, where: str, expected: str, found: object) -> None:
        """Note one malformed item."""
        self._problems.append(f"{where}: expected {expected}, found {found}")

    def lost(self, what: str) -> None:
        """Count something that is left out."""
        self._warnings[what] = self._warnings.get(what, 0) + 1

    def video(self, name: object, where: str, *, timed: bool = False) -> ListedVideo | None:
        """The video that a name stands for; None, and a problem noted, if there is not just one.

        Args:
            name: As the file gives it.
            where: For messages.
            timed: Whether its frame count and rate are needed, because the file counts in seconds.
        """
        if not isinstance(name, str) or not name.strip():
            self.problem(where, "the name of a video", repr(name))
            return None
        found = self._videos.find(name)
        if len(found) != 1:
            alike = self._videos.alike(name)
            hint = f"; {alike[0]} differs in upper and lower case" if alike and not found else ""
            several = ", ".join(video.path for video in found[:5])
            expected = "a video of annotations.csv" if not found else "a name that only one video has"
            self.problem(where, expected, repr(name) + hint + (f", the end of {several}" if found else ""))
            return None
        video = self._videos.with_facts(found[0]) if timed else found[0]
        if timed and video.fps is None:
            expected = "a frame rate, as the file counts in seconds"
            self.problem(where, expected, f"none for {video.path}: fill the column fps of annotations.csv")
            return None
        return video

    def open(self, video: ListedVideo, annotator: str | None, where: str) -> str:
        """Note that a person looked at a video, whether or not anything is marked; the name to use.

        Raises:
            UsageError: If neither the file nor the caller names the person.
        """
        found = one_line(annotator)
        if found is not None:
            self._names.add(found)
        name = self._given or found
        if name is None:
            raise UsageError(
                f"{self.file} does not say who annotated",
                expected="a name",
                found=f"none at {where}",
                remedy="give it with --annotator NAME",
            )
        self._marks.setdefault((video, name), [])
        return name

    def is_open(self, video: ListedVideo, annotator: str | None) -> bool:
        """Whether that person's look at that video was noted before."""
        return (video, self._given or one_line(annotator) or "") in self._marks

    def mark(
        self,
        video: ListedVideo,
        annotator: str,
        span: tuple[int, int],
        *,
        where: str,
        category: str | None = None,
        note: str | None = None,
    ) -> None:
        """Note one event, in frames; `annotator` is what `open` returned."""
        start, stop = span
        if start < 0 or stop <= start:
            self.problem(where, "0 <= start < stop in frames", f"{start}-{stop}")
        elif video.n_frames is not None and stop > video.n_frames:
            self.problem(where, f"stops up to the {video.n_frames} frames of {video.path}", f"{start}-{stop}")
        else:
            self._marks[video, annotator].append(Mark(start, stop, category, note))

    def mark_seconds(
        self,
        video: ListedVideo,
        annotator: str,
        times: tuple[object, object],
        *,
        where: str,
        category: str | None = None,
        note: str | None = None,
    ) -> None:
        """Note one event, in seconds; the video must be `timed`. Up to a frame beyond the end is cut off."""
        start, stop = (number(value) for value in times)
        if start is None or stop is None or not 0 <= start < stop or video.fps is None:
            self.problem(where, "0 <= start < stop in seconds", f"{times[0]!r} to {times[1]!r}")
            return
        first, after = to_span(start, stop, video.fps)
        if video.n_frames is not None and after == video.n_frames + 1 and first < video.n_frames:
            after = video.n_frames  # players round a duration up
            self.lost("events end up to a frame after the video and are cut to its length")
        self.mark(video, annotator, (first, after), where=where, category=category, note=note)

    def done(self) -> Imported:
        """All marks.

        Raises:
            DataError: If anything was malformed; all of it is listed.
            UsageError: If one name was given for what the file says several people marked.
        """
        if self._given is not None and len(self._names) > 1:
            raise UsageError(
                f"{self.file} holds the marks of {len(self._names)} annotators",
                expected="one, where --annotator names them",
                found=", ".join(sorted(self._names)),
                remedy="leave --annotator out",
            )
        if self._problems:
            n = len(self._problems)
            raise DataError(
                "1 item is malformed" if n == 1 else f"{n} items are malformed",
                file=self.file,
                found=listed(self._problems),
            )
        of_video: dict[ListedVideo, list[Annotation]] = {}
        for (video, annotator), marks in self._marks.items():
            of_video.setdefault(video, []).append(Annotation(annotator, tuple(marks)))
        videos = tuple(AnnotatedVideo(video, tuple(of)) for video, of in of_video.items())
        warnings = tuple(f"{what} ({n})" for what, n in self._warnings.items())
        return Imported(tuple(sorted(videos, key=lambda one: one.video.path)), warnings)


def number(value: object) -> float | None:
    """A finite number of a JSON file, also one in quotes; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def read_bytes(file: Path) -> bytes:
    """The content of a file.

    Raises:
        DataError: If it is missing or cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError("cannot read the file", file=file, found=error.strerror or str(error)) from error


def read_json_value(file: Path) -> Any:
    """The value of a JSON file.

    Raises:
        DataError: If it is missing, not UTF-8 or not JSON, or an object names a key twice.
    """
    twice: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [key for key, _ in pairs]
            twice.extend(sorted({key for key in names if names.count(key) > 1}))
        return found

    try:
        text = read_bytes(file).decode("utf-8-sig")
        value = json.loads(text, object_pairs_hook=unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        found = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise DataError("the file is not JSON", file=file, expected="JSON in UTF-8", found=found) from error
    if twice:
        raise DataError(
            "an object names a key twice",
            file=file,
            expected="each id once",
            found=listed(sorted(set(twice))),
        )
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
