"""Decoding of awkward files: every frame once, in order, and no silent loss."""

from __future__ import annotations

import gc
import threading
import time
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.stream import Disposition
from numbered_video import HEALTHY, N, beep, number, numbered, write

from vadlab.errors import DataError, UsageError, VadlabError
from vadlab.video import image_folder
from vadlab.video.decode import VideoFrames, probe, read_frame


def numbers(path: Path) -> list[int]:
    return [number(frame) for frame in VideoFrames(path)]


def assert_whole(path: Path, n: int = N) -> None:
    assert numbers(path) == list(range(n))
    assert probe(path, id="v").n_frames == n


# Whole files


@pytest.mark.parametrize("name", HEALTHY)
def test_every_frame_once_and_in_order(tmp_path, name):
    settings = HEALTHY[name]
    path = write(tmp_path / name, **settings)
    assert_whole(path, settings.get("n", N))
    size = settings.get("size", (96, 64))
    video, frames = probe(path, id="v"), VideoFrames(path)
    assert video.size == frames.size == size
    first = next(iter(frames))
    assert (first.shape, first.dtype, first.flags.c_contiguous) == ((size[1], size[0], 3), np.uint8, True)
    assert np.abs(first.astype(int) - numbered(0, size)).mean() < 6
    assert video.fps == frames.fps == 25


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi"])
@pytest.mark.parametrize(
    "rate", [Fraction(30000, 1001), Fraction(15, 2), Fraction(24000, 1001), Fraction(50)]
)
def test_the_rate_stays_rational(tmp_path, suffix, rate):
    path = write(tmp_path / f"v.{suffix}", 30, rate=rate)
    video = probe(path, id="v", fps=Fraction(7))
    assert video.fps == rate
    assert isinstance(video.fps, Fraction)
    assert video.seconds(30) == float(30 / rate)


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
def test_a_variable_rate_neither_repeats_nor_drops(tmp_path, name):
    gaps = [1, 500, 10, 40, 40, 1000, 33] * 5
    pts = np.cumsum([0, *gaps]).tolist()
    path = write(tmp_path / name, len(pts), pts=pts, time_base=Fraction(1, 1000))
    assert_whole(path, len(pts))


def test_frames_before_an_edit_list_are_not_shown(tmp_path):
    # MP4 stores negative time stamps as an edit that starts at zero.
    path = write(tmp_path / "v.mp4", 40, pts=list(range(-10, 30)), options={"bf": "0"})
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 40
    assert numbers(path) == list(range(10, 40))
    assert probe(path, id="v").n_frames == 30


ONE = 1 << 16
MATRICES = {  # a, b, 0, c, d, 0, 0, 0, 1: x' = a x + c y, y' = b x + d y, y downwards
    "clockwise, as phones held upright write it": ([0, ONE, 0, -ONE, 0], lambda f: np.rot90(f, -1)),
    "counter-clockwise": ([0, -ONE, 0, ONE, 0], lambda f: np.rot90(f, 1)),
    "half turn": ([-ONE, 0, 0, 0, -ONE], lambda f: np.rot90(f, 2)),
    "mirrored": ([-ONE, 0, 0, 0, ONE], lambda f: f[:, ::-1]),
    "upside down": ([ONE, 0, 0, 0, -ONE], lambda f: f[::-1]),
    "transposed": ([0, ONE, 0, ONE, 0], lambda f: f.transpose(1, 0, 2)),
}


