"""RBDC and TBDC against a sweep over thresholds that counts regions one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadlab.evaluation.regions import Detections, TrueRegions, rbdc_tbdc

BOX = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 5), st.integers(1, 5)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)
TRUE = st.lists(st.tuples(st.integers(0, 3), BOX, st.integers(0, 2)), min_size=1, max_size=8)
FOUND = st.lists(st.tuples(st.integers(0, 3), BOX, st.integers(1, 5)), max_size=10)


def pixels(box: tuple[int, int, int, int]) -> set[tuple[int, int]]:
    return {(x, y) for x in range(box[0], box[2]) for y in range(box[1], box[3])}


def overlap(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> float:
    a, b = pixels(one), pixels(other)
    return len(a & b) / len(a | b)


def area_to_one(points: list[tuple[float, float]]) -> float:
    """Trapezoids from one point to the next, until the abscissa is 1; level from the last on."""
    area, (x, y) = 0.0, (0.0, 0.0)
    for next_x, next_y in points:
        if next_x > 1:
            at_one = y + (next_y - y) * (1 - x) / (next_x - x)
            return area + (1 - x) * (y + at_one) / 2
        area += (next_x - x) * (y + next_y) / 2
        x, y = next_x, next_y
    return area + (1 - x) * y


def by_sweep(true: list, found: list, n_frames: int, iou: float, share: float) -> tuple[float, float]:
    regions, tracks = [], []
    for threshold in sorted({score for _, _, score in found}, reverse=True):
        kept = [(frame, box) for frame, box, score in found if score >= threshold]
        hit = [any(at == frame and overlap(box, seen) >= iou for at, seen in kept) for frame, box, _ in true]
        n_false = sum(
            not any(at == frame and overlap(box, seen) >= iou for at, box, _ in true) for frame, seen in kept
        )
        names = {track for _, _, track in true}
        n_tracks = 0
        for name in names:
            of_track = [h for h, (_, _, track) in zip(hit, true, strict=True) if track == name]
            n_tracks += sum(of_track) >= share * len(of_track) and any(of_track)
        regions.append((n_false / n_frames, sum(hit) / len(true)))
        tracks.append((n_false / n_frames, n_tracks / len(names)))
    return area_to_one(regions), area_to_one(tracks)


@given(TRUE, FOUND, st.integers(1, 12), st.sampled_from([(0.1, 0.1), (0.3, 0.5)]))
def test_both_criteria(true: list, found: list, n_frames: int, settings: tuple[float, float]) -> None:
    regions = TrueRegions(
        np.array([f for f, _, _ in true]),
        np.array([b for _, b, _ in true], dtype=float),
        np.array([t for _, _, t in true]),
    )
    detections = Detections(
        np.array([f for f, _, _ in found], dtype=np.int64),
        np.array([b for _, b, _ in found], dtype=float).reshape(-1, 4),
        np.array([s for _, _, s in found], dtype=np.float32),
    )
    iou, share = settings
    got = rbdc_tbdc(regions, detections, n_frames, iou=iou, track_share=share)
    assert got == pytest.approx(by_sweep(true, found, n_frames, iou, share), abs=1e-9)
