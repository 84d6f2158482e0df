"""Windows of frames, against slices of an array."""

from __future__ import annotations

import shutil
from collections import Counter, namedtuple
from dataclasses import replace

import numpy as np
import pytest
from frame_videos import MemoryFrames, noise, sample
from hypothesis import given
from hypothesis import strategies as st

from vadlab.errors import DataError, UsageError
from vadlab.frame_windows import FrameWindow, FrameWindows, shrunk, sliding
from vadlab.training import generator
from vadlab.video.transform import resize, to_grey

LENGTHS = (7, 2, 5)  # of the videos; windows are of 3 frames
VIDEOS = [noise(seed, n, side=8) for seed, n in enumerate(LENGTHS)]


def windows_of(length: int = 3, *, grey: bool = False) -> FrameWindows:
    return FrameWindows([sample(v) for v in VIDEOS], length=length, size=8, grey=grey)


def expected(chosen: list[FrameWindow], length: int = 3) -> np.ndarray:
    stacked = []
    for window in chosen:
        frames = VIDEOS[window.video]
        rows = [min(window.start + i * window.stride, len(frames) - 1) for i in range(length)]
        stacked.append([frames[row].transpose(2, 0, 1) for row in rows])
    return np.array(stacked)


@given(st.integers(1, 12), st.integers(1, 6), st.integers(1, 5))
def test_sliding_gives_every_window_once_and_in_order(n: int, length: int, batch: int) -> None:
    frames = [np.full((1, 2, 2), i, np.uint8) for i in range(n)]
    batches = list(sliding(iter(frames), length, batch=batch))
    found = np.concatenate(batches)[:, :, 0, 0, 0]
    starts = range(max(1, n - length + 1))
    assert found.tolist() == [[min(i + j, n - 1) for j in range(length)] for i in starts]
    assert all(len(b) == batch for b in batches[:-1]) and 0 < len(batches[-1]) <= batch


def test_shrunk_is_resized_and_has_its_channels_first() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, 12, 20, 3), dtype=np.uint8)
    colour = list(shrunk(MemoryFrames(frames), size=8, grey=False))
    grey = list(shrunk(MemoryFrames(frames), size=8, grey=True))
    for i, frame in enumerate(frames):
        for c in range(3):
            np.testing.assert_array_equal(colour[i][c], resize(frame, (8, 8))[..., c])
        np.testing.assert_array_equal(grey[i], [resize(to_grey(frame), (8, 8))])


def test_all_windows_lie_within_their_videos() -> None:
    windows = windows_of()
    chosen = windows.all()
    assert [(w.video, w.start) for w in chosen] == [(0, i) for i in range(5)] + [(1, 0)] + [
        (2, i) for i in range(3)
    ]
    assert len(windows) == 9
    np.testing.assert_array_equal(windows.stack(chosen), expected(chosen))


def test_grey_windows_hold_luma() -> None:
    found = windows_of(grey=True).stack([FrameWindow(2, 1)])
    assert found.shape == (1, 3, 1, 8, 8)
    np.testing.assert_array_equal(found[0, 2, 0], to_grey(VIDEOS[2][3]))


def test_a_pass_takes_every_window_once() -> None:
    windows = windows_of()

    def drawn(step: int, batch: int = 2, seed: int = 1) -> list[FrameWindow]:
        return windows.shuffled(step, batch=batch, rng_of=lambda done: generator(seed, done))

    passes = [[window for step in range(4) for window in drawn(4 * p + step)] for p in range(2)]
    for taken in passes:
        assert len(set(taken)) == len(taken) == 8  # of 9, in batches of 2
    assert passes[0] != passes[1]
    assert drawn(3) == passes[0][6:]
    assert drawn(0, seed=2) != passes[0][:2]
    assert sorted(drawn(0, batch=50), key=repr) == sorted(windows.all(), key=repr)


def test_videos_are_drawn_alike_and_strides_fit() -> None:
    windows = windows_of()
    chosen = windows.by_video(generator(0, 0), 3000, strides=(1, 2, 3))
    counts = Counter(w.video for w in chosen)
    assert all(abs(counts[video] - 1000) < 150 for video in range(3))  # five deviations
    strides = Counter((w.video, w.stride) for w in chosen)
    # Seven frames hold three at strides up to 3, five up to 2; the video of two is one window.
    assert set(strides) == {(0, 1), (0, 2), (0, 3), (1, 1), (2, 1), (2, 2)}
    assert strides[2, 2] == pytest.approx(2 * strides[2, 1], rel=0.25)
    for window in chosen:
        if window.video != 1:
            assert window.start + 2 * window.stride < LENGTHS[window.video]
    assert {w.start for w in chosen if w.video == 0 and w.stride == 1} == set(range(5))
    np.testing.assert_array_equal(windows.stack(chosen[:50]), expected(chosen[:50]))


def test_mean_of_all_frames() -> None:
    mean = np.concatenate(VIDEOS).mean(axis=0).transpose(2, 0, 1)
    np.testing.assert_allclose(windows_of().mean(), mean, rtol=1e-6)


@pytest.mark.parametrize("n", [6, 8])
def test_another_number_of_frames_is_refused_with_both(n: int) -> None:
    given_frames = sample(VIDEOS[0])
    wrong = replace(given_frames, video=replace(given_frames.video, n_frames=n))
    with pytest.raises(DataError) as caught:
        FrameWindows([wrong], length=3, size=8, grey=False)
    assert (caught.value.expected, caught.value.found) == (n, 7)


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="no training video"):
        FrameWindows([], length=3, size=8, grey=False)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(10, 9, 1))
    with pytest.raises(UsageError, match="no room"):
        windows_of()
