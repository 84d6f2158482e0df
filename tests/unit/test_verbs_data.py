"""vadlab data: a folder against the published set."""

from __future__ import annotations

import csv
import sys
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest

from vadlab.errors import DataError
from vadlab.report.statistics import VideoFacts
from vadlab.types import Entry, FrameLabels, Split, Supervision, Video
from vadlab.verbs import data

LENGTHS = {"n": 100, "a": 50, "t": 80}


class Little:
    """Three videos of a set that is published with four."""

    home: ClassVar[str] = "https://example.org/little"
    published: ClassVar[dict[str, int]] = {
        "videos": 4, "abnormal": 2, "test": 1, "train_frames": 150, "test_abnormal_frames": 11,
        "minutes": 3,
    }  # fmt: skip
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

    def split(self, supervision: Supervision) -> Split:
        normal, abnormal, test = self.entries()
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

    monkeypatch.setattr(data, "probe", probe)
    return "little_set:Little"


def test_counts_against_the_published(name: str, tmp_path: Path) -> None:
    found = data.check(name, tmp_path)
    told = {f.subject: f.message for f in found.findings}
    # What agrees, and what is published but not counted here, is no finding.
    assert told.keys() == {"videos", "test_abnormal_frames", "split weak"}
    assert "expected: 4 " in told["videos"] and "found: 3" in told["videos"]
    assert "expected: 11 " in told["test_abnormal_frames"] and "found: 10" in told["test_abnormal_frames"]
    assert Little.home in told["videos"] and "no weak split" in told["split weak"]
    assert found.splits["full"] == {"train": 2, "val": 0, "test": 1}
    assert (found.counts["train_frames"], found.counts["train_abnormal_frames"]) == (150, 5)


def test_without_decoding_frames_are_not_judged(name: str, tmp_path: Path) -> None:
    found = data.check(name, tmp_path, decode=False)
    assert {f.subject for f in found.findings} == {"videos", "split weak"}
    assert "train_frames" not in found.counts


def test_a_listing_that_the_labels_contradict(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Little, "abnormal_frames", {"n": 3, "a": 0, "t": 11})
    told = {f.subject: f.message for f in data.check(name, tmp_path).findings}
    assert "abnormal=False, has 3" in told["n"] and "abnormal=True, has 0" in told["a"]
    with pytest.raises(DataError, match="2 videos cannot be counted, the first is n"):
        data.stats(name, tmp_path)


def test_stats(name: str, tmp_path: Path) -> None:
    facts = data.stats(name, tmp_path)
    facts.append(VideoFacts("w", "Falling", True, "train", 20, 0.8, None))
    summary = data.summary(facts)
    assert summary["frames"] == 250 and summary["minutes_of_video"] == round(10 / 60, 2)
    assert (summary["abnormal_frames"], summary["videos_with_frame_labels"]) == (15, 3)
    assert (summary["shortest_frames"], summary["mean_frames"], summary["longest_frames"]) == (20, 62.5, 100)
    assert summary["categories"]["Fire"] == {
        "videos": 3, "abnormal_videos": 2, "frames": 230, "abnormal_frames": 15,
    }  # fmt: skip
    assert summary["categories"]["Falling"]["abnormal_frames"] == 0
    table, picture = data.write_stats(facts, tmp_path)
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["n_abnormal"] for r in rows] == ["0", "5", "10", ""]
    assert picture.read_bytes().startswith(b"\x89PNG")
