"""RBDC and TBDC on cases worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from vadlab.errors import DataError
from vadlab.evaluation.region_tables import read_detections, read_true_regions
from vadlab.evaluation.regions import Detections, TrueRegions, box_iou, rbdc_tbdc, regions_from_masks

BOX, FAR = (0, 0, 10, 10), (50, 50, 60, 60)


def true(*regions: tuple[int, tuple[int, ...], int]) -> TrueRegions:
    frames, boxes, tracks = zip(*regions, strict=True)
    return TrueRegions(np.array(frames), np.array(boxes, dtype=float), np.array(tracks))


def found(*regions: tuple[int, tuple[int, ...], float]) -> Detections:
    return Detections(
        np.array([f for f, _, _ in regions], dtype=np.int64),
        np.array([b for _, b, _ in regions], dtype=float).reshape(-1, 4),
        np.array([s for _, _, s in regions], dtype=np.float32),
    )


def test_all_found_and_nothing_false_is_1() -> None:
    assert rbdc_tbdc(true((0, BOX, 0), (1, BOX, 0)), found((0, BOX, 1), (1, BOX, 1)), 4) == (1, 1)


def test_nothing_found_is_0_and_nothing_to_find_undefined() -> None:
    assert rbdc_tbdc(true((0, BOX, 0)), found(), 4) == (0, 0)
    empty = TrueRegions(np.empty(0, np.int64), np.empty((0, 4)), np.empty(0, np.int64))
    assert all(map(math.isnan, rbdc_tbdc(empty, found((0, BOX, 1)), 4)))


def test_a_tenth_of_a_track_is_enough() -> None:
    regions = true(*((frame, BOX, 0) for frame in range(10)))
    assert rbdc_tbdc(regions, found((3, BOX, 1)), 10) == (pytest.approx(0.1), 1)
    # 0.07 * 100 is a little more than 7 as a binary number, but 7 regions are 7 in 100.
    hundred = true(*((frame, BOX, 0) for frame in range(100)))
    seven = found(*((frame, BOX, 1) for frame in range(7)))
    assert rbdc_tbdc(hundred, seven, 100, track_share=0.07)[1] == 1
    eleven = true(*((frame, BOX, 0) for frame in range(11)))
    assert rbdc_tbdc(eleven, found((3, BOX, 1)), 11)[1] == 0  # needs 1.1, so 2


def test_false_positives_before_the_right_one_cost_area() -> None:
    """Two false detections in four frames are surer: up to half a false positive a frame nothing is found."""
    detections = found((0, FAR, 3), (2, FAR, 2), (0, BOX, 1))
    # The curve: (0, 0) (1/4, 0) (1/2, 0) (1/2, 1), level to 1.
    assert rbdc_tbdc(true((0, BOX, 0)), detections, 4) == (0.5, 0.5)


def test_the_curve_ends_at_one_false_positive_a_frame() -> None:
    """Three false ones come together with the right one: the line from (0, 0) to (3, 1) is cut at 1."""
    detections = found((0, FAR, 1), (1, FAR, 1), (1, BOX, 1), (0, BOX, 1))
    got = rbdc_tbdc(true((0, BOX, 0)), detections, 1)
    assert got == (pytest.approx(1 / 6), pytest.approx(1 / 6))


def test_what_is_found_at_the_very_end_adds_no_area() -> None:
    """The curve: (0, 0) (1, 0) (1, 1). Found only when one false positive a frame is made already."""
    detections = found((0, FAR, 3), (1, FAR, 2), (0, BOX, 1))
    assert rbdc_tbdc(true((0, BOX, 0)), detections, 2) == (0, 0)


def test_a_detection_needs_the_overlap_and_the_frame() -> None:
    # (0, 0, 10, 10) and (9, 0, 19, 10) share 10 of 190 pixels; with (8, ...) 20 of 180 > 0.1.
    assert box_iou(np.array(BOX, float), np.array([[9, 0, 19, 10], [8, 0, 18, 10]], float)).tolist() == [
        pytest.approx(10 / 190),
        pytest.approx(20 / 180),
    ]
    region = true((0, BOX, 0))
    assert rbdc_tbdc(region, found((0, (8, 0, 18, 10), 1)), 100)[0] == 1
    assert rbdc_tbdc(region, found((0, (9, 0, 19, 10), 1)), 100)[0] == 0
    assert rbdc_tbdc(region, found((1, BOX, 1)), 100)[0] == 0


def test_several_detections_of_one_region_are_not_false() -> None:
    detections = found((0, BOX, 1), (0, (0, 0, 9, 10), 2), (0, (1, 0, 10, 10), 3))
    assert rbdc_tbdc(true((0, BOX, 0)), detections, 1) == (1, 1)


def test_masks_become_boxes_and_tracks() -> None:
    masks = np.zeros((4, 20, 30), dtype=bool)
    masks[0:3, 2:6, 3:9] = True  # one anomaly for three frames
    masks[1, 10:12, 20:25] = True  # another for one frame
    masks[3, 10:12, 20:25] = True  # a third at its place, two frames later
    regions = regions_from_masks(masks, first_frame=100, first_track=7)
    assert regions.frames.tolist() == [100, 101, 101, 102, 103]
    assert regions.boxes.tolist() == [
        [3, 2, 9, 6], [3, 2, 9, 6], [20, 10, 25, 12], [3, 2, 9, 6], [20, 10, 25, 12],
    ]  # fmt: skip
    assert regions.tracks.tolist() == [7, 7, 8, 7, 9]


def test_empty_boxes_and_unequal_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="empty"):
        found((0, (5, 5, 5, 9), 1))
    with pytest.raises(DataError, match="wrong form"):
        TrueRegions(np.zeros(2, np.int64), np.zeros((1, 4)), np.zeros(2, np.int64))


def test_tables(tmp_path: Path) -> None:
    lengths = {"a": 5, "b": 7}
    (tmp_path / "true.csv").write_text(
        "video,frame,track,left,top,right,bottom\na,4,1,0,0,10,10\nb,0,1,0,0,10,10\nb,1,1,0,0,10,10\n"
    )
    (tmp_path / "found.csv").write_text("video,frame,left,top,right,bottom,score\nb,1,0,0,10,10.5,-2\n")
    regions = read_true_regions(tmp_path / "true.csv", lengths)
    assert regions.frames.tolist() == [4, 5, 6]
    assert regions.tracks.tolist() == [0, 1, 1]
    detections = read_detections(tmp_path / "found.csv", lengths)
    assert (detections.frames.tolist(), detections.scores.tolist()) == ([6], [-2])
    assert rbdc_tbdc(regions, detections, 12) == (pytest.approx(1 / 3), 0.5)


def test_every_malformed_line_of_a_table_is_told(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text(
        "video,frame,left,top,right,bottom,score\n"
        "a,5,0,0,1,1,1\nz,0,0,0,1,1,1\na,0,3,0,1,1,1\na,0,x,0,1,1,1\na,0,0,0,1,1,nan\n"
    )
    with pytest.raises(DataError) as caught:
        read_detections(tmp_path / "f.csv", {"a": 5})
    for line in (
        "line 2, column 'frame': expected 0 to 4",
        "line 3, column 'video'",
        "line 4",
        "line 5",
        "line 6",
    ):
        assert line in str(caught.value)