def corners(_: int, size: tuple[int, int]) -> np.ndarray:
    """Four flat quarters, all different."""
    width, height = size
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2] = 220
    image[: height // 2, width // 2 :] = 150
    image[height // 2 :, width // 2 :] = 80
    return image


@pytest.mark.parametrize("resize", [None, (50, 20)])
@pytest.mark.parametrize("name", MATRICES)
def test_rotation_is_applied(tmp_path, name, resize):
    matrix, turn = MATRICES[name]
    path = write(tmp_path / "v.mp4", 3, matrix=[*matrix, 0, 0, 0, 1 << 30], picture=corners)
    expected = turn(corners(0, (96, 64)))
    video, frames = probe(path, id="v"), VideoFrames(path, resize=resize)
    assert video.size == expected.shape[1::-1]
    if resize is not None:
        expected = cv2.resize(np.ascontiguousarray(expected), resize, interpolation=cv2.INTER_AREA)
    assert frames.size == expected.shape[1::-1]
    for frame in frames:
        assert frame.shape == expected.shape
        assert frame.flags.c_contiguous
        assert np.abs(frame.astype(int) - expected).mean() < 5


def test_rotation_agrees_with_pyav(tmp_path):
    with av.open(str(tmp_path / "v.mp4"), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.set_display_rotation(90)
        output.mux(stream.encode(av.VideoFrame.from_ndarray(corners(0, (96, 64)), format="rgb24")))
        output.mux(stream.encode(None))
    with av.open(str(tmp_path / "v.mp4")) as container:
        quarter_turns = next(container.decode(video=0)).rotation // 90  # counter-clockwise, by its manual
    (frame,) = VideoFrames(tmp_path / "v.mp4")
    assert quarter_turns == 1
    assert np.abs(frame.astype(int) - np.rot90(corners(0, (96, 64)), quarter_turns)).mean() < 5


def test_iterating_again_decodes_again(tmp_path):
    frames = VideoFrames(write(tmp_path / "v.mp4", 20))
    first, second = iter(frames), iter(frames)
    assert [number(next(first)) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert [number(f) for f in second] == list(range(20))
    assert [number(f) for f in first] == list(range(5, 20))


def test_frames_are_the_consumers_own(tmp_path):
    path = write(tmp_path / "v.mkv", 20, codec="ffv1", pixels="yuv420p")
    for i, frame in enumerate(VideoFrames(path)):
        assert number(frame) == i
        frame[:] = 0


def test_read_frame(tmp_path):
    path = write(tmp_path / "v.mp4", 20)
    assert [number(read_frame(path, i)) for i in (0, 7, 19)] == [0, 7, 19]
    for index in (20, -1):
        with pytest.raises(UsageError, match=f"no frame {index}"):
            read_frame(path, index)


@pytest.mark.parametrize("relative", ["12:30:05.mp4", "50%d.mp4", "a b'c.mp4", "é.mp4"])
def test_names_that_ffmpeg_could_misread(tmp_path, monkeypatch, relative):
    write(tmp_path / "v.mp4", 5).rename(tmp_path / relative)
    monkeypatch.chdir(tmp_path)
    assert_whole(Path(relative), 5)


def test_metadata_that_is_not_utf8(tmp_path):
    path = tmp_path / "v.mkv"
    with av.open(str(path), "w") as output:
        output.metadata["title"] = "TITLEXX"
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        output.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(0), format="rgb24")))
        output.mux(stream.encode(None))
    path.write_bytes(path.read_bytes().replace(b"TITLEXX", b"TITLE\xe9\xff"))
    assert_whole(path, 1)


# The thread that runs ahead


def running() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "read-ahead"]


@pytest.mark.parametrize("taken", [1, 10, N])
def test_stopping_early_leaves_no_thread(tmp_path, taken):
    frames = iter(VideoFrames(write(tmp_path / "v.mp4"), ahead=3))
    assert len(list(islice(frames, taken))) == taken
    del frames
    gc.collect()
    assert not running()


def test_memory_is_bounded(tmp_path, monkeypatch):
    for i in range(40):
        cv2.imwrite(str(tmp_path / f"{i}.png"), numbered(i, (32, 16)))
    read: list[str] = []
    original = image_folder.read_image

    def counting(path):
        read.append(path.name)
        return original(path)

    monkeypatch.setattr(image_folder, "read_image", counting)
    frames = iter(VideoFrames(tmp_path, ahead=4))
    for consumed in range(1, 11):
        next(frames)
        deadline = time.monotonic() + 10
        while len(read) < consumed + 5 and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.01)
        assert len(read) == consumed + 4 + 1
    frames.close()
    assert len(read) == 15


