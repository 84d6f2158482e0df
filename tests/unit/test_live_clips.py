"""Clips: which frames they hold, by decoding them again; and a store that keeps to its size."""

from __future__ import annotations

import threading
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vadlab.errors import DataError, StoreError, UsageError
from vadlab.live.clip_store import ClipStore
from vadlab.live.event import LiveEvent, State
from vadlab.live.event_store import EventStore
from vadlab.live.reel import still
from vadlab.live.sinks.clips import ClipSettings, ClipSink
from vadlab.video.decode import VideoFrames
from vadlab.video.transform import Frame

FPS = 10
EPOCH = 1_800_000_000.0
ID = "20270115T080000.000-00000001"


def image(number: int) -> Frame:
    """A grey frame that tells its number in 0..15 by its brightness."""
    return np.full((36, 64, 3), 8 + 16 * (number % 16), dtype=np.uint8)


def numbers(grey: list[float]) -> list[int]:
    return [round((value - 8) / 16) for value in grey]


def event(state: State, start: int, stop: int, *, top: float = 0.9, id_: str = ID) -> LiveEvent:
    return LiveEvent(id_, "gate", state, start, stop, EPOCH + start / FPS, EPOCH + stop / FPS, None, top, 0.5)


class Watch:
    """A clip sink with its event store; `run` feeds frames and messages in order."""

    def __init__(self, folder: Path, **chosen: float) -> None:
        self.folder = folder
        self.store = EventStore(folder / "events.sqlite")
        self.sink = ClipSink(folder, replace(ClipSettings(), **chosen))  # type: ignore[arg-type]
        self.sink.open()
        self.n_frames = 0

    def frames(self, upto: int) -> None:
        while self.n_frames < upto:
            at = EPOCH + self.n_frames / FPS
            self.sink.frame("gate", self.n_frames, at, image(self.n_frames))
            self.n_frames += 1

    def tell(self, message: LiveEvent) -> None:
        self.store.append(message)
        self.sink.send(message)

    def clip(self, id_: str = ID) -> tuple[list[int], Fraction]:
        path = self.store.event(id_).clip
        assert path is not None
        frames = VideoFrames(self.folder / path)
        shown = [float(frame.mean()) for frame in frames]
        return numbers(shown), frames.fps

    def close(self) -> None:
        self.sink.close()
        self.store.close()


def test_a_clip_shows_the_event_with_what_was_before_and_after(tmp_path: Path) -> None:
    watch = Watch(tmp_path, before_s=0.5, after_s=0.35)
    watch.frames(30)
    watch.tell(event("new", 12, 25))
    watch.frames(33)
    watch.tell(event("update", 12, 31))
    watch.frames(37)
    watch.tell(event("end", 12, 34))
    assert watch.sink.health().n_waiting >= 1
    watch.frames(60)
    watch.sink.close()
    assert watch.clip() == ([n % 16 for n in range(7, 38)], FPS)
    health = watch.sink.health()
    assert (health.state, health.n_sent, health.n_lost, health.n_waiting) == ("ok", 2, 0, 0)
    watch.close()


@settings(max_examples=12, deadline=None)
@given(start=st.integers(0, 30), length=st.integers(1, 20), late=st.integers(0, 15), later=st.integers(0, 15))
def test_whenever_the_messages_come_the_clip_has_the_same_frames(
    tmp_path_factory: pytest.TempPathFactory, start: int, length: int, late: int, later: int
) -> None:
    watch = Watch(tmp_path_factory.mktemp("watch"), before_s=1, after_s=0.5, longest_s=2)
    watch.frames(start + 1 + late)
    watch.tell(event("new", start, start + 1))
    watch.frames(start + length + late + later)
    watch.tell(event("end", start, start + length))
    watch.frames(90)
    watch.sink.close()
    first, last = start - 10, min(start - 10 + 20, start + length + 5)
    expected = [n % 16 for n in range(max(0, first), min(last, 90))]
    assert watch.clip()[0] == expected
    watch.close()


def test_a_watch_that_ends_writes_what_there_is(tmp_path: Path) -> None:
    watch = Watch(tmp_path, before_s=0, after_s=30)
    watch.frames(14)
    watch.tell(event("new", 8, 12))
    watch.tell(event("end", 8, 13))
    watch.sink.close()
    assert watch.clip()[0] == list(range(8, 14))
    watch.close()


