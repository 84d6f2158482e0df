"""A clip and a thumbnail of each event."""

from __future__ import annotations

import math
import queue
import threading
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vadlab.errors import StoreError, UsageError, VadlabError
from vadlab.live.clip_store import ClipStore
from vadlab.live.event import LiveEvent
from vadlab.live.reel import Recording, Reel, Still, still
from vadlab.live.sink import SinkHealth
from vadlab.video.transform import Frame

__all__ = ["ClipSettings", "ClipSink"]


@dataclass(frozen=True)
class ClipSettings:
    """How clips are cut.

    Each source needs memory for `keep_frames` as JPEG, and while an event lasts for up to `longest_s` more.
    1500 of 640 x 360 are 56 MB in the median of 27 films of CCTV, and 30 to 110 MB in single ones.

    Args:
        before_s: Seconds before the event.
        after_s: Seconds after it.
        longest_s: Of a clip in all; of a longer event it shows the beginning.
        keep_frames: So many of the last frames are kept; they must reach back over `before_s` and over the
            frames that come between an event's first frame and its first message.
        longest_side: Of the picture, pixels; larger frames are shrunk.
        max_bytes: Of all clips and thumbnails on disk; see `vadlab.live.clip_store.ClipStore`.

    Raises:
        UsageError: If a value is out of range.
    """

    before_s: float = 5.0
    after_s: float = 5.0
    longest_s: float = 60.0
    keep_frames: int = 1500
    longest_side: int = 640
    max_bytes: int = 5 * 10**9

    def __post_init__(self) -> None:
        lengths = min(self.before_s, self.after_s, self.longest_s - self.before_s, self.max_bytes)
        if lengths < 0 or self.longest_side < 16 or self.keep_frames < 1:
            raise UsageError(
                "clips cannot be cut with these settings",
                expected="before_s, after_s and max_bytes >= 0, longest_s >= before_s, keep_frames >= 1, "
                "longest_side >= 16",
                found=self,
            )


@dataclass
class _Scene:
    """An event of which there will be a clip."""

    source: str
    recording: Recording
    top_score: float
    stop_frame: int


@dataclass(frozen=True)
class _Job:
    """What is to be written of an event: a thumbnail, or a clip."""

    id: str
    thumbnail: bytes | None = None
    stills: list[Still] | None = None
    fps: Fraction = Fraction(25)


