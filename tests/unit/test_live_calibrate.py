"""The threshold against a search that tries every score, and the interval against closed forms."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from vadlab.errors import DataError, StoreError, UsageError
from vadlab.evaluation.events import threshold_for_alarm_rate
from vadlab.live.calibrate import (
    Calibration,
    EventLengths,
    NormalVideo,
    choose_threshold,
    count_events,
    rate_bounds,
)
from vadlab.live.life_cycle import LifeCycle, LifeCycleSettings

SCORES = st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9]), max_size=60)
LENGTHS = st.builds(
    EventLengths,
    close_at=st.sampled_from([0.5, 0.8, 1.0]),
    min_length_s=st.sampled_from([0.0, 0.3, 0.5]),
    merge_gap_s=st.sampled_from([0.0, 0.3, 0.8]),
    cool_down_s=st.sampled_from([0.0, 1.0]),
)
SCORING = {"detector": "aed", "state": "abc", "timing": "settled", "piece": None}


def video(scores: Sequence[float], name: str = "v", fps: int = 10) -> NormalVideo:
    return NormalVideo(name, Fraction(fps), np.array(scores, dtype=np.float32))


def told_of(one: NormalVideo, rules: LifeCycleSettings) -> int:
    """By feeding the life cycle."""
    life = LifeCycle(rules, source=one.name)
    messages = []
    for frame, score in enumerate(one.scores.tolist()):
        messages += life.feed((frame, frame + 1), score, times=(frame, frame + 1))
    return sum(message.state == "new" for message in messages)


@given(SCORES, LENGTHS, st.sampled_from([0.1, 0.3, 0.5, 0.9]))
def test_events_are_counted_as_the_life_cycle_tells_of_them(
    scores: list[float], lengths: EventLengths, threshold: float
) -> None:
    rules = lengths.settings(threshold, Fraction(10))
    assert count_events(video(scores), rules) == told_of(video(scores), rules)


@settings(deadline=None)
@given(st.lists(SCORES, min_size=1, max_size=4), LENGTHS, st.integers(0, 5))
def test_the_threshold_is_that_of_a_search_that_tries_every_score(
    rows: list[list[float]], lengths: EventLengths, n_allowed: int
) -> None:
    videos = [video(row) for row in rows]
    frames = sorted(np.concatenate([one.scores for one in videos]).tolist(), reverse=True)
    if not frames:
        return
    hours = sum(len(row) for row in rows) / 10 / 3600
    expected = float(np.nextafter(np.float32(frames[0]), np.float32(np.inf)))
    for level in dict.fromkeys(frames):
        if level <= np.median(frames) or (lengths.close_at < 1 and level <= 0):
            break
        if sum(told_of(one, lengths.settings(level, one.fps)) for one in videos) > n_allowed:
            break
        expected = level
    # A hair more, so that rounding does not take one away.
    assert choose_threshold(videos, lengths, per_hour=(n_allowed + 1e-6) / hours) == expected


@given(st.lists(SCORES, min_size=1, max_size=3), st.floats(0, 2000))
def test_without_lengths_it_is_the_threshold_of_evaluation(rows: list[list[float]], per_hour: float) -> None:
    videos = [video(row) for row in rows]
    if not sum(len(row) for row in rows):
        return
    plain = EventLengths(min_length_s=0, merge_gap_s=0)
    expected = threshold_for_alarm_rate([one.scores for one in videos], Fraction(10), per_hour)
    assert choose_threshold(videos, plain, per_hour=per_hour) == expected


def test_among_very_many_scores_the_threshold_keeps_to_the_rate_and_the_next_but_few_does_not() -> None:
    rng = np.random.default_rng(0)
    videos = [video(rng.gamma(2, 0.1, 20_000).tolist(), f"v{i}") for i in range(3)]
    lengths = EventLengths()
    hours = sum(one.hours for one in videos)
    threshold = choose_threshold(videos, lengths, per_hour=12)

    def n_alarms(on: float) -> int:
        return sum(count_events(one, lengths.settings(on, one.fps)) for one in videos)

    assert n_alarms(threshold) <= 12 * hours
    levels = np.unique(np.concatenate([one.scores for one in videos]))
    next_lower = levels[np.searchsorted(levels, np.float32(threshold)) - 1]
    assert n_alarms(float(next_lower)) > 12 * hours


@given(st.integers(0, 60), st.floats(0.1, 1000))
def test_bounds_are_where_the_counts_would_be_unlikely(n: int, hours: float) -> None:
    """By definition: at the upper bound n or fewer have 5 %, at the lower one n or more."""
    lower, upper = rate_bounds(n, hours)
    assert stats.poisson.cdf(n, upper * hours) == pytest.approx(0.05)
    assert stats.poisson.sf(n - 1, lower * hours) == pytest.approx(0.05 if n else 1)
    assert lower * hours <= n <= upper * hours


def test_rule_of_three() -> None:
    lower, upper = rate_bounds(0, 2)
    assert (lower, upper) == (0, pytest.approx(-math.log(0.05) / 2))
    assert upper == pytest.approx(3 / 2, rel=0.002)
    normal = Calibration.on([video([0.1] * 100)], EventLengths(), per_hour=6, scoring=SCORING)
    # Without an alarm, so many hours give an upper bound of the wanted rate.
    assert rate_bounds(0, normal.hours_needed)[1] == pytest.approx(6)
    assert replace(normal, per_hour=0).hours_needed == math.inf


def test_the_held_out_count_is_honest_where_one_video_differs() -> None:
    quiet = [video([0.1, 0.2] * 50, f"quiet{i}") for i in range(3)]
    loud = video([0.1] * 40 + [0.9] * 20 + [0.1] * 40, "loud")
    found = Calibration.on([*quiet, loud], EventLengths(), per_hour=0, scoring=SCORING)
    assert found.threshold > loud.scores.max()
    assert (found.n_alarms, found.n_held_out) == (0, 1)
    assert found.hours == pytest.approx(4 * 100 / 10 / 3600)
    assert found.bounds == rate_bounds(1, found.hours)
    alone = Calibration.on([loud], EventLengths(), per_hour=0, scoring=SCORING)
    assert alone.n_held_out is None
    assert alone.bounds == rate_bounds(0, alone.hours)


def test_held_out_by_tenths() -> None:
    levels = [0.3] * 12
    levels[3], levels[7] = 0.8, 0.9
    videos = [video([0.1] * 30 + [level] * 10 + [0.1] * 30, f"v{i}") for i, level in enumerate(levels)]
    found = Calibration.on(videos, EventLengths(), per_hour=0, scoring=SCORING)
    assert found.n_held_out == 1  # without 0.9 the threshold is above 0.8; without 0.8 it is above 0.9


def test_a_file_gives_the_calibration_back(tmp_path: Path) -> None:
    videos = [video([0.1, 0.9] * 50), video([0.3, 0.4] * 50, "w", fps=25)]
    found = Calibration.on(videos, EventLengths(0.8, cool_down_s=2), per_hour=3, scoring=SCORING)
    found.write(tmp_path / "threshold.json")
    assert Calibration.read(tmp_path / "threshold.json") == found
    text = json.loads((tmp_path / "threshold.json").read_text())
    assert text["bounds_95_per_hour"] == list(found.bounds)


def test_a_threshold_for_other_scores_is_refused() -> None:
    found = Calibration.on([video([0.1] * 9)], EventLengths(), per_hour=3, scoring=SCORING)
    found.check(dict(SCORING))
    with pytest.raises(StoreError, match=r"timing settled\n.*timing causal"):
        found.check({**SCORING, "timing": "causal"})


@pytest.mark.parametrize(
    "change",
    [{"format": 2}, {"lengths": {"close": 1}}, {"lengths": 3}, {"threshold": "x"}, {"threshold": None}],
)
def test_files_that_hold_no_threshold_are_refused(tmp_path: Path, change: dict[str, object]) -> None:
    found = Calibration.on([video([0.1] * 9)], EventLengths(), per_hour=3, scoring=SCORING)
    (tmp_path / "a.json").write_text(json.dumps(found.to_json() | change))
    with pytest.raises(StoreError, match="holds no threshold"):
        Calibration.read(tmp_path / "a.json")
    (tmp_path / "b.json").write_text("{}")
    with pytest.raises(StoreError, match="holds no threshold"):
        Calibration.read(tmp_path / "b.json")


def test_no_frame_and_no_rate_are_refused() -> None:
    with pytest.raises(DataError, match="no normal frame"):
        choose_threshold([video([])], EventLengths(), per_hour=1)
    for rate in (-1, math.nan, math.inf):
        with pytest.raises(UsageError, match="no rate"):
            choose_threshold([video([0.1])], EventLengths(), per_hour=rate)
