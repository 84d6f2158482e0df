"""The clips and thumbnails of a watch: files of a bounded total size."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from vadlab.errors import DataError
from vadlab.files import write_whole
from vadlab.live.event_store import EVENTS, EventStore
from vadlab.live.reel import Still, pictures
from vadlab.video.encode import write_video

__all__ = ["ClipStore"]

_CRF = 23


class ClipStore:
    """`WATCH/clips/ID.mp4` and `WATCH/thumbnails/ID.jpg`, and their paths in `WATCH/events.sqlite`.

    Where the files are larger than allowed, whole events lose theirs: first those of which the store knows
    nothing, then the reviewed ones from the oldest on, and only then those that nobody has reviewed, from the
    oldest on. A full disk would end the watch, so even these are not kept beyond the bound; how many they
    were is counted. The events themselves stay.
    """

    def __init__(self, watch: Path, *, max_bytes: int) -> None:
        """Open or make the folders; what a killed process left half-written is removed.

        Args:
            watch: The watch's folder.
            max_bytes: Of all clips and thumbnails together.

        Raises:
            StoreError: If the event store cannot be opened.
        """
        self._watch, self._max_bytes = watch, max_bytes
        self._events = EventStore(watch / EVENTS)
        self.n_removed_unreviewed = 0
        """Events that lost their files before anyone reviewed them."""
        for name in ("clips", "thumbnails"):
            (watch / name).mkdir(parents=True, exist_ok=True)
            for partial in (watch / name).glob(".*part*"):
                partial.unlink(missing_ok=True)

    def add_clip(self, id_: str, stills: list[Still], fps: Fraction) -> None:
        """Write an event's clip.

        Raises:
            StoreError: If it cannot be written.
            DataError: If the store knows no event of this id.
        """
        path = f"clips/{id_}.mp4"
        write_video(self._watch / path, pictures(stills), fps=fps, crf=_CRF)
        self._events.set_clip(id_, path)
        self._remove_oldest()

    def add_thumbnail(self, id_: str, jpeg: bytes) -> None:
        """Write an event's thumbnail, or replace it.

        Raises:
            StoreError: If it cannot be written.
            DataError: If the store knows no event of this id.
        """
        path = f"thumbnails/{id_}.jpg"
        write_whole(self._watch / path, jpeg)
        self._events.set_thumbnail(id_, path)
        self._remove_oldest()

    def _remove_oldest(self) -> None:
        sizes: dict[str, int] = {}
        for path in self._files():
            sizes[path.stem] = sizes.get(path.stem, 0) + path.stat().st_size
        excess = sum(sizes.values()) - self._max_bytes
        if excess <= 0:
            return
        reviewed = self._events.with_files()
        # Unknown ones first, then reviewed ones, then the others; ids sort by time.
        for id_ in sorted(sizes, key=lambda id_: (id_ in reviewed, not reviewed.get(id_, True), id_)):
            if excess <= 0:
                return
            self._remove(id_)
            excess -= sizes[id_]
            self.n_removed_unreviewed += not reviewed.get(id_, True)

    def _files(self) -> list[Path]:
        return [*(self._watch / "clips").glob("*.mp4"), *(self._watch / "thumbnails").glob("*.jpg")]

    def _remove(self, id_: str) -> None:
        try:
            self._events.set_clip(id_, None)
            self._events.set_thumbnail(id_, None)
        except DataError:  # the store knows nothing of it
            pass
        (self._watch / "clips" / f"{id_}.mp4").unlink(missing_ok=True)
        (self._watch / "thumbnails" / f"{id_}.jpg").unlink(missing_ok=True)

    def close(self) -> None:
        """Close the event store."""
        self._events.close()
