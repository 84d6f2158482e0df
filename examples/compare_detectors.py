"""Several detectors on one dataset and one feature store, over several seeds, under one set of rules.

python examples/compare_detectors.py folder VIDEOS FEATURES RUNS
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vadlab.evaluation.rules import describe, get
from vadlab.evaluation.seeds import Spread, pool_seeds
from vadlab.verbs.evaluate import evaluate_run
from vadlab.verbs.train import Plan, train


def compare(
    dataset: str,
    root: Path,
    store: Path,
    runs: Path,
    *,
    detectors: Mapping[str, Mapping[str, Any]],
    seeds: Sequence[int],
) -> dict[str, Spread]:
    """Each detector's frame AUC: mean and spread over seeds.

    Args:
        dataset: Its name.
        root: Its folder.
        store: Features of its videos.
        runs: Where runs go, a folder for each detector and seed.
        detectors: Name to the settings that differ from the defaults.
        seeds: Of the detector, and of the split where the dataset has none of its own.
    """
    rules = get("strict")
    found = {}
    for detector, settings in detectors.items():
        results = []
        for seed in seeds:
            run = runs / detector / str(seed)
            train(Plan(dataset, root, detector, settings, features=store, seed=seed), run)
            results.append(evaluate_run(run, rules).metrics)
        found[detector] = pool_seeds(results)["auc"]
    return found


if __name__ == "__main__":
    dataset, *folders = sys.argv[1:]
    root, store, runs = map(Path, folders)
    print(describe(get("strict")))
    found = compare(
        dataset, root, store, runs, detectors={"aed": {"steps": 500}, "rtfm": {"steps": 500}}, seeds=(0, 1, 2)
    )
    for name, auc in found.items():
        print(f"{name}: {100 * auc.mean:.1f} ± {100 * auc.sd:.1f} over {auc.n} seeds")