def test_the_thumbnail_is_from_where_the_score_rose_last(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    watch.frames(16)

    def shown() -> int:
        watch.sink.close()
        path = watch.store.event(ID).thumbnail
        assert path is not None
        picture = cv2.imread(str(tmp_path / path))
        assert picture is not None
        watch.sink.open()
        return numbers([float(picture.mean())])[0]

    watch.tell(event("new", 2, 6, top=0.6))
    watch.tell(event("update", 2, 10, top=0.8))
    watch.tell(event("update", 2, 14, top=0.8))
    watch.tell(event("end", 2, 15, top=0.8))
    assert shown() == 8
    watch.close()


def test_what_cannot_be_written_is_reported_and_the_rest_goes_on(tmp_path: Path) -> None:
    watch = Watch(tmp_path, before_s=0, after_s=0)
    watch.tell(event("new", 0, 3))
    watch.tell(event("end", 0, 3))
    watch.frames(10)  # no frame of the event came, as after a restart
    watch.sink.send(event("new", 4, 6, id_="unknown"))
    watch.sink.send(event("end", 4, 6, id_="unknown"))
    watch.tell(event("new", 5, 8, id_="b"))
    watch.tell(event("end", 5, 8, id_="b"))
    watch.sink.send(event("end", 5, 8, id_="began-before"))
    watch.sink.close()
    assert watch.clip("b")[0] == [5, 6, 7]
    health = watch.sink.health()
    assert (health.state, health.n_lost) == ("ok", 2)  # the last clip was written
    with pytest.raises(StoreError, match="not open"):
        watch.sink.send(event("new", 0, 1))
    watch.close()


def test_clips_that_come_faster_than_they_are_written_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(ClipStore, "add_thumbnail", lambda *_: go_on.wait(30))
    watch = Watch(tmp_path)
    watch.frames(3)
    for number in range(40):
        watch.tell(event("new", 0, 2, id_=f"e{number}"))
    assert watch.sink.health().n_lost in (7, 8)  # 32 wait, and the thread may have taken one
    assert watch.sink.health().state == "failing"
    assert "faster" in str(watch.sink.health().last_error)
    go_on.set()
    watch.close()


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 40), st.sampled_from(["unknown", "reviewed", "open"])), max_size=6),
    st.integers(10, 80),
)
def test_the_store_keeps_to_its_size_and_reviewed_clips_go_first(
    tmp_path_factory: pytest.TempPathFactory, files: list[tuple[int, str]], bound: int
) -> None:
    folder = tmp_path_factory.mktemp("watch")
    store = ClipStore(folder, max_bytes=10**6)
    with_marks = EventStore(folder / "events.sqlite")
    for number, (size, kind) in enumerate(files):
        id_ = f"e{number}"
        with_marks.append(event("end", 0, 1, id_=id_))
        store.add_thumbnail(id_, bytes(size))
        if kind == "reviewed":
            with_marks.mark_reviewed(id_, by="Ann")
        elif kind == "unknown":
            with_marks.set_thumbnail(id_, None)
    store.close()

    # A plain loop: while there is too much, the first in the order goes.
    left = [(["unknown", "reviewed", "open"].index(kind), n, size) for n, (size, kind) in enumerate(files)]
    left.append((2, len(files), 5))
    removed_unreviewed = 0
    while sum(size for _, _, size in left) > bound:
        left.sort()
        removed_unreviewed += left.pop(0)[0] == 2

    store = ClipStore(folder, max_bytes=bound)
    last = f"e{len(files)}"
    with_marks.append(event("end", 0, 1, id_=last))
    store.add_thumbnail(last, bytes(5))
    there = {path.stem for path in (folder / "thumbnails").iterdir()}
    assert there == {f"e{number}" for _, number, _ in left}
    assert store.n_removed_unreviewed == removed_unreviewed
    for stored in with_marks.events():
        assert (stored.thumbnail is None) or stored.event.id in there
    store.close()
    with_marks.close()


def test_the_loss_of_unreviewed_clips_is_said(tmp_path: Path) -> None:
    watch = Watch(tmp_path, max_bytes=0)
    watch.frames(3)
    watch.tell(event("new", 0, 2))
    watch.sink.close()
    assert watch.store.event(ID).thumbnail is None
    health = watch.sink.health()
    assert (health.state, health.n_lost) == ("ok", 2)  # the thumbnail, then the clip
    assert "before anyone reviewed" in str(health.last_error)
    watch.close()


def test_what_a_killed_process_left_half_written_is_removed(tmp_path: Path) -> None:
    for name in ("clips/.a.part.mp4", "thumbnails/.b.jpg.12.part", "clips/whole.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    ClipStore(tmp_path, max_bytes=100).close()
    assert [path.name for path in tmp_path.glob("*/*")] == ["whole.mp4"]


def test_large_frames_are_shrunk_and_colours_stay() -> None:
    frame = np.zeros((300, 1200, 3), dtype=np.uint8)
    frame[:, :, 0] = 200
    one = still(3, 1.0, frame, longest_side=640)
    picture = cv2.imdecode(np.frombuffer(one.jpeg, dtype=np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (160, 640, 3)
    assert np.abs(picture.mean(axis=(0, 1)) - [0, 0, 200]).max() < 3  # OpenCV's blue, green, red
    small = cv2.imdecode(np.frombuffer(still(0, 0, image(3), longest_side=640).jpeg, dtype=np.uint8), 1)
    assert small is not None
    assert small.shape == (36, 64, 3)


def test_frames_older_than_those_kept_are_not_in_the_clip(tmp_path: Path) -> None:
    watch = Watch(tmp_path, before_s=2, after_s=0, keep_frames=12)
    watch.frames(30)
    watch.tell(event("new", 10, 25))
    watch.tell(event("end", 10, 25))
    watch.sink.close()
    assert watch.clip()[0] == [n % 16 for n in range(18, 25)]
    watch.close()


@pytest.mark.parametrize(
    "wrong", [{"before_s": -1}, {"after_s": -1}, {"keep_frames": 0}, {"longest_s": 2}, {"longest_side": 0}]
)
def test_settings_that_cut_no_clip_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="cannot be cut"):
        ClipSettings(**wrong)  # type: ignore[arg-type]


def test_files_of_unknown_events_are_refused(tmp_path: Path) -> None:
    store = ClipStore(tmp_path, max_bytes=100)
    with pytest.raises(DataError, match="no event of this id"):
        store.add_thumbnail("a", b"")
    store.close()
