"""The figures that depend on a threshold: false alarms, events found and the delay until then.

- `far_normal_videos`, `far_abnormal_videos`, `far_all`: the share of the normal frames in such
  videos with a score at or above the rules' threshold.
- Alarms are the events that a person would be told of: one `Alarm` makes them, here as in use.
  `false_alarms_per_hour`: alarms that start on a normal frame, for each hour of normal frames.
- `video_alarm_accuracy`: the share of videos that have an alarm if, and only if, they are abnormal.
- `event_precision@T`, `event_recall@T`, `event_f1@T`: alarms against true events at a tIoU of T.
- `event_ap@0.1:0.5`: average precision of the alarms, each as sure as its highest score, whatever its
  category; mean over five tIoU thresholds. `map@0.1:0.5`: by category, an alarm's category being its
  likeliest and its score times that one's probability, mean over the categories that have events.
- `event_miss_rate`: the share of events without an alarm that is raised while they last.
  `delay_s`, `delay_frames`: mean time from an event's begin to the first alarm, over events not missed.
- `n_events`, `n_alarms`, `n_events_missed`: counts.

Events are cut to the counted frames.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from vadlab.evaluation.delay import delays, raised_at
from vadlab.evaluation.detection import Matches, average_precision, match
from vadlab.evaluation.events import Alarm
from vadlab.evaluation.result import Figures, Judged
from vadlab.evaluation.rules import Rules
from vadlab.types import Event, IntArray

__all__ = ["TIOU", "EventMatches", "add_alarm_figures"]

TIOU = (0.1, 0.2, 0.3, 0.4, 0.5)
_FLAT = (0.1, 0.5)  # those with precision, recall and F1 among the metrics
_NO_NORMAL = "there is no normal frame in such videos"
_NO_THRESHOLD = "a threshold means nothing after per-video min-max"
_NO_EVENT = "no counted frame is abnormal"
_NAMES = (
    *("false_alarms_per_hour", "video_alarm_accuracy"),
    *(f"event_{kind}@{tiou}" for tiou in _FLAT for kind in ("precision", "recall", "f1")),
    *("event_ap@0.1:0.5", "map@0.1:0.5", "event_miss_rate", "delay_s", "delay_frames"),
)

EventMatches = tuple[dict[str, list[Matches]], dict[str, dict[str, float]]]


@dataclass(frozen=True)
class _Found:
    """One video's alarms and true events."""

    events: tuple[Event, ...]
    alarms: IntArray
    true: IntArray
    delays: IntArray


def add_alarm_figures(
    videos: Sequence[Judged], rules: Rules, alarm: Alarm, names: Sequence[str], figures: Figures
) -> EventMatches:
    """Add the figures of the module's text.

    Args:
        videos: All test videos.
        rules: The protocol.
        alarm: What makes alarms, in the unit of the frame scores.
        names: The detector's categories; empty without.
        figures: What is added to.

    Returns:
        Event figure to its matches, and tIoU threshold as text to precision, recall, f1, ap and map.
    """
    if rules.normalisation == "video-minmax":
        for name in ("far_normal_videos", "far_abnormal_videos", "far_all", *_NAMES):
            figures.add(name, math.nan, _NO_THRESHOLD)
        return {}, {}
    abnormal = np.array([video.labels.abnormal for video in videos], dtype=bool)
    normal_frames = [video.counted & ~video.labels.mask() for video in videos]
    n_normal = np.array([normal.sum() for normal in normal_frames])
    n_false = np.array(
        [
            (video.frame_scores[normal] >= rules.far_threshold).sum()
            for video, normal in zip(videos, normal_frames, strict=True)
        ]
    )
    groups = {"normal_videos": ~abnormal, "abnormal_videos": abnormal, "all": np.ones_like(abnormal)}
    for name, group in groups.items():
        figures.add_ratio(f"far_{name}", n_false * group, n_normal * group, _NO_NORMAL)

    found = [_find(video, alarm) for video in videos]
    n_alarms = np.array([len(one.alarms) for one in found])
    n_starts = [normal[one.alarms[:, 0]].sum() for normal, one in zip(normal_frames, found, strict=True)]
    hours = [float(int(n) / video.scores.video.fps / 3600) for n, video in zip(n_normal, videos, strict=True)]
    figures.add_ratio("false_alarms_per_hour", np.array(n_starts), np.array(hours), _NO_NORMAL)
    with_frames = np.array([video.counted.any() for video in videos], dtype=bool)
    # A video whose every abnormal frame is left out is judged as normal.
    has_event = np.array([len(one.true) > 0 for one in found], dtype=bool)
    right = ((n_alarms > 0) == has_event) & with_frames
    figures.add_ratio("video_alarm_accuracy", right, with_frames, "no frame is counted")
    matches, per_tiou = _add_events(videos, found, names, figures)
    _add_delays(videos, found, figures)
    figures.add("n_events", sum(len(one.true) for one in found))
    figures.add("n_alarms", int(n_alarms.sum()))
    figures.add("n_events_missed", sum(int((one.delays < 0).sum()) for one in found))
    return matches, per_tiou


