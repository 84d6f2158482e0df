"""What decides when a watch tells of an event, and whom."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from vadlab.cli.watch import _threshold
from vadlab.errors import StoreError, UsageError
from vadlab.live.calibrate import Calibration, EventLengths
from vadlab.live.life_cycle import LifeCycleSettings
from vadlab.live.sinks.clips import ClipSettings
from vadlab.verbs.score import Wishes
from vadlab.verbs.watch import Alarms, Receivers

SCORING = {"detector": "knn", "timing": "settled"}


@dataclass
class Scale:
    """As much of a detector as counts here."""

    threshold: float | None


def resolved(alarms: Alarms, threshold: float | None = None) -> Alarms:
    detector: Any = Scale(threshold)
    return alarms.resolved(detector, {"high": 7.0}, SCORING)


@pytest.mark.parametrize("natural", [0.5, None])
def test_events_are_those_of_score_by_default(natural: float | None) -> None:
    alarm = Wishes().alarm(Scale(natural), {"high": 7.0})  # type: ignore[arg-type]
    fps = Fraction(30000, 1001)
    settings = resolved(Alarms(), natural).settings(fps)
    assert (settings.threshold, settings.off) == (alarm.on, alarm.off)
    assert (settings.min_frames, settings.merge_gap) == (
        alarm.min_length(fps),
        round(alarm.merge_gap_s * fps),
    )
    assert settings.cool_down == 0


def test_what_is_given_wins() -> None:
    given = Alarms(3.0, 0.5, min_length_s=2, merge_gap_s=0, cool_down_s=4, update_every_s=0)
    assert resolved(given, 0.5).settings(Fraction(10)) == LifeCycleSettings(3.0, 0.5, 20, 0, 40, 0)


def test_a_calibrated_threshold_brings_its_lengths(tmp_path: Path) -> None:
    file = tmp_path / "threshold.json"
    Calibration(
        2.5,
        EventLengths(close_at=0.9, min_length_s=3.0, merge_gap_s=5.0, cool_down_s=7.0),
        per_hour=1,
        hours=3,
        n_alarms=2,
        n_held_out=3,
        videos={"v": 3.0},
        scoring=SCORING,
        trained_on=(),
    ).write(file)
    settings = resolved(Alarms(file)).settings(Fraction(1))
    assert settings == LifeCycleSettings(2.5, 0.9, 3, 5, 7, 1)
    settings = resolved(Alarms(file, merge_gap_s=1.0)).settings(Fraction(1))
    assert settings == LifeCycleSettings(2.5, 0.9, 3, 1, 7, 1)
    detector: Any = Scale(None)
    with pytest.raises(StoreError, match="other scores"):
        Alarms(file).resolved(detector, {}, SCORING | {"timing": "causal"})
    with pytest.raises(StoreError, match="no such file"):
        resolved(Alarms(tmp_path / "nowhere.json"))


def test_a_threshold_is_a_number_or_a_file() -> None:
    assert _threshold(None) is None
    assert _threshold("0.25") == 0.25
    assert _threshold("threshold.json") == Path("threshold.json")
    with pytest.raises(UsageError):
        resolved(Alarms(_threshold("nan"))).settings(Fraction(25))


def test_who_is_told(tmp_path: Path) -> None:
    assert [sink.health().name for sink in Receivers().sinks(tmp_path)] == ["jsonl", "sqlite"]
    everyone = Receivers(webhook="https://a.example/x", mqtt="mqtt://b.example", clips=ClipSettings())
    names = [sink.health().name for sink in everyone.sinks(tmp_path)]
    assert names == ["jsonl", "sqlite", "clips", "webhook", "mqtt"]
    with pytest.raises(UsageError, match="no web address"):
        Receivers(webhook="ftp://a.example").sinks(tmp_path)
