"""Which frames a video file has, in presentation order: their times, and where decoding can begin.

Only decoding tells for sure, and takes minutes for an hour of video. Where a codec stores each picture as one
packet, the packets of a healthy file tell the same in about a second.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path

import av

from vadlab.video.decode import decoded_pictures, opened
from vadlab.video.truncation import missing_bytes

__all__ = ["FrameIndex", "decoded_index", "packet_index"]

# Not so VP8 and VP9 (pictures that are never shown) and MPEG-4 Part 2 (packets that hold no picture).
ONE_PICTURE_A_PACKET = ("av1", "h264", "hevc", "mjpeg")
# Frames decoded to see that packets are pictures. They are not where two hold a field each, and where the
# first refer to frames that were cut away.
TRIED = 48


@dataclass(frozen=True)
class FrameIndex:
    """The frames of a file.

    Args:
        n_frames: How many.
        times: Their time stamps in units of the stream, rising; empty where the file gives none to go by.
        keys: Numbers of frames from which decoding can begin, rising.
    """

    n_frames: int
    times: array[int]
    keys: array[int]


def decoded_index(pictures: Iterable[av.VideoFrame]) -> FrameIndex:
    """The index of a whole decoding, such as `decoded_pictures` gives."""
    n_frames, times, keys = 0, array("q"), array("q")
    for picture in pictures:
        if picture.key_frame:
            keys.append(n_frames)
        if picture.pts is not None:
            times.append(picture.pts)
        n_frames += 1
    return FrameIndex(n_frames, times if len(times) == n_frames and _rise(times) else array("q"), keys)


def packet_index(path: Path, *, short: float = 0) -> FrameIndex | None:
    """The index by the file's packets, of which only the first are decoded; None where they are no guide.

    They are none where the codec hides pictures, the file is cut, a packet is damaged or without a time, two
    have one time, or the first frames are not as they say. Damage within a packet shows in decoding only.

    Args:
        path: Video file.
        short: Of up to so many pixels in all frames there is no index: decoding takes no time.

    Raises:
        DataError: If there is no such file, or it is no video.
    """
    container, stream = opened(path)
    times, keys = array("q"), array("q")
    with container:
        size = stream.codec_context.width * stream.codec_context.height
        if stream.codec_context.codec.canonical_name not in ONE_PICTURE_A_PACKET or missing_bytes(path):
            return None
        try:
            for packet in container.demux(stream):
                if not packet.size:
                    continue
                if packet.pts is None or packet.is_corrupt:
                    return None
                if packet.is_discard:
                    continue  # an edit list cuts it away
                times.append(packet.pts)
                if packet.is_keyframe:
                    keys.append(packet.pts)
        except av.FFmpegError:
            return None
    if len(times) * size <= short:
        return None
    times = array("q", sorted(times))
    if not times or not _rise(times):
        return None
    with closing(decoded_pictures(path)) as pictures:
        if [picture.pts for picture in islice(pictures, TRIED)] != times[:TRIED].tolist():
            return None
    return FrameIndex(len(times), times, array("q", (bisect_left(times, key) for key in sorted(keys))))


def _rise(times: array[int]) -> bool:
    return all(a < b for a, b in pairwise(times))
