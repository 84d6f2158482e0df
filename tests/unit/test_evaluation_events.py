"""Events against a loop over the frames, and the threshold against a search."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadlab.errors import DataError, UsageError
from vadlab.evaluation.events import find_events, threshold_for_alarm_rate
from vadlab.types import Categories

LEVELS = st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), min_size=1, max_size=60)


def expected_spans(
    scores: list[float], on: float, off: float, min_length: int, merge_gap: int
) -> list[list[int]]:
    """Walk from each frame that starts an event in both directions; then merge; then drop."""
    frames: set[int] = set()
    for seed, score in enumerate(scores):
        if score < on:
            continue
        for step in (-1, 1):
            frame = seed
            while 0 <= frame < len(scores) and scores[frame] >= off:
                frames.add(frame)
                frame += step
    spans: list[list[int]] = []
    for frame in sorted(frames):
        if spans and frame == spans[-1][1]:
            spans[-1][1] += 1
        elif spans and frame - spans[-1][1] < merge_gap:
            spans[-1][1] = frame + 1
        else:
            spans.append([frame, frame + 1])
    return [span for span in spans if span[1] - span[0] >= min_length]


@given(
    LEVELS,
    st.sampled_from([0.5, 0.75, 1.0]),
    st.sampled_from([0.0, 0.25, 0.5]),
    st.integers(0, 3),
    st.integers(0, 3),
)
def test_events_match_a_walk(
    scores: list[float], on: float, off: float, min_length: int, merge_gap: int
) -> None:
    found = find_events(
        np.float32(scores), source="v", on=on, off=off, min_length=min_length, merge_gap=merge_gap
    )
    assert [[event.start, event.stop] for event in found] == expected_spans(
        scores, on, off, min_length, merge_gap
    )
    for event in found:
        inside = scores[event.start : event.stop]
        assert event.score == max(inside) >= on
        assert event.peak == event.start + inside.index(max(inside))
        assert (event.source, event.category, event.probability) == ("v", None, None)


@pytest.mark.parametrize(("merge_gap", "expected"), [(2, [(0, 1), (3, 4)]), (3, [(0, 4)])])
def test_events_merge_when_fewer_frames_than_the_gap_lie_between(
    merge_gap: int, expected: list[tuple[int, int]]
) -> None:
    found = find_events(np.float32([1, 0, 0, 1]), source="v", on=1, off=1, min_length=1, merge_gap=merge_gap)
    assert [(event.start, event.stop) for event in found] == expected


def test_category_is_the_likeliest_over_the_windows_that_touch_the_event() -> None:
    categories = Categories(
        spans=np.array([[0, 4], [4, 8], [8, 12], [12, 16]]),
        probabilities=np.float32([[0.0, 1.0], [0.9, 0.1], [0.4, 0.6], [0.0, 1.0]]),
        names=("Fighting", "Falling"),
    )
    scores = np.zeros(20, dtype=np.float32)
    scores[4:12] = 1  # from the first window's end to the last one's start
    scores[18:20] = 1
    first, second = find_events(
        scores, source="cam", on=1, off=1, min_length=1, merge_gap=0, categories=categories
    )
    assert (first.start, first.stop, first.category) == (4, 12, "Fighting")
    assert first.probability == pytest.approx(0.65)
    assert (second.category, second.probability) == (None, None)


def test_thresholds_in_the_wrong_order_and_nan_are_refused() -> None:
    with pytest.raises(UsageError):
        find_events(np.float32([1]), source="v", on=0.4, off=0.5, min_length=1, merge_gap=0)
    with pytest.raises(DataError, match="NaN"):
        find_events(np.float32([np.nan]), source="v", on=0.5, off=0.5, min_length=1, merge_gap=0)


def n_alarms(videos: list[list[float]], threshold: float) -> int:
    return sum(
        score >= threshold and (frame == 0 or video[frame - 1] < threshold)
        for video in videos
        for frame, score in enumerate(video)
    )


@given(st.lists(LEVELS, min_size=1, max_size=4), st.integers(0, 12))
def test_threshold_is_the_lowest_within_the_rate_from_the_top(
    videos: list[list[float]], allowed: int
) -> None:
    arrays = [np.float32(video) for video in videos]
    hours = sum(map(len, videos)) / 3600
    threshold = threshold_for_alarm_rate(arrays, 1, (allowed + 0.5) / hours)
    everything = np.concatenate(arrays)
    expected = None
    for level in sorted(set(everything.tolist()), reverse=True):
        if n_alarms(videos, level) > allowed or level <= np.median(everything):
            break
        expected = level
    if expected is None:
        assert everything.max() < threshold < everything.max() + 1e-6
        assert n_alarms(videos, threshold) == 0
    else:
        assert threshold == expected


def test_threshold_keeps_the_asked_rate_on_noise() -> None:
    rng = np.random.default_rng(0)
    videos = [rng.random(90_000, dtype=np.float32) for _ in range(3)]  # three hours at 25 fps
    threshold = threshold_for_alarm_rate(videos, 25, 10)
    starts = sum(
        len(find_events(v, source="v", on=threshold, off=threshold, min_length=1, merge_gap=0))
        for v in videos
    )
    assert starts == 30


def test_each_video_may_have_its_own_frame_rate() -> None:
    video = np.zeros(7200, dtype=np.float32)
    video[::2] = np.linspace(0.5, 1, 3600)
    one = threshold_for_alarm_rate([video, video], [1, 2], 1)  # 2 h + 1 h allow three alarms
    assert n_alarms([video.tolist()] * 2, one) == 2  # the videos are equal, so alarms come in pairs
    with pytest.raises(UsageError):
        threshold_for_alarm_rate([video, video], [25], 1)


def test_a_score_that_rises_once_and_stays_does_not_pass_for_one_alarm() -> None:
    smooth = np.linspace(0, 1, 3600, dtype=np.float32)  # one alarm at any threshold
    assert threshold_for_alarm_rate([smooth], 1, 1) > 0.5


def test_no_frames_and_negative_rates_are_refused() -> None:
    with pytest.raises(DataError):
        threshold_for_alarm_rate([], 25, 1)
    with pytest.raises(UsageError):
        threshold_for_alarm_rate([np.float32([1])], 25, -1)
