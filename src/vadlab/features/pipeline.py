"""Features of many videos with all cores busy: decoding, flow and networks at the same time.

Readers decode videos and cut them into clips; workers take clips of any video, and make flow and features of
each from start to end on one core. So no core waits while another step has work, no frame leaves memory, and
a clip of one video may go through the network with a clip of the next. Only so many clips are under way, so
memory depends neither on the number nor on the length of the videos.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from vadlab import files
from vadlab.errors import DataError, UsageError, VadlabError, WeightsError
from vadlab.features.clips import Clip, Clips
from vadlab.features.extract import Extractor
from vadlab.features.store import Store
from vadlab.types import Features, FloatArray, Sample, Video
from vadlab.video.decode import VideoFrames

__all__ = ["Done", "Job", "Outcome", "extract_video", "extract_videos", "fill"]

CORES_A_READER = 4  # cores that one decoding reader feeds, with room to spare
SECONDS_BETWEEN_REPORTS = 0.5


@dataclass(frozen=True)
class Job:
    """A video to extract: its id, its file or image folder, and a folder's frame rate."""

    id: str
    path: Path
    fps: Fraction | None = None


@dataclass(frozen=True)
class Done:
    """What became of a job whose features went into a store: its clips, or why there are none."""

    id: str
    n_clips: int
    error: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a job: its features, or why there are none."""

    job: Job
    sample: Sample[Features, None] | None
    error: VadlabError | None


def extract_video(
    path: Path,
    extractor: Extractor,
    *,
    id: str,  # noqa: A002 (the field's name)
    fps: Fraction | None = None,
    progress: Callable[[int], None] | None = None,
) -> Sample[Features, None]:
    """Decode a video file or image folder and extract its features, on all of the extractor's workers.

    Raises:
        VadlabError: If the video cannot be decoded to its end, or features cannot be made of it.
    """
    with closing(extract_videos([Job(id, path, fps)], extractor, progress=progress)) as outcomes:
        outcome = next(outcomes)
    if outcome.sample is None:
        assert outcome.error is not None
        raise outcome.error
    return outcome.sample


def extract_videos(
    jobs: Iterable[Job], extractor: Extractor, *, progress: Callable[[int], None] | None = None
) -> Generator[Outcome]:
    """Extract videos, several at a time; a video that fails does not stop the others.

    Features are those of `Extractor.run`, to the last bit where the backbone's do not depend on its batch.

    Args:
        jobs: The videos; taken one by one as readers become free.
        extractor: How.
        progress: Called now and then with the number of clips done in all.

    Yields:
        An outcome a video, in the order in which they are done.
    """
    with _Works(iter(jobs), extractor) as works:
        yield from works.outcomes(progress)


def fill(
    store: Store,
    jobs: Iterable[Job],
    extractor: Extractor,
    *,
    progress: Callable[[int], None] | None = None,
) -> Generator[Done]:
    """Extract videos into a store; a video that fails does not stop the others.

    Args:
        store: The store, made for this extractor.
        jobs: The videos that it lacks.
        extractor: How.
        progress: Called now and then with the number of clips done in all.

    Yields:
        What became of each video, as they are done.

    Raises:
        StoreError: If the store cannot be written, so that no other video would fare better.
        UsageError, WeightsError: If the extractor cannot work at all.
    """
    with closing(extract_videos(jobs, extractor, progress=progress)) as outcomes:
        for outcome in outcomes:
            job, error = outcome.job, outcome.error
            if isinstance(error, UsageError | WeightsError):
                raise error
            if outcome.sample is None:
                yield Done(job.id, 0, str(error))
            else:
                store.write(outcome.sample, source_hash=files.digest(job.path))
                yield Done(job.id, len(outcome.sample.spans))


@dataclass
class _Reading:
    """A video that a reader has begun: its clips' features, and what is known when the reader is through."""

    job: Job
    rows: list[Future[FloatArray]] = field(default_factory=list)
    clips: Clips | None = None
    frames: VideoFrames | None = None
    error: VadlabError | None = None
    failed: bool = False  # a clip failed: the rest need not be read


