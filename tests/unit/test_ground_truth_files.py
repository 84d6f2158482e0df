"""Label formats of arrays, images and videos."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import scipy.io

from vadlab.errors import DataError
from vadlab.ground_truth import mask_images, mask_video
from vadlab.ground_truth.fitting import as_row, from_mask, from_spans
from vadlab.ground_truth.mat_file import read_mask_cells, read_masks, read_range_cells, read_row
from vadlab.ground_truth.npy_file import read_frames
from vadlab.types import Entry
from vadlab.video.encode import write_video

ENTRY = Entry("v", Path("v.mp4"), "Fire", abnormal=True, source="v", part="test")


def cells(*values: np.ndarray) -> np.ndarray:
    made = np.empty((1, len(values)), dtype=object)
    for number, value in enumerate(values):
        made[0, number] = value
    return made


@pytest.mark.parametrize("shape", [(1, 4), (4, 1)])
@pytest.mark.parametrize("kind", [np.uint8, np.float64, np.bool_])
def test_mat_rows(shape: tuple[int, int], kind: type, tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "gt.mat", {"gt": np.array([0, 1, 1, 0], kind).reshape(shape)})
    assert read_row(tmp_path / "gt.mat").tolist() == [False, True, True, False]


def test_mat_ranges_are_one_based_and_inclusive(tmp_path: Path) -> None:
    ranges = cells(np.array([[3, 7], [5, 7]], np.uint16), np.zeros((2, 0)), np.array([[1], [2]], np.float64))
    scipy.io.savemat(tmp_path / "x.mat", {"gt": ranges})
    assert read_range_cells(tmp_path / "x.mat") == (((2, 5), (6, 7)), (), ((0, 2),))


def test_bad_mat_ranges_are_told_at_once(tmp_path: Path) -> None:
    ranges = cells(np.array([[5], [3]]), np.array([[0], [3]]), np.array([[1, 2, 3]]), np.array([[1], [2]]))
    scipy.io.savemat(tmp_path / "x.mat", {"gt": ranges})
    with pytest.raises(DataError, match="3 cells are malformed") as caught:
        read_range_cells(tmp_path / "x.mat")
    assert "5 to 3" in str(caught.value)
    assert "0 to 3" in str(caught.value)
    assert "shape (1, 3)" in str(caught.value)


def test_mat_masks(tmp_path: Path) -> None:
    marked = np.zeros((4, 6), np.uint8)
    marked[1, 2] = 1
    scipy.io.savemat(tmp_path / "x.mat", {"volLabel": cells(np.zeros((4, 6), np.uint8), marked)})
    assert read_mask_cells(tmp_path / "x.mat").tolist() == [False, True]
    assert [mask.sum() for mask in read_masks(tmp_path / "x.mat")] == [0, 1]
    scipy.io.savemat(tmp_path / "x.mat", {"volLabel": cells(marked, np.zeros((2, 2, 2)))})
    with pytest.raises(DataError, match=r"frame 2 has no pixel mask(.|\n)*shape \[2, 2, 2\]"):
        read_mask_cells(tmp_path / "x.mat")
    scipy.io.savemat(tmp_path / "x.mat", {"volLabel": marked})
    with pytest.raises(DataError, match="volLabel is no cell"):
        read_mask_cells(tmp_path / "x.mat")


def test_a_mat_without_the_variable_says_which_it_has(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "x.mat", {"labels": np.zeros((1, 3)), "other": 1})
    with pytest.raises(DataError, match="found: variables labels, other"):
        read_row(tmp_path / "x.mat")


def test_hdf5_mats_are_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "x.mat").write_bytes(
        b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512) + b"\x89HDF\r\n\x1a\n"
    )
    with pytest.raises(DataError, match=r"MATLAB 7\.3 \(HDF5\)") as caught:
        read_row(tmp_path / "x.mat")
    assert "save('x.mat', '-struct', 'x', '-v7')" in str(caught.value.remedy)


def test_npy_labels_and_masks(tmp_path: Path) -> None:
    for values in (np.array([0, 1, 1]), np.array([[0.0, 1.0, 1.0]]), np.array([[False], [True], [True]])):
        np.save(tmp_path / "x.npy", values)
        assert read_frames(tmp_path / "x.npy").tolist() == [False, True, True]
    pixels = np.zeros((3, 4, 5), np.uint8)
    pixels[1:, 2, 2] = 255
    np.save(tmp_path / "x.npy", pixels)
    assert read_frames(tmp_path / "x.npy").tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([0, 1, 2]), "values such as 2"),
        (np.array([0.0, 0.5]), "values such as 0.5"),
        (np.zeros((2, 3)), r"shape \[2, 3\]"),
        (np.array(["0", "1"]), "type <U1"),
        (np.array([{"a": 1}], dtype=object), "cannot be read"),  # a pickle
    ],
)
def test_malformed_npy_files(values: np.ndarray, message: str, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", values, allow_pickle=True)
    with pytest.raises(DataError, match=message):
        read_frames(tmp_path / "x.npy")


def test_damaged_and_missing_files(tmp_path: Path) -> None:
    for name in ("x.npy", "x.mat"):
        read = read_frames if name.endswith("npy") else read_row
        with pytest.raises(DataError, match="no such label file"):
            read(tmp_path / name)
        (tmp_path / name).write_bytes(b"cut short")
        with pytest.raises(DataError, match="cannot be read"):
            read(tmp_path / name)


def test_mask_images_and_mask_videos(tmp_path: Path) -> None:
    marks = [False, True, True, False]
    pictures = np.zeros((4, 32, 48, 3), np.uint8)
    pictures[1:3, 8:16, 8:16] = 255
    pictures[3, 20:24, 20:24] = 100  # grey: marked in an image, noise in a video
    for number, picture in enumerate(pictures[:3], start=1):
        cv2.imwrite(str(tmp_path / f"{number:03d}.bmp"), picture[..., 0])
    assert [bool(mask.any()) for mask in mask_images.read_masks(tmp_path)] == marks[:3]
    write_video(tmp_path / "g1.avi", pictures, fps=Fraction(25))
    assert mask_video.read_frames(tmp_path / "g1.avi").tolist() == marks


def test_fitting_masks_and_spans() -> None:
    file = Path("labels.npy")
    assert from_mask(np.array([0, 1, 1]), 3, entry=ENTRY, file=file).intervals.tolist() == [[1, 3]]
    with pytest.raises(DataError, match=r"expected: 4 labels(.|\n)*found: 3 labels(.|\n)*remedy"):
        from_mask(np.array([0, 1, 1]), 4, entry=ENTRY, file=file)
    spans = [(2, 5), (4, 9)]
    assert from_spans(spans, 9, entry=ENTRY, file=file).intervals.tolist() == [[2, 9]]
    assert from_spans(spans, 8, entry=ENTRY, file=file, spare=1).intervals.tolist() == [[2, 8]]
    for n_frames, spare in ((8, 0), (7, 1), (4, 16)):  # the last: a span begins after the video
        with pytest.raises(DataError, match="2 to 5; 4 to 9, half-open, from 0"):
            from_spans(spans, n_frames, entry=ENTRY, file=file, spare=spare)


def test_rows_of_nothing_but_0_and_1() -> None:
    assert as_row([[1, 0]], file=Path("x")).tolist() == [True, False]
    with pytest.raises(DataError, match="malformed"):
        as_row([[1, -1]], file=Path("x"))
