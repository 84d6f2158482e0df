"""The video that the pipeline's benchmarks read: 640x360, H.264, 25 frames a second.

From real videos where a folder is given (their frames one after the other, re-encoded), else from generated
scenes. A longer one repeats the same packets, so that an hour is made in seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from vadlab.synthesis.scenes import CATEGORIES, scene
from vadlab.video.decode import VideoFrames
from vadlab.video.encode import write_video

__all__ = ["FPS", "make", "repeat"]

SIZE = (640, 360)
FPS = 25
SUFFIXES = (".mp4", ".avi", ".mkv")


def make(path: Path, n_frames: int, *, videos: Path | None = None, size: tuple[int, int] = SIZE) -> Path:
    """Write a video of so many frames; the source's own are repeated where there are too few."""
    write_video(path, islice(_frames(videos, size), n_frames), fps=Fraction(FPS))
    return path


def _frames(videos: Path | None, size: tuple[int, int]) -> Iterator[NDArray[np.uint8]]:
    while True:
        if videos is None:
            sources: Iterator[Iterator[NDArray[np.uint8]]] = (
                scene(category, abnormal=True, seed=0, size=size).frames() for category in CATEGORIES
            )
        else:
            files = sorted(file for file in videos.rglob("*") if file.suffix in SUFFIXES)
            sources = (iter(VideoFrames(file, resize=size)) for file in files)
        yield from chain.from_iterable(sources)


def repeat(source: Path, path: Path, times: int) -> Path:
    """Write a video that shows another so many times, without encoding anew."""
    with av.open(str(path), "w") as output:
        stream, shift = None, 0
        for _ in range(times):
            with av.open(str(source)) as container:
                original = container.streams.video[0]
                if stream is None:
                    stream = output.add_stream_from_template(original)
                length = original.duration
                for packet in container.demux(original):
                    if packet.dts is None:
                        continue
                    packet.stream = stream
                    packet.pts += shift
                    packet.dts += shift
                    output.mux(packet)
            shift += length
    return path
