import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from vadlab.datasets.lad import LAD
from vadlab.errors import DataError
from vadlab.ground_truth.pickle_file import read_dict
from vadlab.types import Supervision

# name -> (class, frame labels of a file; a denseflow folder has one image less)
VIDEOS = {
    "v_Crash_a_01_02": ("Crash", [0, 0, 1, 1, 1, 0]),
    "v_Crash_n_01_03": ("Crash", [0, 0, 0, 0]),
    "v_Fall_Into_Water_a_07_01": ("FallIntoWater", [1, 1, 0, 1, 1]),
    "v_Takes_a_bag_n_02_01": ("Thiefing", [0, 0, 0]),
}
TRAIN = ["v_Crash_a_01_02", "v_Takes_a_bag_n_02_01"]
TEST = ["v_Crash_n_01_03", "v_Fall_Into_Water_a_07_01"]


def lists(root: Path) -> None:
    (root / "train_split.txt").write_text("\n".join(TRAIN) + "\n")
    (root / "test_split.txt").write_text("\n".join(TEST))


def mats(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, (_, labels) in VIDEOS.items():
        scipy.io.savemat(folder / f"gt_{name.removeprefix('v_')}.mat", {"gt": np.array([labels], np.uint8)})


def pickles(root: Path, protocol: int = 4) -> None:
    (root / "GT").mkdir()
    frames = {name: np.array([labels], np.float64) for name, (_, labels) in VIDEOS.items()}
    classes = {name: LAD.categories.index(category) for name, (category, _) in VIDEOS.items()}
    (root / "GT" / "frame_label_IET.pickle").write_bytes(pickle.dumps(frames, protocol))
    (root / "GT" / "video_label_IET.pickle").write_bytes(pickle.dumps(classes, protocol))


def files(folder: Path) -> None:
    for name, (category, _) in VIDEOS.items():
        (folder / category).mkdir(parents=True, exist_ok=True)
        (folder / category / f"{name}.mp4").touch()


def denseflow(folder: Path) -> None:
    for name, (category, labels) in VIDEOS.items():
        (folder / category / name / "flow_x").mkdir(parents=True)
        (folder / category / name / "img").mkdir()
        for number in range(len(labels) - 1):
            (folder / category / name / "img" / f"img_{number:05d}.jpg").touch()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    lists(tmp_path)
    files(tmp_path)
    mats(tmp_path / "GT_mat" / "all")
    return tmp_path


def expect_labels(dataset: LAD, dropped: int = 0) -> None:
    for entry in dataset.entries():
        expected = VIDEOS[entry.id.split("/")[1]][1]
        expected = expected[: len(expected) - dropped]
        assert dataset.labels(entry, len(expected)).mask().astype(int).tolist() == expected


def test_the_published_order_of_the_categories() -> None:
    indices = {
        "Crash": 0,
        "Crowd": 1,
        "Destroy": 2,
        "Drop": 3,
        "FallIntoWater": 4,
        "Falling": 5,
        "Fighting": 6,
    }
    indices |= {
        "Fire": 7,
        "Hurt": 8,
        "Loitering": 9,
        "Panic": 10,
        "Thiefing": 11,
        "Trampled": 12,
        "Violence": 13,
    }
    assert {name: number for number, name in enumerate(LAD.categories)} == indices


def test_the_published_counts_add_up() -> None:
    counts = LAD.published
    assert (
        counts["train"] + counts["test"] == counts["normal"] + counts["abnormal"] == counts["videos"] == 2000
    )
    assert counts["train_normal"] + counts["train_abnormal"] == counts["train"] == 1440
    assert counts["test_normal"] == counts["test_abnormal"] == 20 * 14


def test_entries_carry_class_kind_and_part(root: Path) -> None:
    found = [(e.id, e.category, e.abnormal, e.part, e.fps) for e in LAD(root).entries()]
    assert found == [
        ("Crash/v_Crash_a_01_02", "Crash", True, "train", None),
        ("Crash/v_Crash_n_01_03", "Crash", False, "test", None),
        ("FallIntoWater/v_Fall_Into_Water_a_07_01", "FallIntoWater", True, "test", None),
        # A normal video carries its folder's class.
        ("Thiefing/v_Takes_a_bag_n_02_01", "Thiefing", False, "train", None),
    ]


@pytest.mark.parametrize("place", ["GT_mat/all", "GT/GT_mat/all"])
@pytest.mark.parametrize("videos", [".", "videos"])
def test_mat_labels(place: str, videos: str, tmp_path: Path) -> None:
    lists(tmp_path)
    files(tmp_path / videos)
    mats(tmp_path / place)
    expect_labels(LAD(tmp_path))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickled_labels(protocol: int, tmp_path: Path) -> None:
    lists(tmp_path)
    files(tmp_path)
    pickles(tmp_path, protocol)
    expect_labels(LAD(tmp_path))


def test_pickles_of_numpy_1_name_its_modules_otherwise(tmp_path: Path) -> None:
    lists(tmp_path)
    files(tmp_path)
    pickles(tmp_path, protocol=2)
    file = tmp_path / "GT" / "frame_label_IET.pickle"
    content = file.read_bytes().replace(b"numpy._core.", b"numpy.core.")
    assert b"numpy.core.multiarray" in content
    file.write_bytes(content)
    expect_labels(LAD(tmp_path))


def test_image_folders_lag_the_labels_by_one_frame(tmp_path: Path) -> None:
    lists(tmp_path)
    denseflow(tmp_path / "denseflow_img")
    mats(tmp_path / "GT_mat" / "all")
    dataset = LAD(tmp_path)
    expect_labels(dataset, dropped=1)
    expect_labels(dataset)
    entry = dataset.entries()[0]
    assert entry.path.name == "img"
    assert entry.fps == 25
    for wrong in (3, 4, 7):
        with pytest.raises(DataError, match="found: 6 labels"):
            dataset.labels(entry, wrong)


def test_files_must_have_exactly_the_labels_length(root: Path) -> None:
    dataset = LAD(root)
    for wrong in (5, 7):
        with pytest.raises(DataError, match=f"expected: {wrong} labels"):
            dataset.labels(dataset.entries()[0], wrong)


def test_thieving_is_thiefing(root: Path) -> None:
    (root / "Thiefing").rename(root / "Thieving")
    assert [e.category for e in LAD(root).entries()][-1] == "Thiefing"


def test_the_lists_define_the_set(root: Path) -> None:
    (root / "Crash" / "v_Crash_a_99_99.mp4").touch()
    assert len(LAD(root).entries()) == 4
    (root / "train_split.txt").write_text(
        "Crash\\v_Crash_a_01_02.mp4\r\n\r\nThiefing/v_Takes_a_bag_n_02_01.avi\r\n"
    )
    assert len(LAD(root).entries()) == 4


def test_split_sizes_and_modes(root: Path) -> None:
    dataset = LAD(root)
    for protocol in ("paper", "official"):
        weak = dataset.split(Supervision.WEAK, protocol=protocol)
        assert sorted(e.id.split("/")[1] for e in weak.train) == sorted(TRAIN)
        assert sorted(e.id.split("/")[1] for e in weak.test) == sorted(TEST)
        normal = dataset.split(Supervision.UNSUPERVISED, protocol=protocol)
        assert [e.id for e in normal.train] == ["Thiefing/v_Takes_a_bag_n_02_01"]
        assert normal.test == weak.test


def test_missing_parts_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"frame labels of LAD .GTs.zip. not found here"):
        LAD(tmp_path)
    mats(tmp_path / "GT_mat" / "all")
    with pytest.raises(DataError, match=r"expected: train_split\.txt"):
        LAD(tmp_path)
    lists(tmp_path)
    with pytest.raises(DataError, match="the videos of LAD not found here"):
        LAD(tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "v_Crash_n_01_03",
            "line 3, column 'name'(.|\n)*'v_Crash_n_01_03', also in line 1 of test_split.txt",
        ),
        ("v_Crash_a_01_02", "line 3, column 'name'(.|\n)*also in line 1 of train_split.txt"),
        ("v_CRASH_a_01_02", "v_CRASH_a_01_02 is there as v_Crash_a_01_02"),
        ("strange_name\nother_strange_name", "2 names tell neither normal nor abnormal"),
    ],
)
def test_wrong_lists_are_refused(root: Path, line: str, message: str) -> None:
    (root / "Crash" / "strange_name.mp4").touch()
    # The test list is read second, its last line has no end.
    (root / "test_split.txt").write_text("\n".join([*TEST, line]))
    with pytest.raises(DataError, match=message):
        LAD(root)


