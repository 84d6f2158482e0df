"""vadlab data: a folder against the published set, its splits and folds in files, miniatures."""

from __future__ import annotations

import csv
import json
import sys
import time
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest

from vadlab.annotation_table import Row, write_rows
from vadlab.errors import DataError, UsageError
from vadlab.miniatures.drawn_video import EVENT, N_FRAMES, frames
from vadlab.report.statistics import VideoFacts
from vadlab.splits import read_split
from vadlab.types import Entry, FrameLabels, Split, Supervision, Video
from vadlab.verbs import data, data_check
from vadlab.video.encode import write_video

LENGTHS = {"n": 100, "a": 50, "t": 80}


class Little:
    """Three videos of a set that is published with four."""

    home: ClassVar[str] = "https://example.org/little"
    published: ClassVar[dict[str, int]] = {
        "videos": 4, "abnormal": 2, "test": 1, "train_frames": 150, "test_abnormal_frames": 11,
        "train Fire": 2, "test Fire": 3, "test Panic": 1,
    }  # fmt: skip
    absent: ClassVar[tuple[Entry, ...]] = ()
    abnormal_frames: ClassVar[dict[str, int]] = {"n": 0, "a": 5, "t": 10}

    def __init__(self, root: Path):
        self.root = root

    def entries(self) -> tuple[Entry, ...]:
        return tuple(
            Entry(name, self.root / name, "Fire", name != "n", name, "test" if name == "t" else "train")
            for name in LENGTHS
        )

    def has_frame_labels(self, entry: Entry) -> bool:
        return True

    def labels(self, entry: Entry, n_frames: int) -> FrameLabels:
        n = self.abnormal_frames[entry.id]
        return FrameLabels.from_spans([(0, n)] if n else [], n_frames)

    def split(self, supervision: Supervision, *, protocol: str) -> Split:
        normal, abnormal, test = self.entries()
        if protocol == "official":
            raise UsageError("no such split")
        if supervision is Supervision.WEAK:
            raise DataError("no weak split")
        train = (normal,) if supervision is Supervision.UNSUPERVISED else (normal, abnormal)
        return Split("little", supervision, train, (), (test,))


@pytest.fixture
def name(monkeypatch: pytest.MonkeyPatch) -> str:
    module = ModuleType("little_set")
    module.Little = Little  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "little_set", module)

    def probe(path: Path, *, id: str, fps: Any) -> Video:  # noqa: A002
        return Video(id, path, LENGTHS[id], Fraction(25), (8, 8))

    monkeypatch.setattr(data_check, "probe", probe)
    return "little_set:Little"


def check(name: str, root: Path, *, decode: bool = True) -> data_check.Check:
    return data_check.check(name, data.open_dataset(name, root), decode=decode)


def test_counts_against_the_published(name: str, tmp_path: Path) -> None:
    found = check(name, tmp_path)
    told = {f.subject: f for f in found.findings}
    # What agrees, and a split that the set has not by design, is no finding.
    assert told.keys() == {"counts", "categories", "split weak, paper"}
    assert told["counts"].message == "2 are not the published ones"
    assert "videos: 3, published 4" in told["counts"].found
    assert "test_abnormal_frames: 10, published 11" in told["counts"].found
    assert "test Fire: 1, published 3" in told["categories"].found
    assert "test Panic: 0, published 1" in told["categories"].found
    assert "train Fire" not in told["categories"].found
    assert all(Little.home in finding.remedy for finding in told.values())
    assert "no weak split" in told["split weak, paper"].text()
    assert found.splits == {
        "paper": {
            "unsupervised": {"train": 1, "val": 0, "test": 1},
            "full": {"train": 2, "val": 0, "test": 1},
        }
    }
    assert (found.counts["train_frames"], found.counts["train_abnormal_frames"]) == (150, 5)
    json.dumps(found.to_json(), allow_nan=False)


