from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadlab.annotations.seconds import to_seconds, to_span

RATES = st.sampled_from(
    [Fraction(25), Fraction(30000, 1001), Fraction(24000, 1001), Fraction(10), Fraction(60), Fraction(25, 2)]
) | st.fractions(min_value=Fraction(1, 100), max_value=999, max_denominator=2000)
SPANS = st.tuples(st.integers(0, 10**7), st.integers(1, 10**6)).map(lambda p: (p[0], p[0] + p[1]))


@given(SPANS, RATES)
def test_frames_come_back_from_seconds(span: tuple[int, int], fps: Fraction) -> None:
    assert to_span(to_seconds(span[0], fps), to_seconds(span[1], fps), fps) == span


@given(SPANS, RATES)
def test_frames_come_back_from_seconds_with_three_decimals(span: tuple[int, int], fps: Fraction) -> None:
    start, stop = (round(to_seconds(frame, fps), 3) for frame in span)
    assert to_span(start, stop, fps) == span


@pytest.mark.parametrize(
    ("start", "stop", "span"),
    [
        (0.0, 1.0, (0, 25)),
        (0.019, 0.061, (0, 2)),  # 0.475 and 1.525 frames
        (0.02, 0.1, (1, 3)),  # half a frame goes up: frame 0.5 to 1, 2.5 to 3
        (0.041, 0.043, (1, 2)),  # less than a frame: the frame on screen
        (0.079, 0.081, (2, 3)),  # in the middle between two boundaries: frame 2 begins at 0.08
        (0.0, 0.001, (0, 1)),
    ],
)
def test_times_go_to_the_nearest_boundary(start: float, stop: float, span: tuple[int, int]) -> None:
    assert to_span(start, stop, Fraction(25)) == span


def test_the_rate_is_not_rounded() -> None:
    # int(29.97) would be off by 27 frames after a quarter of an hour.
    assert to_span(900.9, 900.9 + 1001 / 30000, Fraction(30000, 1001)) == (27000, 27001)
