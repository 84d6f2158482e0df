"""The threshold at which a detector raises no more false alarms than a person will bear.

It is chosen on normal video, by counting events of the same life cycle as `watch`. How often it will be wrong
elsewhere is another question, and hours answer it: with no false alarm in h hours, the true rate may still be
3 / h (the rule of three).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import numpy as np
from scipy import stats

from vadlab import checkpoint
from vadlab.errors import DataError, StoreError, UsageError
from vadlab.evaluation.events import Alarm, find_events
from vadlab.files import digest, read_json, write_json
from vadlab.live.life_cycle import LifeCycleSettings
from vadlab.types import FloatArray

__all__ = [
    "Calibration",
    "EventLengths",
    "NormalVideo",
    "choose_threshold",
    "count_events",
    "rate_bounds",
    "scoring_of",
]

_FORMAT = 1
_CONFIDENCE = 0.95
_TRIED_AT_ONCE = 100
_FOLDS = 10


@dataclass(frozen=True)
class EventLengths:
    """All that makes an event but the threshold, as `watch` has it: a fraction, and seconds."""

    close_at: float = 1.0
    min_length_s: float = 0.4
    merge_gap_s: float = 1.0
    cool_down_s: float = 0.0

    @classmethod
    def usual(cls, natural: float | None) -> Self:
        """What `watch` takes where nothing is said.

        Args:
            natural: The detector's own threshold, on a scale from 0; None where it has none.
        """
        return cls(close_at=Alarm.at(1.0, scale_from_0=natural is not None).off)

    def settings(self, threshold: float, fps: Fraction) -> LifeCycleSettings:
        """With a threshold, for a video of this frame rate."""
        return LifeCycleSettings.in_seconds(threshold, fps=fps, **asdict(self))


@dataclass(frozen=True)
class NormalVideo:
    """A video in which nothing happens: its name, frames a second, and frame scores (n,) float32."""

    name: str
    fps: Fraction
    scores: FloatArray

    @property
    def hours(self) -> float:
        """Its length."""
        return float(len(self.scores) / self.fps / 3600)


def count_events(video: NormalVideo, settings: LifeCycleSettings) -> int:
    """How many events the life cycle tells of; the same as feeding it, but fast."""
    found = find_events(
        video.scores,
        source=video.name,
        on=settings.threshold,
        off=settings.off,
        min_length=settings.min_frames,
        merge_gap=settings.merge_gap,
    )
    n, quiet_until = 0, 0
    for event in found:
        if event.stop >= quiet_until:
            n, quiet_until = n + 1, event.stop + settings.cool_down
    return n


def choose_threshold(videos: Sequence[NormalVideo], lengths: EventLengths, *, per_hour: float) -> float:
    """The lowest threshold that keeps false alarms on normal videos within a rate.

    From the highest score downwards, until there are first too many events. It also ends at the median
    score, and at 0 where `close_at` is below 1: further down all frames are one long event, which would pass
    for a single alarm. Of very many different scores not all are tried, but every hundredth part, and then
    those between the last that was good and the first that was not.

    Args:
        videos: Nothing happens in them; none may be of the test part.
        lengths: What makes an event.
        per_hour: Events allowed for each hour, 0 or more.

    Returns:
        One of the scores, or the next number above all of them where no event is allowed.

    Raises:
        DataError: If there is no frame.
        UsageError: If the rate is negative.
    """
    if not per_hour >= 0 or math.isinf(per_hour):
        raise UsageError("this is no rate of alarms", expected="0 or more for each hour", found=per_hour)
    if not sum(len(video.scores) for video in videos):
        raise DataError("there is no normal frame to choose a threshold on", remedy="name normal videos")
    most = per_hour * sum(video.hours for video in videos)
    scores = np.concatenate([video.scores for video in videos])
    levels = np.unique(scores)[::-1]
    lowest = float(np.median(scores))
    usable = levels[levels > (max(0.0, lowest) if lengths.close_at < 1 else lowest)]

    def allowed(level: int) -> bool:
        on = float(usable[level])
        return _n_alarms(videos, lengths, on) <= most

    n_allowed = _first_refused(len(usable), allowed)
    if n_allowed:
        return float(usable[n_allowed - 1])
    return float(np.nextafter(levels[0], np.float32(np.inf)))


def _n_alarms(videos: Sequence[NormalVideo], lengths: EventLengths, on: float) -> int:
    return sum(count_events(video, lengths.settings(on, video.fps)) for video in videos)


def _n_held_out(videos: Sequence[NormalVideo], lengths: EventLengths, per_hour: float) -> int:
    n = 0
    n_folds = min(_FOLDS, len(videos))
    for fold in range(n_folds):
        others = [video for number, video in enumerate(videos) if number % n_folds != fold]
        on = choose_threshold(others, lengths, per_hour=per_hour)
        n += _n_alarms(videos[fold::n_folds], lengths, on)
    return n


def _first_refused(n: int, allowed: Callable[[int], bool]) -> int:
    """The first of 0..n that is not allowed, as far as is tried; n where all are."""
    low, high = 0, n
    while low < high:
        tried = np.unique(np.linspace(low, high - 1, _TRIED_AT_ONCE).round().astype(int)).tolist()
        refused = next((place for place, level in enumerate(tried) if not allowed(level)), None)
        if refused is None:
            return high
        high = tried[refused]
        low = tried[refused - 1] + 1 if refused else high
    return low


def rate_bounds(n: int, hours: float) -> tuple[float, float]:
    """Between which the true rate lies that gave n events, each bound with 95 % confidence, per hour.

    Exact for events that come independently (Poisson; Garwood, Biometrika 28, 1936). With n = 0 the upper one
    is 3.0 / hours.
    """
    lower = float(stats.chi2.ppf(1 - _CONFIDENCE, 2 * n)) / 2 if n else 0.0
    return lower / hours, float(stats.chi2.ppf(_CONFIDENCE, 2 * n + 2)) / 2 / hours


def scoring_of(run: Path, detector: str, *, timing: str, piece: int | None) -> dict[str, Any]:
    """What scores depend on, for `Calibration.check`.

    Args:
        run: A finished run.
        detector: Its detector's name.
        timing: See `live.rolling`.
        piece: Clips scored as a video of their own, or None.
    """
    return {"detector": detector, "state": digest(run / checkpoint.STATE), "timing": timing, "piece": piece}


@dataclass(frozen=True)
class Calibration:
    """A threshold with what it was chosen on; `watch --threshold FILE` reads it.

    Args:
        threshold: Scores from here on open an event.
        lengths: What makes an event.
        per_hour: False alarms wanted, at most, for each hour.
        hours: Of normal video seen.
        n_alarms: False alarms on it, at the threshold that was chosen on it.
        n_held_out: False alarms on each tenth of the videos at the threshold that the others alone would
            give, all together (each video with fewer than ten; None with one). The honest number: the one
            above was made small by choice.
        videos: Their names and hours.
        trained_on: Those of them that trained the detector, which scores them lower than new ones.
        scoring: How the scores were made: run, detector, timing and so on; scores made in another way
            have another scale.
    """

    threshold: float
    lengths: EventLengths
    per_hour: float
    hours: float
    n_alarms: int
    n_held_out: int | None
    videos: Mapping[str, float]
    trained_on: tuple[str, ...]
    scoring: Mapping[str, Any]

    @classmethod
    def on(
        cls,
        videos: Sequence[NormalVideo],
        lengths: EventLengths,
        *,
        per_hour: float,
        scoring: Mapping[str, Any],
        trained_on: Sequence[str] = (),
    ) -> Self:
        """Choose a threshold on videos in which nothing happens, and say what it is worth.

        Raises:
            DataError: If there is no frame.
            UsageError: If the rate is negative.
        """
        threshold = choose_threshold(videos, lengths, per_hour=per_hour)
        return cls(
            threshold,
            lengths,
            per_hour,
            hours=sum(video.hours for video in videos),
            n_alarms=_n_alarms(videos, lengths, threshold),
            n_held_out=_n_held_out(videos, lengths, per_hour) if len(videos) > 1 else None,
            videos={video.name: video.hours for video in videos},
            trained_on=tuple(trained_on),
            scoring=dict(scoring),
        )

    @property
    def bounds(self) -> tuple[float, float]:
        """Of the true rate per hour, by the honest count where there is one; see `rate_bounds`."""
        return rate_bounds(self.n_alarms if self.n_held_out is None else self.n_held_out, self.hours)

    @property
    def hours_needed(self) -> float:
        """Hours of normal video without any false alarm that would show the wanted rate; infinite for 0."""
        return -math.log(1 - _CONFIDENCE) / self.per_hour if self.per_hour else math.inf

    def check(self, scoring: Mapping[str, Any]) -> None:
        """Refuse to use the threshold for scores that are made in another way.

        Raises:
            StoreError: If they are; each difference is named.
        """
        keys = [key for key in {**self.scoring, **scoring} if self.scoring.get(key) != scoring.get(key)]
        if keys:
            raise StoreError(
                "this threshold was chosen for other scores",
                expected=", ".join(f"{key} {self.scoring.get(key)}" for key in keys),
                found=", ".join(f"{key} {scoring.get(key)}" for key in keys),
                remedy="run vadlab calibrate on this run with these settings",
            )

    def to_json(self) -> dict[str, Any]:
        """For JSON: the fields, and the bounds beside them."""
        return {"format": _FORMAT, **asdict(self), "bounds_95_per_hour": list(self.bounds)}

    def write(self, path: Path) -> None:
        """Write it as JSON.

        Raises:
            StoreError: If it cannot be written.
        """
        write_json(path, self.to_json())

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote.

        Raises:
            StoreError: If there is no such file, or it is not of this kind.
        """
        found = read_json(path)
        try:
            if found["format"] != _FORMAT:
                raise ValueError(f"format {found['format']}")
            values = {field.name: found[field.name] for field in fields(cls)}
            values["lengths"] = EventLengths(**values["lengths"])
            values["trained_on"] = tuple(values["trained_on"])
            made = cls(**values)
            made.lengths.settings(made.threshold, Fraction(25))
        except (KeyError, TypeError, ValueError, UsageError) as error:
            raise StoreError(
                "this file holds no threshold",
                file=path,
                expected="a file that vadlab calibrate wrote",
                found=f"{type(error).__name__}: {error}",
            ) from error
        return made
