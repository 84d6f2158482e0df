"""UCF-Crime, XD-Violence, UBnormal, LV: what names, lists and folders say, and where they contradict."""

import shutil
from pathlib import Path

import pytest

from vadlab.datasets.lv import LV
from vadlab.datasets.ubnormal import UBnormal
from vadlab.datasets.ucf_crime import UCFCrime
from vadlab.datasets.xd_violence import XDViolence
from vadlab.errors import DataError
from vadlab.miniatures import lv, ubnormal, ucf_crime, xd_violence
from vadlab.types import Supervision


@pytest.fixture
def ucf(tmp_path: Path) -> Path:
    ucf_crime.write(tmp_path)
    return tmp_path


def append(file: Path, line: str) -> None:
    file.write_text(file.read_text() + line + "\n")


def test_ucf_training_videos_are_abnormal_throughout_for_full_supervision(ucf: Path) -> None:
    dataset = UCFCrime(ucf)
    entries = {entry.id: entry for entry in dataset.entries()}
    train = entries["Abuse/Abuse001_x264"]
    assert not dataset.has_frame_labels(train)
    assert dataset.labels(train, 240).intervals.tolist() == [[0, 240]]
    assert entries["Normal/Normal_Videos001_x264"].part == "train"
    assert entries["Normal/Normal_Videos_011_x264"].part == "test"


def test_ucf_annotations_may_end_a_little_late_and_no_more(ucf: Path) -> None:
    dataset = UCFCrime(ucf)
    entry = next(e for e in dataset.entries() if e.id == "Abuse/Abuse005_x264")
    assert dataset.labels(entry, 15).intervals.tolist() == [[8, 15]]  # 9 to 16, counted from 1
    file = ucf / "Temporal_Anomaly_Annotation.txt"
    file.write_text(
        file.read_text().replace("Abuse005_x264.mp4  Abuse  9  16", "Abuse005_x264.mp4  Abuse  9  60")
    )
    with pytest.raises(DataError, match="16 too many at most") as caught:
        UCFCrime(ucf).labels(entry, 43)
    assert "resampled" in str(caught.value.remedy)
    assert UCFCrime(ucf).labels(entry, 44).intervals.tolist() == [[8, 44]]


def test_ucf_copies_for_event_recognition_are_passed_over_and_others_told(ucf: Path) -> None:
    source = ucf / "Testing_Normal_Videos_Anomaly"
    shutil.copytree(source, ucf / "Normal_Videos_for_Event_Recognition")
    assert len(UCFCrime(ucf).entries()) == 24
    shutil.copytree(source, ucf / "again")
    with pytest.raises(DataError, match=r"4 videos are there twice(.|\n)*again/Normal_Videos_011_x264\.mp4"):
        UCFCrime(ucf)


def test_ucf_names_in_another_case_are_told_at_once(ucf: Path) -> None:
    for number in (1, 2):
        path = ucf / "Anomaly-Videos-Part-1" / "Abuse" / f"Abuse{number:03d}_x264.mp4"
        path.rename(path.with_name(path.name.lower()))
    with pytest.raises(DataError, match="2 videos are named with other capitals") as caught:
        UCFCrime(ucf)
    assert "Abuse001_x264 is there as abuse001_x264" in str(caught.value)


def test_ucf_lists_that_contradict_each_other(ucf: Path) -> None:
    append(ucf / "Anomaly_Train.txt", "Abuse/Abuse006_x264.mp4")
    with pytest.raises(DataError, match="1 videos are in the training list and annotated"):
        UCFCrime(ucf)


def test_ucf_unknown_and_wrong_classes(ucf: Path) -> None:
    append(ucf / "Temporal_Anomaly_Annotation.txt", "Arson003_x264.mp4  Abuse  1  2  -1  -1")
    with pytest.raises(DataError, match="Arson003_x264 is Abuse"):
        UCFCrime(ucf)
    append(ucf / "Anomaly_Train.txt", "Jaywalking/Jaywalking001_x264.mp4")
    file = ucf / "Temporal_Anomaly_Annotation.txt"
    file.write_text(file.read_text().replace("Arson003_x264.mp4  Abuse", "Arson003_x264.mp4  Arson"))
    with pytest.raises(DataError, match="'Jaywalking001_x264' is of no known class"):
        UCFCrime(ucf)


