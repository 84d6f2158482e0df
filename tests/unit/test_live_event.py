"""The message about an event: an id that sorts, JSON and back, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadlab.errors import DataError
from vadlab.live.event import LiveEvent, new_id

EVENT = LiveEvent("a", "gate", "new", 10, 20, 100.0, 101.0, "Fighting", 0.9, 0.5)


def test_json_has_the_fields_of_the_contract_in_their_order() -> None:
    assert json.loads(EVENT.to_line()) == {
        "id": "a",
        "source": "gate",
        "state": "new",
        "start_frame": 10,
        "stop_frame": 20,
        "start_time": 100.0,
        "stop_time": 101.0,
        "category": "Fighting",
        "top_score": 0.9,
        "threshold": 0.5,
    }
    assert "\n" not in replace(EVENT, source="a\nb").to_line()


@given(
    source=st.text(min_size=1),
    category=st.none() | st.text(),
    numbers=st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 2),
    start=st.integers(0, 10**12),
    length=st.integers(1, 10**9),
)
def test_a_line_gives_the_event_back(
    source: str, category: str | None, numbers: tuple[float, float], start: int, length: int
) -> None:
    event = replace(
        EVENT,
        source=source,
        category=category,
        top_score=numbers[0],
        threshold=numbers[1],
        start_frame=start,
        stop_frame=start + length,
    )
    assert LiveEvent.from_line(event.to_line()) == event


@given(st.lists(st.floats(0, 4e9), min_size=2, max_size=20))
def test_ids_sort_by_time_and_differ(times: list[float]) -> None:
    ids = [new_id(time) for time in times]
    assert len(set(ids)) == len(ids)
    for id_a, time_a in zip(ids, times, strict=True):
        for id_b, time_b in zip(ids, times, strict=True):
            if time_a < time_b - 0.001:
                assert id_a < id_b


def test_all_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(DataError) as error:
        LiveEvent("../x", "", "over", 5, 5, 2.0, 1.0, 3, float("nan"), float("inf"))  # type: ignore[arg-type]
    for name in ("id", "source", "state", "stop_frame", "stop_time", "category", "top_score", "threshold"):
        assert f"{name}=" in str(error.value)
    assert "start_frame=" not in str(error.value)


@pytest.mark.parametrize("line", ["", "{", "[]", '"text"', '{"id": "a"}', EVENT.to_line()[:-5]])
def test_lines_that_are_no_event_are_refused(line: str) -> None:
    with pytest.raises(DataError, match="no event"):
        LiveEvent.from_line(line)


def test_keys_of_later_versions_are_ignored() -> None:
    assert LiveEvent.from_json({**EVENT.to_json(), "mood": "calm"}) == EVENT
