"""Fits in steps: killed and continued, they end as if they had not been."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from vadlab import training
from vadlab.detector import State
from vadlab.errors import StoreError
from vadlab.stepwise import in_steps


class KilledError(Exception):
    pass


def append(number: int, state: State) -> None:
    state["values"] = np.append(state["values"], [number])
    state["last"] = np.array([number % 2 == 0])


def steps(n: int) -> list[Callable[[State], None]]:
    return [partial(append, number) for number in range(n)]


def start() -> State:
    return {"values": np.array([-1])}


def test_steps_run_in_order_and_tell_how_far_they_are() -> None:
    seen: list[tuple[int, int]] = []
    given = start()
    with training.runtime(training.Runtime(progress=lambda done, total, _: seen.append((done, total)))):
        state = in_steps(steps(4), given)
    assert state["values"].tolist() == [-1, 0, 1, 2, 3]
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert given["values"].tolist() == [-1]


@pytest.mark.parametrize("at", [1, 3, 5])
def test_a_killed_fit_continues(tmp_path: Path, at: int) -> None:
    def kill(done: int, total: int, losses: dict[str, float]) -> None:
        if done == at:
            raise KilledError

    ran: list[int] = []
    watched = [lambda state, s=step, i=i: (ran.append(i), s(state))[1] for i, step in enumerate(steps(5))]
    killed = training.Runtime(folder=tmp_path, snapshot_every_s=0.0, progress=kill)
    with training.runtime(killed), pytest.raises(KilledError):
        in_steps(watched, start())
    with training.runtime(training.Runtime(folder=tmp_path)):
        state = in_steps(watched, start())
    assert ran == [0, 1, 2, 3, 4]  # none twice
    alone = in_steps(steps(5), start())
    assert state.keys() == alone.keys()
    for name in alone:
        np.testing.assert_array_equal(state[name], alone[name])
        assert state[name].dtype == alone[name].dtype


def test_no_resume_where_none_is_wanted(tmp_path: Path) -> None:
    with training.runtime(training.Runtime(folder=tmp_path)):
        in_steps(steps(3), start())
    with training.runtime(training.Runtime(folder=tmp_path, resume=False)):
        assert in_steps(steps(2), start())["values"].tolist() == [-1, 0, 1]


def test_a_snapshot_of_another_fit_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    with training.runtime(training.Runtime(folder=tmp_path)):
        in_steps(steps(3), start())
        with pytest.raises(StoreError, match="3 steps, where this one has 4"):
            in_steps(steps(4), start())
        path = tmp_path / training.SNAPSHOT
        path.write_bytes(path.read_bytes()[:-3])
        with pytest.raises(StoreError, match="damaged"):
            in_steps(steps(3), start())
