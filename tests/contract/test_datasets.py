"""What every dataset keeps, checked over all that the catalogue lists, on its miniature.

A new dataset brings a miniature of itself, `vadlab/miniatures/<name>.py`: a small tree in its layout.
"""

from __future__ import annotations

import importlib
import inspect
from fractions import Fraction
from pathlib import Path

import pytest

from vadlab import catalog
from vadlab.annotation_table import Row, write_rows
from vadlab.datasets._protocol import Dataset, category_counts, video_counts
from vadlab.errors import DataError, UsageError, VadlabError
from vadlab.files import write_json
from vadlab.miniatures.drawn_video import EVENT, N_FRAMES
from vadlab.splits import TABLE_2
from vadlab.types import Entry, FrameLabels, Supervision
from vadlab.video.decode import probe

DRAWN = {"avenue", "avenue_ranges", "lv", "ped1", "ped2"}  # sets whose paper split is drawn by the seed
OWN_VALIDATION = {"ubnormal"}
NOTHING_NORMAL = {"lv"}


def synth(root: Path) -> None:
    """As `generate` leaves it, without drawing."""
    rows = []
    for category in ("Crash", "Fire"):
        (root / category).mkdir()
        for number in range(12):
            path = f"{category}/v{number:02d}.mp4"
            (root / path).touch()
            abnormal = number % 2 == 1
            part = "train" if number < 8 else "test"
            spans = (EVENT,) if abnormal else ()
            rows.append(Row(path, part, category, abnormal, spans, n_frames=N_FRAMES, fps=Fraction(25)))
    write_json(root / "synth.json", {"version": 1})
    write_rows(root / "annotations.csv", rows)