def test_a_listed_video_may_be_absent_but_not_from_a_split(root: Path) -> None:
    (root / "test_split.txt").write_text("\n".join([*TEST, "v_Crash_a_05_05"]))
    dataset = LAD(root)
    assert [(e.id, e.part, e.abnormal) for e in dataset.absent] == [("v_Crash_a_05_05", "test", True)]
    assert len(dataset.entries()) == 4
    with pytest.raises(DataError, match="1 of the 5 videos of this split are absent"):
        dataset.split(Supervision.FULL)


def test_one_name_in_two_classes_is_refused(root: Path) -> None:
    (root / "Fire").mkdir()
    (root / "Fire" / "v_Crash_a_01_02.mp4").touch()
    with pytest.raises(DataError, match="v_Crash_a_01_02 in Fire and Crash"):
        LAD(root)


def test_video_labels_must_agree_with_the_folders(tmp_path: Path) -> None:
    lists(tmp_path)
    files(tmp_path)
    pickles(tmp_path)
    as_list = {name: [LAD.categories.index(category)] for name, (category, _) in VIDEOS.items()}
    file = tmp_path / "GT" / "video_label_IET.pickle"
    file.write_bytes(pickle.dumps(as_list))
    assert len(LAD(tmp_path).entries()) == 4
    file.write_bytes(pickle.dumps(as_list | {"v_Crash_a_01_02": [14], "v_Crash_n_01_03": []}))
    with pytest.raises(DataError, match="2 video labels are malformed"):
        LAD(tmp_path)
    file.write_bytes(pickle.dumps(as_list | {"v_Crash_a_01_02": [7]}))
    with pytest.raises(DataError, match="v_Crash_a_01_02 is labelled Fire"):
        LAD(tmp_path)


