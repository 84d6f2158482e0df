"""Labels and splits of the real sets against the published numbers.

Where only label files are at hand, the set's videos are empty files of their names: listing, splitting and
labelling read no video.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from vadlab.datasets._protocol import category_counts, video_counts
from vadlab.datasets.avenue import Avenue
from vadlab.datasets.avenue_ranges import AvenueRanges
from vadlab.datasets.folder import Folder
from vadlab.datasets.ped2 import Ped2
from vadlab.datasets.shanghaitech import ShanghaiTech
from vadlab.datasets.ucf_crime import UCFCrime
from vadlab.folds import category_folds, few_anomalies_folds
from vadlab.ground_truth.m_file import read_ranges
from vadlab.ground_truth.mat_file import read_range_cells
from vadlab.types import Supervision

PED2_INTERVALS = [  # as published, 1-based and inclusive
    (61, 180),
    (95, 180),
    (1, 146),
    (31, 180),
    (1, 129),
    (1, 159),
    (46, 180),
    (1, 180),
    (1, 120),
    (1, 150),
    (1, 180),
    (88, 180),
]


def n_images(folder: Path) -> int:
    return len(list(folder.glob("*.jpg")))


def test_ped2_has_the_published_videos_and_frames(shared: Path) -> None:
    dataset = Ped2(shared / "data" / "ped2")
    counts = video_counts(dataset.entries())
    labels = {e.id: dataset.labels(e, n_images(e.path)) for e in dataset.entries()}
    frames = Counter()
    for entry in dataset.entries():
        frames[f"{entry.part}_frames"] += labels[entry.id].n_frames
        frames[f"{entry.part}_abnormal_frames"] += int(labels[entry.id].mask().sum())
    assert {key: (counts | frames)[key] for key in Ped2.published} == Ped2.published
    assert frames["train_abnormal_frames"] == 0
    found = [labels[f"Test{n:03d}"].intervals.tolist() for n in range(1, 13)]
    assert found == [[[first - 1, last]] for first, last in PED2_INTERVALS]


def test_ped2_frame_labels_are_those_of_the_pixel_masks(shared: Path) -> None:
    dataset = Ped2(shared / "data" / "ped2")
    for entry in (e for e in dataset.entries() if e.part == "test"):
        marked = np.array([mask.any() for mask in dataset.pixel_masks(entry)])
        np.testing.assert_array_equal(marked, dataset.labels(entry, len(marked)).mask(), err_msg=entry.id)


def test_ped2_splits_have_the_sizes_of_table_2(shared: Path) -> None:
    dataset = Ped2(shared / "data" / "ped2")
    draws = set()
    for seed in range(10):
        for mode in (Supervision.WEAK, Supervision.FULL):
            split = dataset.split(mode, seed=seed)
            kinds = [Counter(e.abnormal for e in part) for part in (split.train, split.test)]
            assert kinds == [{True: 6, False: 8}, {True: 6, False: 8}]
        normal = dataset.split(Supervision.UNSUPERVISED, seed=seed)
        assert (len(normal.train), len(normal.test)) == (8, 14)
        assert normal.test == split.test
        draws.add(tuple(e.id for e in split.train))
    assert len(draws) == 10
    official = dataset.split(Supervision.UNSUPERVISED, protocol="official")
    assert (len(official.train), len(official.test)) == (16, 12)


def test_cctv_mini_has_the_published_videos(shared: Path) -> None:
    dataset = Folder(shared / "data" / "cctv-mini")
    kinds = Counter((e.category, e.abnormal) for e in dataset.entries())
    assert kinds == {
        ("Fighting", True): 126,
        ("Fighting", False): 106,
        ("Falling", True): 14,
        ("Falling", False): 9,
    }
    assert dataset.categories == ("Falling", "Fighting")
    falls = [e for e in dataset.entries() if e.category == "Falling"]
    assert {e.source for e in falls if e.part == "test"} == {"subject3"}


def test_cctv_mini_labels_are_the_tables(shared: Path) -> None:
    root = shared / "data" / "cctv-mini"
    dataset = Folder(root)
    with (root / "annotations.csv").open(newline="") as file:
        rows = {row["path"].removesuffix(".mp4"): row for row in csv.DictReader(file)}
    for entry in dataset.entries():
        n_frames = int(rows[entry.id]["n_frames"])
        expected = np.zeros(n_frames, bool)
        for event in filter(None, rows[entry.id]["events"].split(";")):
            start, stop = event.split("-")
            expected[int(start) : int(stop)] = True
        np.testing.assert_array_equal(dataset.labels(entry, n_frames).mask(), expected)


def test_cctv_mini_validation_keeps_recordings_whole(shared: Path) -> None:
    dataset = Folder(shared / "data" / "cctv-mini")
    for seed in range(5):
        split = dataset.split(Supervision.FULL, seed=seed, val_fraction=0.2)
        assert len(split.train) + len(split.val) == 153
        assert len(split.test) == 102
        # Sources hold up to 20 clips, so the share is met to about half a source.
        assert abs(len(split.val) - 0.2 * 153) <= 5
        assert {e.abnormal for e in split.val} == {True, False}


def empty(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_ped2_ranges_of_liu_et_al_are_the_official_ones(shared: Path) -> None:
    official = read_ranges(shared / "data" / "ped2" / "UCSDped2.m")
    assert read_range_cells(shared / "data" / "labels" / "avenue" / "ped2.mat") == official
    assert sum(stop - start for spans in official for start, stop in spans) == 1648


@pytest.fixture
def avenue(shared: Path, tmp_path: Path) -> Path:
    for part, number in (("training", 16), ("testing", 21)):
        for video in range(1, number + 1):
            empty(tmp_path / f"{part}_videos" / f"{video:02d}.avi")
    labels = shared / "data" / "labels" / "avenue"
    (tmp_path / "testing_label_mask").symlink_to(labels / "testing_label_mask")
    (tmp_path / "avenue.mat").symlink_to(labels / "avenue.mat")
    return tmp_path


def mask_lengths(root: Path) -> dict[str, int]:
    """Frames of the test videos, by the shapes that the files' headers state."""
    files = {int(f.name.split("_")[0]): f for f in (root / "testing_label_mask").iterdir()}
    return {f"test_{n:02d}": scipy.io.whosmat(file)[0][1][1] for n, file in files.items()}