class _Works:
    """Readers, workers and the queues between them, for as long as the context lasts."""

    def __init__(self, jobs: Iterator[Job], extractor: Extractor):
        self._jobs, self._extractor = jobs, extractor
        self._next_job = threading.Lock()
        self._read: queue.Queue[_Reading | BaseException | None] = queue.Queue()
        # Each worker has a batch at hand and one waiting; a batch more may be filling up.
        self._room = threading.Semaphore((2 * extractor.workers + 1) * extractor.batch)
        self._filling: list[tuple[_Reading, Clip, Future[FloatArray]]] = []
        self._fill = threading.Lock()
        self._stop = threading.Event()
        self._n_done = 0
        n_readers = -(-extractor.workers // CORES_A_READER)
        self._readers = [
            threading.Thread(target=self._run_reader, name="reader", daemon=True) for _ in range(n_readers)
        ]

    def __enter__(self) -> _Works:
        # Each worker is one core's; OpenCV's own threads would only get in the way.
        self._cv2_threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        self._pool = ThreadPoolExecutor(self._extractor.workers, thread_name_prefix="clips")
        for reader in self._readers:
            reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._room.release(len(self._readers))  # for readers that wait for it
        for reader in self._readers:
            reader.join()
        self._pool.shutdown(wait=True)
        cv2.setNumThreads(self._cv2_threads)

    def outcomes(self, progress: Callable[[int], None] | None) -> Iterator[Outcome]:
        """Outcomes as videos are done; raises what is no VadlabError."""
        reading = len(self._readers)
        while reading:
            try:
                item = self._read.get(timeout=SECONDS_BETWEEN_REPORTS)
            except queue.Empty:
                if progress is not None:
                    progress(self._n_done)
                continue
            if isinstance(item, BaseException):
                raise item
            if item is None:
                reading -= 1
                continue
            outcome = self._outcome(item)
            if progress is not None:
                progress(self._n_done)
            yield outcome

    def _outcome(self, reading: _Reading) -> Outcome:
        job, error = reading.job, reading.error
        rows: list[FloatArray] = []
        for future in reading.rows:
            try:
                rows.append(future.result())
            except VadlabError as fault:
                error = error or fault
        if error is None:
            try:
                assert reading.clips is not None and reading.frames is not None
                n_frames, spans = reading.clips.n_frames, reading.clips.spans()
                size = VideoFrames(job.path).size  # before resizing
                video = Video(job.id, job.path, n_frames, reading.frames.fps, size)
                return Outcome(job, Sample(video, spans, Features(np.concatenate(rows)), None), None)
            except VadlabError as fault:
                error = fault
        return Outcome(job, None, _with_file(error, job.path))

    def _run_reader(self) -> None:
        try:
            while not self._stop.is_set():
                with self._next_job:
                    job = next(self._jobs, None)
                if job is None:
                    break
                reading = _Reading(job)
                self._read_video(reading)
                self._read.put(reading)
            self._send()
            self._read.put(None)
        except BaseException as error:  # whatever it is, the consumer must see it
            self._read.put(error)

    def _read_video(self, reading: _Reading) -> None:
        job = reading.job
        try:
            reading.frames = VideoFrames(job.path, resize=self._extractor.backbone.frame_size, fps=job.fps)
            reading.clips = self._extractor.clips(reading.frames)
            for clip in reading.clips:
                self._room.acquire()
                if self._stop.is_set() or reading.failed:
                    self._room.release()
                    return
                row: Future[FloatArray] = Future()
                reading.rows.append(row)
                self._send((reading, clip, row))
        except VadlabError as error:
            reading.error = error

    def _send(self, *more: tuple[_Reading, Clip, Future[FloatArray]]) -> None:
        """Give clips to the workers, a batch at a time; without more, what is left."""
        with self._fill:
            self._filling.extend(more)
            if not self._filling or (more and len(self._filling) < self._extractor.batch):
                return
            batch, self._filling = self._filling, []
        try:
            self._pool.submit(self._work, batch)
        except RuntimeError:  # the pool is shutting down
            self._abandon(batch)

    def _work(self, batch: list[tuple[_Reading, Clip, Future[FloatArray]]]) -> None:
        if self._stop.is_set():
            self._abandon(batch)
            return
        try:
            rows = list(self._extractor.embed([clip for _, clip, _ in batch]))
            for (_, _, future), row in zip(batch, rows, strict=True):
                future.set_result(row[None])
        except BaseException as error:
            if len(batch) > 1:  # another video's clip may be to blame
                for one in batch:
                    self._work([one])
                return
            reading, _, future = batch[0]
            reading.failed = True
            future.set_exception(error)
        self._n_done += len(batch)  # a display only: two workers may lose a count
        self._room.release(len(batch))

    def _abandon(self, batch: list[tuple[_Reading, Clip, Future[FloatArray]]]) -> None:
        for _, _, future in batch:
            future.cancel()
        self._room.release(len(batch))


def _with_file(error: VadlabError, path: Path) -> VadlabError:
    """The error with the video's path, where whoever raised it knew none, such as a flow method."""
    if error.file is not None or not isinstance(error, DataError):
        return error
    return DataError(
        error.message, file=path, expected=error.expected, found=error.found, remedy=error.remedy
    )
