"""Patches of frames: order, batches, sequences of training videos."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from frame_videos import noise, sample

from vadlab import frame_patches
from vadlab.errors import DataError, UsageError
from vadlab.frame_patches import FrameSequence, ImageNetwork, TrainingPatches

VIDEOS = [noise(0, 9, 32), noise(1, 4, 32), noise(2, 25, 32)]


@pytest.fixture(scope="module")
def network() -> ImageNetwork:
    return ImageNetwork.load("random", size=32, caffe=False, seed=0, device=torch.device("cpu"))


@pytest.fixture(scope="module")
def patches(network: ImageNetwork) -> TrainingPatches:
    return TrainingPatches([sample(v) for v in VIDEOS], network)


def test_frames_come_in_order_whatever_the_batch(
    network: ImageNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = [next(network.patches([frame]))[0] for frame in VIDEOS[0]]
    for batch in (1, 2, 4, 20):
        monkeypatch.setattr(frame_patches, "BATCH", batch)
        together = np.concatenate(list(network.patches(VIDEOS[0])))
        assert together.shape == (9, 21, 32)
        np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-5)


def test_random_networks_say_so_and_come_from_their_seed(network: ImageNetwork) -> None:
    assert network.identity == "random, seed 0"
    device = torch.device("cpu")
    same, other = (ImageNetwork.load("random", size=32, caffe=False, seed=s, device=device) for s in (0, 1))
    assert np.array_equal(next(same.patches(VIDEOS[0])), next(network.patches(VIDEOS[0])))
    assert not np.array_equal(next(other.patches(VIDEOS[0])), next(network.patches(VIDEOS[0])))


def test_sequences_hold_consecutive_frames_of_one_video(
    network: ImageNetwork, patches: TrainingPatches
) -> None:
    stacked = patches.stack([FrameSequence(2, 5), FrameSequence(0, 0)], length=3)
    assert stacked.shape == (3, 2 * 21, 32) and stacked.dtype == np.float32
    for column, (video, start) in enumerate([(2, 5), (0, 0)]):
        for t in range(3):
            wanted = next(network.patches([VIDEOS[video][start + t]]))[0]
            found = stacked[t, 21 * column : 21 * (column + 1)]
            np.testing.assert_allclose(found, wanted, rtol=2**-10, atol=1e-4)  # as half floats


def test_a_video_that_is_too_short_repeats_its_last_frame(patches: TrainingPatches) -> None:
    stacked = patches.stack([FrameSequence(1, 0)], length=7)
    for t in (4, 5, 6):
        np.testing.assert_array_equal(stacked[t], stacked[3])
    assert not np.array_equal(stacked[2], stacked[3])


def test_every_pass_takes_each_video_once_and_every_start_occurs(patches: TrainingPatches) -> None:
    drawn = [one for step in range(300) for one in patches.sequences(step, length=5, batch=2, seed=3)]
    for begin in range(0, len(drawn), 3):
        assert sorted(one.video for one in drawn[begin : begin + 3]) == [0, 1, 2]
    assert len({tuple(one.video for one in drawn[b : b + 3]) for b in range(0, len(drawn), 3)}) == 6
    starts = {video: {one.start for one in drawn if one.video == video} for video in range(3)}
    assert starts == {0: set(range(5)), 1: {0}, 2: set(range(21))}
    assert patches.sequences(7, length=5, batch=2, seed=3) == drawn[14:16], "a function of the step alone"


def test_faults_of_the_training_videos(network: ImageNetwork) -> None:
    with pytest.raises(UsageError, match="no training video"):
        TrainingPatches([], network)
    for n in (8, 10):
        one = sample(VIDEOS[0])
        wrong = replace(one, video=replace(one.video, n_frames=n))
        with pytest.raises(DataError, match="another number of frames"):
            TrainingPatches([wrong, sample(VIDEOS[1])], network)
