"""Flow of every pixel by one Lucas-Kanade step, zero where the picture does not tell.

Source: Lucas and Kanade, "An Iterative Image Registration Technique with an Application to Stereo Vision",
IJCAI 1981, with the filters and the noise threshold that MATLAB documents for its `opticalFlowLK`. What
differs from MATLAB: spatial gradients are of the mean of both frames, so that time reversed gives the flow
reversed; where gradients have one direction only, the flow is the least-squares solution of least length.

It is a measure of motion for detectors that count it, not a flow method: right for about a pixel, no more.
"""

from __future__ import annotations

import cv2
import numpy as np

from vadlab.types import FloatArray
from vadlab.video.transform import Frame

__all__ = ["dense_lucas_kanade"]

DERIVATIVE = np.array([1, -8, 0, 8, -1], dtype=np.float32) / 12
SMOOTHING = np.array([1, 4, 6, 4, 1], dtype=np.float32) / 16
AS_IT_IS = np.ones(1, dtype=np.float32)


def dense_lucas_kanade(before: Frame, after: Frame, *, noise: float) -> FloatArray:
    """Flow from a frame to the next.

    Args:
        before: (h, w) grey uint8.
        after: The same.
        noise: The least eigenvalue of the smoothed products of gradients, of levels 0..1, that counts. Both
            below it: no flow; one below it: flow across the edge only.

    Returns:
        (h, w, 2) float32, pixels per frame, x (to the right) first, then y (down).
    """
    first, second = (frame.astype(np.float32) / np.float32(255) for frame in (before, after))
    mean, change = (first + second) / 2, second - first
    gx = cv2.sepFilter2D(mean, -1, DERIVATIVE, AS_IT_IS)
    gy = cv2.sepFilter2D(mean, -1, AS_IT_IS, DERIVATIVE)
    pairs = (gx * gx, gx * gy, gy * gy, gx * change, gy * change)
    xx, xy, yy, xt, yt = (cv2.sepFilter2D(pair, -1, SMOOTHING, SMOOTHING) for pair in pairs)
    middle, half = (xx + yy) / 2, np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    large, small = middle + half, middle - half
    tiny = np.finfo(np.float32).tiny
    # Cramer's rule; and with one eigenvalue alone, A of rank one is (A - small I) / (large - small).
    whole = np.stack([xy * yt - yy * xt, xy * xt - xx * yt], axis=-1)
    whole /= np.maximum(large * small, tiny)[..., None]
    across = np.stack([small * xt - xx * xt - xy * yt, small * yt - xy * xt - yy * yt], axis=-1)
    across /= np.maximum(large * 2 * half, tiny)[..., None]
    flow = np.where((small >= noise)[..., None], whole, across) * (large >= noise)[..., None]
    return np.asarray(flow, dtype=np.float32)
