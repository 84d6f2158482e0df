import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadlab.annotations.consensus import agreement_mean, consensus
from vadlab.errors import DataError, UsageError

N_FRAMES = 30
SPAN = st.tuples(st.integers(0, N_FRAMES - 1), st.integers(1, N_FRAMES)).map(
    lambda pair: (pair[0], min(pair[0] + pair[1], N_FRAMES))
)
MARKS = st.lists(st.lists(SPAN, max_size=4), min_size=1, max_size=7)


def test_three_of_five_make_a_frame_abnormal() -> None:
    marks = [[(10, 20)], [(12, 22)], [(14, 18)], [], [(19, 25)]]
    # Votes: 12..13 two, 14..17 three, 18 two, 19 three (10-20, 12-22, 19-25), 20..21 two.
    assert consensus(marks, N_FRAMES).intervals.tolist() == [[14, 18], [19, 20]]
    assert agreement_mean(marks, N_FRAMES)[[0, 10, 12, 14, 19]].tolist() == [0, 0.2, 0.4, 0.6, 0.6]


def test_half_of_an_even_number_is_enough() -> None:
    assert consensus([[(0, 4)], [(2, 6)]], 8).intervals.tolist() == [[0, 6]]


@given(MARKS, st.sampled_from([0.2, 1 / 3, 0.5, 0.6, 2 / 3, 1.0]))
def test_consensus_is_the_frame_by_frame_vote(marks: list[list[tuple[int, int]]], threshold: float) -> None:
    votes = [sum(any(a <= frame < b for a, b in spans) for spans in marks) for frame in range(N_FRAMES)]
    expected = [count / len(marks) >= threshold for count in votes]
    assert consensus(marks, N_FRAMES, threshold=threshold).mask().tolist() == expected
    np.testing.assert_array_equal(agreement_mean(marks, N_FRAMES), np.divide(votes, len(marks)))


def test_nobody_marked_anything() -> None:
    labels = consensus([[], [], []], N_FRAMES)
    assert not labels.abnormal
    assert labels.n_frames == N_FRAMES


@pytest.mark.parametrize("threshold", [0, -0.5, 1.01])
def test_thresholds_out_of_range_are_refused(threshold: float) -> None:
    with pytest.raises(UsageError):
        consensus([[(0, 1)]], N_FRAMES, threshold=threshold)


@pytest.mark.parametrize("marks", [[], [[(0, N_FRAMES + 1)]], [[(5, 5)]], [[(-1, 2)]]])
def test_no_annotator_and_spans_outside_are_refused(marks: list[list[tuple[int, int]]]) -> None:
    with pytest.raises(DataError):
        consensus(marks, N_FRAMES)
