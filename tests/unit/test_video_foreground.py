"""Foreground masks of things that are there, and of things that always were."""

from __future__ import annotations

import numpy as np

from vadlab.video.foreground import ForegroundForm, foreground


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
    masks = np.stack(list(foreground(video, ForegroundForm(), scene(200))))
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
    seen = [
        list(foreground(video, ForegroundForm(noise=noise), scene(600)))[-1].mean() for noise in (15.0, 4.0)
    ]
    assert seen == [0, 1]
