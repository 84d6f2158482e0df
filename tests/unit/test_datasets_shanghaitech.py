"""ShanghaiTech: names tell parts; two splits; labels in .npy files."""

from pathlib import Path

import numpy as np
import pytest

from vadlab.datasets.shanghaitech import ShanghaiTech
from vadlab.errors import DataError, UsageError
from vadlab.types import Supervision

TRAIN, TEST = ("01_001", "02_003", "02_004"), ("01_0014", "02_0128", "11_0176")
LISTS = {"Train": ["01_001", "02_003", "02_0128"], "Test": ["01_0014", "02_004", "11_0176"]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "training" / "videos").mkdir(parents=True)
    for name in TRAIN:
        (tmp_path / "training" / "videos" / f"{name}.avi").touch()
    (tmp_path / "testing" / "test_frame_mask").mkdir(parents=True)
    for name in TEST:
        (tmp_path / "testing" / "frames" / name).mkdir(parents=True)
        np.save(tmp_path / "testing" / "test_frame_mask" / f"{name}.npy", np.array([0, 1, 1, 0], np.uint8))
    return tmp_path


def resplit(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for part, names in LISTS.items():
        (folder / f"SH_{part}.txt").write_text("\n".join(names))


def test_names_tell_part_and_kind(root: Path) -> None:
    found = [(e.id, e.part, e.abnormal, e.category, e.fps) for e in ShanghaiTech(root).entries()]
    assert found == [
        ("01_001", "train", False, "Normal", None),
        ("01_0014", "test", True, "Abnormal", 24),
        ("02_003", "train", False, "Normal", None),
        ("02_004", "train", False, "Normal", None),
        ("02_0128", "test", True, "Abnormal", 24),
        ("11_0176", "test", True, "Abnormal", 24),
    ]


@pytest.mark.parametrize("folder", [".", "zhong_split", "ShanghaiTech_new_split"])
def test_the_two_splits(folder: str, root: Path) -> None:
    resplit(root / folder)
    dataset = ShanghaiTech(root)
    weak = dataset.split(Supervision.WEAK)
    assert [[e.id for e in part] for part in (weak.train, weak.test)] == [LISTS["Train"], LISTS["Test"]]
    normal = dataset.split(Supervision.UNSUPERVISED)
    assert [e.id for e in normal.train] == ["01_001", "02_003"]
    assert normal.test == weak.test
    official = dataset.split(Supervision.UNSUPERVISED, protocol="official")
    assert [[e.id for e in part] for part in (official.train, official.test)] == [[*TRAIN], [*TEST]]
    assert official.name == "shanghaitech official unsupervised, 3/3"
    with pytest.raises(UsageError, match="trains on normal videos only"):
        dataset.split(Supervision.WEAK, protocol="official")


def test_without_its_lists_the_papers_split_is_refused(root: Path) -> None:
    dataset = ShanghaiTech(root)
    with pytest.raises(DataError, match=r"SH_Train\.txt and SH_Test\.txt") as caught:
        dataset.split(Supervision.WEAK)
    assert "--protocol official" in str(caught.value.remedy)
    assert dataset.split(Supervision.UNSUPERVISED, protocol="official").train


def test_videos_of_lists_and_masks_may_be_absent(root: Path) -> None:
    resplit(root)
    (root / "training" / "videos" / "02_004.avi").unlink()
    (root / "testing" / "frames" / "11_0176").rmdir()
    dataset = ShanghaiTech(root)
    assert [entry.id for entry in dataset.absent] == ["02_004", "11_0176"]
    with pytest.raises(DataError, match="2 of the 6 videos of this split are absent"):
        dataset.split(Supervision.WEAK)
    with pytest.raises(DataError, match="1 of the 5 videos of this split are absent"):
        # 02_004, normal, stands in the test part here.
        (root / "testing" / "frames" / "11_0176").mkdir()
        ShanghaiTech(root).split(Supervision.UNSUPERVISED)


def test_pixel_masks_serve_where_there_are_no_frame_masks(root: Path) -> None:
    (root / "testing" / "test_frame_mask").rename(root / "testing" / "test_pixel_mask")
    pixels = np.zeros((4, 3, 5), np.uint8)
    pixels[2, 1, 1] = 1
    np.save(root / "testing" / "test_pixel_mask" / "01_0014.npy", pixels)
    dataset = ShanghaiTech(root)
    entry = next(e for e in dataset.entries() if e.id == "01_0014")
    assert dataset.labels(entry, 4).intervals.tolist() == [[2, 3]]


def test_missing_parts_are_named(tmp_path: Path, root: Path) -> None:
    (root / "testing" / "test_frame_mask" / "01_0014.npy").unlink()
    dataset = ShanghaiTech(root)
    with pytest.raises(DataError, match=r"01_0014\.npy: no such label file"):
        dataset.labels(next(e for e in dataset.entries() if e.id == "01_0014"), 4)
    for file in (root / "testing" / "test_frame_mask").iterdir():
        file.unlink()
    (root / "testing" / "test_frame_mask").rmdir()
    with pytest.raises(DataError, match="frame labels of ShanghaiTech not found"):
        ShanghaiTech(root)
