"""Events, misses and delays on cases worked out by hand."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from vadlab.errors import UsageError
from vadlab.evaluation.evaluate import evaluate
from vadlab.evaluation.events import Alarm
from vadlab.evaluation.rules import Rules, get
from vadlab.types import Categories, FrameLabels, Scores, Video

PLAIN = Alarm(on=0.5, off=0.5, min_length_s=0, merge_gap_s=0)


def pair(
    name: str,
    n: int,
    alarms: dict[tuple[int, int], float],
    events: list[tuple[int, int]],
    *,
    category: str | None = None,
    guesses: list[list[float]] | None = None,
) -> tuple[Scores, FrameLabels]:
    """A video at 10 frames a second that scores as `alarms` says and else 0; a guess for each 10 frames."""
    values = np.zeros(n, dtype=np.float32)
    for (start, stop), score in alarms.items():
        values[start:stop] = score
    spans = np.stack([np.arange(n), np.arange(n) + 1], axis=1)
    categories = None
    if guesses is not None:
        starts = 10 * np.arange(len(guesses))
        categories = Categories(
            np.stack([starts, starts + 10], axis=1), np.float32(guesses), ("Crash", "Fire")
        )
    video = Video(name, Path(name), n, Fraction(10), (4, 4))
    return Scores(video, spans, values, categories), FrameLabels.from_spans(events, n, category=category)


TWO = [
    # One alarm shares 10 of 20 frames with the first event; the second event is missed; one false alarm.
    pair("a", 200, {(15, 30): 0.9, (100, 110): 0.6}, [(10, 25), (150, 160)]),
    # Late but inside: shares 5 of 10.
    pair("b", 100, {(45, 50): 0.8}, [(40, 50)]),
    pair("c", 100, {}, []),
]


def test_events_are_matched_by_their_shared_time() -> None:
    found = evaluate(TWO, get("strict"), alarm=PLAIN)
    metrics = found.metrics
    assert (metrics["n_events"], metrics["n_alarms"], metrics["n_events_missed"]) == (3, 3, 1)
    for tiou in ("0.1", "0.5"):
        assert metrics[f"event_precision@{tiou}"] == pytest.approx(2 / 3)
        assert metrics[f"event_recall@{tiou}"] == pytest.approx(2 / 3)
        assert metrics[f"event_f1@{tiou}"] == pytest.approx(2 / 3)
        assert found.per_tiou[tiou]["f1"] == metrics[f"event_f1@{tiou}"]
    # The surest two alarms are right, the third is wrong: two of three steps of recall at precision 1.
    assert metrics["event_ap@0.1:0.5"] == pytest.approx(2 / 3)


def test_delay_is_from_the_events_begin_to_its_first_alarm() -> None:
    metrics = evaluate(TWO, get("strict"), alarm=PLAIN).metrics
    assert metrics["event_miss_rate"] == pytest.approx(1 / 3)
    assert metrics["delay_frames"] == 5  # both are noticed after 5 frames
    assert metrics["delay_s"] == 0.5


def test_false_alarms_come_from_the_same_alarms() -> None:
    metrics = evaluate(TWO, get("strict"), alarm=PLAIN).metrics
    n_normal = 400 - 15 - 10 - 10
    assert metrics["false_alarms_per_hour"] == pytest.approx(1 / (n_normal / 10 / 3600))
    assert metrics["video_alarm_accuracy"] == 1
    # As long alarms only: that of (100, 110) goes, and so does that of b.
    longer = dataclasses.replace(PLAIN, min_length_s=1.1)
    metrics = evaluate(TWO, get("strict"), alarm=longer).metrics
    assert (metrics["false_alarms_per_hour"], metrics["n_alarms"]) == (0, 1)
    assert metrics["video_alarm_accuracy"] == pytest.approx(2 / 3)


def test_mean_average_precision_by_category() -> None:
    sure, unsure = [[0.9, 0.1]] * 10, [[0.4, 0.6]] * 10
    videos = [
        pair("a", 100, {(10, 20): 0.9}, [(10, 20)], category="Crash", guesses=sure),
        pair("b", 100, {(10, 20): 0.9}, [(10, 20)], category="Crash", guesses=unsure),
        pair("c", 100, {(10, 20): 0.7}, [(10, 20)], category="Fire", guesses=unsure),
        pair("d", 100, {}, [], category="Panic", guesses=sure),  # no event: not in the mean
    ]
    metrics = evaluate(videos, get("strict"), alarm=PLAIN).metrics
    assert metrics["event_ap@0.1:0.5"] == 1
    # Crash: one of two found. Fire: b's alarm (.9 x .6) is surer and wrong, c's (.7 x .6) right: 1/2.
    assert metrics["map@0.1:0.5"] == pytest.approx((0.5 + 0.5) / 2)


def test_without_categories_the_map_has_a_reason() -> None:
    found = evaluate(TWO, get("strict"), alarm=PLAIN)
    assert math.isnan(found.metrics["map@0.1:0.5"])
    assert "category" in found.reasons["map@0.1:0.5"]


def test_events_are_cut_to_the_counted_frames() -> None:
    """Of 200 frames 160 count: the event at 150 keeps 10 of its 30 frames, that at 170 is gone."""
    rules = Rules(tail="drop-group", group=80)
    video = pair("a", 200, {(150, 160): 0.9, (165, 180): 0.9}, [(150, 163), (170, 180)])
    metrics = evaluate([video], rules, alarm=PLAIN).metrics
    assert (metrics["n_events"], metrics["n_alarms"]) == (1, 1)
    assert metrics["event_f1@0.5"] == 1


def test_after_minmax_there_is_no_alarm() -> None:
    found = evaluate(TWO, get("ffp"), alarm=PLAIN)
    assert found.alarm is None
    assert "min-max" in found.reasons["delay_s"]
    assert "n_alarms" not in found.metrics


def test_an_alarm_is_calibrated_as_the_scores_are() -> None:
    rules = Rules(normalisation="train-calibrated")
    strict = evaluate(TWO, get("strict"), alarm=PLAIN).metrics
    moved = evaluate(TWO, rules, alarm=PLAIN, calibration=(-0.25, 0.25))
    assert moved.alarm is not None
    assert moved.alarm.on == pytest.approx(1.5)
    for name in ("n_alarms", "event_f1@0.5", "delay_s"):
        assert moved.metrics[name] == strict[name]


def test_the_usual_alarm_holds_on_scores_from_0_only() -> None:
    assert Alarm.at(0.5, scale_from_0=True) == Alarm(0.5, 0.4)
    assert Alarm.at(-3.0, scale_from_0=False) == Alarm(-3.0, -3.0)
    with pytest.raises(UsageError, match="cannot end above"):
        Alarm(0.5, 0.6)
