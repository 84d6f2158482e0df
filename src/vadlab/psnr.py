"""Peak signal-to-noise ratio of frames in 0..1, the score of the detectors that predict frames.

Source: Liu et al., CVPR 2018, and Park et al., CVPR 2020. The peak is 1, as in both releases; the former
paper's numerator, the largest value of the predicted frame, is at most that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["psnr"]

LEAST = 1e-10  # mean squared error of what counts as equal: 100 dB


def psnr(squared_error: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean squared errors of frames whose values span 0..1, to dB, 100 at the most."""
    decibels: NDArray[np.float64] = -10 * np.log10(np.maximum(squared_error, LEAST, dtype=np.float64))
    return decibels
