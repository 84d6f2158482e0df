"""Frames of files and cameras: none lost without a count, and a new stretch behind each hole."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from numbered_video import write

from vadlab.errors import UsageError
from vadlab.live.capture import Capture, Captured, Onlooker, Patience
from vadlab.live.health import Health
from vadlab.live.source import Source
from vadlab.video.decode import VideoFrames

FAST = Patience(stalled_s=5, first_wait_s=0.05, longest_wait_s=0.1)
TESTSRC = "lavfi:testsrc=size=64x48:rate=30"


def capture(source: Source, **settings: object) -> Capture:
    return Capture(source, health=Health(source.name), **settings)  # type: ignore[arg-type]


@pytest.fixture
def video(tmp_path: Path) -> Source:
    return Source("v", str(write(tmp_path / "v.mp4", 60)), "file")


def test_a_file_comes_whole_and_in_order(video: Source) -> None:
    reading = capture(video, resize=(48, 32))
    before = time.time()
    reading.start()
    (stretch,) = [(one.fps, list(one), one) for one in reading.stretches()]
    fps, frames, it = stretch
    assert fps == 25 and not it.lost and reading.error is None
    assert [one.index for one in frames] == list(range(60))
    wanted = list(VideoFrames(Path(video.address), resize=(48, 32)))
    np.testing.assert_array_equal([one.frame for one in frames], wanted)
    # Times are the file's own, from its opening.
    times = [one.time for one in frames]
    assert before <= times[0] <= time.time()
    np.testing.assert_allclose(np.diff(times), 0.04, atol=1e-4)
    now = reading.health.now()
    assert (now.state, now.frames, now.dropped) == ("ended", 60, 0)


def test_a_file_waits_for_a_slow_reader(video: Source) -> None:
    reading = capture(video, patience=Patience(behind_s=0))
    reading.start()
    time.sleep(0.3)
    assert len(reading._waiting) <= 32
    frames = [one for stretch in reading.stretches() for one in stretch]
    assert len(frames) == 60


def test_a_file_in_real_time_takes_its_time(video: Source) -> None:
    reading = capture(video, real_time=True)
    began = time.monotonic()
    reading.start()
    arrived = [one.arrived for stretch in reading.stretches() for one in stretch]
    # Never sooner than its time stamps; later is the machine's business.
    assert all(came - began >= 0.04 * i for i, came in enumerate(arrived))


def test_a_damaged_file_fails_after_its_last_frame(video: Source) -> None:
    path = Path(video.address)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    reading = capture(video)
    reading.start()
    assert list(reading.stretches()) == []
    assert reading.health.now().state == "failed"
    assert "v.mp4" in str(reading.error) and str(reading.error) == reading.health.now().error


def test_a_camera_that_comes_back_goes_on_in_a_new_stretch() -> None:
    reading = capture(Source("cam", TESTSRC + ":duration=1", "device"), patience=FAST)
    reading.start()
    seen: list[list[Captured]] = []
    for stretch in reading.stretches():
        seen.append(list(stretch))
        assert stretch.lost
        if len(seen) == 3:
            break
    reading.stop()
    assert [len(one) for one in seen] == [30, 30, 30]
    assert [one.index for stretch in seen for one in stretch] == list(range(90))
    now = reading.health.now()
    assert now.reconnects >= 2 and now.dropped == 0
    assert reading.join(5)


def test_the_waits_double_up_to_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    patience = Patience(first_wait_s=1, longest_wait_s=5, stalled_s=1)
    reading = capture(Source("cam", "lavfi:nosuchfilter", "device"), patience=patience)
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        if len(waits) == 5:
            reading._stop.set()
        return False

    monkeypatch.setattr("vadlab.live.capture.random.uniform", lambda a, b: 1.0)
    monkeypatch.setattr(reading._stop, "wait", wait)
    reading.start()
    assert list(reading.stretches()) == []
    assert waits == [1, 2, 4, 5, 5]


@pytest.mark.parametrize("wrong", [{"stalled_s": 0}, {"behind_s": -1}, {"give_up_s": -1}])
def test_impossible_patience(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="wait"):
        Patience(**wrong)


def test_a_source_is_given_up_when_told_so() -> None:
    patience = Patience(first_wait_s=0.05, longest_wait_s=0.1, give_up_s=0.3)
    reading = capture(Source("cam", "lavfi:nosuchfilter", "device"), patience=patience)
    reading.start()
    assert list(reading.stretches()) == []
    now = reading.health.now()
    assert now.state == "failed" and now.error


def test_too_slow_a_reader_costs_whole_runs_of_frames_which_are_counted() -> None:
    source = Source("cam", TESTSRC + ",realtime", "device")
    reading = capture(source, patience=Patience(behind_s=0.3))
    reading.start()
    stretches: list[list[Captured]] = []
    for stretch in reading.stretches():
        frames = []
        for one in stretch:
            frames.append(one)
            time.sleep(0.1)  # a third of the speed needed
        assert not stretch.lost
        stretches.append(frames)
        if len(stretches) == 2:
            reading.stop()
    given = [one for frames in stretches for one in frames]
    indices = [one.index for one in given]
    assert indices == sorted(set(indices))
    for frames in stretches:
        assert [one.index for one in frames] == list(range(frames[0].index, frames[0].index + len(frames)))
    now = reading.health.now()
    assert now.state == "stopped" or not reading.join(5)
    # Every frame that came was given or counted, but for those that came after the stop.
    assert now.dropped > 0
    assert indices[-1] + 1 == len(given) + now.dropped


def test_what_waits_is_bounded_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vadlab.live.capture.MOST_BYTES", 40 * 64 * 48 * 3)
    reading = capture(Source("cam", TESTSRC, "device"), patience=Patience(behind_s=60))  # at full speed
    reading.start()
    while reading.health.now().dropped < 200:
        assert len(reading._waiting) <= 41
        time.sleep(0.001)
    reading.stop()
    assert reading.join(5)


@pytest.mark.parametrize("kind", ["file", "device"])
def test_an_onlooker_sees_every_frame_in_its_own_size(video: Source, kind: str) -> None:
    source = video if kind == "file" else Source("v", TESTSRC + ":duration=2", "device")
    seen: list[tuple[str, int, float]] = []
    shapes = set()

    def see(name: str, index: int, when: float, frame: np.ndarray) -> None:
        seen.append((name, index, when))
        shapes.add(frame.shape)

    patience = Patience(first_wait_s=0, give_up_s=0, behind_s=60)
    onlooker = Onlooker(see, longest_side=48)
    reading = capture(source, resize=(16, 16), patience=patience, onlooker=onlooker)
    reading.start()
    frames = [one for stretch in reading.stretches() for one in stretch]
    assert len(frames) == 60
    assert seen == [("v", one.index, one.time) for one in frames]
    assert shapes == {(32 if kind == "file" else 36, 48, 3)}
    assert {one.frame.shape for one in frames} == {(16, 16, 3)}


def test_an_onlooker_sees_no_more_than_there_is() -> None:
    assert Onlooker(print, longest_side=640).size((96, 64)) == (96, 64)
    assert Onlooker(print, longest_side=640).size((1080, 1920)) == (360, 640)


def test_an_onlooker_that_fails_costs_a_connection_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    def see(name: str, index: int, when: float, frame: np.ndarray) -> None:
        if index == 10:
            calls.append(index)
            if len(calls) == 1:
                raise ZeroDivisionError("so it goes")

    calls: list[int] = []
    source = Source("cam", TESTSRC + ":duration=1", "device")
    reading = capture(source, patience=FAST, onlooker=Onlooker(see, longest_side=48))
    reading.start()
    stretches = reading.stretches()
    assert [len(list(next(stretches))) for _ in range(2)] == [10, 30]
    reading.stop()
    assert "ZeroDivisionError" in caplog.text and reading.health.now().reconnects >= 1
    assert reading.join(5)
