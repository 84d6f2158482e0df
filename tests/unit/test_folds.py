"""Cross-validation: every video tested as often as the protocol says, sources whole."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vadlab.errors import DataError, UsageError
from vadlab.folds import category_folds, few_anomalies_folds
from vadlab.types import Entry, Supervision


def entry(name: str, category: str | None, part: str = "train", source: str | None = None) -> Entry:
    return Entry(name, Path(name), category, category != "Normal", source or name, part)


def original(n_train: int, n_test: int) -> list[Entry]:
    made = [entry(f"a{i:03d}", "Normal") for i in range(n_train)]
    return made + [entry(f"t{i:03d}", "Abnormal", "test") for i in range(n_test)]


@pytest.mark.parametrize(("n_test", "folds"), [(21, 10), (107, 5), (4, 4), (7, 2)])
def test_each_test_video_is_once_among_the_few_anomalies(n_test: int, folds: int) -> None:
    splits = few_anomalies_folds("x", original(16, n_test), Supervision.WEAK, folds=folds)
    assert len(splits) == folds
    few = [[e.id for e in split.train if e.abnormal] for split in splits]
    # In list order, in runs of nearly equal length.
    assert [name for run in few for name in run] == [f"t{i:03d}" for i in range(n_test)]
    assert {len(run) for run in few} <= {n_test // folds, n_test // folds + 1}
    for split, run in zip(splits, few, strict=True):
        assert sum(not e.abnormal for e in split.train) == 16
        assert len(split.test) == n_test - len(run)
        assert not {e.id for e in split.test} & set(run)
        assert split.seed is None


def test_few_anomalies_leave_official_training_anomalies_out() -> None:
    videos = [*original(3, 4), entry("b", "Abnormal", "train")]
    for split in few_anomalies_folds("x", videos, Supervision.FULL, folds=2):
        assert "b" not in {e.id for e in split.train}


@pytest.mark.parametrize(
    ("mode", "folds"), [(Supervision.UNSUPERVISED, 2), (Supervision.WEAK, 1), (Supervision.WEAK, 5)]
)
def test_impossible_few_anomalies(mode: Supervision, folds: int) -> None:
    with pytest.raises(UsageError, match="cannot make folds"):
        few_anomalies_folds("x", original(3, 4), mode, folds=folds)


def test_sources_on_two_sides_are_refused() -> None:
    videos = original(3, 4)
    videos[-1] = entry("t003", "Abnormal", "test", source="t000")
    with pytest.raises(DataError, match="source 't000'"):
        few_anomalies_folds("x", videos, Supervision.WEAK, folds=2)


def test_category_folds_are_balanced_and_test_each_drawn_video_once() -> None:
    sizes = {"Abuse": 50, "Arson": 90, "Normal": 300, "Rare": 9}
    videos = [entry(f"{c}{i:03d}", c) for c, n in sizes.items() for i in range(n)]
    splits = category_folds("x", videos, seed=3)
    tested = Counter(e.category for split in splits for e in split.test)
    assert tested == {"Abuse": 50, "Arson": 50, "Normal": 50, "Rare": 9}
    for split in splits:
        counts = Counter(e.category for e in split.test)
        for category, n in tested.items():
            assert counts[category] in (n // 4, n // 4 + 1)
        assert len(split.train) + len(split.test) == sum(tested.values())
        assert split.supervision is Supervision.FULL
    assert category_folds("x", videos[::-1], seed=3) == splits
    assert category_folds("x", videos, seed=4) != splits


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.sampled_from(["A", "B"]), min_size=1, max_size=5), min_size=8, max_size=40))
def test_category_folds_keep_sources_whole(clips: list[list[str]]) -> None:
    clips = [*clips, *[["A"], ["B"]] * 3]
    videos = [
        entry(f"{s:02d}{i}", c, source=f"s{s}") for s, kinds in enumerate(clips) for i, c in enumerate(kinds)
    ]
    splits = category_folds("x", videos, folds=3, per_category=1000)
    tested = [e.id for split in splits for e in split.test]
    assert sorted(tested) == sorted(e.id for e in videos)  # Split itself refuses a source on two sides


def test_impossible_category_folds() -> None:
    videos = [entry(f"a{i}", "A") for i in range(9)] + [entry("b", "B")]
    with pytest.raises(UsageError, match="4 folds; B: 1"):
        category_folds("x", videos)
    with pytest.raises(DataError, match="no categories"):
        category_folds("x", [entry("a", None)])
    with pytest.raises(UsageError, match="2 folds or more"):
        category_folds("x", videos[:9], folds=1)
