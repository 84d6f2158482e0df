import shutil
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import pytest
import scipy.io

from vadlab.datasets.ped2 import Ped2 as Whole
from vadlab.errors import DataError, UsageError
from vadlab.types import Supervision


class Ped2(Whole):
    """Of four training clips."""

    published: ClassVar[dict[str, int]] = {"train": 4, "test": 3}


TRUTH = """TestVideoFile = {};
TestVideoFile{end+1}.gt_frame = [3:5];
TestVideoFile{end+1}.gt_frame = [1:2, 6 : 6];
TestVideoFile{end+1}.gt_frame = [];
% TestVideoFile{end+1}.gt_frame = [1:1];
"""


def images(folder: Path, number: int, suffix: str, mask: list[int] | None = None) -> None:
    folder.mkdir(parents=True)
    for i in range(number):
        picture = np.zeros((4, 6), np.uint8)
        if mask is None or mask[i]:
            picture[1, 2:4] = 255
        cv2.imwrite(str(folder / f"{i + 1:03d}{suffix}"), picture)


def official(root: Path) -> Path:
    """The archive as it is published, hidden files of its maker's computer included."""
    base = root / "UCSD_Anomaly_Dataset.v1p2" / "UCSDped2"
    for number in range(1, 5):
        images(base / "Train" / f"Train{number:03d}", 5, ".tif")
    for number in range(1, 4):
        images(base / "Test" / f"Test{number:03d}", 6, ".tif")
    images(base / "Test" / "Test001_gt", 6, ".bmp", [0, 0, 1, 1, 1, 0])
    (base / "Test" / "Test001" / "._001.tif").write_bytes(b"no image")
    (base / "Train" / ".DS_Store").touch()
    (base / "Test" / "UCSDped2.m").write_text(TRUTH)
    return root


def customary(root: Path) -> Path:
    for number in range(1, 5):
        images(root / "training" / "frames" / f"{number:02d}", 5, ".jpg")
    for number in range(1, 4):
        images(root / "testing" / "frames" / f"{number:02d}", 6, ".jpg")
    images(root / "testing" / "masks" / "01", 6, ".png", [0, 0, 1, 1, 1, 0])
    (root / "UCSDped2.m").write_text(TRUTH)
    return root


LAYOUTS = pytest.mark.parametrize("layout", [official, customary])


@LAYOUTS
def test_both_layouts_give_the_same_entries(layout, tmp_path: Path) -> None:
    entries = Ped2(layout(tmp_path)).entries()
    found = [(e.id, e.part, e.abnormal, e.category, e.fps) for e in entries]
    assert found == [
        ("Test001", "test", True, "Abnormal", 10),
        ("Test002", "test", True, "Abnormal", 10),
        ("Test003", "test", False, "Normal", 10),
        ("Train001", "train", False, "Normal", 10),
        ("Train002", "train", False, "Normal", 10),
        ("Train003", "train", False, "Normal", 10),
        ("Train004", "train", False, "Normal", 10),
    ]


@pytest.mark.parametrize("below", [".", "UCSD_Anomaly_Dataset.v1p2", "UCSD_Anomaly_Dataset.v1p2/UCSDped2"])
def test_the_root_may_be_any_folder_of_the_archive(below: str, tmp_path: Path) -> None:
    assert len(Ped2(official(tmp_path) / below).entries()) == 7


@LAYOUTS
def test_matlab_ranges_become_frames(layout, tmp_path: Path) -> None:
    dataset = Ped2(layout(tmp_path))
    first, second, third, train = dataset.entries()[:4]
    # MATLAB's 3:5 are the third to the fifth frame.
    assert dataset.labels(first, 6).mask().tolist() == [False, False, True, True, True, False]
    assert dataset.labels(second, 6).intervals.tolist() == [[0, 2], [5, 6]]
    assert not dataset.labels(third, 6).abnormal
    assert not dataset.labels(train, 5).abnormal


