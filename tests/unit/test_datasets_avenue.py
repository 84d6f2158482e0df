"""Avenue: two annotations under two names, two layouts."""

from pathlib import Path

import numpy as np
import pytest
import scipy.io

from vadlab.datasets.avenue import Avenue
from vadlab.datasets.avenue_ranges import AvenueRanges
from vadlab.errors import DataError
from vadlab.types import Supervision


def cells(*values: np.ndarray) -> np.ndarray:
    made = np.empty((1, len(values)), dtype=object)
    for number, value in enumerate(values):
        made[0, number] = value
    return made


def videos(root: Path, *, images: bool = False) -> None:
    for part, number in (("training", 16), ("testing", 21)):
        for video in range(1, number + 1):
            if images:
                (root / part / "frames" / f"{video:02d}").mkdir(parents=True)
            else:
                (root / f"{part}_videos").mkdir(exist_ok=True, parents=True)
                (root / f"{part}_videos" / f"{video:02d}.avi").touch()


def masks(folder: Path) -> None:
    folder.mkdir(parents=True)
    marked = np.ones((3, 4), np.uint8)
    for video in range(1, 22):
        scipy.io.savemat(folder / f"{video}_label.mat", {"volLabel": cells(marked * 0, marked, marked)})


def ranges(file: Path) -> None:
    one = np.array([[3], [3]], np.uint16)
    scipy.io.savemat(file, {"gt": cells(*[one] * 21)})


@pytest.mark.parametrize("images", [False, True])
@pytest.mark.parametrize("below", [".", "Avenue Dataset"])
def test_the_two_annotations_stay_apart(below: str, images: bool, tmp_path: Path) -> None:
    videos(tmp_path / below, images=images)
    masks(tmp_path / "ground_truth_demo" / "testing_label_mask")
    ranges(tmp_path / below / "avenue.mat")
    by_mask, by_range = Avenue(tmp_path), AvenueRanges(tmp_path)
    assert by_mask.entries() == by_range.entries()
    entry = next(e for e in by_mask.entries() if e.id == "test_07")
    assert by_mask.labels(entry, 3).intervals.tolist() == [[1, 3]]
    assert np.stack(list(by_mask.pixel_masks(entry))).sum(axis=(1, 2)).tolist() == [0, 12, 12]
    if not images:
        assert by_range.labels(entry, 3).intervals.tolist() == [[2, 3]]


def test_the_missing_annotation_is_named_with_the_other(tmp_path: Path) -> None:
    videos(tmp_path)
    with pytest.raises(DataError, match="pixel masks of Avenue are missing"):
        Avenue(tmp_path)
    with pytest.raises(DataError, match="ranges of Avenue are missing") as caught:
        AvenueRanges(tmp_path)
    assert "the dataset avenue" in str(caught.value.remedy)
    ranges(tmp_path / "avenue.mat")
    with pytest.raises(DataError, match=r"avenue\.mat, another annotation") as caught:
        Avenue(tmp_path)
    assert "avenue_ranges" in str(caught.value.remedy)


def test_training_videos_have_no_masks_and_are_normal(tmp_path: Path) -> None:
    videos(tmp_path)
    masks(tmp_path / "testing_label_mask")
    dataset = Avenue(tmp_path)
    entry = next(e for e in dataset.entries() if e.id == "train_16")
    assert not dataset.labels(entry, 99).abnormal
    with pytest.raises(DataError, match="no pixel masks"):
        next(dataset.pixel_masks(entry))


def test_lost_videos_are_absent_and_extra_ones_refused(tmp_path: Path) -> None:
    videos(tmp_path)
    ranges(tmp_path / "avenue.mat")
    (tmp_path / "training_videos" / "03.avi").unlink()
    dataset = AvenueRanges(tmp_path)
    assert [entry.id for entry in dataset.absent] == ["train_03"]
    with pytest.raises(DataError, match="train_03"):
        for seed in range(20):  # a half is drawn; both halves are needed
            dataset.split(Supervision.FULL, seed=seed)
    (tmp_path / "testing_videos" / "22.avi").touch()
    with pytest.raises(DataError, match=r"videos 1 to 21(.|\n)*test_22"):
        AvenueRanges(tmp_path)
