"""Several detectors on one dataset and one feature store, over several seeds, under one set of rules.

python examples/compare_detectors.py folder VIDEOS FEATURES RUNS
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from vadlab.evaluation.rules import describe, get
from vadlab.evaluation.seeds import Spread, pool_seeds
from vadlab.verbs.evaluate import evaluate_run
from vadlab.verbs.train import Plan, train


def compare(
    dataset: str, root: Path, store: Path, runs: Path, *, detectors: Sequence[str], seeds: Sequence[int]
) -> dict[str, Spread]:
    """Each detector's frame AUC: mean and spread over seeds, each with its own draw of the split."""
    rules = get("strict")
    found = {}
    for detector in detectors:
        results = []
        for seed in seeds:
            run = runs / detector / str(seed)
            train(Plan(dataset, root, detector, features=store, seed=seed), run)
            results.append(evaluate_run(run, rules).metrics)
        found[detector] = pool_seeds(results)["auc"]
    return found


if __name__ == "__main__":
    dataset, *folders = sys.argv[1:]
    root, store, runs = map(Path, folders)
    print(describe(get("strict")))
    for name, auc in compare(
        dataset, root, store, runs, detectors=("linear_probe", "knn"), seeds=(0, 1, 2)
    ).items():
        print(f"{name}: {100 * auc.mean:.1f} ± {100 * auc.sd:.1f} over {auc.n} seeds")