@LAYOUTS
def test_masks_agree_with_the_ranges(layout, tmp_path: Path) -> None:
    dataset = Ped2(layout(tmp_path))
    entry = dataset.entries()[0]
    masks = np.stack(list(dataset.pixel_masks(entry)))
    assert masks.shape == (6, 4, 6)
    assert masks.dtype == bool
    assert masks[2].sum() == 2
    np.testing.assert_array_equal(masks.any(axis=(1, 2)), dataset.labels(entry, 6).mask())
    for without in dataset.entries()[1:]:
        with pytest.raises(DataError, match="no pixel masks"):
            next(dataset.pixel_masks(without))


@LAYOUTS
def test_another_length_is_refused(layout, tmp_path: Path) -> None:
    dataset = Ped2(layout(tmp_path))
    for entry, n_images in ((dataset.entries()[0], 6), (dataset.entries()[3], 5)):
        for wrong in (n_images - 1, n_images + 1):
            with pytest.raises(DataError, match=f"expected: {n_images} frames"):
                dataset.labels(entry, wrong)


def test_a_truth_beyond_the_clip_is_refused(tmp_path: Path) -> None:
    root = customary(tmp_path)
    (root / "testing" / "frames" / "01" / "005.jpg").unlink()
    (root / "testing" / "frames" / "01" / "006.jpg").unlink()
    dataset = Ped2(root)
    with pytest.raises(DataError, match=r"labels of Test001 end after the video"):
        dataset.labels(dataset.entries()[0], 4)


def test_missing_parts_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the clips of UCSDped2 not found here") as caught:
        Ped2(tmp_path / "nowhere")
    assert "no such folder" in str(caught.value)
    root = customary(tmp_path)
    (root / "UCSDped2.m").write_text("\n".join(TRUTH.splitlines()[:3]))
    with pytest.raises(DataError, match=r"clips 1 to 2(.|\n)*clips 3 too"):
        Ped2(root)
    (root / "UCSDped2.m").unlink()
    with pytest.raises(DataError, match="ground truth of UCSDped2 is missing"):
        Ped2(root)


@LAYOUTS
def test_clips_that_are_not_there_are_absent(layout, tmp_path: Path) -> None:
    root = layout(tmp_path)
    for part in ("training", "testing", "Train", "Test"):
        for name in ("02", "Train002", "Test002"):
            for folder in root.rglob(f"{part}/{name}"), root.rglob(f"{part}/frames/{name}"):
                for path in folder:
                    shutil.rmtree(path)
    dataset = Ped2(root)
    assert [entry.id for entry in dataset.absent] == ["Test002", "Train002"]
    assert len(dataset.entries()) == 5
    for protocol in ("paper", "official"):
        with pytest.raises(DataError, match=r"Train002|Test002"):
            dataset.split(Supervision.UNSUPERVISED, protocol=protocol)


def test_a_whole_part_may_be_absent(tmp_path: Path) -> None:
    shutil.rmtree(customary(tmp_path) / "training")
    dataset = Ped2(tmp_path)
    assert [entry.id for entry in dataset.absent] == [f"Train{n:03d}" for n in range(1, 5)]
    assert dataset.labels(dataset.entries()[0], 6).abnormal


def test_the_ranges_of_liu_et_al_serve_too(tmp_path: Path) -> None:
    root = customary(tmp_path)
    (root / "UCSDped2.m").unlink()
    cells = np.empty((1, 3), dtype=object)
    cells[0] = [np.array([[3], [5]], np.uint8), np.array([[1, 6], [2, 6]], np.uint8), np.zeros((2, 0))]
    scipy.io.savemat(root / "ped2.mat", {"gt": cells})
    dataset = Ped2(root)
    spans = [dataset.labels(entry, 6).intervals.tolist() for entry in dataset.entries()[:3]]
    assert spans == [[[2, 5]], [[0, 2], [5, 6]], []]


def test_the_official_split_is_for_unsupervised_detectors(tmp_path: Path) -> None:
    dataset = Ped2(customary(tmp_path))
    split = dataset.split(Supervision.UNSUPERVISED, protocol="official")
    assert {e.part for e in split.train} == {"train"}
    assert len(split.train) == 4
    assert {e.part for e in split.test} == {"test"}
    assert split.seed is None
    for mode in (Supervision.WEAK, Supervision.FULL):
        with pytest.raises(UsageError, match="normal videos only"):
            dataset.split(mode, protocol="official")
