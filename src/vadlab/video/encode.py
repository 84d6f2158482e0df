"""RGB frames to an H.264 file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.codec.context import Flags
from av.container import OutputContainer

from vadlab.errors import DataError, UsageError
from vadlab.video.transform import Frame

__all__ = ["write_video"]

_BT601, _LIMITED = 6, 1  # AVCOL_SPC_SMPTE170M, AVCOL_RANGE_MPEG


def write_video(
    path: Path, frames: Iterable[Frame], *, fps: Fraction, crf: int = 20, threads: int = 1
) -> int:
    """Write frames as H.264 (yuv420p, BT.601, limited range); the suffix of `path` names the container.

    H.264 with 4:2:0 colour needs even sides, so a frame of odd width or height is given its last
    column or row once more. The file appears under its name only when it is complete; an existing
    one is replaced. With one thread the same frames give the same bytes, whatever the machine's
    number of cores.

    Args:
        path: The file to write, e.g. "events.mp4"; its folder is made.
        frames: (h, w, 3) RGB uint8, all of one size, at least one.
        fps: Frames per second, positive.
        crf: Quality, 0 (lossless up to the colour conversion) to 51 (worst); 18 to 23 look alike.
        threads: Encoder threads; more are faster, and give bytes that depend on their number.

    Returns:
        Number of frames written.

    Raises:
        DataError: If there is no frame, or one is not like the first.
        UsageError: If `fps`, `crf` or the suffix does not serve.
    """
    if fps <= 0 or not 0 <= crf <= 51 or threads < 1:
        raise UsageError(
            "a video cannot be written with these settings",
            expected="fps > 0, crf 0 to 51, threads >= 1",
            found=f"fps={fps}, crf={crf}, threads={threads}",
        )
    remaining = iter(frames)
    first = next(remaining, None)
    if first is None:
        raise DataError("there is no frame to write", file=path, expected="at least one frame", found="none")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        try:
            output = av.open(str(part.absolute()), "w", options={"fflags": "+bitexact"})
        except ValueError as error:
            raise UsageError(
                "the suffix names no container", file=path, expected=".mp4, .mkv, .mov or .avi"
            ) from error
        with output:
            n_frames = _encode(
                output, chain([first], remaining), first.shape, fps=fps, crf=crf, threads=threads
            )
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return n_frames


def _encode(
    output: OutputContainer,
    frames: Iterator[Frame],
    shape: tuple[int, ...],
    *,
    fps: Fraction,
    crf: int,
    threads: int,
) -> int:
    height, width = shape[0] + shape[0] % 2, shape[1] + shape[1] % 2
    # x264's macroblock tree reads memory that nobody wrote (its AVX-512 code, with B-frames), so with it
    # the same frames give other bytes from one call to the next. The files are a quarter larger without it.
    options = {"crf": str(crf), "x264-params": "mbtree=0"}
    stream = output.add_stream("libx264", rate=fps, options=options)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.codec_context.colorspace, stream.codec_context.color_range = _BT601, _LIMITED
    stream.codec_context.flags |= Flags.bitexact
    stream.codec_context.thread_count = threads
    n_frames = 0
    for frame in frames:
        if frame.shape != shape or frame.shape[2:] != (3,) or frame.dtype != np.uint8:
            raise DataError(
                f"frame {n_frames} cannot be written",
                expected=f"(height, width, 3) uint8, all as the first: {shape}",
                found=f"{frame.shape} {frame.dtype}",
            )
        even = np.pad(frame, ((0, height - shape[0]), (0, width - shape[1]), (0, 0)), mode="edge")
        picture = av.VideoFrame.from_ndarray(even, format="rgb24").reformat(
            format="yuv420p", dst_colorspace="ITU601", dst_color_range="MPEG", threads=1
        )
        picture.pts, picture.time_base = n_frames, 1 / fps
        output.mux(stream.encode(picture))
        n_frames += 1
    output.mux(stream.encode(None))
    return n_frames
