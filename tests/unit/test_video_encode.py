"""Writing H.264 files."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from vadlab.errors import DataError, UsageError
from vadlab.video.decode import VideoFrames, probe
from vadlab.video.encode import write_video

FPS = Fraction(25)


def moving(n, h=48, w=64):
    """A bright square that moves two pixels a frame over a colour ramp."""
    base = np.zeros((h, w, 3), np.uint8)
    base[..., 0] = np.linspace(20, 220, w)
    base[..., 1] = np.linspace(20, 220, h)[:, None]
    base[..., 2] = 90
    for i in range(n):
        frame = base.copy()
        frame[16:32, 2 * i : 2 * i + 16] = 250
        yield frame


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".avi"])
def test_frames_come_back(tmp_path, suffix):
    path = tmp_path / "new" / f"v{suffix}"
    assert write_video(path, moving(20), fps=Fraction(30000, 1001)) == 20
    video = probe(path, id="v")
    assert (video.n_frames, video.fps, video.size) == (20, Fraction(30000, 1001), (64, 48))
    for written, read in zip(moving(20), VideoFrames(path), strict=True):
        # The square's edge is softened by half-resolution colour; a wrong frame would differ by 20.
        assert np.abs(written.astype(int) - read).mean() < 5
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_the_same_frames_give_the_same_bytes(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, moving(15), fps=FPS)
    data = (tmp_path / "a.mp4").read_bytes()
    assert data == (tmp_path / "b.mp4").read_bytes()
    # The encoder notes its settings: one thread whatever the number of cores.
    assert b" threads=1 " in data


def test_a_lower_crf_is_closer_and_larger(tmp_path):
    error, size = {}, {}
    for crf in (10, 45):
        path = tmp_path / f"{crf}.mp4"
        write_video(path, moving(15), fps=FPS, crf=crf)
        pairs = zip(moving(15), VideoFrames(path), strict=True)
        error[crf] = np.mean([np.abs(a.astype(int) - b).mean() for a, b in pairs])
        size[crf] = path.stat().st_size
    assert error[10] < error[45]
    assert size[10] > size[45]


@pytest.mark.parametrize("colour", [(230, 30, 40), (20, 200, 60), (30, 40, 220), (0, 0, 0), (255, 255, 255)])
def test_colours_survive_and_are_tagged(tmp_path, colour):
    path = tmp_path / "v.mp4"
    write_video(path, [np.full((32, 32, 3), colour, np.uint8)] * 2, fps=FPS)
    for frame in VideoFrames(path):
        assert np.abs(frame.astype(int) - colour).max() <= 4
    with av.open(str(path)) as container:
        picture = next(container.decode(video=0))
        assert (picture.format.name, picture.colorspace, picture.color_range) == ("yuv420p", 6, 1)


@pytest.mark.parametrize(("h", "w"), [(47, 63), (48, 63), (47, 64), (1, 1)])
def test_odd_sides_repeat_the_last_row_and_column(tmp_path, h, w):
    path = tmp_path / "v.mp4"
    frame = next(moving(1))[:h, :w]
    write_video(path, [frame] * 3, fps=FPS, crf=5)
    read = next(iter(VideoFrames(path)))
    assert read.shape == (h + h % 2, w + w % 2, 3)
    assert np.abs(read[:h, :w].astype(int) - frame).mean() < 5
    if h > 1:
        last, padding = read[h - 1].astype(int), read[-1].astype(int)
        assert np.abs(last - padding).mean() < 3


def test_no_frames_leave_no_file(tmp_path):
    with pytest.raises(DataError, match="no frame to write"):
        write_video(tmp_path / "v.mp4", [], fps=FPS)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_old_file_and_no_rest(tmp_path):
    path = tmp_path / "v.mp4"
    write_video(path, moving(3), fps=FPS)
    before = path.read_bytes()

    def failing():
        # More than the encoder looks ahead, so that part of the file is written.
        yield from moving(120)
        assert len(list(tmp_path.iterdir())) == 2
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        write_video(path, failing(), fps=FPS)
    with pytest.raises(DataError, match="frame 1 cannot"):
        write_video(path, [next(moving(1)), next(moving(1, h=50))], fps=FPS)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "bad", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32), np.zeros((8, 8, 4), np.uint8)]
)
def test_frames_that_are_not_rgb_uint8(tmp_path, bad):
    with pytest.raises(DataError, match="frame 0 cannot be written"):
        write_video(tmp_path / "v.mp4", [bad], fps=FPS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "settings"),
    [("v.mp4", {"fps": Fraction(0)}), ("v.mp4", {"crf": 52}), ("v.mp4", {"threads": 0}), ("v.nonsense", {})],
)
def test_settings_that_do_not_serve(tmp_path, name, settings):
    with pytest.raises(UsageError):
        write_video(tmp_path / name, moving(1), **{"fps": FPS, **settings})
    assert list(tmp_path.iterdir()) == []


def test_more_threads_are_used_when_asked_for(tmp_path):
    path = tmp_path / "v.mp4"
    write_video(path, moving(3, h=480, w=320), fps=FPS, threads=2)
    assert b" threads=2 " in path.read_bytes()
    assert probe(path, id="v").n_frames == 3


def test_bytes_do_not_depend_on_what_memory_held_before(tmp_path: Path) -> None:
    """glibc fills fresh memory with a byte of our choice; an encoder that reads it gives itself away."""
    code = (
        "import sys\n"
        "from fractions import Fraction\n"
        "from pathlib import Path\n"
        "from vadlab.synthesis.scenes import scene\n"
        "from vadlab.video.encode import write_video\n"
        "drawn = scene('Falling', abnormal=False, seed=5, size=(64, 48))\n"
        "write_video(Path(sys.argv[1]), drawn.frames(), fps=Fraction(25))\n"
    )
    written = []
    for filler in ("0", "85", "170"):
        path = tmp_path / f"{filler}.mp4"
        environment = os.environ | {"MALLOC_PERTURB_": filler}
        subprocess.run([sys.executable, "-c", code, str(path)], check=True, env=environment)
        written.append(path.read_bytes())
    assert written[0] == written[1] == written[2]