def test_ucf_without_the_lists(ucf: Path) -> None:
    (ucf / "Temporal_Anomaly_Annotation.txt").unlink()
    with pytest.raises(DataError, match=r"Temporal_Anomaly_Annotation\.txt not found here"):
        UCFCrime(ucf)


def test_xd_names_tell_kind_and_film(tmp_path: Path) -> None:
    xd_violence.write(tmp_path)
    dataset = XDViolence(tmp_path)
    facts = {e.id: (e.category, e.source, e.part) for e in dataset.entries()}
    assert facts["train/A.Film.1__#00-03-00_00-03-20_label_G-B2-0"] == (
        "Explosion",
        "train A.Film.1",
        "train",
    )
    assert facts["test/A.Film.5__#00-00-00_00-00-20_label_A"] == ("Normal", "test A.Film.5", "test")
    split = dataset.split(Supervision.WEAK, val_fraction=0.25, seed=1)
    assert {e.source for e in split.val}.isdisjoint(e.source for e in split.train)
    weak = next(e for e in dataset.entries() if not dataset.has_frame_labels(e))
    with pytest.raises(DataError, match="training videos are labelled weakly"):
        dataset.labels(weak, 24)


def test_xd_names_and_annotations_that_contradict_each_other(tmp_path: Path) -> None:
    xd_violence.write(tmp_path)
    lines = (tmp_path / "annotations.txt").read_text().splitlines()
    (tmp_path / "annotations.txt").write_text("\n".join(lines[1:]))
    with pytest.raises(DataError, match="1 test videos are violent by name and not by annotation"):
        XDViolence(tmp_path)
    # An annotated video that is not there is absent.
    (tmp_path / "annotations.txt").write_text("\n".join([*lines, "A.Film.9__#1_label_B1-0-0 1 2"]))
    assert [e.id for e in XDViolence(tmp_path).absent] == ["test/A.Film.9__#1_label_B1-0-0"]
    (tmp_path / "1-1004" / "x__#1_label_C-0-0.mp4").touch()
    with pytest.raises(DataError, match="of no known kind"):
        XDViolence(tmp_path)


def test_ubnormal_lists_and_tracks(tmp_path: Path) -> None:
    ubnormal.write(tmp_path)
    dataset = UBnormal(tmp_path)
    split = dataset.split(Supervision.FULL)
    assert [len(part) for part in (split.train, split.val, split.test)] == [16, 8, 8]
    entry = next(e for e in dataset.entries() if e.abnormal)
    (entry.path.with_name(f"{entry.id}_annotations") / f"{entry.id}_tracks.txt").unlink()
    with pytest.raises(DataError, match="no such label file"):
        dataset.labels(entry, 24)
    scripts = tmp_path / "scripts"
    append(scripts / "normal_test_video_names.txt", "abnormal_scene_1_scenario_77")
    with pytest.raises(DataError, match="stands in a list of normal videos"):
        UBnormal(tmp_path)
    append(scripts / "normal_test_video_names.txt", "normal_scene_1_scenario_1")
    with pytest.raises(DataError, match=r"also in line 1 of normal_training_video_names\.txt"):
        UBnormal(tmp_path)


def test_lv_masks_beside_the_videos_or_in_a_folder(tmp_path: Path) -> None:
    lv.write(tmp_path)
    assert len(LV(tmp_path).entries()) == 28
    (tmp_path / "masks").mkdir()
    for file in tmp_path.glob("g*.avi"):
        file.rename(tmp_path / "masks" / file.name)
    dataset = LV(tmp_path)
    assert [e.id for e in dataset.entries()][:2] == ["01", "02"]
    assert dataset.labels(dataset.entries()[0], 24).intervals.tolist() == [[8, 16]]
