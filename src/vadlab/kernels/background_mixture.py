"""One step of an adaptive mixture of grey levels at every pixel, and what does not fit into its background.

Paper: KaewTraKulPong and Bowden, "An improved adaptive background mixture model for real-time tracking with
shadow detection", AVBS 2001, with the numbers of OpenCV's `bgsegm.BackgroundSubtractorMOG`, which cannot give
away what it has learned. Masks differ in less than one pixel of ten thousand, and in none on UCSD Ped2:
OpenCV orders components by their weights of the frame before.
"""

from __future__ import annotations

import numpy as np
from numba import float32, njit
from numpy.typing import NDArray

__all__ = ["MEAN", "VARIANCE", "WEIGHT", "learn"]

_compiled = njit(nogil=True, error_model="numpy", cache=True)

WEIGHT, MEAN, VARIANCE = 0, 1, 2  # of a component
_NONE = np.finfo(np.float32).eps  # weights up to this are no component
_FIRST_WEIGHT = 0.05  # of a new component, before weights are made to sum to 1
_FIRST_VARIANCE = 30.0**2
_REACH = 2.5**2  # squared deviations from a mean within which a value belongs to it


@_compiled  # type: ignore[untyped-decorator]
def learn(
    mixtures: NDArray[np.float32],
    frame: NDArray[np.uint8],
    rate: float,
    noise: float,
    share: float,
    mask: NDArray[np.bool_],
) -> None:
    """Show mixtures a frame.

    A value belongs to the first component that it is near to, which it draws towards itself; near to none, it
    takes the place of the last. Components are in falling order of weight over deviation, save that a new one
    stands last.

    Args:
        mixtures: (h, w, components, 3) weight, mean and variance, changed in place; weight 0 where there is
            none.
        frame: (h, w) grey levels.
        rate: Share of the frame in what is known, 0..1; with 0 only pixels that know nothing learn.
        noise: Least deviation of a component.
        share: Of the weights: the first components that hold more than this are the background.
        mask: (h, w) to fill: True where the frame is no background.
    """
    n = mixtures.shape[2]
    rate, share, least = float32(rate), float32(share), float32(noise) * float32(noise)
    for y in range(frame.shape[0]):
        for x in range(frame.shape[1]):
            known = mixtures[y, x]
            value = float32(frame[y, x])
            k = 0
            while k < n and known[k, WEIGHT] > _NONE:
                away = value - known[k, MEAN]
                if away * away < float32(_REACH) * known[k, VARIANCE]:
                    break
                k += 1
            belongs = k < n and known[k, WEIGHT] > _NONE
            if rate > 0 or known[0, WEIGHT] == 0:
                if belongs:
                    away = value - known[k, MEAN]
                    known[k, WEIGHT] += rate * (float32(1) - known[k, WEIGHT])
                    known[k, MEAN] += rate * away
                    variance = known[k, VARIANCE]
                    known[k, VARIANCE] = max(variance + rate * (away * away - variance), least)
                    while k > 0 and _rank(known[k - 1]) < _rank(known[k]):
                        for i in range(3):
                            known[k, i], known[k - 1, i] = known[k - 1, i], known[k, i]
                        k -= 1
                else:
                    belongs = True
                    k = min(k, n - 1)
                    known[k, WEIGHT] = float32(_FIRST_WEIGHT)
                    known[k, MEAN] = value
                    known[k, VARIANCE] = float32(_FIRST_VARIANCE)
                total = float32(0)
                for i in range(n):
                    total += known[i, WEIGHT]
                for i in range(n):
                    known[i, WEIGHT] /= total
            before = float32(0)
            for i in range(k):
                before += known[i, WEIGHT]
            mask[y, x] = not belongs or before > share


@_compiled  # type: ignore[untyped-decorator]
def _rank(component: NDArray[np.float32]) -> float:
    """Weight over deviation, squared."""
    rank: float = component[WEIGHT] * component[WEIGHT] / component[VARIANCE]
    return rank