@pytest.mark.parametrize("settings", [{"ahead": 0}, {"resize": (0, 5)}, {"resize": (5, -1)}])
def test_settings_that_do_not_serve(tmp_path, settings):
    with pytest.raises(UsageError):
        VideoFrames(tmp_path / "v.mp4", **settings)


# Damage


def single_threaded(path: Path) -> list[int]:
    """The numbers of all frames that one decoding thread gets out of a file."""
    found = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        for packet in container.demux(stream):
            try:
                found += [number(f.to_ndarray(format="rgb24")) for f in packet.decode()]
            except av.FFmpegError:
                continue
    return found


def decoded_before_error(path: Path) -> tuple[list[int], VadlabError | None]:
    found: list[int] = []
    try:
        found.extend(number(frame) for frame in VideoFrames(path))
    except DataError as error:
        return found, error
    return found, None


CUTTABLE = {
    "front.mp4": {"container": {"movflags": "+faststart"}},
    "b.mp4": {"container": {"movflags": "+faststart"}, "options": {"bf": "4", "g": "15"}},
    "sound.mp4": {"container": {"movflags": "+faststart"}, "sound": True},
    "fragments.mp4": {"container": {"movflags": "frag_keyframe+empty_moov"}, "options": {"g": "10"}},
    "mpeg4.avi": {"codec": "mpeg4"},
    "mjpeg.avi": {"codec": "mjpeg", "pixels": "yuvj420p"},
    "v.mkv": {},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}},
    "v.wmv": {"codec": "wmv2"},
}


def packets_of(path: Path) -> list[tuple[int, int]]:
    """(position, size) of the video packets."""
    with av.open(str(path)) as container:
        return [(p.pos, p.size) for p in container.demux(video=0) if p.size]


@pytest.mark.parametrize("packet", [10, 30, 55])
@pytest.mark.parametrize("name", CUTTABLE)
def test_a_cut_file_gives_its_frames_and_then_raises(tmp_path, name, packet):
    path = write(tmp_path / name, **CUTTABLE[name])
    position, size = packets_of(path)[packet]
    path.write_bytes(path.read_bytes()[: position + size // 2])
    healthy = single_threaded(path)
    assert 0 < len(healthy) < N
    found, error = decoded_before_error(path)
    assert found == healthy
    assert error is not None
    assert error.file == path
    assert f"{len(healthy)} frames that decode" in str(error)
    assert "ffmpeg -i" in str(error)
    with pytest.raises(DataError, match="damaged"):
        probe(path, id="v")
    assert number(read_frame(path, 0)) == healthy[0]


@pytest.mark.parametrize("name", ["b.mp4", "mpeg4.avi", "v.mkv"])
def test_no_cut_loses_frames_silently(tmp_path, name):
    path = write(tmp_path / name, **CUTTABLE[name])
    data = path.read_bytes()
    for end in range(0, len(data), max(1, len(data) // 40)):
        path.write_bytes(data[:end])
        found, error = decoded_before_error(path)
        assert error is not None or found == list(range(N)), end


@pytest.mark.parametrize("position", [0.3, 0.6, 0.97])
def test_a_broken_packet_does_not_pass_silently(tmp_path, position):
    path = write(tmp_path / "v.mp4", container={"movflags": "+faststart"}, options={"g": "10", "bf": "0"})
    start, size = packets_of(path)[int(N * position)]
    data = bytearray(path.read_bytes())
    data[start : start + size] = bytes(size)
    path.write_bytes(data)
    found, error = decoded_before_error(path)
    assert error is not None
    assert "damaged" in str(error)
    assert found == single_threaded(path)
    assert len(found) >= N - 2


def test_frames_that_a_codec_drops_without_an_error_are_reported(tmp_path, caplog):
    options = {"x265-params": "log-level=none:keyint=60:pools=1"}
    path = write(tmp_path / "v.mp4", codec="libx265", options=options)
    assert_whole(path)
    assert not caplog.records
    data = bytearray(path.read_bytes())
    start, _ = packets_of(path)[-1]
    data[start + 4] = 41 << 1  # behind the four length bytes: a reserved kind of unit, which decoders skip
    path.write_bytes(data)
    assert len(numbers(path)) == probe(path, id="v").n_frames == N - 1
    assert "60 packets gave 59 frames" in caplog.text


def test_a_recording_that_was_never_closed_is_read_to_its_end(tmp_path):
    # A live recording states no length, so what is there is all there is.
    path = write(tmp_path / "v.mkv", container={"live": "1"})
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.7)])
    found = numbers(path)
    assert 0 < len(found) < N
    assert found == list(range(len(found)))
    assert probe(path, id="v").n_frames == len(found)


def test_a_cut_behind_the_last_frame_loses_nothing(tmp_path):
    path = write(tmp_path / "v.avi", codec="mpeg4")
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"idx1") + 20])
    assert_whole(path)


