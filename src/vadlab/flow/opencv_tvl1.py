"""TV-L1 optical flow of OpenCV contrib: the reference method, slow (tenths of a second a pair).

Paper: Zach, Pock, Bischof, "A duality based approach for realtime TV-L1 optical flow", DAGM 2007;
Sanchez, Meinhardt-Llopis, Facciolo, "TV-L1 optical flow estimation", IPOL 2013.
Library: `cv2.optflow.DualTVL1OpticalFlow` (Apache-2.0), with its own defaults. The I3D paper used
TV-L1 on grey frames at 25 frames per second.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vadlab.types import FloatArray

__all__ = ["OpenCVTVL1"]


@dataclass(frozen=True)
class OpenCVTVL1:
    """TV-L1 flow with OpenCV's settings; safe to call from several threads.

    Args:
        tau: Time step of the numerical scheme.
        lambda_: Weight of the data term; smaller gives smoother flow.
        theta: Tightness between the flow and its auxiliary field.
        n_scales: Levels of the image pyramid.
        warps: Warpings a level.
        epsilon: Iterations of a warp stop when the change falls below this.
        inner_iterations: Iterations between two median filters.
        outer_iterations: Median filters a warp.
        scale_step: Size of a pyramid level relative to the one below, in 0..1.
        gamma: Weight of the illumination term; 0 switches it off.
        median_filtering: Width of the median filter in pixels: 1 (none), 3 or 5.
    """

    tau: float = 0.25
    lambda_: float = 0.15
    theta: float = 0.3
    n_scales: int = 5
    warps: int = 5
    epsilon: float = 0.01
    inner_iterations: int = 30
    outer_iterations: int = 10
    scale_step: float = 0.8
    gamma: float = 0.0
    median_filtering: int = 5

    def facts(self) -> dict[str, Any]:
        """What a feature store records: the library's version and every setting."""
        return {"flow": "opencv_tvl1", "opencv": cv2.__version__, **dataclasses.asdict(self)}

    def __call__(self, grey: NDArray[np.uint8]) -> FloatArray:
        """Flow from each frame to the next.

        Args:
            grey: (t+1, h, w) uint8 frames.

        Returns:
            (t, h, w, 2) float32, pixels per frame, x (to the right) first, then y (down).
        """
        method = self._method()
        flow = np.zeros((max(len(grey) - 1, 0), *grey.shape[1:], 2), dtype=np.float32)
        for i in range(len(flow)):
            flow[i] = method.calc(grey[i], grey[i + 1], None)
        return flow

    def _method(self) -> Any:
        # An OpenCV object keeps buffers between calls, so each call of ours makes its own.
        # Setters, for the keyword arguments of the constructor differ between OpenCV's versions.
        method = cv2.optflow.DualTVL1OpticalFlow.create()
        method.setTau(self.tau)
        method.setLambda(self.lambda_)
        method.setTheta(self.theta)
        method.setScalesNumber(self.n_scales)
        method.setWarpingsNumber(self.warps)
        method.setEpsilon(self.epsilon)
        method.setInnerIterations(self.inner_iterations)
        method.setOuterIterations(self.outer_iterations)
        method.setScaleStep(self.scale_step)
        method.setGamma(self.gamma)
        method.setMedianFiltering(self.median_filtering)
        return method
