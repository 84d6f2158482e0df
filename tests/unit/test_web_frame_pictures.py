"""Pictures of frames by number: the right ones, for several people at once, in bounded memory."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numbered_video import N, number, numbered, write

from vadlab.errors import DataError
from vadlab.video.decode import VideoFrames, decoded_pictures
from vadlab.web import frame_pictures
from vadlab.web.frame_pictures import FramePictures
from vadlab.web.stamps import stamp


def shown(picture: bytes | None) -> np.ndarray:
    assert picture is not None
    return cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


@pytest.mark.parametrize("max_bytes", [10**9, 8_000])
def test_every_picture_is_the_frame_of_its_number(tmp_path: Path, max_bytes: int) -> None:
    paths = [write(tmp_path / f"{k}.mp4", options={"g": "12", "bf": "2"}) for k in range(6)]
    pictures = FramePictures(max_bytes=max_bytes, max_open=2)

    def ask(seed: int) -> None:
        draw = random.Random(seed)
        for _ in range(25):
            start, path = draw.randrange(N), draw.choice(paths)
            for k in range(start, min(start + draw.randrange(1, 6), N)):
                assert number(shown(pictures.jpeg(path, k))) == k

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, range(4)))
    assert sum(map(len, pictures._pictures.values())) == pictures._n_bytes <= max_bytes


def test_facts_colours_and_size(tmp_path: Path) -> None:
    path = write(tmp_path / "v.mkv", 30, codec="ffv1", pixels="bgr0", size=(200, 100))
    pictures = FramePictures(max_side=100)
    assert (pictures.facts(path).n_frames, pictures.facts(path).fps) == (30, 25)
    image = shown(pictures.jpeg(path, 7))
    assert image.shape == (50, 100, 3)
    assert number(image) == 7
    red = write(tmp_path / "red.mkv", 2, codec="ffv1", pixels="bgr0",
                picture=lambda i, size: np.full((*size[::-1], 3), (200, 40, 10), np.uint8))  # fmt: skip
    np.testing.assert_allclose(shown(pictures.jpeg(red, 1)).mean((0, 1)), (200, 40, 10), atol=4)
    assert pictures.jpeg(path, 30) is None
    assert pictures.jpeg(path, -1) is None


def test_a_replaced_file_is_decoded_anew(tmp_path: Path) -> None:
    path, pictures = tmp_path / "v.mp4", FramePictures()
    write(path, 20)
    before = stamp(path)
    assert pictures.facts(path).n_frames == 20
    write(path, 12, picture=lambda i, size: numbered(i + 100, size))
    assert stamp(path) != before
    assert pictures.facts(path).n_frames == 12
    assert number(shown(pictures.jpeg(path, 3))) == 103


def test_image_folders_and_what_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for k in range(5):
        cv2.imwrite(str(tmp_path / "images" / f"{k}.png"), numbered(k))
    pictures = FramePictures()
    assert pictures.facts(tmp_path / "images", fps=Fraction(10)).fps == 10
    assert number(shown(pictures.jpeg(tmp_path / "images", 4))) == 4
    (tmp_path / "text.mp4").write_text("no video")
    for name in ("text.mp4", "none.mp4"):
        with pytest.raises(DataError):
            pictures.jpeg(tmp_path / name, 0)


# Long videos, which are numbered by packets first


def packets_of(path: Path) -> list[tuple[int, int]]:
    """(position, size) of the video packets."""
    with av.open(str(path)) as container:
        return [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]


def overwrite(path: Path, start: int, content: bytes) -> None:
    data = bytearray(path.read_bytes())
    data[start : start + len(content)] = content
    path.write_bytes(data)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Decoding in the background waits until this is set."""
    opened = threading.Event()

    def later(path: Path) -> Iterator[av.VideoFrame]:
        assert opened.wait(30)
        yield from decoded_pictures(path)

    monkeypatch.setattr(frame_pictures, "decoded_pictures", later)
    yield opened
    opened.set()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_long_video_is_there_before_it_is_decoded(tmp_path: Path, gate: threading.Event) -> None:
    path = write(tmp_path / "v.mp4", options={"g": "12", "bf": "3"})
    pictures = FramePictures(short=0)
    before = pictures.facts(path)
    assert (before.n_frames, before.settled) == (N, False)
    assert [number(shown(pictures.jpeg(path, k))) for k in (0, 37, N - 1)] == [0, 37, N - 1]
    gate.set()
    wait_for(lambda: pictures.facts(path).settled)
    assert pictures.facts(path).stamp == before.stamp
    pictures.close()


def test_a_long_video_that_proves_damaged_is_refused(tmp_path: Path, gate: threading.Event) -> None:
    path = write(tmp_path / "v.mp4", options={"bf": "0"})
    start, size = packets_of(path)[55]
    overwrite(path, start, bytes(size))
    pictures = FramePictures(short=0)
    assert pictures.facts(path).n_frames == N
    gate.set()

    def refused() -> bool:
        try:
            return pictures.jpeg(path, 3) is None
        except DataError as error:
            return "damaged" in str(error)

    wait_for(refused)
    with pytest.raises(DataError, match="damaged"):
        pictures.facts(path)
    write(path, 20)
    assert pictures.facts(path).n_frames == 20
    pictures.close()


def test_frames_that_decoding_numbers_otherwise_have_another_stamp(
    tmp_path: Path, gate: threading.Event
) -> None:
    options = {"x265-params": "log-level=none:keyint=5:min-keyint=5:bframes=0:pools=1"}
    path = write(tmp_path / "v.mp4", codec="libx265", options=options)
    start, _ = packets_of(path)[54]
    overwrite(path, start + 4, bytes([41 << 1]))  # a reserved kind of unit, which decoders skip silently
    pictures = FramePictures(short=0)
    before = pictures.facts(path)
    assert before.n_frames == N
    gate.set()
    wait_for(lambda: pictures.facts(path).settled)
    after = pictures.facts(path)
    assert (after.n_frames, after.stamp != before.stamp) == (N - 1, True)
    expected = [number(frame) for frame in VideoFrames(path)]
    assert [number(shown(pictures.jpeg(path, k))) for k in range(N - 1)] == expected
    pictures.close()


def test_closing_ends_a_decoding_that_is_under_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()

    def endless(path: Path) -> Iterator[av.VideoFrame]:
        for picture in itertools.cycle(decoded_pictures(path)):
            begun.set()
            yield picture

    monkeypatch.setattr(frame_pictures, "decoded_pictures", endless)
    pictures = FramePictures(short=0)
    pictures.facts(write(tmp_path / "v.mp4"))
    assert begun.wait(20)
    pictures.close()
    assert all(thread.name != "frame numbers" for thread in threading.enumerate())