def test_avenue_has_two_totals(avenue: Path) -> None:
    lengths = mask_lengths(avenue)
    assert sum(lengths.values()) == Avenue.published["test_frames"] == 15324
    masks: dict[str, np.ndarray] = {}
    for cls, total in ((Avenue, 3712), (AvenueRanges, 3867)):
        dataset = cls(avenue)
        masks[dataset.name] = np.concatenate(
            [dataset.labels(e, lengths[e.id]).mask() for e in dataset.entries() if e.part == "test"]
        )
        assert masks[dataset.name].sum() == cls.published["test_abnormal_frames"] == total
        counts = video_counts(dataset.entries())
        known = {key: n for key, n in cls.published.items() if "frames" not in key}
        assert {key: counts[key] for key in known} == known
        if cls is Avenue:  # every frame of videos 8 and 18 is marked
            whole = [e.id for e in dataset.entries() if dataset.labels(e, lengths.get(e.id, 9)).mask().all()]
            assert whole == ["test_08", "test_18"]
    # The disagreement that the datasets' texts state.
    assert (masks["avenue"] != masks["avenue_ranges"]).sum() == 441


def test_avenue_splits_and_folds(avenue: Path) -> None:
    dataset = AvenueRanges(avenue)
    for seed in range(5):
        split = dataset.split(Supervision.FULL, seed=seed)
        kinds = [Counter(e.abnormal for e in part) for part in (split.train, split.test)]
        assert kinds == [{True: 11, False: 8}, {True: 10, False: 8}]
    splits = few_anomalies_folds("avenue", dataset.entries(), Supervision.FULL, folds=10)
    assert [len(split.train) - 16 for split in splits] == [3] + [2] * 9
    assert sorted(e.id for split in splits for e in split.train if e.abnormal) == [
        f"test_{n:02d}" for n in range(1, 22)
    ]


@pytest.fixture
def shanghaitech(shared: Path, tmp_path: Path) -> Path:
    labels = shared / "data" / "labels" / "shanghaitech"
    for name in (n for part in ("Train", "Test") for n in listed(labels / "zhong_split" / f"SH_{part}.txt")):
        place = "testing" if len(name) == 7 else "training"
        empty(tmp_path / place / "videos" / f"{name}.avi")
    (tmp_path / "test_frame_mask").symlink_to(labels / "test_frame_mask")
    (tmp_path / "zhong_split").symlink_to(labels / "zhong_split")
    return tmp_path


