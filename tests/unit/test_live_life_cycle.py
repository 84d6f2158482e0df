"""The life cycle against `find_events`, which sees all scores at once, and against a plain loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vadlab.errors import DataError, UsageError
from vadlab.evaluation.events import Alarm, find_events
from vadlab.live.event import LiveEvent
from vadlab.live.life_cycle import LifeCycle, LifeCycleSettings
from vadlab.types import Categories

FPS = 25
NAMES = ("Fighting", "Falling", "Fire")


@dataclass(frozen=True)
class Piece:
    """A span's length, the frames left out before it, its score and its categories."""

    length: int
    gap: int
    score: float
    probabilities: tuple[float, ...]


def pieces(max_gap: int) -> st.SearchStrategy[list[Piece]]:
    share = st.sampled_from([(0.5, 0.25, 0.25), (0.25, 0.5, 0.25), (0.0, 0.25, 0.75)])
    # Few levels, so that scores often equal a threshold.
    score = st.sampled_from([0.0, 0.2, 0.3, 0.39, 0.4, 0.5, 0.6, 0.7, 0.9])
    gap = st.just(0) | st.integers(0, max_gap)
    return st.lists(st.builds(Piece, st.integers(1, 4), gap, score, share), max_size=40)


SETTINGS = st.builds(
    LifeCycleSettings,
    threshold=st.sampled_from([0.3, 0.5, 0.7]),
    close_at=st.sampled_from([0.0, 0.5, 0.8, 1.0]),
    min_frames=st.integers(0, 8),
    merge_gap=st.integers(0, 8),
    cool_down=st.integers(0, 12),
    update_every=st.integers(0, 6),
)


def messages(settings: LifeCycleSettings, row: Sequence[Piece]) -> tuple[list[LiveEvent], LifeCycle]:
    life, frame, told = LifeCycle(settings, source="gate"), 0, []
    for piece in row:
        start = frame + piece.gap
        frame = start + piece.length
        told += life.feed(
            (start, frame),
            piece.score,
            times=(start / FPS, frame / FPS),
            probabilities=dict(zip(NAMES, piece.probabilities, strict=True)),
        )
    return told + life.close(), life


def frame_scores(row: Sequence[Piece]) -> list[float]:
    """One score a frame; frames left out score less than anything."""
    scores: list[float] = []
    for piece in row:
        scores += [-1.0] * piece.gap + [piece.score] * piece.length
    return scores


def looped(settings: LifeCycleSettings, scores: Sequence[float]) -> tuple[list[tuple[int, int, float]], int]:
    """(start, stop, top) of the events that are told of, and how many the cool-down drops; frame by frame."""
    on, off = np.float32(settings.threshold), np.float32(settings.threshold * settings.close_at)
    runs: list[list[int]] = []
    inside = False
    for frame, score in enumerate(np.float32(scores)):
        if score >= off:
            if not inside:
                runs.append([frame, frame])
            runs[-1][1] = frame + 1
        inside = score >= off
    reaching = [run for run in runs if any(np.float32(scores[i]) >= on for i in range(*run))]
    merged: list[list[int]] = []
    for start, stop in reaching:
        if merged and start - merged[-1][1] < settings.merge_gap:
            merged[-1][1] = stop
        else:
            merged.append([start, stop])
    told: list[tuple[int, int, float]] = []
    dropped = 0
    for start, stop in merged:
        if stop - start < settings.min_frames:
            continue
        if told and stop < told[-1][1] + settings.cool_down:
            dropped += 1
            continue
        told.append((start, stop, float(max(np.float32(scores[start:stop])))))
    return told, dropped


@given(SETTINGS, pieces(max_gap=6))
def test_events_are_those_of_a_plain_loop(settings: LifeCycleSettings, row: list[Piece]) -> None:
    told, life = messages(settings, row)
    ends = [(e.start_frame, e.stop_frame, e.top_score) for e in told if e.state == "end"]
    assert (ends, life.n_dropped) == looped(settings, frame_scores(row))


@given(SETTINGS, pieces(max_gap=0))
# In float64 the score 0.7 of a float32 array would be below a threshold of 0.7.
@example(LifeCycleSettings(0.7), [Piece(1, 0, 0.7, (1.0, 0.0, 0.0))])
def test_events_are_those_of_evaluation(settings: LifeCycleSettings, row: list[Piece]) -> None:
    plain = LifeCycleSettings(
        settings.threshold, settings.close_at, settings.min_frames, settings.merge_gap, 0, 1
    )
    told, _ = messages(plain, row)
    stops = np.cumsum([piece.length for piece in row], dtype=np.int64)
    starts = stops - [piece.length for piece in row]
    categories = Categories(
        np.stack([starts, stops], axis=1),
        np.array([piece.probabilities for piece in row], dtype=np.float32).reshape(-1, 3),
        NAMES,
    )
    expected = find_events(
        np.array(frame_scores(row), dtype=np.float32),
        source="gate",
        on=plain.threshold,
        off=plain.off,
        min_length=plain.min_frames,
        merge_gap=plain.merge_gap,
        categories=categories,
    )
    assert [
        (e.source, e.start_frame, e.stop_frame, e.top_score, e.category) for e in told if e.state == "end"
    ] == [(e.source, e.start, e.stop, e.score, e.category) for e in expected]