@pytest.fixture(scope="module", params=catalog.names("datasets"))
def dataset(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    name = request.param
    root = tmp_path_factory.mktemp(name)
    (synth if name == "synth" else importlib.import_module(f"vadlab.miniatures.{name}").write)(root)
    return catalog.load("datasets", name)(root)


def modes(dataset: Dataset) -> list[Supervision]:
    nothing_normal = dataset.name in NOTHING_NORMAL
    return [mode for mode in Supervision if not (nothing_normal and mode is Supervision.UNSUPERVISED)]


def val(dataset: Dataset) -> float:
    return 0.0 if dataset.name in OWN_VALIDATION else 0.25


MODES = pytest.mark.parametrize("mode", list(Supervision))


def test_facts(dataset: Dataset) -> None:
    cls = type(dataset)
    assert dataset.name in catalog.names("datasets")
    assert catalog.load("datasets", dataset.name) is cls
    assert cls.licence
    assert cls.home
    known = {*video_counts(()), "train_frames", "test_frames", "test_abnormal_frames"}
    known |= {f"{part} {category}" for part in ("train", "test") for category in dataset.categories}
    assert set(cls.published) <= known
    assert all(type(count) is int and count > 0 for count in cls.published.values())
    assert catalog.describe("datasets", dataset.name)


def test_the_signatures_are_the_protocols(dataset: Dataset) -> None:
    for method in ("entries", "has_frame_labels", "labels", "split"):
        mine, wanted = (inspect.signature(getattr(cls, method)) for cls in (type(dataset), Dataset))
        assert mine == wanted, method


def test_published_counts_add_up(dataset: Dataset) -> None:
    """Where a total and all its parts are published."""
    counts = type(dataset).published
    for total, parts in {
        "videos": ("normal", "abnormal"),
        "train": ("train_normal", "train_abnormal"),
        "test": ("test_normal", "test_abnormal"),
        "normal": ("train_normal", "test_normal"),
        "abnormal": ("train_abnormal", "test_abnormal"),
    }.items():
        if {total, *parts} <= counts.keys():
            assert sum(counts[part] for part in parts) == counts[total]
    for part in ("train", "test"):
        kinds = [n for key, n in counts.items() if key.startswith(f"{part} ")]
        assert not kinds or sum(kinds) == counts[part]
    if dataset.name in TABLE_2 and dataset.name not in DRAWN | {"shanghaitech"}:
        normal, train, test = TABLE_2[dataset.name]
        assert (normal, train, test) == (counts["train_normal"], counts["train"], counts["test"])


def test_entries_are_sorted_unique_and_consistent(dataset: Dataset) -> None:
    entries = dataset.entries()
    ids = [entry.id for entry in entries]
    assert ids == sorted(set(ids))
    assert len(ids) >= 24
    assert dataset.absent == ()
    assert dataset.entries() == entries
    assert len(set(dataset.categories)) == len(dataset.categories)
    assert sum(category_counts(entries).values()) == len(entries)
    for entry in entries:
        assert entry.path.exists()
        assert entry.path.is_relative_to(dataset.root)
        assert entry.category is None or entry.category in dataset.categories
        assert entry.part in ("train", "val", "test")
        assert "\\" not in entry.id
        assert not entry.id.startswith(("/", "."))
        assert (entry.fps is not None) == entry.path.is_dir()


def test_miniatures_decode_to_their_frames(dataset: Dataset) -> None:
    for entry in dataset.entries()[::4] if dataset.name != "synth" else ():
        video = probe(entry.path, id=entry.id, fps=entry.fps)
        assert (video.n_frames, video.size) == (N_FRAMES, (48, 36))


def test_reading_the_same_folder_again_gives_the_same(dataset: Dataset) -> None:
    again = catalog.load("datasets", dataset.name)(dataset.root)
    assert again.entries() == dataset.entries()
    assert again.split(Supervision.WEAK, seed=3) == dataset.split(Supervision.WEAK, seed=3)


def labelled(dataset: Dataset) -> list[Entry]:
    entries = [entry for entry in dataset.entries() if dataset.has_frame_labels(entry)]
    assert {entry.part for entry in entries} >= {"test"}
    return entries


def test_labels_fit_the_video(dataset: Dataset) -> None:
    for entry in labelled(dataset):
        labels = dataset.labels(entry, N_FRAMES)
        assert isinstance(labels, FrameLabels)
        assert labels.n_frames == N_FRAMES
        assert labels.category == entry.category
        assert labels.intervals.tolist() == ([list(EVENT)] if entry.abnormal else [])


def test_only_abnormal_training_videos_may_have_no_frame_labels(dataset: Dataset) -> None:
    known = set(labelled(dataset))
    assert all(entry.part == "train" and entry.abnormal for entry in set(dataset.entries()) - known)


KNOW_THE_LENGTH = {
    "avenue",
    "folder",
    "lad",
    "lv",
    "ped1",
    "ped2",
    "shanghaitech",
    "synth",
}  # by labels, images


@pytest.mark.parametrize("change", [-5, -2, -1, 1, 2, 5])
def test_labels_of_another_length_are_refused_with_both_lengths(dataset: Dataset, change: int) -> None:
    if dataset.name not in KNOW_THE_LENGTH:
        pytest.skip("the set's labels do not tell lengths")
    wrong = N_FRAMES + change
    for entry in labelled(dataset):
        if not entry.abnormal and dataset.name in ("avenue", "shanghaitech"):
            continue  # training videos have no labels in these sets
        with pytest.raises(DataError) as caught:
            dataset.labels(entry, wrong)
        told = f"{caught.value.expected} {caught.value.found}"
        assert str(wrong) in told
        assert str(N_FRAMES) in told
        assert caught.value.file
        assert caught.value.remedy


def test_labels_beyond_the_video_are_refused(dataset: Dataset) -> None:
    """Whatever the format: a video that ends before its event has begun is not the labelled one."""
    for entry in labelled(dataset):
        if entry.abnormal:
            with pytest.raises(DataError) as caught:
                dataset.labels(entry, EVENT[0])
            assert str(EVENT[0]) in f"{caught.value.expected} {caught.value.found}"
            assert caught.value.remedy


@MODES
def test_splits_hold_every_video_on_one_side(dataset: Dataset, mode: Supervision) -> None:
    if mode not in modes(dataset):
        with pytest.raises(UsageError):
            dataset.split(mode)
        return
    split = dataset.split(mode, seed=1, val_fraction=val(dataset))
    assert split.supervision is mode
    ids = [entry.id for part in (split.train, split.val, split.test) for entry in part]
    assert len(ids) == len(set(ids))
    assert set(ids) <= {entry.id for entry in dataset.entries()}
    sides = [{e.source for e in part} for part in (split.train, split.val, split.test)]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]
    for part in (split.train, split.val, split.test):
        assert part
        assert [e.id for e in part] == sorted(e.id for e in part)


@MODES
def test_validation_is_cut_from_training(dataset: Dataset, mode: Supervision) -> None:
    if mode not in modes(dataset) or dataset.name in OWN_VALIDATION:
        pytest.skip("no such split, or validation is the set's own")
    whole = dataset.split(mode, seed=2)
    cut = dataset.split(mode, seed=2, val_fraction=0.25)
    assert whole.val == ()
    assert cut.test == whole.test
    assert {*cut.train, *cut.val} == set(whole.train)
    assert len(cut.val) / len(whole.train) == pytest.approx(0.25, abs=1.1 / len(whole.train))


