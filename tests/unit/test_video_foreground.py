"""Foreground masks of things that are there, and of things that always were; and against OpenCV's."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vadlab.kernels.background_mixture import MEAN, WEIGHT
from vadlab.video.foreground import ForegroundForm, foreground, lasting, learned


def scene(n: int, *, thing: slice | None = None) -> np.ndarray:
    """(n, 24, 32): noise of one grey level, and a thing that stands in some of the frames."""
    frames = np.random.default_rng(1).normal(90, 1, (n, 24, 32))
    if thing is not None:
        frames[thing, 8:16, 10:20] = 200
    return np.rint(frames).astype(np.uint8)


def test_what_comes_is_foreground() -> None:
    masks = np.stack(list(foreground(scene(60, thing=slice(40, None)), ForegroundForm())))
    assert masks.dtype == bool and masks.shape == (60, 24, 32)
    assert not masks[:40].any()
    assert masks[40, 8:16, 10:20].all() and masks[40].sum() == 80


def test_what_stands_there_from_the_first_frame_needs_a_known_background() -> None:
    video = scene(10, thing=slice(None))
    assert not np.stack(list(foreground(video, ForegroundForm()))).any()
    masks = np.stack(list(foreground(video, ForegroundForm(), learned(scene(200), ForegroundForm()))))
    assert (masks.sum(axis=(1, 2)) == 80).all()


def test_what_stays_becomes_background_at_the_warm_ups_rate_only() -> None:
    video = scene(150, thing=slice(20, None))
    for warm_up, stays in ((200, False), (20, True)):
        masks = list(foreground(video, ForegroundForm(warm_up=warm_up)))
        assert masks[21][10, 12]
        assert masks[-1][10, 12] == stays


def test_a_smaller_noise_sees_fainter_things() -> None:
    video = scene(10)
    video[-1] += 20
    forms = [ForegroundForm(noise=15.0), ForegroundForm(noise=4.0)]
    masks = [list(foreground(video, form, learned(scene(600), form)))[-1] for form in forms]
    assert [mask.mean() for mask in masks] == [0, 1]


def street(n: int, seed: int) -> np.ndarray:
    """(n, 24, 32): a ground that flickers between levels in places, and blocks that pass by or stay."""
    rng = np.random.default_rng(seed)
    ground = np.random.default_rng(0).uniform(40, 160, (24, 32))
    frames = ground + rng.normal(0, 6, (n, 24, 32))
    frames[:, :8] = 42 * rng.choice(7, (n, 8, 32), p=[0.4, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05])
    for t in range(n):
        frames[t, 10:16, 3 * t % 32 : 3 * t % 32 + 6] = 30 * (t // 11 % 8)
    frames[n // 2 :, 18:22, 4:12] = 220
    return np.clip(np.rint(frames), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("rate", [1e-3, 0.0])
@pytest.mark.parametrize("noise", [15.0, 4.0])
def test_masks_are_those_of_opencv(noise: float, rate: float) -> None:
    first, then = street(200, 1), street(150, 2)
    model = cv2.bgsegm.createBackgroundSubtractorMOG(noiseSigma=noise)
    expected = [model.apply(frame, learningRate=1e-2) > 0 for frame in first]
    expected += [model.apply(frame, learningRate=rate) > 0 for frame in then]
    form = ForegroundForm(noise=noise, rate=rate)
    # OpenCV orders components by their weights of the frame before.
    assert (list(foreground([*first, *then], form)) != np.array(expected)).mean() < 1e-4
    known = learned(first, form)
    masks = np.array(list(foreground(then, form, known)))
    assert (masks != expected[200:]).mean() < 1e-4
    assert (list(foreground(then, form, lasting(known))) != masks).mean() < 1e-3
    assert 0.05 < masks.mean() < 0.5
    assert (known[..., WEIGHT] > 0).sum(axis=2).max() == 4


def test_a_background_is_learned_in_parts() -> None:
    form, frames = ForegroundForm(), street(90, 3)
    parts = None
    for part in (frames[:1], frames[1:50], frames[50:]):
        parts = learned(part, form, parts)
    np.testing.assert_array_equal(parts, learned(frames, form))


def test_what_passes_is_not_lasting() -> None:
    """A thing of level 200 crosses a ground of 90 in a tenth of the frames at most; it came second."""
    frames = scene(100)
    for t in range(1, 100):
        frames[t, 8:16, t % 32 : t % 32 + 3] = 200
    known = learned(frames, ForegroundForm())
    kept = lasting(known)
    assert known[..., MEAN].max() == 200 and kept.shape == (24, 32, 2, 3)
    np.testing.assert_allclose(kept[:, :, 0, MEAN], 90, atol=2)
    assert kept[:, :, 1, MEAN].max() <= 0
    np.testing.assert_allclose(kept[..., WEIGHT].sum(axis=2), 1, atol=1e-6)
    # And never in the same place as what is known: a mask does not change what was given.
    before = kept.copy()
    list(foreground(frames, ForegroundForm(), kept))
    np.testing.assert_array_equal(kept, before)