def listed(file: Path) -> list[str]:
    return file.read_text().split()


def test_shanghaitech_has_the_published_frames(shanghaitech: Path) -> None:
    dataset = ShanghaiTech(shanghaitech)
    assert dataset.absent == ()
    counts = Counter(video_counts(dataset.entries()))
    for entry in (e for e in dataset.entries() if e.part == "test"):
        n_frames = len(np.load(shanghaitech / "test_frame_mask" / f"{entry.id}.npy"))
        labels = dataset.labels(entry, n_frames)
        assert labels.abnormal
        counts["test_frames"] += n_frames
        counts["test_abnormal_frames"] += int(labels.mask().sum())
    assert {key: counts[key] for key in ShanghaiTech.published} == ShanghaiTech.published
    assert (counts["test_frames"], counts["test_abnormal_frames"]) == (40791, 17326)


def test_shanghaitech_splits(shanghaitech: Path) -> None:
    dataset = ShanghaiTech(shanghaitech)
    weak = dataset.split(Supervision.WEAK)
    kinds = [Counter(e.abnormal for e in part) for part in (weak.train, weak.test)]
    assert kinds == [{True: 63, False: 175}, {True: 44, False: 155}]
    normal = dataset.split(Supervision.UNSUPERVISED)
    assert (len(normal.train), len(normal.test)) == (175, 199)
    official = dataset.split(Supervision.UNSUPERVISED, protocol="official")
    assert (len(official.train), len(official.test)) == (330, 107)
    # Zhong et al.'s frames of the abnormal videos.
    lengths: Counter[str] = Counter()
    for part in ("train", "test"):
        for entry in (e for e in getattr(weak, part) if e.abnormal):
            mask = np.load(shanghaitech / "test_frame_mask" / f"{entry.id}.npy")
            lengths[part] += len(mask)
            lengths[f"{part} abnormal"] += int(dataset.labels(entry, len(mask)).mask().sum())
    assert lengths == {"train": 23319, "train abnormal": 9364, "test": 17472, "test abnormal": 7962}
    # MLEP's five folds of the 107.
    folds = few_anomalies_folds("shanghaitech", dataset.entries(), Supervision.WEAK, folds=5)
    assert [(len(split.train), len(split.test)) for split in folds] == [(352, 85)] * 2 + [(351, 86)] * 3


@pytest.fixture
def ucf_crime(shared: Path, tmp_path: Path) -> Path:
    labels = shared / "data" / "labels" / "ucf_crime"
    for file in labels.iterdir():
        (tmp_path / file.name).symlink_to(file)
    for name in listed(labels / "Anomaly_Train.txt"):
        empty(tmp_path / name)
    for line in (labels / "Temporal_Anomaly_Annotation.txt").read_text().splitlines():
        name, category = line.split()[:2]
        empty(tmp_path / category / name)
    return tmp_path


def test_ucf_crime_has_the_published_videos_and_frames(ucf_crime: Path) -> None:
    dataset = UCFCrime(ucf_crime)
    counts = Counter(video_counts(dataset.entries()) | category_counts(dataset.entries()))
    assert {key: counts[key] for key in UCFCrime.published} == UCFCrime.published
    assert dataset.absent == ()
    spans = [dataset.labels(e, 10**6).intervals for e in dataset.entries() if e.part == "test"]
    assert sum(int((span[:, 1] - span[:, 0]).sum()) for span in spans) == 84345
    assert sum(len(span) == 2 for span in spans) == 16
    for mode, train in ((Supervision.UNSUPERVISED, 800), (Supervision.WEAK, 1610), (Supervision.FULL, 1610)):
        split = dataset.split(mode)
        assert (len(split.train), len(split.test)) == (train, 290)


def test_ucf_crime_folds_of_categories(ucf_crime: Path) -> None:
    """TCNN's: 50 videos of 14 classes, three quarters to train."""
    entries = UCFCrime(ucf_crime).entries()
    splits = category_folds("ucf_crime", entries, seed=0)
    assert len(splits) == 4
    tested = [entry for split in splits for entry in split.test]
    assert len(tested) == len(set(tested)) == 14 * 50
    for split in splits:
        counts = Counter(entry.category for entry in split.test)
        assert set(counts) == set(UCFCrime.categories)
        assert set(counts.values()) == {12, 13}
        assert {*split.train, *split.test} == set(tested)
    assert splits != category_folds("ucf_crime", entries, seed=1)
