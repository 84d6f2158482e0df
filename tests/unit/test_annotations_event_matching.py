import itertools
import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadlab.annotations.event_matching import BoundarySpread, match_events, mean_event_iou, temporal_iou
from vadlab.types import FrameLabels

N = 40
EVENTS = st.lists(st.tuples(st.integers(0, N - 1), st.integers(1, 12)), max_size=4).map(
    lambda pairs: FrameLabels.from_spans([(a, min(a + b, N)) for a, b in pairs], N).intervals
)


@given(EVENTS, EVENTS)
def test_iou_is_common_frames_over_frames_of_either(first: np.ndarray, second: np.ndarray) -> None:
    found = temporal_iou(first, second)
    assert found.shape == (len(first), len(second))
    for (i, a), (j, b) in itertools.product(enumerate(first), enumerate(second)):
        one, other = set(range(*a)), set(range(*b))
        assert found[i, j] == pytest.approx(len(one & other) / len(one | other))


@given(EVENTS, EVENTS)
def test_no_other_one_to_one_matching_has_more_iou(first: np.ndarray, second: np.ndarray) -> None:
    iou = temporal_iou(first, second)
    small, large = sorted([len(first), len(second)])
    table = iou if len(first) == small else iou.T
    orders = itertools.permutations(range(large), small)
    best = max(sum(table[i, j] for i, j in enumerate(order)) for order in orders)
    matched = match_events(first, second)
    assert sum(value for *_, value in matched) == pytest.approx(best)
    assert len({i for i, _, _ in matched}) == len({j for _, j, _ in matched}) == len(matched)
    assert all(value > 0 for *_, value in matched)


def test_events_without_a_match_count_nothing() -> None:
    first, second = np.array([[0, 10], [20, 30]]), np.array([[0, 5]])
    assert mean_event_iou(first, second) == pytest.approx(0.5 / 2)
    assert mean_event_iou(first, np.zeros((0, 2), np.int64)) == 0
    assert math.isnan(mean_event_iou(np.zeros((0, 2), np.int64), np.zeros((0, 2), np.int64)))


@given(st.lists(st.lists(st.integers(0, 500), max_size=6), max_size=5))
def test_spread_is_pooled_over_events(events: list[list[int]]) -> None:
    spread, halves = BoundarySpread(), BoundarySpread()
    for frames in events:
        spread.add(frames)
        own = BoundarySpread()
        own.add(frames)
        halves.include(own)
    known = [frames for frames in events if len(frames) >= 2]
    if not known:
        assert math.isnan(spread.std)
        assert math.isnan(spread.mad)
        return
    freedom = sum(len(frames) - 1 for frames in known)
    squares = sum(statistics.variance(frames) * (len(frames) - 1) for frames in known)
    distances = [abs(f - statistics.median(frames)) for frames in known for f in frames]
    assert spread.n_events == halves.n_events == len(known)
    assert spread.std == pytest.approx(math.sqrt(squares / freedom)) == pytest.approx(halves.std)
    assert spread.mad == pytest.approx(statistics.median(distances)) == pytest.approx(halves.mad)
