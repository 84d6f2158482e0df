"""Mean and spread of a figure over runs that differ in their seed only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vadlab.errors import DataError

__all__ = ["Spread", "pool_seeds"]

CIRCUMSTANCES = ("versions", "started", "minutes", "peak_mib")  # of a run, which decide nothing


@dataclass(frozen=True)
class Spread:
    """A figure over several runs.

    Args:
        mean: Mean of the runs where it is defined.
        sd: Sample standard deviation (n - 1); NaN for one run.
        low, high: The lowest and highest run.
        n: Runs where it is defined.
    """

    mean: float
    sd: float
    low: float
    high: float
    n: int


def pool_seeds(runs: Sequence[Mapping[str, Any]]) -> dict[str, Spread]:
    """Pool the evaluations of several runs under one set of rules.

    Args:
        runs: Parts of `metrics.json`, one a run: each with "rules", "metrics" and "run". Of "run",
            everything must be the same but seeds, versions, times and memory.

    Returns:
        Figure to its spread; those that no run defines are left out.

    Raises:
        DataError: If there is no run, runs differ in rules, test videos or anything but their seed, or
            two have the same seeds; names each difference.
    """
    if not runs:
        raise DataError("there is no run to pool", expected="the evaluations of one run or more")
    facts = [_facts(run) for run in runs]
    differing = [
        f"{key}: {' | '.join(dict.fromkeys(str(one.get(key)) for one in facts))}"
        for key in dict.fromkeys(key for one in facts for key in one)
        if any(one.get(key) != facts[0].get(key) for one in facts)
    ]
    if differing:
        raise DataError(
            "the runs differ in more than their seed",
            expected="the same rules, dataset, split, detector, settings and features",
            found="".join(f"\n    {line}" for line in differing),
            remedy="pool those apart that were made in another way",
        )
    seeds = [_seeds(run) for run in runs]
    if len(set(seeds)) < len(seeds):
        raise DataError(
            "two runs have the same seeds",
            expected="each run once, and another seed for each",
            found=", ".join(f"seed {seed}, split seed {split}" for seed, split in seeds),
            remedy="leave the copy out: it would make the spread look smaller than it is",
        )
    names = dict.fromkeys(name for run in runs for name in run["metrics"])
    pooled = {}
    for name in names:
        values = [run["metrics"].get(name) for run in runs]
        known = np.array([value for value in values if value is not None and not math.isnan(value)])
        if len(known):
            sd = float(known.std(ddof=1)) if len(known) > 1 else math.nan
            pooled[name] = Spread(float(known.mean()), sd, float(known.min()), float(known.max()), len(known))
    return pooled


def _facts(run: Mapping[str, Any]) -> dict[str, Any]:
    """All that must agree, flat: rules and run, without seeds and circumstances."""
    told = {key: value for key, value in run["run"].items() if key not in CIRCUMSTANCES}
    return {
        key: value
        for key, value in _flat({"rules": run["rules"], "run": told}).items()
        if key.rsplit(".", 1)[-1] != "seed"
    }


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(value, Mapping):
        return {
            key: leaf for name, part in value.items() for key, leaf in _flat(part, f"{prefix}.{name}").items()
        }
    return {prefix.lstrip("."): value}


def _seeds(run: Mapping[str, Any]) -> tuple[Any, Any]:
    return run["run"].get("seed"), (run["run"].get("split") or {}).get("seed")
