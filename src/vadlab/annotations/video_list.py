"""The videos that annotations may speak of, found by the names that annotation tools give them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

from vadlab.annotation_table import Row
from vadlab.annotations.marks import ListedVideo

__all__ = ["Measure", "VideoList", "listed_video"]

Measure = Callable[[str], tuple[int, Fraction]]
"""Number of frames and frames per second of the video at a path of the table, by decoding it."""


def listed_video(root: Path, row: Row) -> ListedVideo:
    """A row of `annotations.csv` in `root`; the video need not be there."""
    is_folder = (root / row.path).is_dir()
    name = row.path if is_folder else str(PurePosixPath(row.path).with_suffix(""))
    return ListedVideo(row.path, name, row.n_frames, row.fps, row.part)


class VideoList:
    """Finds videos by path, by id, or by the end of either.

    Args:
        videos: All there are.
        measure: Called whenever a frame count or rate is wanted that the table does not say, so it keeps what
            it has found; None leaves them unknown.
    """

    def __init__(self, videos: Iterable[ListedVideo], *, measure: Measure | None = None) -> None:
        self.videos = tuple(videos)
        self._measure = measure
        # Every tail of path and id: "fi001.mp4" and "Fighting/fi001" both find v/Fighting/fi001.mp4.
        self._by_tail: dict[str, list[ListedVideo]] = {}
        for video in self.videos:
            for tail in {tail for name in (video.path, video.id) for tail in _tails(name)}:
                self._by_tail.setdefault(tail, []).append(video)

    def find(self, name: str) -> list[ListedVideo]:
        """The videos a tool may mean: one if it is clear, several if it is not, none if it is unknown.

        The name is a path, an id, an address, or an end of these. Longer agreement wins, so that
        `D:/set/Fire/a.mp4` is Fire/a.mp4 and not Crash/a.mp4. Label Studio puts eight hexadecimal digits
        and a hyphen before the name of an uploaded file; they are left out where nothing is found with them.
        """
        for text in _spellings(name):
            exact = [video for video in self.videos if text in (video.path, video.id)]
            if exact:
                return exact
            for tail in _tails(text):
                if tail in self._by_tail:
                    return self._by_tail[tail]
        return []

    def alike(self, name: str) -> list[str]:
        """Paths that differ from a name that was not found in upper and lower case only."""
        wanted = {tail.lower() for text in _spellings(name) for tail in _tails(text)}
        return sorted(
            {video.path for tail, of in self._by_tail.items() if tail.lower() in wanted for video in of}
        )

    def with_facts(self, video: ListedVideo, *, timed: bool = True) -> ListedVideo:
        """The same video with its frame count, and rate if `timed`, measured where the table says nothing."""
        known = video.n_frames is not None and (video.fps is not None or not timed)
        if known or self._measure is None:
            return video
        n_frames, fps = self._measure(video.path)
        return replace(
            video,
            n_frames=n_frames if video.n_frames is None else video.n_frames,
            fps=fps if video.fps is None else video.fps,
        )


def _spellings(name: str) -> list[str]:
    """The path within an address, as it is and without an upload's prefix."""
    text = name.strip().replace("\\", "/")
    if "://" in text or text.startswith("/data/"):
        address = urlsplit(text)
        # Label Studio's local files: /data/local-files/?d=folder/name.mp4
        text = parse_qs(address.query).get("d", [unquote(address.path)])[0]
    folder, _, last = text.rpartition("/")
    stripped = re.sub(r"^[0-9a-f]{8}-", "", last)
    return [text] if stripped == last else [text, f"{folder}/{stripped}" if folder else stripped]


def _tails(name: str) -> list[str]:
    """`a/b/c` to `a/b/c`, `b/c`, `c`: longest first."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return ["/".join(parts[i:]) for i in range(len(parts))]