def test_modes_differ_in_training_only_and_unsupervised_sees_normal_videos(dataset: Dataset) -> None:
    splits = {mode: dataset.split(mode, seed=5) for mode in modes(dataset)}
    assert len({split.test for split in splits.values()}) == 1
    assert splits[Supervision.WEAK].train == splits[Supervision.FULL].train
    if dataset.name in NOTHING_NORMAL:
        return
    weak = splits[Supervision.WEAK].train
    assert {entry.abnormal for entry in weak} == {True, False}
    assert {entry.abnormal for entry in splits[Supervision.WEAK].test} == {True, False}
    assert splits[Supervision.UNSUPERVISED].train == tuple(e for e in weak if not e.abnormal)
    cut = dataset.split(Supervision.UNSUPERVISED, seed=5, val_fraction=val(dataset))
    assert not any(entry.abnormal for entry in cut.train + cut.val)


@MODES
def test_seeds_decide_what_is_drawn(dataset: Dataset, mode: Supervision) -> None:
    if mode not in modes(dataset):
        pytest.skip("no such split")

    def draw(seed: int, fraction: float) -> tuple[object, ...]:
        split = dataset.split(mode, seed=seed, val_fraction=fraction)
        return split.train, split.val, split.test

    assert draw(1, val(dataset)) == draw(1, val(dataset))
    if dataset.name not in OWN_VALIDATION:
        assert len({draw(seed, 0.25) for seed in range(8)}) > 1
    whole = {draw(seed, 0.0) for seed in range(8)}
    assert len(whole) > 1 if dataset.name in DRAWN else len(whole) == 1
    seed = dataset.split(mode, seed=6).seed
    assert seed == (6 if dataset.name in DRAWN else None)


def test_the_paper_s_split_has_its_published_size(dataset: Dataset) -> None:
    """On miniatures that have all videos; the lists of the others are tested in tests/real."""
    if dataset.name in TABLE_2 and dataset.name in DRAWN:
        normal, train, test = TABLE_2[dataset.name]
        for mode, wanted in zip(Supervision, (normal, train, train), strict=True):
            split = dataset.split(mode, seed=3)
            assert (len(split.train), len(split.test)) == (wanted, test)


def test_the_official_split_keeps_the_official_parts(dataset: Dataset) -> None:
    if dataset.name in NOTHING_NORMAL:
        with pytest.raises(UsageError, match="cuts each video in two"):
            dataset.split(Supervision.WEAK, protocol="official")
        return
    split = dataset.split(Supervision.UNSUPERVISED, protocol="official")
    assert {entry.part for entry in split.train} == {"train"}
    assert not any(entry.abnormal for entry in split.train)
    assert set(split.test) == {entry for entry in dataset.entries() if entry.part == "test"}
    with pytest.raises(UsageError, match="paper"):
        dataset.split(Supervision.UNSUPERVISED, protocol="theirs")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", catalog.names("datasets"))
def test_an_empty_and_a_missing_folder_are_refused_with_a_remedy(name: str, tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "missing"):
        with pytest.raises(VadlabError) as caught:
            catalog.load("datasets", name)(root)
        assert isinstance(caught.value, DataError)
        assert caught.value.file
        assert caught.value.expected
        assert caught.value.remedy


@pytest.mark.parametrize(
    "name", sorted({*catalog.names("datasets")} - {"folder", "synth", "lv", "xd_violence"})
)
def test_a_partial_download_lists_what_is_absent_and_refuses_splits_with_it(
    name: str, tmp_path: Path
) -> None:
    importlib.import_module(f"vadlab.miniatures.{name}").write(tmp_path)
    whole = catalog.load("datasets", name)(tmp_path)
    lost = next(e for e in whole.split(Supervision.WEAK).test if e.abnormal)
    lost.path.rename(tmp_path / "elsewhere")
    partial = catalog.load("datasets", name)(tmp_path)
    assert set(whole.entries()) - {lost} == set(partial.entries())
    assert [entry.part for entry in partial.absent] == [lost.part]
    absent = partial.absent[0]
    assert absent.id.endswith(lost.id.rpartition("/")[2])
    for mode in Supervision:  # the test part is needed by all
        with pytest.raises(DataError, match="of this split are absent") as caught:
            partial.split(mode)
        assert absent.id in str(caught.value)
        assert dataset_home(name) in str(caught.value.remedy)


def dataset_home(name: str) -> str:
    return catalog.load("datasets", name).home
