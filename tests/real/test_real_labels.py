"""Labels and splits of the real sets against the published numbers."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np

from vadlab.datasets._protocol import video_counts
from vadlab.datasets.folder import Folder
from vadlab.datasets.ped2 import Ped2
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