def test_an_index_at_the_end_that_is_missing(tmp_path):
    path = write(tmp_path / "v.mp4")
    data = path.read_bytes()
    path.write_bytes(data[:-500])
    for use in (lambda: probe(path, id="v"), lambda: list(VideoFrames(path)), lambda: VideoFrames(path).fps):
        with pytest.raises(DataError, match=r"v\.mp4: the file cannot be opened(.|\n)*500 bytes too early"):
            use()


def test_a_size_that_changes_is_refused(tmp_path):
    first = write(tmp_path / "a.h264", 10).read_bytes()
    second = write(tmp_path / "b.h264", 10, size=(64, 96)).read_bytes()
    path = tmp_path / "v.h264"
    path.write_bytes(first + second)
    found, error = decoded_before_error(path)
    assert found == list(range(10))
    assert "changes at frame 10" in str(error)
    with pytest.raises(DataError, match=r"96x64(.|\n)*64x96"):
        probe(path, id="v")


def text(path):
    path.write_text("not a video\n" * 100)


def sound_only(path):
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac", rate=16000)
        for i in range(20):
            output.mux(stream.encode(beep(i)))
        output.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "no such video"),
        (Path.touch, "empty"),
        (text, "cannot be opened as a video"),
        (lambda path: path.write_bytes(bytes(5000)), "cannot be opened as a video"),
        (sound_only, "no video stream"),
    ],
)
def test_what_is_no_video_is_refused_by_name(tmp_path, make, message):
    path = tmp_path / "v.mp4"
    make(path)
    uses = [
        lambda: probe(path, id="v"),
        lambda: list(VideoFrames(path)),
        lambda: VideoFrames(path).fps,
        lambda: VideoFrames(path).size,
        lambda: read_frame(path, 0),
    ]
    for use in uses:
        with pytest.raises(DataError, match=message) as caught:
            use()
        assert str(path) in str(caught.value)
        assert caught.value.remedy
    assert not running()


def test_the_cover_of_a_sound_file_is_no_video(tmp_path):
    path = tmp_path / "song.m4a"
    with av.open(str(path), "w", format="mp4") as output:
        audio = output.add_stream("aac", rate=16000)
        cover = output.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 96, 64, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        output.mux(cover.encode(av.VideoFrame.from_ndarray(numbered(0), format="rgb24")))
        for i in range(20):
            output.mux(audio.encode(beep(i)))
        output.mux([*cover.encode(None), *audio.encode(None)])
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 1
    with pytest.raises(DataError, match="no video stream"):
        probe(path, id="v")
