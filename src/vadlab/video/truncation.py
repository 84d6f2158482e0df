"""Whether a video file was cut off, by the lengths that its own container states.

The outermost boxes of a container follow each other and each states its length, so their sum is
where the file should end. A demuxer ends quietly at the cut; this reads the lengths instead.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

__all__ = ["missing_bytes"]

_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")  # GUID of the ASF header object
_EBML = bytes.fromhex("1a45dfa3")
_ISO_FIRST = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp")
_HEADER_BYTES = 24  # the longest header read here: an ASF object's GUID and length


def missing_bytes(path: Path) -> int:
    """How many bytes the outermost boxes of a file promise beyond its end.

    Knows ISO media (MP4, MOV), RIFF (AVI), EBML (Matroska, WebM) and ASF (WMV). Other containers,
    and live recordings whose boxes state no length, promise nothing.

    Returns:
        0 where the file is whole or promises nothing.
    """
    with path.open("rb") as file:
        total = file.seek(0, 2)
        file.seek(0)
        measure = _measure(file.read(_HEADER_BYTES))
        position = 0
        while measure is not None and position < total:
            file.seek(position)
            length = measure(file.read(_HEADER_BYTES))
            if length is None:
                return 0
            position += length
    return max(0, position - total)


def _measure(head: bytes) -> Callable[[bytes], int | None] | None:
    """The reader of box lengths that fits a file's first bytes."""
    if head[4:8] in _ISO_FIRST:
        return _iso_length
    if head.startswith(b"RIFF"):
        return _riff_length
    if head.startswith(_EBML):
        return _ebml_length
    if head.startswith(_ASF):
        return _asf_length
    return None


# Each takes the first bytes of a box and gives its whole length, header included, or None where the
# box runs to the file's end or the bytes are no box (junk after the last one is common and harmless).


def _iso_length(head: bytes) -> int | None:
    length = int.from_bytes(head[:4], "big")
    if length == 1:
        length = int.from_bytes(head[8:16], "big")
    return length if length >= 8 else None


def _riff_length(head: bytes) -> int | None:
    length = int.from_bytes(head[4:8], "little")
    if not head.startswith(b"RIFF") or length in (0, 0xFFFFFFFF):
        return None
    return 8 + length + length % 2


def _asf_length(head: bytes) -> int | None:
    length = int.from_bytes(head[16:24], "little")
    return length if length >= 24 else None


def _ebml_length(head: bytes) -> int | None:
    # The number of leading zero bits of the first byte gives how many bytes follow it.
    if not head or head[0] == 0:
        return None
    id_bytes = 9 - head[0].bit_length()
    if len(head) <= id_bytes or head[id_bytes] == 0:
        return None
    size_bytes = 9 - head[id_bytes].bit_length()
    mask = (1 << 7 * size_bytes) - 1
    size = int.from_bytes(head[id_bytes : id_bytes + size_bytes], "big") & mask
    return None if size == mask else id_bytes + size_bytes + size
