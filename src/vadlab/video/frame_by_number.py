"""The frames of one video by number, in any order: exactly those that decoding from the start yields.

A frame's number is its place in a whole decoding, which is done once, without colours, to know all times and
key frames. Only then is seeking safe: a frame counts as number k if it has the time of frame k and comes from
an unbroken decoding since a key frame. Where a file gives no times to go by, or anything is not as expected,
it is decoded from the start.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator
from contextlib import closing
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import av

from vadlab.video.colour import rgb
from vadlab.video.decode import VideoFrames, decoded_pictures, opened
from vadlab.video.image_folder import image_paths, read_image
from vadlab.video.transform import Frame

__all__ = ["NumberedFrames"]


class NumberedFrames:
    """One video, ready to be read from any frame on.

    Args:
        path: Video file, which is decoded to its end, or folder of images.
        fps: Frame rate of an image folder (25 unless given). A file's own average rate wins over it.

    Raises:
        DataError: What `vadlab.video.decode.probe` raises.
    """

    def __init__(self, path: Path, *, fps: Fraction | None = None) -> None:
        self.path = path
        self.fps = VideoFrames(path, fps=fps).fps
        self._images = image_paths(path) if path.is_dir() else []
        times: list[int | None] = []
        self._keys: list[int] = []
        for picture in [] if path.is_dir() else decoded_pictures(path):
            if picture.key_frame:
                self._keys.append(len(times))
            times.append(picture.pts)
        self.n_frames = len(self._images) or len(times)
        known = [time for time in times if time is not None]
        rising = all(a < b for a, b in pairwise(known))
        self._times = known if len(known) == len(times) and rising else []
        self._numbers = {time: number for number, time in enumerate(self._times)}

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
        key = self._keys[bisect_right(self._keys, start) - 1] if self._keys else 0
        if not self._times or not 0 < key <= start:
            return
        number: int | None = None
        for picture in self._after_seek(self._times[key]):
            if number is None:
                # What precedes the first key frame lacks the frames that it refers to.
                number = self._numbers.get(picture.pts or 0) if picture.key_frame else None
                if number is None:
                    continue
            if number >= self.n_frames or picture.pts != self._times[number] or picture.is_corrupt:
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
