import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vadlab.errors import DataError, UsageError
from vadlab.splits import (
    assemble,
    by_part,
    cut_validation,
    normal_only,
    random_half,
    read_split,
    write_split,
)
from vadlab.types import Entry, Supervision


def entry(
    name: str,
    *,
    abnormal: bool = False,
    category: str | None = None,
    source: str | None = None,
    part: str = "train",
) -> Entry:
    return Entry(name, Path(name), category, abnormal, source or name, part)


def videos(n_normal: int, n_abnormal: int, **more: str) -> list[Entry]:
    normal = [entry(f"n{i:04d}", **more) for i in range(n_normal)]
    return normal + [entry(f"a{i:04d}", abnormal=True, **more) for i in range(n_abnormal)]


def kinds(entries: tuple[Entry, ...]) -> tuple[int, int]:
    """(normal, abnormal)."""
    return sum(not e.abnormal for e in entries), sum(e.abnormal for e in entries)


@pytest.mark.parametrize(
    ("normal", "abnormal", "train", "test"),
    [
        (16, 12, (8, 6), (8, 6)),  # UCSD Ped2, paper Table 2
        (16, 21, (8, 11), (8, 10)),  # Avenue, paper Table 2
    ],
)
def test_random_half_gives_the_papers_numbers(
    normal: int, abnormal: int, train: tuple[int, int], test: tuple[int, int]
) -> None:
    for seed in range(5):
        drawn = random_half(videos(normal, abnormal), seed=seed)
        assert (kinds(drawn[0]), kinds(drawn[1])) == (train, test)


def test_random_half_draws_every_video_about_as_often() -> None:
    seeds = 400
    drawn = Counter(e.id for seed in range(seeds) for e in random_half(videos(16, 12), seed=seed)[0])
    # Binomial: mean 200, deviation 10; the seeds are fixed, so this cannot fail by chance.
    assert len(drawn) == 28
    assert all(abs(count - seeds / 2) < 50 for count in drawn.values())


@given(st.permutations(videos(9, 7)), st.integers(0, 99))
def test_draws_do_not_depend_on_the_order_of_the_entries(shuffled: list[Entry], seed: int) -> None:
    assert random_half(shuffled, seed=seed) == random_half(videos(9, 7), seed=seed)
    assert cut_validation(shuffled, 0.3, seed=seed) == cut_validation(videos(9, 7), 0.3, seed=seed)


def test_a_draw_is_pinned_for_good() -> None:
    """Published splits must not change with a new version of a library."""
    train, _ = random_half(videos(4, 4), seed=0)
    assert [e.id for e in train] == ["a0000", "a0002", "n0000", "n0003"]


def test_by_part_sorts_and_keeps_every_video() -> None:
    given = [entry("c", part="test"), entry("b"), entry("d", part="val"), entry("a")]
    train, val, test = by_part(given)
    assert [[e.id for e in part] for part in (train, val, test)] == [["a", "b"], ["d"], ["c"]]


@st.composite
def recordings(draw: st.DrawFn) -> list[Entry]:
    """Clips cut from 2 to 12 recordings."""
    made = []
    for source in range(draw(st.integers(2, 12))):
        for clip in range(draw(st.integers(1, 6))):
            category = draw(st.sampled_from([None, "Fire", "Panic"]))
            made.append(
                entry(
                    f"s{source}c{clip}", abnormal=draw(st.booleans()), category=category, source=f"s{source}"
                )
            )
    return made


@settings(deadline=None)
@given(recordings(), st.floats(0.01, 0.95), st.integers(0, 5))
def test_validation_parts_keep_sources_whole_and_lose_no_video(
    clips: list[Entry], fraction: float, seed: int
) -> None:
    train, val = cut_validation(clips, fraction, seed=seed)
    assert train
    assert val
    assert not {e.source for e in train} & {e.source for e in val}
    assert sorted(e.id for e in train + val) == sorted(e.id for e in clips)
    assert [e.id for e in train] == sorted(e.id for e in train)
    # Off by no more than one whole source.
    largest = max(Counter(e.source for e in clips).values())
    assert abs(len(val) - fraction * len(clips)) <= largest