def _find(video: Judged, alarm: Alarm) -> _Found:
    start, stop = video.counted_range()
    fps = video.scores.video.fps
    scores = np.full_like(video.frame_scores, np.finfo(video.frame_scores.dtype).min)
    scores[start:stop] = video.frame_scores[start:stop]
    events = alarm.events(scores, source=video.id, fps=fps, categories=video.scores.categories)
    alarms = np.array([(event.start, event.stop) for event in events], dtype=np.int64).reshape(-1, 2)
    cut = video.labels.intervals.clip(start, stop)
    true = cut[cut[:, 0] < cut[:, 1]]
    raised = raised_at(scores, alarms, on=alarm.on, min_length=alarm.min_length(fps))
    return _Found(events, alarms, true, delays(true, alarms, raised))


def _add_events(
    videos: Sequence[Judged], found: Sequence[_Found], names: Sequence[str], figures: Figures
) -> EventMatches:
    true = [one.true for one in found]
    peaks = [np.array([event.score for event in one.events], dtype=np.float64) for one in found]
    plain = match([(one.alarms, peak) for one, peak in zip(found, peaks, strict=True)], true, TIOU)
    by_category = _by_category(videos, found, names)
    areas = average_precision(plain)[0]
    maps = _mean_areas(by_category)
    n_true, n_alarms = plain.n_true, np.array([len(one.alarms) for one in found])
    per_tiou: dict[str, dict[str, float]] = {}
    for column, tiou in enumerate(TIOU):
        n_right = np.bincount(plain.videos[plain.right[:, column]], minlength=len(videos))
        counts = {
            "precision": (n_right, n_alarms, "there is no alarm"),
            "recall": (n_right, n_true, _NO_EVENT),
            "f1": (2 * n_right, n_alarms + n_true, "there is neither an alarm nor an event"),
        }
        per_tiou[str(tiou)] = {
            kind: _ratio(numerators, denominators) for kind, (numerators, denominators, _) in counts.items()
        } | {"ap": float(areas[column]), "map": float(maps[column])}
        if tiou in _FLAT:
            for kind, parts in counts.items():
                figures.add_ratio(f"event_{kind}@{tiou}", *parts)
    figures.add("event_ap@0.1:0.5", float(areas.mean()), _NO_EVENT)
    no_category = "no abnormal video has a category, or the detector names none"
    figures.add("map@0.1:0.5", float(maps.mean()), no_category)
    return {"event_ap@0.1:0.5": [plain], "map@0.1:0.5": by_category}, per_tiou


def _ratio(numerators: NDArray[np.int64], denominators: NDArray[np.int64]) -> float:
    total = int(denominators.sum())
    return int(numerators.sum()) / total if total else math.nan


def _by_category(videos: Sequence[Judged], found: Sequence[_Found], names: Sequence[str]) -> list[Matches]:
    """The matches of each category that has true events; none for a detector without categories."""
    if not names:
        return []
    nothing = np.empty((0, 2), dtype=np.int64)
    every = []
    for name in sorted({video.labels.category for video in videos if video.labels.category}):
        true = [
            one.true if video.labels.category == name else nothing
            for video, one in zip(videos, found, strict=True)
        ]
        if not any(len(events) for events in true):
            continue
        guesses = []
        for one in found:
            mine = [event for event in one.events if event.category == name]
            spans = np.array([(event.start, event.stop) for event in mine], dtype=np.int64).reshape(-1, 2)
            sure = np.array([event.score * (event.probability or 0.0) for event in mine], dtype=np.float64)
            guesses.append((spans, sure))
        every.append(match(guesses, true, TIOU))
    return every


def _mean_areas(matches: Sequence[Matches]) -> NDArray[np.float64]:
    """(t,) mean average precision over the categories; NaN without any."""
    if not matches:
        return np.full(len(TIOU), math.nan)
    return np.asarray(np.mean([average_precision(one)[0] for one in matches], axis=0))


def _add_delays(videos: Sequence[Judged], found: Sequence[_Found], figures: Figures) -> None:
    noticed = np.array([(one.delays >= 0).sum() for one in found])
    n_true = np.array([len(one.true) for one in found])
    frames = np.array([one.delays[one.delays >= 0].sum() for one in found])
    rates: list[Fraction] = [video.scores.video.fps for video in videos]
    seconds = np.array([float(int(n) / rate) for n, rate in zip(frames, rates, strict=True)])
    reason = "no event has an alarm" if n_true.any() else _NO_EVENT
    figures.add_ratio("event_miss_rate", n_true - noticed, n_true, _NO_EVENT)
    figures.add_ratio("delay_s", seconds, noticed, reason)
    figures.add_ratio("delay_frames", frames, noticed, reason)
