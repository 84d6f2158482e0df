"""Video files of every kind, for tests: each frame carries its number in black and white bars.

So a lost, doubled or misplaced frame shows, whatever the codec did to the pixels.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

BITS = 8
N = 60


def numbered(i: int, size: tuple[int, int] = (96, 64)) -> np.ndarray:
    """An RGB frame whose eight bars are the bits of i, over a texture that moves."""
    width, height = size
    bars = np.array([(i >> bit) & 1 for bit in range(BITS)], np.uint8)
    columns = bars[np.arange(width) * BITS // width] * 170 + 40
    texture = (np.add.outer(np.arange(height), np.arange(width)) + 3 * i) % 23
    return np.repeat((columns + texture).astype(np.uint8)[..., None], 3, axis=2)


def number(frame: np.ndarray) -> int:
    """The number that a frame carries."""
    means = [part.mean() for part in np.array_split(frame[..., 1].astype(float), BITS, axis=1)]
    return sum(int(mean > 125) << bit for bit, mean in enumerate(means))


def write(
    path: Path,
    n: int = N,
    *,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    rate: Fraction = Fraction(25),
    size: tuple[int, int] = (96, 64),
    options: dict[str, str] | None = None,
    container: dict[str, str] | None = None,
    pts: list[int] | None = None,
    time_base: Fraction | None = None,
    matrix: list[int] | None = None,
    sound: bool = False,
    full_range: bool = False,
    picture=numbered,
) -> Path:
    with av.open(str(path), "w", options=container or {}) as output:
        stream = output.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        stream.codec_context.thread_count = 1
        stream.codec_context.color_range = 2 if full_range else 0
        if time_base is not None:
            stream.codec_context.time_base = time_base
        stream.set_display_matrix(matrix)
        audio = output.add_stream("aac", rate=16000) if sound else None
        for i in range(n):
            frame = av.VideoFrame.from_ndarray(picture(i, size), format="rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = (i if pts is None else pts[i]), time_base or 1 / rate
            output.mux(stream.encode(frame))
            if audio is not None:
                output.mux(audio.encode(beep(i)))
        output.mux(stream.encode(None))
        if audio is not None:
            output.mux(audio.encode(None))
    return path


def beep(i: int, n: int = 640) -> av.AudioFrame:
    wave = (3000 * np.sin(np.arange(i * n, (i + 1) * n) / 5)).astype(np.int16)[None]
    frame = av.AudioFrame.from_ndarray(wave, format="s16", layout="mono")
    frame.sample_rate, frame.pts = 16000, i * n
    return frame


HEALTHY = {
    "plain.mp4": {},
    "b-frames.mp4": {"options": {"bf": "5", "b-pyramid": "normal", "g": "30"}},
    "open-gop.mp4": {"options": {"bf": "3", "g": "12", "x264-params": "open-gop=1"}},
    "one-frame.mp4": {"n": 1},
    "sound.mp4": {"sound": True},
    "fragments.mp4": {"container": {"movflags": "frag_keyframe+empty_moov"}, "options": {"g": "10"}},
    "interlaced.mp4": {"options": {"x264-params": "interlaced=1"}},
    "stream.ts": {"sound": True},
    "v.mkv": {},
    "v.flv": {},
    "raw.h264": {},
    "mpeg4.avi": {"codec": "mpeg4"},
    "mjpeg.avi": {"codec": "mjpeg", "pixels": "yuvj420p"},
    "v.wmv": {"codec": "wmv2"},
    "vp8.webm": {"codec": "libvpx", "options": {"auto-alt-ref": "1", "lag-in-frames": "25", "b": "200k"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}},
    "deep.mp4": {"pixels": "yuv420p10le"},
    "full-colour.mp4": {"pixels": "yuv444p"},
    "grey.mkv": {"codec": "ffv1", "pixels": "gray"},
    "grey-h264.mp4": {"pixels": "gray", "full_range": True},
    "full-range.mp4": {"pixels": "yuvj420p", "full_range": True},
    "odd.mkv": {"codec": "ffv1", "size": (97, 65)},
    "odd-jpeg.avi": {"codec": "mjpeg", "pixels": "yuvj420p", "size": (95, 63)},
    "odd.mp4": {"pixels": "yuv444p", "size": (97, 65)},
}
