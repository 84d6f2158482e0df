"""Where in the picture: region-based and track-based detection criteria (RBDC, TBDC).

A region is a box in one frame. A track is one anomaly's regions through time. A true region is found
when a detection in its frame overlaps it enough; a track when enough of its regions are. A detection
that overlaps no true region enough is a false positive. Both criteria are the area under the rate of
what is found over the false positives a frame, from 0 to 1 of these.

Source:
    Ramachandra and Jones, Street Scene, WACV 2020; IoU and share of a track 0.1 as there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vadlab.errors import DataError
from vadlab.types import FloatArray, IntArray

__all__ = ["Detections", "TrueRegions", "box_iou", "rbdc_tbdc", "regions_from_masks"]

Boxes = NDArray[np.float64]


@dataclass(frozen=True)
class TrueRegions:
    """The true regions of all test videos.

    Args:
        frames: (k,) int64, the frame of each, counted on through all videos.
        boxes: (k, 4) float64 left, top, right, bottom; pixels, half-open.
        tracks: (k,) int64, which anomaly each belongs to; no two videos share a number.

    Raises:
        DataError: If the lengths differ or a box is empty.
    """

    frames: IntArray
    boxes: Boxes
    tracks: IntArray

    def __post_init__(self) -> None:
        _check(self.frames, self.boxes, self.tracks)


@dataclass(frozen=True)
class Detections:
    """What a detector found in all test videos.

    Args:
        frames: (n,) int64, the frame of each, counted on through all videos.
        boxes: (n, 4) float64 left, top, right, bottom; pixels, half-open.
        scores: (n,) float32, higher = more anomalous.

    Raises:
        DataError: If the lengths differ or a box is empty.
    """

    frames: IntArray
    boxes: Boxes
    scores: FloatArray

    def __post_init__(self) -> None:
        _check(self.frames, self.boxes, self.scores)


def _check(frames: IntArray, boxes: Boxes, others: NDArray[np.generic]) -> None:
    if boxes.shape != (len(frames), 4) or others.shape != (len(frames),):
        raise DataError(
            "regions have the wrong form",
            expected="for each region a frame, a box of 4 numbers, and a track or score",
            found=f"frames {frames.shape}, boxes {boxes.shape}, tracks or scores {others.shape}",
        )
    empty = np.flatnonzero((boxes[:, 2:] <= boxes[:, :2]).any(axis=1))
    if len(empty):
        raise DataError(
            f"{len(empty)} regions are empty, the first is number {empty[0]}",
            expected="left < right and top < bottom",
            found=boxes[empty[0]].tolist(),
        )


def rbdc_tbdc(
    true: TrueRegions, found: Detections, n_frames: int, *, iou: float = 0.1, track_share: float = 0.1
) -> tuple[float, float]:
    """Region-based and track-based detection criterion.

    The curves are linear between thresholds, and level where fewer than one false positive a frame is
    ever made.

    Args:
        true: True regions.
        found: Detections.
        n_frames: Frames of all test videos, normal ones included.
        iou: A detection finds a region from this intersection over union on, above 0.
        track_share: A track is found when at least this share of its regions is.

    Returns:
        (RBDC, TBDC) in 0..1; both NaN where there is no true region.
    """
    if not len(true.frames):
        return float("nan"), float("nan")
    found_at = np.full(len(true.frames), -np.inf)  # the highest threshold at which a region is found
    false = np.ones(len(found.frames), dtype=bool)
    order = np.argsort(found.frames, kind="stable")
    starts = np.searchsorted(found.frames[order], true.frames, side="left")
    stops = np.searchsorted(found.frames[order], true.frames, side="right")
    for region in np.flatnonzero(stops > starts):
        here = order[starts[region] : stops[region]]
        hits = here[box_iou(true.boxes[region], found.boxes[here]) >= iou]
        false[hits] = False
        if len(hits):
            found_at[region] = found.scores[hits].max()
    false_scores = np.sort(found.scores[false])
    return (
        _area(found_at, false_scores, n_frames),
        _area(_tracks_found_at(true.tracks, found_at, track_share), false_scores, n_frames),
    )


def box_iou(box: Boxes, boxes: Boxes) -> Boxes:
    """(n,) intersection over union of a (4,) box with (n, 4) boxes."""
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    common = np.maximum(sides, 0).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return np.asarray(common / ((box[2:] - box[:2]).prod() + areas - common))


def _tracks_found_at(tracks: IntArray, found_at: Boxes, share: float) -> Boxes:
    """The highest threshold at which each track has enough regions found."""
    thresholds = []
    for track in np.unique(tracks):
        of_track = np.sort(found_at[tracks == track])[::-1]
        # One region at least; less a little, so that 0.1 of 10 regions is 1 despite rounding.
        needed = max(1, int(np.ceil(share * len(of_track) - 1e-9)))
        thresholds.append(of_track[needed - 1])
    return np.array(thresholds)


def _area(found_at: Boxes, false_scores: FloatArray, n_frames: int) -> float:
    """Area under the share found over false positives a frame, from 0 to 1 of them."""
    thresholds = np.unique(np.concatenate([found_at[np.isfinite(found_at)], false_scores]))[::-1]
    sorted_found = np.sort(found_at)
    rates = (len(found_at) - np.searchsorted(sorted_found, thresholds)) / len(found_at)
    false_rates = (len(false_scores) - np.searchsorted(false_scores, thresholds)) / n_frames
    x, y = np.append(0.0, false_rates), np.append(0.0, rates)
    inside = x <= 1
    # np.interp is level after the last point; of several points at 1 the highest is the curve's end.
    end = y[inside][-1] if (x[inside] == 1).any() else np.interp(1.0, x, y)
    return float(np.trapezoid(np.append(y[inside], end), np.append(x[inside], 1.0)))


def regions_from_masks(
    masks: NDArray[np.bool_], *, first_frame: int = 0, first_track: int = 0
) -> TrueRegions:
    """Boxes around the connected parts of pixel masks, and their tracks through time.

    Parts of neighbouring frames that share a pixel belong to one track (3-D connectivity by faces).
    Anomalies that touch become one; where a set comes with tracks, use those.

    Args:
        masks: (t, h, w) bool, True = abnormal; one video.
        first_frame: The number of its first frame.
        first_track: The number of its first track.
    """
    through_time, _ = ndimage.label(masks)
    frames, boxes, tracks = [], [], []
    for index, volume in enumerate(through_time):
        parts, _ = ndimage.label(volume)
        for number, place in enumerate(ndimage.find_objects(parts), start=1):
            rows, columns = place
            frames.append(first_frame + index)
            boxes.append((columns.start, rows.start, columns.stop, rows.stop))
            tracks.append(first_track - 1 + int(volume[place][parts[place] == number][0]))
    return TrueRegions(
        np.array(frames, dtype=np.int64),
        np.array(boxes, dtype=np.float64).reshape(-1, 4),
        np.array(tracks, dtype=np.int64),
    )