@pytest.mark.parametrize(
    "value",
    [np.zeros((2, 3)), np.zeros((1, 1, 6)), np.full((1, 6), 2), np.full((1, 6), np.nan), np.array(["1"] * 6)],
)
def test_malformed_labels_are_refused(tmp_path: Path, value: Any) -> None:
    lists(tmp_path)
    files(tmp_path)
    pickles(tmp_path)
    (tmp_path / "GT" / "frame_label_IET.pickle").write_bytes(pickle.dumps({"v_Crash_a_01_02": value}))
    dataset = LAD(tmp_path)
    with pytest.raises(DataError, match="malformed"):
        dataset.labels(dataset.entries()[0], 6)
    with pytest.raises(DataError, match="no frame labels of 'v_Crash_n_01_03'"):
        dataset.labels(dataset.entries()[1], 4)


def test_damaged_and_missing_mats_are_refused(root: Path) -> None:
    dataset = LAD(root)
    first, second = dataset.entries()[:2]
    (root / "GT_mat" / "all" / "gt_Crash_a_01_02.mat").write_bytes(b"MATLAB 5.0 but cut short")
    (root / "GT_mat" / "all" / "gt_Crash_n_01_03.mat").unlink()
    with pytest.raises(DataError, match="cannot be read"):
        dataset.labels(first, 6)
    with pytest.raises(DataError, match="no such label file"):
        dataset.labels(second, 4)


class Attack:
    """Makes a folder when it is unpickled by `pickle.load`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.folder),)


def test_a_pickle_cannot_run_anything(tmp_path: Path) -> None:
    file, made = tmp_path / "x.pickle", tmp_path / "made"
    file.write_bytes(pickle.dumps({"a": Attack(made)}))
    with pytest.raises(DataError, match=r"it asks for posix\.mkdir|it asks for nt\.mkdir"):
        read_dict(file)
    assert not made.exists()
    # The attack itself works: plain unpickling runs it.
    pickle.loads(file.read_bytes())
    assert made.is_dir()


@pytest.mark.parametrize("content", [b"", b"\x80\x04", b"not a pickle", pickle.dumps([1, 2])])
def test_damaged_pickles_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.pickle").write_bytes(content)
    with pytest.raises(DataError):
        read_dict(tmp_path / "x.pickle")
