"""When an alarm is raised, and how long after the event's begin that is."""

from __future__ import annotations

import numpy as np
import pytest

from vadlab.evaluation.delay import delays, raised_at


def test_an_alarm_is_raised_when_it_reaches_the_upper_threshold() -> None:
    scores = np.float32([0, 0.4, 0.4, 0.6, 0.4, 0, 0.7])
    alarms = np.array([[1, 5], [6, 7]])
    assert raised_at(scores, alarms, on=0.5).tolist() == [3, 6]
    assert raised_at(scores, alarms[:1], on=0.5, min_length=4).tolist() == [4]
    assert raised_at(scores, alarms[:0], on=0.5).tolist() == []


@pytest.mark.parametrize(
    ("alarms", "raised", "expected"),
    [
        ([], [], -1),
        ([[12, 18]], [12], 2),
        ([[12, 18]], [15], 5),  # reached its threshold later than it began
        ([[5, 15]], [6], 0),  # was on already
        ([[5, 10]], [6], -1),  # was over just before
        ([[15, 30]], [22], -1),  # reached its threshold after the event
        ([[3, 8], [12, 14], [16, 19]], [4, 13, 16], 3),  # the first one counts
    ],
)
def test_delay_of_the_event_from_10_to_20(alarms: list[list[int]], raised: list[int], expected: int) -> None:
    found = delays(np.array([[10, 20]]), np.array(alarms, dtype=np.int64).reshape(-1, 2), np.array(raised))
    assert found.tolist() == [expected]


def test_one_alarm_may_be_the_first_of_two_events() -> None:
    assert delays(np.array([[10, 20], [30, 40]]), np.array([[15, 50]]), np.array([15])).tolist() == [5, 0]