def test_validation_is_stratified_where_every_video_is_its_own_source() -> None:
    """LAD's training part: of each kind in each category, the wanted share to the nearest video."""
    categories = [f"c{i:02d}" for i in range(14)]
    clips = [
        entry(f"{c}/{kind}{i:03d}", category=c, abnormal=kind == "a")
        for c in categories
        for kind, number in (("n", 68), ("a", 34))
        for i in range(number)
    ]
    _, val = cut_validation(clips, 0.1, seed=3)
    assert abs(len(val) - 0.1 * len(clips)) < 1
    found = Counter((e.category, e.abnormal) for e in val)
    assert all(found[c, False] in (6, 7) and found[c, True] in (3, 4) for c in categories)


def test_validation_of_small_strata_spreads_over_the_categories() -> None:
    clips = [
        entry(f"c{c:02d}/{kind}{i}", category=f"c{c:02d}", abnormal=kind == "a")
        for c in range(14)
        for kind in "na"
        for i in range(2)
    ]
    _, val = cut_validation(clips, 0.1, seed=0)
    # 5.6 of 56 are wanted, 2.8 of each kind, 0.4 of each category.
    assert len(val) in (5, 6)
    assert set(kinds(val)) <= {2, 3}
    assert len({e.category for e in val}) == len(val)


def test_validation_differs_between_seeds_also_with_unequal_sources() -> None:
    sizes = [20, 17, 11, 9, 8, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1]
    clips = [entry(f"s{s:02d}c{c:02d}", source=f"s{s}") for s, size in enumerate(sizes) for c in range(size)]
    drawn = [frozenset(e.source for e in cut_validation(clips, 0.2, seed=seed)[1]) for seed in range(10)]
    assert len(set(drawn)) >= 8
    assert drawn[0] == frozenset(e.source for e in cut_validation(clips, 0.2, seed=0)[1])


def test_a_small_fraction_still_cuts_one_video() -> None:
    assert len(cut_validation(videos(8, 0), 0.01, seed=0)[1]) == 1
    assert cut_validation(videos(8, 0), 0, seed=0)[1] == ()


@pytest.mark.parametrize("fraction", [-0.1, 1.0, 1.5, float("nan")])
def test_fractions_out_of_range_are_refused(fraction: float) -> None:
    with pytest.raises(UsageError, match="0 <= fraction < 1"):
        cut_validation(videos(4, 4), fraction, seed=0)


def test_one_recording_cannot_be_cut() -> None:
    with pytest.raises(DataError, match="two sources"):
        cut_validation([entry("a", source="s"), entry("b", source="s")], 0.5, seed=0)


def test_unsupervised_training_and_validation_see_normal_videos_only() -> None:
    train, test = random_half(videos(16, 12), seed=1)
    weak = assemble("x", Supervision.WEAK, protocol="paper", train=train, test=test, seed=1, drawn=True)
    normal = assemble(
        "x", Supervision.UNSUPERVISED, protocol="paper", train=train, test=test, seed=1, drawn=True
    )
    assert normal.train == normal_only(weak.train)
    assert normal.test == weak.test
    assert (weak.name, normal.name) == ("x weak, 14/14", "x unsupervised, 8/14")
    cut = assemble(
        "x", Supervision.UNSUPERVISED, protocol="paper", train=train, test=test, val_fraction=0.25, seed=1
    )
    assert kinds(cut.train) == (6, 0)
    assert kinds(cut.val) == (2, 0)


def test_the_seed_is_recorded_only_where_something_was_drawn() -> None:
    train, test = videos(4, 0), [entry("t")]
    official = assemble("x", Supervision.WEAK, protocol="paper", train=train, test=test, seed=7)
    cut = assemble("x", Supervision.WEAK, protocol="paper", train=train, test=test, seed=7, val_fraction=0.5)
    drawn = assemble("x", Supervision.WEAK, protocol="paper", train=train, test=test, seed=7, drawn=True)
    assert (official.seed, cut.seed, drawn.seed) == (None, 7, 7)


