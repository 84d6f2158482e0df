"""What every dataset keeps, checked over all that the catalogue lists.

A new dataset brings a builder of a small tree of its own: see `BUILDERS`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import scipy.io

from vadlab import catalog
from vadlab.annotation_table import Row, write_rows
from vadlab.datasets._protocol import Dataset, video_counts
from vadlab.errors import DataError, UsageError, VadlabError
from vadlab.files import write_json
from vadlab.types import FrameLabels, Supervision

N_FRAMES = 12
EVENT = (3, 8)
Lengths = dict[str, int]


def rows(root: Path, categories: tuple[str, ...], *, sources: bool) -> Lengths:
    """Files and annotations.csv: of each category six normal and six abnormal videos."""
    made: list[Row] = []
    for category in categories:
        for number in range(12):
            path = f"{category}/v{number:02d}.mp4"
            (root / category).mkdir(parents=True, exist_ok=True)
            (root / path).touch()
            abnormal = number % 2 == 1
            made.append(
                Row(
                    path=path,
                    part="train" if number < 8 else "test",
                    category=category,
                    abnormal=abnormal,
                    events=(EVENT,) if abnormal else (),
                    n_frames=N_FRAMES,
                    fps=Fraction(25),
                    # Pairs of a normal and an abnormal clip of one recording.
                    source=f"{category} camera {number // 2}" if sources else None,
                )
            )
    write_rows(root / "annotations.csv", made)
    return {row.path.removesuffix(".mp4"): N_FRAMES for row in made}


def folder(root: Path) -> Lengths:
    return rows(root, ("Fire", "Panic"), sources=True)


def synth(root: Path) -> Lengths:
    write_json(root / "synth.json", {"version": 1})
    return rows(root, ("Crash", "Fire"), sources=False)


def ped2(root: Path) -> Lengths:
    lines = ["TestVideoFile = {};"]
    lengths = {}
    for name, title, number in (("training", "Train", 16), ("testing", "Test", 12)):
        for clip in range(1, number + 1):
            images = root / name / "frames" / f"{clip:02d}"
            images.mkdir(parents=True)
            for i in range(N_FRAMES):
                cv2.imwrite(str(images / f"{i:03d}.jpg"), np.zeros((4, 6), np.uint8))
            lengths[f"{title}{clip:03d}"] = N_FRAMES
    lines += [f"TestVideoFile{{end+1}}.gt_frame = [{EVENT[0] + 1}:{EVENT[1]}];"] * 12
    (root / "UCSDped2.m").write_text("\n".join(lines))
    return lengths


def lad(root: Path) -> Lengths:
    lists: dict[str, list[str]] = {"train": [], "test": []}
    (root / "GT_mat" / "all").mkdir(parents=True)
    lengths = {}
    for category in ("Crash", "Violence"):
        (root / category).mkdir()
        for number in range(12):
            abnormal = number % 2 == 1
            name = f"v_{category}_{'a' if abnormal else 'n'}_{number:02d}_01"
            (root / category / f"{name}.mp4").touch()
            labels = np.zeros((1, N_FRAMES), np.uint8)
            if abnormal:
                labels[0, slice(*EVENT)] = 1
            scipy.io.savemat(root / "GT_mat" / "all" / f"gt_{name.removeprefix('v_')}.mat", {"gt": labels})
            lists["train" if number < 8 else "test"].append(name)
            lengths[f"{category}/{name}"] = N_FRAMES
    for part, names in lists.items():
        (root / f"{part}_split.txt").write_text("\n".join(names))
    return lengths


BUILDERS: dict[str, Callable[[Path], Lengths]] = {"folder": folder, "lad": lad, "ped2": ped2, "synth": synth}
DRAWN = {"ped2"}  # sets whose paper split is drawn by the seed


@pytest.fixture(scope="module", params=catalog.names("datasets"))
def built(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Dataset, Lengths]:
    name = request.param
    assert name in BUILDERS, f"add a builder of a small {name} tree to this file"
    root = tmp_path_factory.mktemp(name)
    lengths = BUILDERS[name](root)
    return catalog.load("datasets", name)(root), lengths


@pytest.fixture
def dataset(built: tuple[Dataset, Lengths]) -> Dataset:
    return built[0]


@pytest.fixture
def lengths(built: tuple[Dataset, Lengths]) -> Lengths:
    return built[1]


MODES = pytest.mark.parametrize("mode", list(Supervision))


def test_facts(dataset: Dataset) -> None:
    cls = type(dataset)
    assert dataset.name in catalog.names("datasets")
    assert catalog.load("datasets", dataset.name) is cls
    assert cls.licence
    assert cls.home
    known = {*video_counts(()), "train_frames", "test_frames", "test_abnormal_frames"}
    assert set(cls.published) <= known
    assert all(type(count) is int and count > 0 for count in cls.published.values())
    assert catalog.describe("datasets", dataset.name)


def test_the_signatures_are_the_protocols(dataset: Dataset) -> None:
    for method in ("entries", "has_frame_labels", "labels", "split"):
        mine, wanted = (inspect.signature(getattr(cls, method)) for cls in (type(dataset), Dataset))
        assert mine == wanted, method


def test_entries_are_sorted_unique_and_consistent(dataset: Dataset, lengths: Lengths) -> None:
    entries = dataset.entries()
    ids = [entry.id for entry in entries]
    assert ids == sorted(set(ids))
    assert set(ids) == set(lengths)
    assert dataset.entries() == entries
    assert len(set(dataset.categories)) == len(dataset.categories)
    for entry in entries:
        assert entry.path.exists()
        assert entry.path.is_relative_to(dataset.root)
        assert entry.category is None or entry.category in dataset.categories
        assert entry.part in ("train", "val", "test")
        assert "\\" not in entry.id
        assert not entry.id.startswith(("/", "."))
        assert (entry.fps is not None) == entry.path.is_dir()


def test_reading_the_same_folder_again_gives_the_same(dataset: Dataset) -> None:
    again = catalog.load("datasets", dataset.name)(dataset.root)
    assert again.entries() == dataset.entries()
    assert again.split(Supervision.WEAK, seed=3) == dataset.split(Supervision.WEAK, seed=3)


def test_labels_fit_the_video(dataset: Dataset, lengths: Lengths) -> None:
    for entry in dataset.entries():
        assert dataset.has_frame_labels(entry)
        labels = dataset.labels(entry, lengths[entry.id])
        assert isinstance(labels, FrameLabels)
        assert labels.n_frames == lengths[entry.id]
        assert labels.category == entry.category
        assert labels.intervals.tolist() == ([list(EVENT)] if entry.abnormal else [])


@pytest.mark.parametrize("change", [-5, -2, -1, 1, 2, 5])
def test_labels_of_another_length_are_refused_with_both_lengths(
    dataset: Dataset, lengths: Lengths, change: int
) -> None:
    for entry in dataset.entries():
        wrong = lengths[entry.id] + change
        with pytest.raises(DataError) as caught:
            dataset.labels(entry, wrong)
        told = f"{caught.value.expected} {caught.value.found}"
        assert str(wrong) in told
        assert str(lengths[entry.id]) in told
        assert caught.value.file
        assert caught.value.remedy


@MODES
def test_splits_hold_every_video_on_one_side(dataset: Dataset, mode: Supervision) -> None:
    split = dataset.split(mode, seed=1, val_fraction=0.25)
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
    whole = dataset.split(mode, seed=2)
    cut = dataset.split(mode, seed=2, val_fraction=0.25)
    assert whole.val == ()
    assert cut.test == whole.test
    assert {*cut.train, *cut.val} == set(whole.train)
    assert len(cut.val) / len(whole.train) == pytest.approx(0.25, abs=1.1 / len(whole.train))


def test_modes_differ_in_training_only_and_unsupervised_sees_normal_videos(dataset: Dataset) -> None:
    splits = {mode: dataset.split(mode, seed=5) for mode in Supervision}
    assert len({split.test for split in splits.values()}) == 1
    assert splits[Supervision.WEAK].train == splits[Supervision.FULL].train
    weak = splits[Supervision.WEAK].train
    assert {entry.abnormal for entry in weak} == {True, False}
    assert {entry.abnormal for entry in splits[Supervision.WEAK].test} == {True, False}
    assert splits[Supervision.UNSUPERVISED].train == tuple(e for e in weak if not e.abnormal)
    cut = dataset.split(Supervision.UNSUPERVISED, seed=5, val_fraction=0.25)
    assert not any(entry.abnormal for entry in cut.train + cut.val)


@MODES
def test_seeds_decide_what_is_drawn(dataset: Dataset, mode: Supervision) -> None:
    def draw(seed: int, fraction: float) -> tuple[object, ...]:
        split = dataset.split(mode, seed=seed, val_fraction=fraction)
        return split.train, split.val, split.test

    assert draw(1, 0.25) == draw(1, 0.25)
    assert len({draw(seed, 0.25) for seed in range(8)}) > 1
    whole = {draw(seed, 0.0) for seed in range(8)}
    assert len(whole) > 1 if dataset.name in DRAWN else len(whole) == 1
    seed = dataset.split(mode, seed=6).seed
    assert seed == (6 if dataset.name in DRAWN else None)


def test_the_official_split_keeps_the_official_parts(dataset: Dataset) -> None:
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
