"""Event matching and average precision against loops that follow ActivityNet's rule word for word."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadlab.evaluation.detection import average_precision, match, tiou

SPAN = st.tuples(st.integers(0, 20), st.integers(1, 12)).map(lambda s: (s[0], s[0] + s[1]))
SCORE = st.integers(1, 10**6).map(lambda n: n / 10**6)
VIDEO = st.tuples(st.lists(st.tuples(SPAN, SCORE), max_size=5), st.lists(SPAN, max_size=4))
VIDEOS = st.lists(VIDEO, min_size=1, max_size=4).filter(
    lambda videos: len({s for found, _ in videos for _, s in found}) == sum(len(f) for f, _ in videos)
)


def overlap(one: tuple[int, int], other: tuple[int, int]) -> float:
    frames, others = set(range(*one)), set(range(*other))
    return len(frames & others) / len(frames | others)


def expected_area(videos: list, threshold: float) -> tuple[float, int]:
    """Average precision and the number of right events, detection by detection."""
    every = sorted(((s, i, span) for i, (found, _) in enumerate(videos) for span, s in found), reverse=True)
    taken: set[tuple[int, int]] = set()
    n_true = sum(len(true) for _, true in videos)
    points, n_right = [], 0
    for n_seen, (_, index, span) in enumerate(every, start=1):
        candidates = sorted(
            ((overlap(span, true), -k) for k, true in enumerate(videos[index][1])), reverse=True
        )
        for share, minus_k in candidates:
            if share >= threshold and (index, -minus_k) not in taken:
                taken.add((index, -minus_k))
                n_right += 1
                break
        points.append((n_right / n_true if n_true else 0.0, n_right / n_seen))
    area, before = 0.0, 0.0
    for position, (recall, _) in enumerate(points):
        if recall > before:
            area += (recall - before) * max(precision for _, precision in points[position:])
            before = recall
    return (area if n_true else float("nan")), n_right


def arrays(videos: list) -> tuple[list, list]:
    found = [
        (np.array([span for span, _ in f], dtype=np.int64).reshape(-1, 2), np.array([s for _, s in f], float))
        for f, _ in videos
    ]
    return found, [np.array(true, dtype=np.int64).reshape(-1, 2) for _, true in videos]


@given(VIDEOS, st.sampled_from([0.1, 0.3, 0.5, 1.0]))
def test_matches_and_area(videos: list, threshold: float) -> None:
    matches = match(*arrays(videos), [threshold])
    area, n_right = expected_area(videos, threshold)
    assert matches.right.sum() == n_right
    assert average_precision(matches)[0, 0] == pytest.approx(area, nan_ok=True)


@given(VIDEOS)
def test_bounds(videos: list) -> None:
    """In 0..1, not better at a stricter threshold, and no true event found twice."""
    matches = match(*arrays(videos), [0.1, 0.5, 0.9])
    n_right = matches.right.sum(axis=0)
    assert (n_right <= matches.n_true.sum()).all()
    assert (np.diff(n_right) <= 0).all()
    if matches.n_true.sum():
        areas = average_precision(matches)[0]
        assert (areas >= 0).all()
        assert (areas <= 1).all()


@given(SPAN, SPAN)
def test_overlap_of_spans(one: tuple[int, int], other: tuple[int, int]) -> None:
    assert tiou(np.array([one]), np.array([other]))[0, 0] == pytest.approx(overlap(one, other))


def test_true_events_themselves_are_perfect() -> None:
    true = [np.array([[0, 5], [9, 20]]), np.empty((0, 2), dtype=np.int64), np.array([[3, 4]])]
    found = [(spans, np.linspace(0.2, 0.9, len(spans))) for spans in true]
    assert average_precision(match(found, true, [0.1, 1.0])).tolist() == [[1, 1]]
