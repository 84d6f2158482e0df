"""The pipeline gives what the simple path gives, whatever the files, workers and batches; and it ends."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numbered_video import HEALTHY, write
from recording_backbone import LevelDifference, M, Recorder, frames

from vadlab.errors import DataError
from vadlab.features import pipeline
from vadlab.features.extract import Extractor
from vadlab.features.pipeline import Job, extract_video, extract_videos
from vadlab.video.decode import VideoFrames, probe

AWKWARD = ["plain.mp4", "b-frames.mp4", "open-gop.mp4", "one-frame.mp4", "odd.mkv", "vp8.webm", "stream.ts"]


def make(**changes: Any) -> Extractor:
    return Extractor(Recorder(), **({"flow": LevelDifference()} | changes))


def simple(path: Path, extractor: Extractor) -> tuple[np.ndarray, np.ndarray, int]:
    features, spans, n_frames = extractor.run(VideoFrames(path, resize=Recorder.frame_size))
    return features.values, spans, n_frames


def threads() -> set[threading.Thread]:
    return {t for t in threading.enumerate() if t.name.startswith(("clips", "reader", "read-ahead"))}


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = threads()
    yield
    until = time.monotonic() + 5
    while threads() - before and time.monotonic() < until:
        time.sleep(0.01)
    assert not threads() - before


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("videos")
    made = [write(folder / name, **HEALTHY[name]) for name in AWKWARD]
    gaps = [1, 500, 10, 40, 40, 1000, 33] * 3
    pts = np.cumsum([0, *gaps]).tolist()
    made.append(write(folder / "variable.mp4", len(pts), pts=pts, time_base=Fraction(1, 1000)))
    return [*made, *(write(folder / f"{n}.mp4", n) for n in (M - 1, M, M + 1, 5 * M + 1))]


@pytest.mark.parametrize("tail", ["drop", "pad", "shift"])
@pytest.mark.parametrize(("workers", "batch"), [(1, 1), (2, 1), (3, 2), (9, 4)])
def test_awkward_files_give_the_spans_counts_and_features_of_the_simple_path(
    videos: list[Path], tail: Any, workers: int, batch: int
) -> None:
    jobs = [Job(path.name, path) for path in videos]
    found = {o.job.id: o for o in extract_videos(jobs, make(tail=tail, workers=workers, batch=batch))}
    assert sorted(found) == sorted(path.name for path in videos)
    for path in videos:
        sample = found[path.name].sample
        assert sample is not None, found[path.name].error
        values, spans, n_frames = simple(path, make(tail=tail))
        np.testing.assert_array_equal(sample.x.values, values)
        np.testing.assert_array_equal(sample.spans, spans)
        assert sample.video == probe(path, id=path.name) and n_frames == sample.video.n_frames


def test_a_truncated_video_fails_as_in_the_simple_path_and_alone(videos: list[Path], tmp_path: Path) -> None:
    cut, empty = tmp_path / "cut.mp4", tmp_path / "empty.mp4"
    whole = (videos[0]).read_bytes()
    ended = write(tmp_path / "faststart.mp4", container={"movflags": "+faststart"}).read_bytes()
    cut.write_bytes(ended[: int(0.6 * len(ended))])
    empty.write_bytes(b"")
    good = tmp_path / "good.mp4"
    good.write_bytes(whole)
    jobs = [Job(path.name, path) for path in (cut, good, empty, tmp_path / "none.mp4")]
    found = {o.job.id: o for o in extract_videos(jobs, make(workers=2, batch=3))}
    assert found["good.mp4"].sample is not None
    for path in (cut, empty, tmp_path / "none.mp4"):
        with pytest.raises(DataError) as caught:
            simple(path, make())
        assert str(found[path.name].error) == str(caught.value)
        assert found[path.name].sample is None


class Picky(Recorder):
    """Refuses clips of dark videos, and breaks on very dark ones."""

    def embed(self, rgb: np.ndarray, flow: np.ndarray | None) -> np.ndarray:
        darkest = rgb.mean((1, 2, 3, 4)).min()
        if darkest < 5:
            raise ZeroDivisionError("a bug")
        if darkest < 50:
            raise DataError("too dark", expected="light")
        return super().embed(rgb, flow)


def shaded(tmp_path: Path, name: str, level: int, n: int = 6 * M) -> Path:
    return write(tmp_path / name, n, picture=lambda *_: np.full((64, 96, 3), level, np.uint8))


def test_a_clip_that_fails_fails_its_video_and_not_those_it_shared_a_batch_with(tmp_path: Path) -> None:
    paths = [
        shaded(tmp_path, f"{i}.mp4", level, n) for i, (level, n) in enumerate([(200, 9), (20, 400), (90, 9)])
    ]
    extractor = Extractor(Picky(), None, workers=2, batch=5)
    found = {o.job.id: o for o in extract_videos([Job(p.stem, p) for p in paths], extractor)}
    assert found["0"].sample is not None and found["2"].sample is not None
    error = found["1"].error
    assert error is not None and error.message == "too dark" and error.file == paths[1]


def test_a_bug_is_not_a_failed_video(tmp_path: Path) -> None:
    path = shaded(tmp_path, "black.mp4", 0)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        list(extract_videos([Job("black", path)] * 3, Extractor(Picky(), None, workers=2)))


def test_a_fault_of_the_list_of_jobs_is_raised() -> None:
    def jobs() -> Iterator[Job]:
        raise RuntimeError("no list")
        yield

    with pytest.raises(RuntimeError, match="no list"):
        list(extract_videos(jobs(), make()))


def test_stopping_early_takes_no_further_jobs(videos: list[Path]) -> None:
    taken = []

    def jobs() -> Iterator[Job]:
        for i in range(1000):
            taken.append(i)
            yield Job(str(i), videos[0])

    with closing(extract_videos(jobs(), make(workers=2))) as outcomes:
        next(outcomes)
    assert len(taken) < 100


@pytest.mark.parametrize("batch", [1, 3])
def test_memory_depends_neither_on_length_nor_number(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    alive = most = 0
    lock = threading.Lock()
    refs: list[Any] = []

    def died(_: Any) -> None:
        nonlocal alive
        alive -= 1

    class Watched:
        fps, size = Fraction(25), (12, 12)

        def __init__(self, *_: Any, **__: Any):
            pass

        def __iter__(self) -> Iterator[np.ndarray]:
            nonlocal alive, most
            for frame in frames(M * 50):
                with lock:
                    alive += 1
                    refs.append(weakref.ref(frame, died))
                    most = max(most, alive)
                yield frame

    monkeypatch.setattr(pipeline, "VideoFrames", Watched)
    workers = 2
    jobs = [Job(str(i), Path(str(i))) for i in range(4)]
    n = sum(len(o.sample.spans) for o in extract_videos(jobs, make(workers=workers, batch=batch)) if o.sample)
    assert n == 4 * 50 and len(refs) == 4 * 50 * M
    clips = (3 * workers + 1) * batch  # at hand, waiting, filling up
    assert most <= (clips + 3) * M


def test_progress_counts_clips(videos: list[Path]) -> None:
    told: list[int] = []
    sample = extract_video(videos[0], make(workers=2), id="a", progress=told.append)
    assert told[-1] == len(sample.spans) and told == sorted(told)


@pytest.mark.parametrize("file", [None, "other.mp4"])
def test_an_error_on_the_way_keeps_what_it_says(file: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever knows no file, such as a flow method, gets the video's."""

    class Broken:
        def __init__(self, *_: Any, **__: Any):
            pass

        def __iter__(self) -> Iterator[np.ndarray]:
            raise DataError("too small", file=file, expected="12", found="3", remedy="enlarge")

    monkeypatch.setattr(pipeline, "VideoFrames", Broken)
    with pytest.raises(DataError) as caught:
        extract_video(Path("mine.mp4"), make(), id="mine")
    error = caught.value
    assert (error.message, str(error.file)) == ("too small", file or "mine.mp4")
    assert (error.expected, error.found, error.remedy) == ("12", "3", "enlarge")