class ClipSink:
    """See `vadlab.live.sink.Sink`; beside events it takes every frame.

    Stands behind the SQLite sink, for the event must be in the store when its files are. Files are written
    in a thread; the thumbnail shows the frames in which the score rose last. A clip is ready `after_s` after
    its event; those of a process that is killed before are lost.
    """

    def __init__(self, watch: Path, settings: ClipSettings | None = None) -> None:
        """Take the watch's folder."""
        self._watch, self._settings = watch, settings or ClipSettings()
        self._lock = threading.RLock()  # frames come from several threads, and one writes
        self._reels: dict[str, Reel] = {}
        self._scenes: dict[str, _Scene] = {}
        self._jobs: queue.Queue[_Job | None] = queue.Queue(maxsize=32)
        self._store: ClipStore | None = None
        self._thread: threading.Thread | None = None
        self._n_written = self._n_lost = self._n_removed = 0
        self._last_sent: float | None = None
        self._last_error: str | None = None

    def open(self) -> None:
        """Make the folders and start writing.

        Raises:
            StoreError: If the event store cannot be opened.
        """
        self._store = ClipStore(self._watch, max_bytes=self._settings.max_bytes)
        self._thread = threading.Thread(
            target=self._write, args=(self._store,), name="vadlab-clips", daemon=True
        )
        self._thread.start()

    def frame(self, source: str, number: int, time: float, image: Frame) -> None:
        """Take a frame of a source, in order; any thread may call, one at a time for each source.

        Args:
            source: As in its events.
            number: As `start_frame` and `stop_frame` count.
            time: UNIX seconds, as `start_time` and `stop_time` have them.
            image: (h, w, 3) RGB uint8.
        """
        one = still(number, time, image, longest_side=self._settings.longest_side)
        with self._lock:
            self._reel(source).add(one)
            for id_, scene in list(self._scenes.items()):
                if scene.source == source:
                    scene.recording.add(one)
                    self._finish_if_complete(id_, one.time)

    def send(self, event: LiveEvent) -> None:
        """Begin, go on with or end an event's clip."""
        if self._store is None:
            raise StoreError("the sink is not open", file=self._watch)
        with self._lock:
            self._follow(event)

    def _follow(self, event: LiveEvent) -> None:
        settings, reel = self._settings, self._reel(event.source)
        scene = self._scenes.get(event.id)
        if scene is None:
            if event.state != "new" or reel.latest == -math.inf:  # it began before the sink was opened
                return
            begin = event.start_time - settings.before_s
            recording = reel.record(begin, begin + settings.longest_s)
            scene = _Scene(event.source, recording, event.top_score, event.start_frame)
            self._scenes[event.id] = scene
            self._take_thumbnail(scene, event)
        elif event.top_score > scene.top_score:
            self._take_thumbnail(scene, event)
        scene.top_score, scene.stop_frame = event.top_score, event.stop_frame
        if event.state == "end":
            scene.recording.finish(event.stop_time + settings.after_s)
            self._finish_if_complete(event.id, reel.latest)

    def _take_thumbnail(self, scene: _Scene, event: LiveEvent) -> None:
        """From the middle of what is new in the event."""
        one = self._reel(scene.source).nearest((scene.stop_frame + event.stop_frame) // 2)
        if one is not None:
            self._do(_Job(event.id, thumbnail=one.jpeg))

    def _reel(self, source: str) -> Reel:
        return self._reels.setdefault(source, Reel(self._settings.keep_frames))

    def _finish_if_complete(self, id_: str, now: float) -> None:
        recording = self._scenes[id_].recording
        if recording.complete(now):
            del self._scenes[id_]
            self._do(_Job(id_, stills=recording.stills, fps=recording.fps()))

    def _do(self, job: _Job) -> None:
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            self._lose(job, "clips come faster than they can be written")

    def _lose(self, job: _Job, reason: str) -> None:
        with self._lock:
            self._n_lost += 1
            self._last_error = f"{'thumbnail' if job.stills is None else 'clip'} of {job.id}: {reason}"

    def _write(self, store: ClipStore) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                if job.thumbnail is not None:
                    store.add_thumbnail(job.id, job.thumbnail)
                elif job.stills is not None:
                    store.add_clip(job.id, job.stills, job.fps)
            except Exception as error:
                # Whatever went wrong, the thread goes on; health says what was lost.
                self._lose(job, str(error) if isinstance(error, VadlabError) else repr(error))
            else:
                self._n_written += 1
                self._last_sent, self._last_error = time.time(), None

    def health(self) -> SinkHealth:
        """How it does; lost are files that were not written, and events whose files went before a review."""
        store, n_removed = self._store, self._n_removed
        n_removed += 0 if store is None else store.n_removed_unreviewed
        said = self._last_error
        if said is None and n_removed:
            said = f"no room: {n_removed} events lost their files before anyone reviewed them"
        return SinkHealth(
            "clips",
            state="ok" if self._last_error is None else "failing",
            n_sent=self._n_written,
            n_waiting=len(self._scenes) + self._jobs.qsize(),
            n_lost=self._n_lost + n_removed,
            last_sent=self._last_sent,
            last_error=said,
        )

    def close(self) -> None:
        """Write what there is of the clips under way."""
        if self._store is None or self._thread is None:
            return
        with self._lock:
            recordings = {id_: scene.recording for id_, scene in self._scenes.items()}
            self._scenes.clear()
        rest = [_Job(id_, stills=one.stills, fps=one.fps()) for id_, one in recordings.items()]
        for job in [*rest, None]:
            self._jobs.put(job)  # waits for room: nothing is scored any more
        self._thread.join()
        self._store.close()
        self._n_removed += self._store.n_removed_unreviewed
        self._store = self._thread = None
