from pathlib import Path

import cv2
import numpy as np
import pytest

from vadlab.datasets.ped2 import Ped2, parse_ranges
from vadlab.errors import DataError, UsageError
from vadlab.types import Supervision

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
    with pytest.raises(DataError, match=r"ends after the clip"):
        dataset.labels(dataset.entries()[0], 4)


def test_missing_parts_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a folder of UCSD Ped2") as caught:
        Ped2(tmp_path / "nowhere")
    assert "no such folder" in str(caught.value)
    root = customary(tmp_path)
    (root / "UCSDped2.m").write_text(TRUTH + "TestVideoFile{end+1}.gt_frame = [1:2];\n")
    with pytest.raises(DataError, match=r"clips 1 to 4(.|\n)*clips 1, 2, 3"):
        Ped2(root)
    (root / "UCSDped2.m").unlink()
    with pytest.raises(DataError, match="ground truth of Ped2 is missing"):
        Ped2(root)


@pytest.mark.parametrize("bad", ["5:3", "0:3", "3", "a:b", "1:2:3"])
def test_malformed_ranges_are_refused_with_their_line(bad: str, tmp_path: Path) -> None:
    file = tmp_path / "UCSDped2.m"
    file.write_text(f"X = {{}};\nX{{end+1}}.gt_frame = [1:2];\nX{{end+1}}.gt_frame = [{bad}];\n")
    with pytest.raises(DataError, match="line 3") as caught:
        parse_ranges(file)
    assert caught.value.found == bad


def test_the_official_split_is_for_unsupervised_detectors(tmp_path: Path) -> None:
    dataset = Ped2(customary(tmp_path))
    split = dataset.split(Supervision.UNSUPERVISED, protocol="official")
    assert {e.part for e in split.train} == {"train"}
    assert len(split.train) == 4
    assert {e.part for e in split.test} == {"test"}
    assert split.seed is None
    for mode in (Supervision.WEAK, Supervision.FULL):
        with pytest.raises(UsageError, match="normal clips only"):
            dataset.split(mode, protocol="official")
