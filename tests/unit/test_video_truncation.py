"""Lengths that containers state, on hand-made bytes."""

from __future__ import annotations

import struct

import pytest

from vadlab.video.truncation import missing_bytes


def iso(kind: bytes, n: int) -> bytes:
    return struct.pack(">I4s", 8 + n, kind) + bytes(n)


def iso_large(kind: bytes, n: int) -> bytes:
    return struct.pack(">I4sQ", 1, kind, 16 + n) + bytes(n)


def riff(kind: bytes, n: int) -> bytes:
    return b"RIFF" + struct.pack("<I", 4 + n) + kind + bytes(n + n % 2)


ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")


def asf(guid: bytes, n: int) -> bytes:
    return guid + struct.pack("<Q", 24 + n) + bytes(n)


EBML = bytes.fromhex("1a45dfa3") + b"\x84" + bytes(4)
SEGMENT = bytes.fromhex("18538067")
WHOLE = {
    "mp4": iso(b"ftyp", 16) + iso(b"moov", 100) + iso(b"mdat", 300),
    "mp4 over 4 GB": iso(b"ftyp", 16) + iso_large(b"mdat", 300),
    "avi": riff(b"AVI ", 301),
    "open avi": riff(b"AVI ", 300) + riff(b"AVIX", 301),
    "mkv, short size": EBML + SEGMENT + struct.pack(">H", 0x4000 | 300) + bytes(300),
    "mkv, long size": EBML + SEGMENT + struct.pack(">Q", (1 << 56) | 300) + bytes(300),
    "wmv": asf(ASF_HEADER, 50) + asf(bytes(range(16)), 300),
}


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("cut", [0, 1, 7, 100, 250])
def test_cut_bytes_are_counted(tmp_path, name, cut):
    data = WHOLE[name]
    path = tmp_path / "v"
    path.write_bytes(data[: len(data) - cut])
    assert missing_bytes(path) == cut


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"just text, no container",
        bytes(100),
        iso(b"ftyp", 16) + struct.pack(">I4s", 0, b"mdat") + bytes(50),  # a box that runs to the end
        WHOLE["mp4"] + bytes(5),  # padding behind the last box
        WHOLE["avi"] + b"junk behind the end",
        b"RIFF" + bytes(4) + b"AVI " + bytes(50),  # a recorder that never filled in the length
        EBML + SEGMENT + b"\x01" + b"\xff" * 7 + bytes(50),  # a live recording of unknown size
        EBML,
        b"\x1a\x45\xdf\xa3",
    ],
)
def test_files_that_promise_nothing_miss_nothing(tmp_path, data):
    path = tmp_path / "v"
    path.write_bytes(data)
    assert missing_bytes(path) == 0
