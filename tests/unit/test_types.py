"""The exchanged values: what they hold, and what they refuse."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vadlab.errors import DataError
from vadlab.types import Categories, Entry, Features, FrameLabels, Scores, Split, Supervision, Video

VIDEO = Video("v", Path("v.mp4"), 30, Fraction(30000, 1001), (8, 6))


def entry(name: str, *, source: str | None = None) -> Entry:
    return Entry(name, Path(name), None, abnormal=False, source=source or name, part="train")


def test_seconds_are_exact_to_the_last_bit() -> None:
    assert VIDEO.seconds(30000) == 1001.0
    assert VIDEO.seconds(np.int64(15)) == pytest.approx(0.5005, abs=1e-15)  # type: ignore[arg-type]


@given(arrays(bool, st.integers(0, 50)))
def test_mask_and_intervals_say_the_same(mask: np.ndarray) -> None:
    labels = FrameLabels.from_mask(mask, category="Fire")
    np.testing.assert_array_equal(labels.mask(), mask)
    assert labels.n_frames == len(mask) and labels.category == "Fire"
    assert labels.abnormal is bool(mask.any())
    assert labels.intervals.dtype == np.int64 and labels.intervals.shape == (len(labels.intervals), 2)


SPAN = st.tuples(st.integers(0, 29), st.integers(1, 10)).map(lambda s: (s[0], min(s[0] + s[1], 30)))


@given(st.lists(SPAN, max_size=8))
def test_spans_become_their_union(spans: list[tuple[int, int]]) -> None:
    mask = np.zeros(30, dtype=bool)
    for start, stop in spans:
        mask[start:stop] = True
    np.testing.assert_array_equal(
        FrameLabels.from_spans(spans, 30).intervals, FrameLabels.from_mask(mask).intervals
    )


@pytest.mark.parametrize("bad", [(5, 5), (8, 3), (-1, 4), (20, 31)])
def test_a_bad_span_is_refused_even_within_a_good_one(bad: tuple[int, int]) -> None:
    with pytest.raises(DataError, match="<= 30 frames"):
        FrameLabels.from_spans([(0, 12), bad], 30)


@pytest.mark.parametrize(
    "intervals",
    [
        [[0, 5], [5, 9]],  # touching
        [[0, 5], [4, 9]],
        [[6, 9], [0, 5]],
        [[0, 5, 8], [6, 9, 10]],  # starts and stops in rows: not to be read as three pairs
        [0, 5],
        [[0.5, 5.9]],  # not to be cut to whole frames
        [[False, True]],
    ],
)
def test_labels_of_another_form_are_refused(intervals: list[object]) -> None:
    with pytest.raises(DataError):
        FrameLabels(30, np.array(intervals))


def test_no_interval_at_all() -> None:
    for empty in (np.zeros((0, 2)), np.array([]), []):
        labels = FrameLabels(3, empty)  # type: ignore[arg-type]
        assert labels.intervals.shape == (0, 2) and labels.intervals.dtype == np.int64


@pytest.mark.parametrize("sides", [("train", "val"), ("train", "test"), ("val", "test")])
@pytest.mark.parametrize("kind", ["id", "source"])
def test_nothing_stands_on_two_sides_of_a_split(sides: tuple[str, str], kind: str) -> None:
    first = entry("a", source="camera 1")
    second = entry("a" if kind == "id" else "b", source="camera 1" if kind == "source" else "camera 2")
    parts = {"train": (), "val": (), "test": ()} | {sides[0]: (first,), sides[1]: (second,)}
    with pytest.raises(DataError, match=f"has the {kind} .* in {sides[0]} and in {sides[1]}"):
        Split("mine", Supervision.FULL, **parts)  # type: ignore[arg-type]


@pytest.mark.parametrize("side", ["train", "val"])
def test_an_unsupervised_split_learns_from_normal_videos_only(side: str) -> None:
    abnormal = dataclasses.replace(entry("a"), abnormal=True)
    normal = dataclasses.replace(entry("n"), abnormal=False)
    parts = {"train": (normal,), "val": (), "test": ()}
    parts[side] = (*parts[side], abnormal)
    with pytest.raises(DataError, match="trains on abnormal"):
        Split("mine", Supervision.UNSUPERVISED, **parts)
    Split("mine", Supervision.WEAK, **parts)
    Split("mine", Supervision.UNSUPERVISED, (normal,), (), (abnormal,))


def test_clips_of_one_source_may_share_a_side() -> None:
    clips = (entry("a", source="s"), entry("b", source="s"))
    assert Split("mine", Supervision.FULL, clips, (), (entry("c"),)).train == clips


@pytest.mark.parametrize(
    "values",
    [np.zeros((2, 3)), np.zeros(3, np.float32), np.array([[1, np.nan]], np.float32)],
    ids=["float64", "one axis", "NaN"],
)
def test_features_refused(values: np.ndarray) -> None:
    with pytest.raises(DataError):
        Features(values)


def test_bad_features_name_the_first_bad_row() -> None:
    values = np.zeros((6, 4), np.float32)
    values[[3, 5], 2] = np.inf
    with pytest.raises(DataError, match="2 bad rows, the first is row 3"):
        Features(values)


@pytest.mark.parametrize(
    "rows",
    [[[0.5, 0.4]], [[-0.5, 1.5]], [[np.nan, 1]], [[0.2, 0.3, 0.5]], [[0.5, 0.5], [0.5, 0.5]]],
    ids=["sum", "negative", "NaN", "columns", "rows"],
)
def test_categories_refused(rows: list[list[float]]) -> None:
    with pytest.raises(DataError):
        Categories(np.array([[0, 16]]), np.array(rows, np.float32), ("Fire", "Falling"))


def test_video_level_is_the_mean_of_the_windows() -> None:
    spans = np.array([[0, 16], [16, 32]])
    found = Categories(spans, np.array([[1, 0], [0.5, 0.5]], np.float32), ("a", "b")).video_level()
    assert found.tolist() == [0.75, 0.25]


@pytest.mark.parametrize(
    ("spans", "values"),
    [
        ([[0, 31]], [1]),
        ([[-1, 5]], [1]),
        ([[5, 5]], [1]),
        ([[0, 5]], [np.nan]),
        ([[0, 5]], [np.inf]),
        ([[0, 5]], [1, 2]),
        ([0, 5], [1, 2]),
        ([[0, 5]], [[1]]),
    ],
)
def test_scores_refused(spans: list[object], values: list[object]) -> None:
    with pytest.raises(DataError, match="'v'"):
        Scores(VIDEO, np.array(spans), np.array(values, np.float32))


def test_scores_need_a_value_and_may_overlap_or_leave_gaps() -> None:
    with pytest.raises(DataError, match="at least one value"):
        Scores(VIDEO, np.zeros((0, 2), np.int64), np.zeros(0, np.float32))
    Scores(VIDEO, np.array([[0, 16], [8, 20], [29, 30]]), np.array([-5, 0, 1e9], np.float32))
