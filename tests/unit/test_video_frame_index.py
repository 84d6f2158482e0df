"""What packets tell of a file's frames is what decoding finds, or nothing."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import pytest
from numbered_video import HEALTHY, N, write

from vadlab.errors import DataError
from vadlab.video.decode import decoded_pictures
from vadlab.video.frame_index import FrameIndex, decoded_index, packet_index

HEVC = {"x265-params": "log-level=none:keyint=15:min-keyint=15:pools=1:bframes=4:open-gop=1"}
UNEVEN = [0, 1, 501, 511, 551, 591, 1591, *range(1600, 1600 + 33 * (N - 7), 33)]
KINDS = HEALTHY | {
    "uneven.mp4": {"pts": UNEVEN, "time_base": Fraction(1, 1000), "options": {"bf": "3", "g": "9"}},
    "uneven.mkv": {"pts": UNEVEN, "time_base": Fraction(1, 1000), "options": {"bf": "3", "g": "9"}},
    # MP4 stores negative time stamps as an edit that starts at zero, here within a group of pictures.
    "edit-list.mp4": {"pts": list(range(-10, N - 10)), "options": {"bf": "0"}},
    "edit-list-b.mp4": {"pts": list(range(-10, N - 10)), "options": {"bf": "3", "g": "7"}},
    "b-frames.avi": {"options": {"bf": "3"}},
    "open-gop.ts": {"options": {"bf": "3", "g": "12", "x264-params": "open-gop=1"}},
    "hevc.mp4": {"codec": "libx265", "options": HEVC},
}  # fmt: skip
# Codecs that hide pictures or have empty packets, and files whose packets have no time.
NO_GUIDE = ("raw.h264", "mpeg4.avi", "b-frames.avi", "v.wmv", "vp8.webm", "vp9.webm", "grey.mkv", "odd.mkv")


def position(path: Path, number: int) -> tuple[int, int]:
    """Where a packet of the file begins, and its size."""
    with av.open(str(path)) as container:
        packet = next(islice(container.demux(video=0), number, None))
        return packet.pos, packet.size


def by_decoding(path: Path) -> FrameIndex:
    return decoded_index(decoded_pictures(path))


@pytest.mark.parametrize("name", KINDS)
def test_packets_tell_what_decoding_finds(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, **KINDS[name])
    assert packet_index(path) == (None if name in NO_GUIDE else by_decoding(path))


def test_an_edit_list_shows_fewer_frames_than_packets(tmp_path: Path) -> None:
    index = packet_index(write(tmp_path / "v.mp4", **KINDS["edit-list.mp4"]))
    assert index is not None
    assert index.n_frames == N - 10


def test_two_frames_of_one_time(tmp_path: Path) -> None:
    """Matroska counts milliseconds; cameras come with such files too."""
    pts = [400 * k for k in range(31)] + [400 * 30 + 2] + [400 * k for k in range(32, N)]
    path = write(tmp_path / "v.mkv", pts=pts, time_base=Fraction(1, 10_000), options={"bf": "0"})
    assert by_decoding(path).n_frames == N
    assert packet_index(path) is None


def test_pictures_before_the_first_key_frame_are_no_frames(tmp_path: Path) -> None:
    """A cut at an open group: the first packets refer to what was cut away, and decoders leave them out."""
    path = tmp_path / "v.mkv"
    source = av.open(str(write(tmp_path / "whole.mkv", codec="libx265", options=HEVC)))
    with source, av.open(str(path), "w") as out:
        stream = source.streams.video[0]
        packets = [packet for packet in source.demux(stream) if packet.size]
        second = [number for number, packet in enumerate(packets) if packet.is_keyframe][1]
        copy = out.add_stream_from_template(stream)
        for packet in packets[second:]:
            packet.stream = copy
            out.mux(packet)
    assert by_decoding(path).n_frames < len(packets) - second
    assert packet_index(path) is None


def test_a_cut_file(tmp_path: Path) -> None:
    path = write(tmp_path / "v.mp4", container={"movflags": "faststart"}, options={"bf": "0"})
    start, _ = position(path, 57)
    path.write_bytes(path.read_bytes()[:start])  # between two packets: those before it are whole
    assert packet_index(path) is None


def test_damage_in_the_first_packets(tmp_path: Path) -> None:
    path = write(tmp_path / "v.mp4", options={"bf": "0"})
    start, size = position(path, 20)
    data = bytearray(path.read_bytes())
    data[start : start + size] = bytes(size)
    path.write_bytes(data)
    assert packet_index(path) is None


def test_a_short_video_is_left_to_decoding(tmp_path: Path) -> None:
    path = write(tmp_path / "v.mp4", size=(96, 64))
    assert packet_index(path, short=96 * 64 * N) is None
    assert packet_index(path, short=96 * 64 * N - 1) is not None


def test_what_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    for name in ("text.mp4", "none.mp4"):
        with pytest.raises(DataError):
            packet_index(tmp_path / name)


def test_real_videos(shared: Path) -> None:
    told = 0
    for path in sorted((shared / "data" / "cctv-mini").glob("*/*.mp4"))[::8]:
        index = packet_index(path)
        assert index in (None, by_decoding(path)), path.name
        told += index is not None
    assert told > 10