def test_a_listed_validation_part_is_not_cut_again() -> None:
    parts = {"train": videos(4, 4), "val": [entry("v")], "test": [entry("t")]}
    assert len(assemble("x", Supervision.WEAK, protocol="paper", **parts).val) == 1
    with pytest.raises(UsageError, match="its own validation part"):
        assemble("x", Supervision.WEAK, protocol="paper", val_fraction=0.1, **parts)


def test_unsupervised_training_needs_a_normal_video() -> None:
    with pytest.raises(DataError, match="no normal video"):
        assemble("x", Supervision.UNSUPERVISED, protocol="paper", train=videos(0, 3), test=[])


def test_a_set_to_test_with_alone_is_no_error() -> None:
    split = assemble("x", Supervision.UNSUPERVISED, protocol="paper", train=[], test=videos(1, 1))
    assert (len(split.train), len(split.test)) == (0, 2)


def test_unknown_protocols_and_leaking_sources_are_refused() -> None:
    with pytest.raises(UsageError, match=r"paper \| official"):
        assemble("x", Supervision.WEAK, protocol="theirs", train=[], test=[])  # type: ignore[arg-type]
    leak = {"train": [entry("a", source="cam")], "test": [entry("b", source="cam")]}
    with pytest.raises(DataError, match="source 'cam' in train and in test"):
        assemble("x", Supervision.WEAK, protocol="paper", **leak)


def test_a_split_comes_back_from_its_file(tmp_path: Path) -> None:
    train, test = random_half(videos(6, 6), seed=4)
    options = {"protocol": "paper", "val_fraction": 0.3, "seed": 4, "drawn": True}
    split = assemble("x", Supervision.FULL, train=train, test=test, **options)
    write_split(tmp_path / "split.json", split)
    assert read_split(tmp_path / "split.json", videos(6, 6)) == split


def test_a_split_of_other_videos_is_refused(tmp_path: Path) -> None:
    train, test = random_half(videos(2, 2), seed=0)
    write_split(
        tmp_path / "s.json", assemble("x", Supervision.WEAK, protocol="paper", train=train, test=test)
    )
    with pytest.raises(DataError, match="names 2 videos that the dataset has not") as caught:
        read_split(tmp_path / "s.json", videos(2, 0))
    assert "'a0000', 'a0001'" in str(caught.value.found)


@pytest.mark.parametrize(
    "change",
    [
        {"train": "n0000"},
        {"test": [1]},
        {"test": None},
        {"val": None},
        {"supervision": "half"},
        {"seed": "0"},
        {"name": None},
    ],
)
def test_malformed_split_files_are_refused(tmp_path: Path, change: dict[str, object]) -> None:
    good = {
        "name": "x",
        "supervision": "weak",
        "seed": None,
        "train": ["n0000"],
        "val": [],
        "test": ["n0001"],
    }
    (tmp_path / "s.json").write_text(json.dumps(good))
    assert read_split(tmp_path / "s.json", videos(2, 0)).supervision is Supervision.WEAK
    (tmp_path / "s.json").write_text(json.dumps(good | change))
    with pytest.raises(DataError, match="malformed"):
        read_split(tmp_path / "s.json", videos(2, 0))


def test_a_split_that_lists_a_video_twice_is_refused(tmp_path: Path) -> None:
    twice = {"name": "x", "supervision": "weak", "seed": None, "val": [], "test": ["n0001"]}
    (tmp_path / "s.json").write_text(json.dumps(twice | {"train": ["n0000", "a0000", "n0000"]}))
    with pytest.raises(DataError, match=r"lists 1 videos twice as 'train'(.|\n)*n0000"):
        read_split(tmp_path / "s.json", videos(2, 1))


def test_a_split_file_has_an_id_a_line(tmp_path: Path) -> None:
    train, test = random_half(videos(2, 2), seed=0)
    split = assemble("x", Supervision.WEAK, protocol="paper", train=train, test=test, seed=0, drawn=True)
    write_split(tmp_path / "s.json", split)
    lines = (tmp_path / "s.json").read_text().splitlines()
    assert all(f'"{e.id}"' in [line.strip(" ,") for line in lines] for e in train + test)
