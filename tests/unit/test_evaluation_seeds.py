"""Pooling runs that differ in their seed, and refusing all others."""

from __future__ import annotations

import copy
import math
import statistics
from typing import Any

import pytest

from vadlab.errors import DataError
from vadlab.evaluation.rules import get, to_dict
from vadlab.evaluation.seeds import pool_seeds


def run(seed: int, auc: float | None, **changes: Any) -> dict[str, Any]:
    made = {
        "rules": to_dict(get("strict")),
        "metrics": {"auc": auc, "n_frames": 100.0},
        "run": {
            "dataset": "ped2",
            "detector": "aed",
            "settings": {"k": 5, "seed": seed},
            "split": {"name": "paper", "seed": seed, "sizes": {"train": 14, "test": 14}},
            "features": {"backbone": "i3d", "weights": {"rgb": "kinetics"}},
            "versions": {"torch": "2"},
            "seed": seed,
            "started": f"day {seed}",
            "minutes": seed / 3,
        },
    }
    return made | changes


def test_mean_and_spread() -> None:
    values = [0.8, 0.85, 0.9]
    spread = pool_seeds([run(seed, auc) for seed, auc in enumerate(values)])["auc"]
    assert spread.mean == pytest.approx(statistics.mean(values))
    assert spread.sd == pytest.approx(statistics.stdev(values))
    assert (spread.low, spread.high, spread.n) == (0.8, 0.9, 3)


def test_one_run_has_no_spread_and_undefined_figures_do_not_count() -> None:
    alone = pool_seeds([run(0, 0.8)])["auc"]
    assert alone.n == 1
    assert math.isnan(alone.sd)
    assert pool_seeds([run(0, 0.8), run(1, None), run(2, 0.6)])["auc"].n == 2
    assert "auc" not in pool_seeds([run(0, None)])


def changed(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    other = copy.deepcopy(run(1, 0.9))
    part = other
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return other


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("rules", "tail"), "drop", "rules.tail: hold | drop"),
        (("run", "dataset"), "lad", "run.dataset: ped2 | lad"),
        (("run", "detector"), "mnad", "run.detector: aed | mnad"),
        (("run", "settings", "k"), 10, "run.settings.k: 5 | 10"),
        (("run", "split", "sizes", "train"), 16, "run.split.sizes.train: 14 | 16"),
        (("run", "features", "weights", "rgb"), "none", "run.features.weights.rgb: kinetics | none"),
        (("run", "settings", "more"), 1, "run.settings.more: None | 1"),
    ],
)
def test_runs_that_differ_in_more_are_refused_with_the_difference(
    path: tuple[str, ...], value: Any, told: str
) -> None:
    with pytest.raises(DataError, match="more than their seed") as caught:
        pool_seeds([run(0, 0.8), changed(path, value)])
    assert told in str(caught.value)


def test_a_run_twice_and_no_run_are_refused() -> None:
    with pytest.raises(DataError, match="same seeds"):
        pool_seeds([run(0, 0.8), run(0, 0.8)])
    with pytest.raises(DataError, match="no run"):
        pool_seeds([])
