"""Windows, against their definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadlab.errors import UsageError
from vadlab.spans import completed, windows

NUMBER = st.integers(1, 60)


@given(NUMBER, NUMBER, NUMBER, st.sampled_from(["drop", "pad", "shift"]))
def test_definition(n: int, length: int, stride: int, tail: str) -> None:
    found = windows(n, length, stride, tail=tail).tolist()  # type: ignore[arg-type]
    full = [[s, s + length] for s in range(0, n, stride) if s + length <= n]
    if not full:
        assert found == [[0, n]]
        return
    rest = n - full[-1][1]
    assert found[: len(full)] == full
    extra = found[len(full) :]
    if tail == "drop" or rest == 0:
        assert extra == []
    elif tail == "shift":
        assert extra == [[n - length, n]]
    else:
        assert len(extra) == 1 and extra[0][1] == n and 0 < extra[0][1] - extra[0][0] <= length


@given(NUMBER, NUMBER)
def test_pad_covers_every_thing_once(n: int, length: int) -> None:
    covered = np.zeros(n, dtype=int)
    for start, stop in windows(n, length, length, tail="pad"):
        covered[start:stop] += 1
    assert (covered == 1).all()


def test_paper_drops_the_remainder() -> None:
    assert len(windows(180, 16, 16)) == 180 // 16


def test_completed_repeats_the_last() -> None:
    assert completed((3, 5), 4).tolist() == [3, 4, 4, 4]


@pytest.mark.parametrize("bad", [(0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_refuses_what_is_not_positive(bad: tuple[int, int, int]) -> None:
    with pytest.raises(UsageError, match="positive"):
        windows(*bad)


def test_refuses_an_unknown_tail() -> None:
    with pytest.raises(UsageError, match="unknown tail rule"):
        windows(20, 16, 16, tail="keep")  # type: ignore[arg-type]