@given(SETTINGS, pieces(max_gap=6))
def test_messages_of_an_event_come_in_order_and_only_grow(
    settings: LifeCycleSettings, row: list[Piece]
) -> None:
    told, _ = messages(settings, row)
    by_id: dict[str, list[LiveEvent]] = {}
    for message in told:
        by_id.setdefault(message.id, []).append(message)
    for group in by_id.values():
        assert [m.state for m in group] == ["new", *["update"] * (len(group) - 2), "end"]
        assert len({(m.start_frame, m.start_time, m.source, m.threshold) for m in group}) == 1
        assert [m.stop_frame for m in group] == sorted(m.stop_frame for m in group)
        assert [m.top_score for m in group] == sorted(m.top_score for m in group)
        grown = np.diff([m.stop_frame for m in group[:-1]])
        assert (grown >= settings.update_every).all() and (settings.update_every or not grown.size)
        for m in group:
            assert (m.start_time, m.stop_time) == (m.start_frame / FPS, m.stop_frame / FPS)
    assert [m.id for m in told if m.state == "new"] == list(by_id)
    # One is over before the next is told of.
    assert [m.state for m in told if m.state != "update"] == ["new", "end"] * len(by_id)


@given(SETTINGS, pieces(max_gap=6), st.integers(0, 40))
def test_no_message_needs_scores_that_came_later(
    settings: LifeCycleSettings, row: list[Piece], n: int
) -> None:
    """The end comes once the gap has passed: with frames below `off` behind it, closing changes nothing."""
    told, _ = messages(settings, row[:n])
    quiet = Piece(max(1, settings.merge_gap), 0, -1.0, (1.0, 0.0, 0.0))
    life_goes_on, _ = messages(settings, [*row[:n], quiet, *row[n:]])
    seen = [(m.state, m.start_frame, m.stop_frame, m.top_score) for m in told]
    longer = [(m.state, m.start_frame, m.stop_frame, m.top_score) for m in life_goes_on]
    assert longer[: len(seen)] == seen


def test_settings_in_seconds_are_rounded_as_the_alarm_of_evaluation() -> None:
    for fps in (Fraction(25), Fraction(30000, 1001), Fraction(10), Fraction(3)):
        alarm = Alarm.at(0.5, scale_from_0=True)
        settings = LifeCycleSettings.in_seconds(0.5, fps=fps, close_at=0.8)
        assert settings.min_frames == alarm.min_length(fps)
        assert settings.merge_gap == round(alarm.merge_gap_s * fps)
        assert settings.off == alarm.off
    assert LifeCycleSettings.in_seconds(0.5, fps=25, update_every_s=0).update_every == 0
    assert LifeCycleSettings.in_seconds(0.5, fps=3, update_every_s=0.1).update_every == 1


def test_cool_down_keeps_a_short_event_back_and_tells_of_a_long_one_late() -> None:
    settings = LifeCycleSettings(0.5, cool_down=20)
    normal, short, long = (
        Piece(5, 0, 0.0, (1, 0, 0)),
        Piece(5, 0, 0.9, (1, 0, 0)),
        Piece(1, 0, 0.9, (1, 0, 0)),
    )
    told, life = messages(settings, [short, normal, short, normal])
    assert [(m.state, m.stop_frame) for m in told] == [("new", 5), ("end", 5)]
    assert life.n_dropped == 1
    told, life = messages(settings, [short, normal, *[long] * 30])
    assert [(m.state, m.start_frame, m.stop_frame) for m in told] == [
        ("new", 0, 5),
        ("end", 0, 5),
        ("new", 10, 25),
        ("end", 10, 40),
    ]
    assert life.n_dropped == 0


def test_closing_ends_what_is_open_and_feeding_goes_on() -> None:
    life = LifeCycle(LifeCycleSettings(0.5, merge_gap=100), source="gate")
    assert [m.state for m in life.feed((0, 4), 0.9, times=(0, 1))] == ["new"]
    assert [m.state for m in life.close()] == ["end"]
    assert life.close() == []
    assert [m.state for m in life.feed((4, 8), 0.9, times=(1, 2))] == ["new"]


@pytest.mark.parametrize(
    ("span", "score"), [((9, 12), 0.1), ((10, 10), 0.1), ((12, 11), 0.1), ((10, 12), float("nan"))]
)
def test_spans_out_of_order_and_scores_that_are_none_are_refused(span: tuple[int, int], score: float) -> None:
    life = LifeCycle(LifeCycleSettings(0.5), source="gate")
    life.feed((0, 10), 0.1, times=(0, 1))
    with pytest.raises(DataError, match="frame 10 or later"):
        life.feed(span, score, times=(1, 2))


@pytest.mark.parametrize(
    "settings",
    [
        {"threshold": -1.0, "close_at": 0.8},
        {"threshold": float("nan")},
        {"threshold": 0.5, "close_at": 1.2},
        {"threshold": 0.5, "merge_gap": -1},
    ],
)
def test_settings_that_find_no_event_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        LifeCycleSettings(**settings)  # type: ignore[arg-type]
