"""DIS optical flow of OpenCV: a hundred times faster than TV-L1, no stand-in for it on slow motion.

Paper: Kroeger, Timofte, Dai, Van Gool, "Fast Optical Flow using Dense Inverse Search", ECCV 2016.
Library: `cv2.DISOpticalFlow` (Apache-2.0). A network trained on TV-L1 flow sees other values here:
on slow surveillance motion the two differ by about two thirds of the flow itself, so name the
method beside every result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vadlab.errors import DataError, UsageError
from vadlab.types import FloatArray

__all__ = ["DIS"]

_PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}


@dataclass(frozen=True)
class DIS:
    """Dense inverse search; safe to call from several threads.

    Args:
        preset: "ultrafast", "fast" or "medium" (the most accurate).

    Raises:
        UsageError: If the preset is unknown.
    """

    preset: str = "medium"

    def __post_init__(self) -> None:
        if self.preset not in _PRESETS:
            raise UsageError(
                f"DIS flow has no preset {self.preset!r}", expected=" | ".join(_PRESETS), found=self.preset
            )

    def facts(self) -> dict[str, Any]:
        """What a feature store records: the library's version and the preset."""
        return {"flow": "dis", "opencv": cv2.__version__, "preset": self.preset}

    def __call__(self, grey: NDArray[np.uint8]) -> FloatArray:
        """Flow from each frame to the next.

        Args:
            grey: (t+1, h, w) uint8 frames, at least 12 pixels wide or high.

        Returns:
            (t, h, w, 2) float32, pixels per frame, x (to the right) first, then y (down).

        Raises:
            DataError: If the frames are too small for the method.
        """
        # An OpenCV object keeps buffers between calls, so each call of ours makes its own.
        method: Any = cv2.DISOpticalFlow.create(_PRESETS[self.preset])
        flow = np.zeros((max(len(grey) - 1, 0), *grey.shape[1:], 2), dtype=np.float32)
        for i in range(len(flow)):
            try:
                flow[i] = method.calc(grey[i], grey[i + 1], None)
            except cv2.error as error:
                height, width = grey.shape[1:]
                raise DataError(
                    "OpenCV's DIS flow refuses these frames",
                    expected="frames of at least 12 pixels",
                    found=f"{width}x{height} pixels",
                    remedy="use larger frames, or another flow (vadlab list flows)",
                ) from error
        return flow
