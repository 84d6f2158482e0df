"""What does not belong to a scene's background, pixel by pixel.

Paper: KaewTraKulPong and Bowden, "An improved adaptive background mixture model for real-time tracking with
shadow detection", AVBS 2001, without the shadows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vadlab.kernels.background_mixture import WEIGHT, learn
from vadlab.types import FloatArray
from vadlab.video.transform import Frame

__all__ = ["ForegroundForm", "foreground", "lasting", "learned"]

COMPONENTS = 5  # of a pixel
SHARE = 0.7  # of the weights, that the background has
NOWHERE = (-1000.0, 1.0)  # mean and variance that no grey level is near to


@dataclass(frozen=True)
class ForegroundForm:
    """How a background is learned.

    Args:
        noise: Least deviation of a background pixel in grey levels.
        warm_up: Frames at the first rate.
        warm_up_rate: Share of a new frame in the background meanwhile.
        rate: And from then on.
    """

    noise: float = 15.0
    warm_up: int = 200
    warm_up_rate: float = 1e-2
    rate: float = 1e-3


def learned(frames: Sequence[Frame], form: ForegroundForm, known: FloatArray | None = None) -> FloatArray:
    """What is usual in a scene, from frames at the first rate.

    Args:
        frames: (h, w) grey uint8, at least one.
        form: How the background is learned.
        known: What earlier frames taught, or None.

    Returns:
        (h, w, components, 3) float32: weight, mean and variance of the grey levels of each pixel.
    """
    mixtures = _beginning(frames[0], known)
    for frame in frames:
        _mask(mixtures, frame, form.warm_up_rate, form)
    return mixtures


def lasting(mixtures: FloatArray) -> FloatArray:
    """The components that make the background, without the grey levels of what merely passed by.

    The others' weights are kept together, as one component that no grey level belongs to, so that the
    background's share stays what it was.

    Args:
        mixtures: (h, w, components, 3), as `learned` gives them.

    Returns:
        (h, w, k, 3), k at most `components`: as many as the pixel with most of them has.
    """
    weights = mixtures[..., WEIGHT]
    kept = (weights > 0) & (np.cumsum(weights, axis=2) - weights <= SHARE)  # the first ones
    background: FloatArray = np.where(kept[..., None], mixtures, np.float32(0))
    others = weights.sum(axis=2) - background[..., WEIGHT].sum(axis=2)
    y, x = np.nonzero((weights > 0).sum(axis=2) > kept.sum(axis=2))
    background[y, x, kept.sum(axis=2)[y, x]] = np.stack(np.broadcast_arrays(others[y, x], *NOWHERE), axis=1)
    return background[:, :, : int((background[..., WEIGHT] > 0).sum(axis=2).max())]


def foreground(
    frames: Iterable[Frame], form: ForegroundForm, background: FloatArray | None = None
) -> Iterator[NDArray[np.bool_]]:
    """A mask of each frame, (h, w), True where it differs from what is usual there.

    Args:
        frames: (h, w) grey uint8.
        form: How the background is learned.
        background: Of the same scene, as `learned` or `lasting` give it; without one the video's own first
            frames are the warm-up, while their masks are given out.
    """
    left = form.warm_up if background is None else 0
    mixtures: FloatArray | None = None
    for frame in frames:
        mixtures = _beginning(frame, background) if mixtures is None else mixtures
        yield _mask(mixtures, frame, form.warm_up_rate if left > 0 else form.rate, form)
        left -= 1


def _beginning(frame: Frame, known: FloatArray | None) -> FloatArray:
    """What is known, or nothing, with room for all components; never a view."""
    mixtures = np.zeros((*frame.shape, COMPONENTS, 3), dtype=np.float32)
    if known is not None:
        mixtures[:, :, : known.shape[2]] = known
    return mixtures


def _mask(mixtures: FloatArray, frame: Frame, rate: float, form: ForegroundForm) -> NDArray[np.bool_]:
    """What of a frame is foreground; the mixtures learn it."""
    mask = np.empty(frame.shape, dtype=np.bool_)
    learn(mixtures, frame, float(rate), float(form.noise), SHARE, mask)
    return mask
