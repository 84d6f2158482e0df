"""What does not belong to a scene's background, pixel by pixel.

Paper: KaewTraKulPong and Bowden, "An improved adaptive background mixture model for real-time tracking with
shadow detection", AVBS 2001, by OpenCV's `bgsegm.BackgroundSubtractorMOG` (Apache-2.0), without the shadows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vadlab.video.transform import Frame

__all__ = ["ForegroundForm", "foreground"]


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


def foreground(
    frames: Iterable[Frame], form: ForegroundForm, background: NDArray[np.uint8] | None = None
) -> Iterator[NDArray[np.bool_]]:
    """A mask of each frame, (h, w), True where it differs from what is usual there.

    Args:
        frames: (h, w) grey.
        form: How the background is learned.
        background: (n, h, w) frames of the same scene for the warm-up; without them the video's own first
            frames are, while their masks are given out.
    """
    model: Any = cv2.bgsegm.createBackgroundSubtractorMOG(noiseSigma=form.noise)
    for frame in () if background is None else background:
        model.apply(frame, learningRate=form.warm_up_rate)
    left = form.warm_up if background is None else 0
    for frame in frames:
        mask = model.apply(frame, learningRate=form.warm_up_rate if left > 0 else form.rate)
        left -= 1
        yield np.asarray(mask > 0)
