"""Two small features of a scene's regions: motion around interest points, foreground in cells.

Paper: Leyva, Sanchez and Li, "Video anomaly detection with compact feature sets for online performance",
IEEE TIP 26(7), 2017. Both are sums over a window of frames that ends with the frame they are of, so that no
feature depends on a later frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import tee

import cv2
import numpy as np
from numpy.typing import NDArray

from vadlab.types import FloatArray, IntArray
from vadlab.video.dense_lucas_kanade import dense_lucas_kanade
from vadlab.video.foreground import ForegroundForm, foreground
from vadlab.video.perspective import cells, unit
from vadlab.video.transform import Frame, resize, to_grey

__all__ = ["DIRECTIONS", "RegionForm", "Regions", "regions", "small_greys", "support"]

DIRECTIONS = 5  # of half a turn: opposite ones count as the same
REACH = 1.5  # local units from an interest point to the border of its support region
STILL = 1e-6  # summed flow, in pixels, that is no more than rounding


@dataclass(frozen=True)
class RegionForm:
    """How features are made.

    Args:
        width, height: Pixels of the shrunk frames.
        length: Frames of a window.
        points: Interest points of a frame, at most.
        contrast: Grey levels of the difference of two frames by which a corner of it stands out.
        flow_noise: See `dense_lucas_kanade`.
        foreground: See `ForegroundForm`.
    """

    width: int = 240
    height: int = 160
    length: int = 15
    points: int = 40
    contrast: int = 10
    flow_noise: float = 0.0039
    foreground: ForegroundForm = field(default_factory=ForegroundForm)


@dataclass(frozen=True)
class Regions:
    """The features of a frame.

    Args:
        frame: Its number.
        places: (n, 2) y and x of its interest points, the strongest first.
        motion: (n, 6) float64: the summed length of the flow in the point's support region over the window,
            in pixels; then the share of each direction in it, from along x, in fifths of half a turn; shares
            sum to 1, and are 0 where nothing moves.
        occupancy: (cells,) foreground pixels of each cell over the window.
        active: (cells,) whether the cell holds foreground in the frame itself.
    """

    frame: int
    places: IntArray
    motion: NDArray[np.float64]
    occupancy: IntArray
    active: NDArray[np.bool_]


def small_greys(frames: Iterable[Frame], form: RegionForm) -> Iterator[Frame]:
    """Frames, (h, w, 3) RGB, as features see them: grey, (height, width)."""
    return (resize(to_grey(frame), (form.width, form.height)) for frame in frames)


def support(places: IntArray, height: int, width: int) -> IntArray:
    """(n, 4) top, left, bottom, right of the squares around places, cut off at the border; half-open."""
    reach = np.rint(REACH * unit(places[:, :1])).astype(np.int64)
    low, high = np.maximum(places - reach, 0), np.minimum(places + reach + 1, (height, width))
    return np.concatenate([low, high], axis=1)


def regions(
    frames: Iterable[Frame], form: RegionForm, background: FloatArray | None = None
) -> Iterator[Regions]:
    """Features of every frame from the first whole window on; of the last, in a video shorter than that.

    Args:
        frames: (h, w, 3) RGB uint8.
        form: How features are made.
        background: Of the same scene at this size, see `foreground`, or None.
    """
    boxes = cells(form.height, form.width).boxes
    amounts: deque[NDArray[np.float64]] = deque(maxlen=form.length)
    counts: deque[NDArray[np.float64]] = deque(maxlen=form.length)
    greys, watched = tee(small_greys(frames, form))
    before: Frame | None = None
    found: Regions | None = None
    for t, (grey, mask) in enumerate(
        zip(greys, foreground(watched, form.foreground, background), strict=True)
    ):
        before = grey if before is None else before
        amounts.append(_summed_area(_directed(dense_lucas_kanade(before, grey, noise=form.flow_noise))))
        counts.append(_in_boxes(_summed_area(mask[None].astype(np.float32)), boxes)[0])
        places = _interest_points(before, grey, form)
        at = support(places, form.height, form.width)
        motion = _motion(np.sum([_in_boxes(area, at) for area in amounts], axis=0).T)
        occupancy = np.sum(counts, axis=0).astype(np.int64)  # whole numbers, far below 2**53
        found = Regions(t, places, motion, occupancy, counts[-1] > 0)
        before = grey
        if len(amounts) == form.length:
            yield found
    if found is not None and found.frame < form.length - 1:
        yield found


def _interest_points(before: Frame, grey: Frame, form: RegionForm) -> IntArray:
    """(n, 2) y and x of the strongest corners of the difference of two frames."""
    found = cv2.FastFeatureDetector.create(form.contrast).detect(cv2.absdiff(before, grey))
    found = sorted(found, key=lambda corner: (-corner.response, corner.pt))[: form.points]
    return np.array([corner.pt[::-1] for corner in found], dtype=np.int64).reshape(-1, 2)


def _directed(flow: NDArray[np.float32]) -> NDArray[np.float32]:
    """(5, h, w) the length of each pixel's flow, in the plane of its direction."""
    length = np.hypot(flow[..., 0], flow[..., 1])
    turn = np.arctan2(flow[..., 1], flow[..., 0]) / np.float32(np.pi) % 1
    plane = np.minimum((turn * DIRECTIONS).astype(np.int64), DIRECTIONS - 1)
    return np.where(plane == np.arange(DIRECTIONS)[:, None, None], length, np.float32(0))


def _summed_area(planes: NDArray[np.float32]) -> NDArray[np.float64]:
    """(c, h + 1, w + 1) sums over all that lies above and to the left."""
    return np.stack([cv2.integral(plane, sdepth=cv2.CV_64F) for plane in planes])


def _in_boxes(area: NDArray[np.float64], boxes: IntArray) -> NDArray[np.float64]:
    """(c, n) sums over boxes, from summed areas."""
    top, left, bottom, right = boxes.T
    total: NDArray[np.float64] = area[:, bottom, right] - area[:, top, right]
    total += area[:, top, left] - area[:, bottom, left]
    return total


def _motion(amounts: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 6) sums of each direction (n, 5) as their total and shares."""
    amounts = np.maximum(amounts, 0)  # differences of large sums may round below
    total = amounts.sum(axis=1, keepdims=True)
    total = np.where(total > STILL, total, 0)
    return np.concatenate([total, amounts / np.where(total > 0, total, np.inf)], axis=1)