def test_findings_are_sorted_however_the_threads_end(name: str, tmp_path: Path) -> None:
    def fail(path: Path, *, id: str, fps: Any) -> Video:  # noqa: A002
        time.sleep(0.02 if id == "a" else 0)
        raise DataError(
            "no such video", file=path, expected="a file", remedy=None if id == "a" else "copy it"
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data_check, "probe", fail)
        facts, findings, unknown = data_check.measure(Little(tmp_path), workers=3)
    assert (facts, unknown) == ([], [])
    assert [f.subject for f in findings] == ["a", "n", "t"]
    assert (
        findings[0]
        .text()
        .startswith(f"{tmp_path / 'a'}: no such video\n  expected: a file\n  remedy: compare")
    )
    assert findings[1].remedy == "copy it"


def test_a_part_that_was_not_counted_whole_has_no_sum(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(Little.abnormal_frames, "a", 99)  # of 50: the labels do not fit
    found = check(name, tmp_path)
    assert found.counts["train_frames"] == 150
    assert "train_abnormal_frames" not in found.counts
    assert "a" in {f.subject for f in found.findings}


def test_absent_videos_are_told_with_what_can_be_done(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = Entry("z", tmp_path / "z", "Fire", abnormal=True, source="z", part="test")
    monkeypatch.setattr(Little, "absent", (lost,))
    found = check(name, tmp_path)
    finding = next(f for f in found.findings if f.subject == "test part")
    assert finding.message == "1 of its 2 videos are absent"
    assert "z" in finding.found and Little.home in finding.remedy
    assert found.notes == (
        "as it is, the 3 videos that are there can be extracted and scored",
        "whole splits: unsupervised (paper), full (paper)",
    )


def test_a_partial_download_is_told_once(tmp_path: Path) -> None:
    data.example("lad", tmp_path)
    for path in (tmp_path / "videos" / "Crash").glob("*_a_0[1-7]*"):
        path.unlink()  # abnormal, of the training part
    found = check("lad", tmp_path)
    assert [f.subject for f in found.findings if f.subject.startswith(("train", "test", "split"))] == [
        "train part", "split unsupervised, paper",
    ]  # fmt: skip
    assert found.findings[0].message == "4 of its 16 videos are absent"
    assert "Table 2" in found.findings[-1].message  # it is a miniature
    assert found.notes[1] == "whole splits: unsupervised (paper), unsupervised (official)"


def test_table_2_is_compared_by_the_set_s_name(name: str, tmp_path: Path) -> None:
    found = data_check.check("ped2", data.open_dataset(name, tmp_path))
    sizes = [f for f in found.findings if "Table 2" in f.message]
    assert [(f.subject, f.expected, f.found) for f in sizes] == [
        ("split unsupervised, paper", "8 train, 14 test", "1 train, 1 test"),
        ("split full, paper", "14 train, 14 test", "2 train, 1 test"),
    ]


def test_without_decoding_the_header_is_believed(tmp_path: Path) -> None:
    data.example("lad", tmp_path)
    by_header, by_decoding = (check("lad", tmp_path, decode=decode) for decode in (False, True))
    assert by_header.counts == by_decoding.counts
    assert by_header.counts["train_frames"] == 16 * N_FRAMES
    assert by_header.counts["train_abnormal_frames"] == 8 * (EVENT[1] - EVENT[0])
    path = next(tmp_path.rglob("*.mp4"))
    path.write_bytes(b"no video")
    for decode in (False, True):
        told = [
            f.text() for f in check("lad", tmp_path, decode=decode).findings if f.subject.endswith(path.stem)
        ]
        assert len(told) == 1
        assert "cannot be opened as a video" in told[0]


def test_a_header_without_a_count_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "Fire").mkdir()
    write_video(tmp_path / "Fire" / "v.mkv", frames(abnormal=False), fps=Fraction(25))
    write_rows(tmp_path / "annotations.csv", [Row("Fire/v.mkv", "train", "Fire", abnormal=False)])
    found = check("folder", tmp_path, decode=False)
    assert "train_frames" not in found.counts
    assert "1 videos do not state their number of frames" in found.notes[0]
    with pytest.raises(DataError, match="the first is Fire/v"):
        data.stats("folder", tmp_path, decode=False)
    assert data.stats("folder", tmp_path)[0].n_frames == N_FRAMES


def test_a_listing_that_the_labels_contradict(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Little, "abnormal_frames", {"n": 3, "a": 0, "t": 11})
    told = {f.subject: f for f in check(name, tmp_path).findings}
    assert (told["n"].expected, told["n"].found) == (
        "no abnormal frames, as it is listed",
        "3 abnormal frames",
    )
    assert (told["a"].expected, told["a"].found) == (
        "some abnormal frames, as it is listed",
        "0 abnormal frames",
    )
    with pytest.raises(DataError, match="2 videos cannot be counted, the first is a"):
        data.stats(name, tmp_path)


def test_stats(name: str, tmp_path: Path) -> None:
    facts = data.stats(name, tmp_path)
    facts.append(VideoFacts("w", "Falling", True, "train", 20, 0.8, None))
    table, categories, picture = data.write_stats(facts, tmp_path)
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["id"], r["n_abnormal"], r["share"]) for r in rows] == [
        ("a", "5", "0.100000"), ("n", "0", "0.000000"), ("t", "10", "0.125000"), ("w", "", ""),
    ]  # fmt: skip
    with categories.open(newline="") as file:
        kinds = {r["category"]: r for r in csv.DictReader(file)}
    assert (kinds["Fire"]["frames"], kinds["Fire"]["abnormal_frames"]) == ("230", "15")
    assert float(kinds["Fire"]["share_in_abnormal"]) == pytest.approx(15 / 130)
    assert kinds["Falling"]["share"] == ""
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_folds_in_files(tmp_path: Path) -> None:
    data.example("ucf_crime", tmp_path / "ucf")
    dataset = data.open_dataset("ucf_crime", tmp_path / "ucf")
    splits = data.draw_folds("ucf_crime", dataset, "tcnn", seed=1)
    paths = data.write_folds(splits, tmp_path / "folds")
    assert [path.name for path in paths] == ["fold01.json", "fold02.json", "fold03.json", "fold04.json"]
    assert tuple(read_split(path, dataset.entries()) for path in paths) == splits
    assert len(data.draw_folds("ucf_crime", dataset, "mlep", folds=4)) == 4
    with pytest.raises(UsageError, match="MLEP has no number of folds for ucf_crime"):
        data.draw_folds("ucf_crime", dataset, "mlep")
    with pytest.raises(UsageError, match=r"mlep \| tcnn"):
        data.draw_folds("ucf_crime", dataset, "loocv")
    dataset.entries()[0].path.unlink()
    partial = data.open_dataset("ucf_crime", tmp_path / "ucf")
    with pytest.raises(DataError, match="1 videos are absent"):
        data.draw_folds("ucf_crime", partial, "tcnn")


def test_mleps_numbers_of_folds(tmp_path: Path) -> None:
    data.example("shanghaitech", tmp_path)
    assert len(data.draw_folds("shanghaitech", data.open_dataset("shanghaitech", tmp_path), "mlep")) == 5


def test_miniatures_are_for_new_folders_and_known_sets(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="not empty"):
        data.example("ped2", tmp_path)
    with pytest.raises(UsageError, match="no miniature of 'synth'") as caught:
        data.example("synth", tmp_path / "new")
    assert "vadlab data synth" in str(caught.value.remedy)
    with pytest.raises(UsageError, match="ucf_crime"):
        data.example("drawn_video", tmp_path / "new")


def test_kinds_of_supervision() -> None:
    assert data.supervision_of("weak") is Supervision.WEAK
    with pytest.raises(UsageError, match=r"unsupervised \| weak \| full"):
        data.supervision_of("half")
