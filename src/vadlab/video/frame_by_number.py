"""The frames of one video by number, in any order: exactly those that decoding from the start yields.

A frame's number is its place in a whole decoding. With an index of all times and key frames seeking is safe:
a frame counts as number k if it has the time of frame k and comes from an unbroken decoding since a key
frame. Where a file gives no times to go by, or anything is not as expected, it is decoded from the start.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Generator
from contextlib import closing
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av

from vadlab.video.colour import rgb
from vadlab.video.decode import VideoFrames, decoded_pictures, opened
from vadlab.video.frame_index import FrameIndex, decoded_index
from vadlab.video.image_folder import image_paths, read_image
from vadlab.video.transform import Frame

__all__ = ["NumberedFrames"]


class NumberedFrames:
    """One video, ready to be read from any frame on.

    Args:
        path: Video file, or folder of images.
        fps: Frame rate of an image folder (25 unless given). A file's own average rate wins over it.
        index: The file's frames; None decodes it to its end to find them.

    Raises:
        DataError: What `vadlab.video.decode.probe` raises.
    """

    def __init__(self, path: Path, *, fps: Fraction | None = None, index: FrameIndex | None = None) -> None:
        self.path = path
        self.fps = VideoFrames(path, fps=fps).fps
        self._images = image_paths(path) if path.is_dir() else []
        self.index = FrameIndex(len(self._images), array("q"), array("q"))
        if not path.is_dir():
            self.index = decoded_index(decoded_pictures(path)) if index is None else index

    @property
    def n_frames(self) -> int:
        """How many there are."""
        return self.index.n_frames

    def read(self, start: int) -> Generator[Frame]:
        """Frames from number `start` to the last, each (h, w, 3) RGB uint8 as `VideoFrames` yields them."""
        for image in self._images[start:]:
            yield read_image(image)
        if self._images:
            return
        number = start
        for picture in self._from_key(start):
            yield rgb(picture)
            number += 1
        if number < self.n_frames:
            with closing(decoded_pictures(self.path)) as pictures:
                for picture in islice(pictures, number, None):
                    yield rgb(picture)

    def _from_key(self, start: int) -> Generator[av.VideoFrame]:
        """Pictures from number `start` on, by seeking; ends early where anything is not as expected."""
        times, keys = self.index.times, self.index.keys
        key = keys[bisect_right(keys, start) - 1] if keys else 0
        if not times or not 0 < key <= start:
            return
        number: int | None = None
        for picture in self._after_seek(times[key]):
            if number is None:
                # What precedes the first key frame lacks the frames that it refers to.
                if not picture.key_frame or picture.pts is None:
                    continue
                number = bisect_left(times, picture.pts)
            if number >= self.n_frames or picture.pts != times[number] or picture.is_corrupt:
                return
            if number > start:
                return  # the seek went too far
            if number == start:
                yield picture
                start += 1
            number += 1

    def _after_seek(self, time: int) -> Generator[av.VideoFrame]:
        container, stream = opened(self.path)
        with container:
            stream.thread_type = "AUTO"
            try:
                container.seek(time, stream=stream)
                for packet in container.demux(stream):
                    if packet.size:
                        yield from stream.decode(packet)
                yield from stream.decode(None)
            except av.FFmpegError:
                return
