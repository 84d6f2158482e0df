"""The overlay keeps the frames' form, marks events where they are, and moves its cursor with time."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vadlab.errors import DataError
from vadlab.report.overlay import annotate
from vadlab.types import Categories, Event, FrameLabels


def draw(width: int, height: int, *, n: int = 5, grey: int = 128, event: Event | None = None, **more) -> list:
    frames = [np.full((height, width, 3), grey, dtype=np.uint8) for _ in range(n)]
    scores = np.linspace(0, 1, n, dtype=np.float32)
    return list(annotate(frames, scores, [event] if event else [], fps=Fraction(25), **more))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 400), st.integers(1, 300), st.integers(1, 30), st.booleans())
def test_size_type_and_count_stay(width: int, height: int, n: int, labelled: bool) -> None:
    event = Event("v", n // 2, n, n // 2, 1.0, "Fighting", 0.9)
    labels = FrameLabels.from_spans([(n // 2, n)], n) if labelled else None
    drawn = draw(width, height, n=n, event=event, labels=labels)
    assert len(drawn) == n
    assert all(frame.shape == (height, width, 3) and frame.dtype == np.uint8 for frame in drawn)


@pytest.mark.parametrize("size", [(320, 240), (1920, 1080), (641, 359)])
def test_the_border_is_red_during_the_event_only(size: tuple[int, int]) -> None:
    drawn = draw(*size, n=6, event=Event("v", 2, 4, 3, 1.0, "Fire", 0.8))
    red = [
        bool(frame[0, 0, 0] > 200 and frame[0, 0, 1] < 80 and frame[size[1] // 2, -1, 0] > 200)
        for frame in drawn
    ]
    assert red == [False, False, True, True, False, False]
    # The middle of the picture is left alone.
    middle = drawn[2][size[1] // 3 : size[1] // 2, size[0] // 3 : size[0] // 2]
    assert (middle == 128).all()


def test_the_cursor_moves_from_left_to_right() -> None:
    places = []
    for frame in draw(400, 300, n=8, grey=0):
        foot = frame[-30:].min(axis=(0, 2))
        places.append(int(np.flatnonzero(foot == 255).mean()))
    assert np.allclose(places, [(i + 0.5) / 8 * 400 for i in range(8)], atol=2)


def test_a_single_high_frame_among_many_is_seen_in_the_timeline() -> None:
    scores = np.zeros(5000, dtype=np.float32)
    scores[2503] = 1
    frame = next(annotate([np.zeros((240, 320, 3), np.uint8)], scores, [], fps=25))
    strip = frame[-28:].max(axis=2)
    heights = (strip > 60).sum(axis=0)
    column = int(2503 / 5000 * 320)
    assert heights[column] > 2 * np.median(heights)


def test_the_label_is_drawn_and_scales_with_the_frame() -> None:
    event = Event("v", 0, 5, 0, 1.0, "Thiefing", 0.9)
    for width, height in ((320, 240), (1280, 720)):
        frame = draw(width, height, event=event)[2]
        left = frame[int(0.6 * height) : int(0.87 * height), int(0.02 * width) : width // 2]
        letters = (left.min(axis=2) > 230).any(axis=1).sum()
        assert letters > 0.02 * height


def test_an_event_without_a_category_takes_the_likeliest_at_that_frame() -> None:
    names = ("Fire", "Panic")
    spans = np.array([[0, 3], [3, 5]], dtype=np.int64)
    categories = Categories(spans, np.array([[0.9, 0.1], [0.2, 0.8]], dtype=np.float32), names)
    bare = Event("v", 0, 5, 0, 1.0)
    drawn = draw(320, 240, event=bare, categories=categories)
    for i, (name, share) in enumerate([("Fire", 0.9)] * 3 + [("Panic", 0.8)] * 2):
        named = draw(320, 240, event=Event("v", 0, 5, 0, 1.0, name, share))
        assert np.array_equal(drawn[i], named[i])
    assert not np.array_equal(drawn[0], draw(320, 240, event=bare)[0])


def test_labels_stand_at_the_foot() -> None:
    with_labels = draw(300, 200, n=10, labels=FrameLabels.from_spans([(5, 10)], 10))[0]
    without = draw(300, 200, n=10)[0]
    changed = np.flatnonzero((with_labels != without).any(axis=2).any(axis=0))
    assert changed.min() == 150 and changed.max() == 299


def test_given_frames_are_not_written_to() -> None:
    frame = np.full((90, 160, 3), 7, dtype=np.uint8)
    frame.flags.writeable = False
    drawn = list(annotate([frame, frame[:, ::-1]], np.array([0.1, 0.2]), [], fps=25))
    assert (frame == 7).all() and len(drawn) == 2


def test_a_long_name_and_other_alphabets_do_not_fail() -> None:
    for name in ("x" * 300, "дым", "火", "<b>&"):
        draw(320, 240, event=Event("v", 0, 5, 0, 1.0, name, 1.0))


def test_more_frames_than_scores_is_an_error() -> None:
    frames = [np.zeros((8, 8, 3), np.uint8)] * 3
    with pytest.raises(DataError, match="more frames than scores"):
        list(annotate(frames, np.zeros(2), [], fps=25))


@pytest.mark.parametrize("frame", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32)])
def test_a_frame_that_is_no_rgb_picture_is_an_error(frame: np.ndarray) -> None:
    with pytest.raises(DataError, match="no RGB picture"):
        list(annotate([frame], np.zeros(1), [], fps=25))
