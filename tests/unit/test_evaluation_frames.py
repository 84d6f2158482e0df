"""Span scores to frame scores, against a loop over the frames."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadlab.errors import UsageError
from vadlab.evaluation.frames import to_frames
from vadlab.evaluation.rules import Rules, get
from vadlab.spans import windows
from vadlab.types import Scores, Video


def scores_of(n_frames: int, spans: list[tuple[int, int]], values: list[float]) -> Scores:
    video = Video("v", Path("v"), n_frames, Fraction(25), (4, 4))
    return Scores(video, np.array(spans, dtype=np.int64), np.array(values, dtype=np.float32))


def expected(scores: Scores, rules: Rules) -> tuple[list[float], list[bool]]:
    """One frame at a time, no vectors."""
    pairs = list(zip(scores.spans.tolist(), scores.values.tolist(), strict=True))
    here = [
        [value for (start, stop), value in pairs if start <= frame < stop]
        for frame in range(scores.video.n_frames)
    ]
    first = next(frame for frame, covering in enumerate(here) if covering)
    values, counted = [], []
    for frame, covering in enumerate(here):
        source = max((f for f in range(frame + 1) if here[f]), default=first)
        known = here[source]
        values.append(max(known) if rules.overlap == "max" else sum(known) / len(known))
        if frame < first:
            counted.append(rules.head == "hold")
        else:
            counted.append(bool(covering) or rules.tail == "hold")
    return values, counted


@st.composite
def scored_videos(draw: st.DrawFn) -> Scores:
    n_frames = draw(st.integers(1, 70))
    starts = draw(st.lists(st.integers(0, n_frames - 1), min_size=1, max_size=30))
    spans = [(start, draw(st.integers(start + 1, n_frames))) for start in starts]
    value = st.floats(-1e6, 1e6, width=32)
    return scores_of(n_frames, spans, [draw(value) for _ in spans])


@given(
    scored_videos(),
    st.sampled_from(["max", "mean"]),
    st.sampled_from(["hold", "drop"]),
    st.sampled_from(["hold", "drop"]),
)
def test_overlap_gaps_and_ends_match_a_loop(scores: Scores, overlap: str, tail: str, head: str) -> None:
    rules = Rules(overlap=overlap, tail=tail, head=head)  # type: ignore[arg-type]
    frame_scores, counted = to_frames(scores, rules)
    values, counted_expected = expected(scores, rules)
    assert frame_scores.dtype == np.float32
    np.testing.assert_allclose(frame_scores, values, rtol=1e-5, atol=1e-3 if overlap == "mean" else 0)
    assert counted.tolist() == counted_expected


@given(scored_videos(), st.randoms(use_true_random=False))
def test_order_of_the_spans_does_not_matter(scores: Scores, random: object) -> None:
    order = list(range(len(scores.values)))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = Scores(scores.video, scores.spans[order], scores.values[order])
    np.testing.assert_array_equal(to_frames(shuffled, get("strict"))[0], to_frames(scores, get("strict"))[0])


def test_mean_of_equal_windows_keeps_ties_exact_beside_large_scores() -> None:
    # A running sum that adds and takes away would leave rests of the large score behind.
    scores = scores_of(40, [(0, 8), (8, 24), (16, 32), (24, 40)], [3e7, 0.1, 0.1, 0.1])
    frame_scores, _ = to_frames(scores, Rules(overlap="mean"))
    assert set(frame_scores[8:].tolist()) == {float(np.float32(0.1))}


def test_held_frames_repeat_the_nearest_score() -> None:
    frame_scores, counted = to_frames(scores_of(9, [(2, 4), (6, 7)], [1, 5]), get("strict"))
    assert frame_scores.tolist() == [1, 1, 1, 1, 1, 1, 5, 5, 5]
    assert counted.all()


@given(st.integers(1, 400), st.integers(1, 6))
def test_drop_group_counts_what_the_authors_evaluate(n_frames: int, k: int) -> None:
    clips = windows(n_frames, 16, 16, tail="pad")
    scores = scores_of(n_frames, [tuple(span) for span in clips.tolist()], [0.5] * len(clips))
    _, counted = to_frames(scores, get("lad-code"), group=16 * k)
    n_counted = (n_frames // 16) // k * k * 16
    assert counted.tolist() == [True] * n_counted + [False] * (n_frames - n_counted)


def test_the_rules_own_group_wins_over_the_detectors_window() -> None:
    scores = scores_of(100, [(0, 100)], [0.5])
    _, counted = to_frames(scores, Rules(tail="drop-group", group=30), group=80)
    assert int(counted.sum()) == 90


def test_drop_group_without_a_group_is_refused() -> None:
    with pytest.raises(UsageError, match="group="):
        to_frames(scores_of(4, [(0, 4)], [1]), get("lad-code"))


def test_paper_rule_leaves_out_the_remainder_of_the_clips() -> None:
    clips = windows(50, 16, 16, tail="drop")
    _, counted = to_frames(
        scores_of(50, [tuple(span) for span in clips.tolist()], [0, 1, 2]), get("lad-paper")
    )
    assert counted.tolist() == [True] * 48 + [False] * 2


def test_prediction_rule_drops_the_head_and_stretches_the_video() -> None:
    spans = [(frame, frame + 1) for frame in range(4, 10)]
    frame_scores, counted = to_frames(scores_of(10, spans, [3, 5, 4, 7, 3, 5]), get("ffp"))
    assert frame_scores.tolist() == [0, 0, 0, 0, 0, 0.5, 0.25, 1, 0, 0.5]
    assert counted.tolist() == [False] * 4 + [True] * 6


def test_minmax_of_a_constant_video_is_zero() -> None:
    frame_scores, _ = to_frames(scores_of(5, [(0, 5)], [7]), Rules(normalisation="video-minmax"))
    assert frame_scores.tolist() == [0] * 5


def test_calibration_maps_the_training_scores_to_0_and_1_and_does_not_clip() -> None:
    scores = scores_of(4, [(0, 1), (1, 2), (2, 3), (3, 4)], [2, 4, 6, 10])
    rules = Rules(normalisation="train-calibrated")
    assert to_frames(scores, rules, calibration=(2, 6))[0].tolist() == [0, 0.5, 1, 2]
    for calibration in (None, (3.0, 3.0)):
        with pytest.raises(UsageError, match="calibration"):
            to_frames(scores, rules, calibration=calibration)


def test_median_of_three_removes_a_single_spike() -> None:
    spans = [(frame, frame + 1) for frame in range(6)]
    rules = Rules(smoothing="median", smoothing_width=3)
    frame_scores, _ = to_frames(scores_of(6, spans, [1, 1, 9, 1, 2, 2]), rules)
    assert frame_scores.tolist() == [1, 1, 1, 2, 2, 2]


def test_gaussian_smoothing_of_an_impulse_is_the_sampled_gaussian() -> None:
    spans = [(frame, frame + 1) for frame in range(41)]
    values = [0.0] * 41
    values[20] = 1.0
    frame_scores, _ = to_frames(scores_of(41, spans, values), Rules(smoothing="gaussian", smoothing_width=2))
    bell = np.exp(-0.5 * ((np.arange(41) - 20) / 2) ** 2)
    bell[np.abs(np.arange(41) - 20) > 8] = 0  # cut at four standard deviations
    np.testing.assert_allclose(frame_scores, bell / bell.sum(), atol=1e-6)


def test_smoothing_holds_the_ends() -> None:
    rules = Rules(smoothing="gaussian", smoothing_width=2)
    frame_scores, _ = to_frames(scores_of(10, [(0, 10)], [3]), rules)
    np.testing.assert_allclose(frame_scores, 3, rtol=1e-6)


def test_smoothing_comes_before_the_stretch_to_0_1() -> None:
    spans = [(frame, frame + 1) for frame in range(6)]
    rules = Rules(smoothing="median", smoothing_width=3, normalisation="video-minmax")
    frame_scores, _ = to_frames(scores_of(6, spans, [1, 1, 9, 1, 2, 2]), rules)
    assert frame_scores.tolist() == [0, 0, 0, 1, 1, 1]


def test_a_million_overlapping_spans_are_right() -> None:
    rng = np.random.default_rng(0)
    n_frames, n_spans = 2_000_000, 1_000_000
    starts = rng.integers(0, n_frames - 1, n_spans)
    stops = np.minimum(starts + rng.integers(1, 200, n_spans), n_frames)
    video = Video("v", Path("v"), n_frames, Fraction(25), (4, 4))
    scores = Scores(video, np.stack([starts, stops], axis=1), rng.random(n_spans, dtype=np.float32))
    frame_scores, _ = to_frames(scores, Rules(overlap="max"))
    for frame in rng.integers(0, n_frames, 20):
        covering = scores.values[(starts <= frame) & (frame < stops)]
        if len(covering):
            assert frame_scores[frame] == covering.max()
