"""Folds of cross-validation, as MLEP's and TCNN's protocols need them; each fold is a split.

As in `vadlab.splits`, a draw depends on the seed and the videos' ids alone, and a source is on one side.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

import numpy as np

from vadlab.errors import DataError, UsageError
from vadlab.splits import by_part, normal_only
from vadlab.types import Entry, Split, Supervision

__all__ = ["MLEP_FOLDS", "category_folds", "few_anomalies_folds"]

MLEP_FOLDS = {"avenue": 10, "avenue_ranges": 10, "shanghaitech": 5}
"""Numbers of folds in the MLEP paper."""


def few_anomalies_folds(
    name: str, entries: Iterable[Entry], supervision: Supervision, *, folds: int
) -> tuple[Split, ...]:
    """MLEP's protocol: one fold of the official test videos joins the normal training videos.

    The official test videos, in the order of their ids, are cut into `folds` runs of nearly equal length.
    In split k the k-th run is the few labelled anomalies, and the other runs are tested on. Figures are
    averaged over the splits. Nothing is drawn at random.

    Args:
        name: The dataset's name.
        entries: Its videos.
        supervision: WEAK or FULL: which labels the few anomalies show.
        folds: Number of folds, at least 2.

    Raises:
        UsageError: If the mode is unsupervised, or there are fewer test videos than folds.
        DataError: If a source is on two sides.

    Source: W. Liu et al.: Margin learning embedded prediction for video anomaly detection with a few
    anomalies, IJCAI 2019 (K = 10 for Avenue, 5 for ShanghaiTech), and its released code (the order).
    """
    train, _, test = by_part(entries)
    if supervision is Supervision.UNSUPERVISED or not 2 <= folds <= len(test):
        raise UsageError(
            "cannot make folds of few anomalies",
            expected=f"weak or full supervision, and 2 to {len(test)} folds of the {len(test)} test videos",
            found=f"{supervision}, {folds} folds",
        )
    runs = [set(run.tolist()) for run in np.array_split(np.arange(len(test)), folds)]
    return tuple(
        Split(
            f"{name} {supervision}, few anomalies, fold {number} of {folds}",
            supervision,
            _by_id([*normal_only(train), *(test[i] for i in run)]),
            (),
            tuple(entry for i, entry in enumerate(test) if i not in run),
        )
        for number, run in enumerate(runs, start=1)
    )


def category_folds(
    name: str, entries: Iterable[Entry], *, folds: int = 4, per_category: int = 50, seed: int = 0
) -> tuple[Split, ...]:
    """The protocol of anomaly classification: equally many videos of each category, each tested once.

    Of every category `per_category` videos are drawn (whole sources at a time, and never more), then
    dealt to the folds. In split k the k-th fold is the test part, the others train. Each fold has the same
    number of videos of each category, give or take one, as long as every video is its own source.

    Args:
        name: The dataset's name.
        entries: Its videos, of all parts; those without a category are left out.
        folds: Number of folds, at least 2.
        per_category: Videos of each category; fewer where it has not as many.
        seed: Seed of the draw.

    Raises:
        UsageError: If there are fewer than two folds, or fewer videos of a category than folds.
        DataError: If there are no categories.

    Source: W. Sultani, C. Chen, M. Shah: Real-world anomaly detection in surveillance videos, CVPR 2018,
    Sec. 5.4: 50 videos of each of 13 classes and normal ones, 75 % to train, 25 % to test (TCNN, C3D).
    """
    sources: dict[str, list[Entry]] = {}
    for entry in _by_id(entries):
        if entry.category is not None:
            sources.setdefault(entry.source, []).append(entry)
    if not sources:
        raise DataError(f"{name} has no categories", expected="videos with a category")
    order = sorted(sources, key=lambda source: hashlib.sha256(f"{seed} {source}".encode()).digest())
    drawn: Counter[str | None] = Counter()
    dealt: list[list[Entry]] = [[] for _ in range(folds)]
    held: list[Counter[str | None]] = [Counter() for _ in range(folds)]
    for source in order:
        clips = Counter(entry.category for entry in sources[source])
        if any(drawn[category] + n > per_category for category, n in clips.items()):
            continue
        drawn += clips
        # To the fold that has fewest of these categories; of equal ones, to the smallest, then the first.
        target = min(range(folds), key=lambda k: (sum(held[k][c] for c in clips), len(dealt[k]), k))
        dealt[target] += sources[source]
        held[target] += clips
    few = {str(category): n for category, n in drawn.items() if n < folds}
    if folds < 2 or few:
        raise UsageError(
            "cannot make folds of these categories",
            expected=f"2 folds or more, and {folds} videos of each category or more",
            found=f"{folds} folds; {', '.join(f'{category}: {n}' for category, n in few.items())}",
        )
    return tuple(
        Split(
            f"{name} categories, fold {number + 1} of {folds}",
            Supervision.FULL,
            _by_id(entry for k in range(folds) if k != number for entry in dealt[k]),
            (),
            _by_id(dealt[number]),
            seed,
        )
        for number in range(folds)
    )


def _by_id(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple(sorted(entries, key=lambda entry: entry.id))
