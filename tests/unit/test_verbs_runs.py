"""Runs whose surroundings changed, and runs that were killed at a bad moment."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pytest

from vadlab import checkpoint
from vadlab.detectors.linear_probe import LinearProbe
from vadlab.errors import StoreError, UsageError
from vadlab.evaluation.rules import get
from vadlab.features.store import Store
from vadlab.files import read_json, write_json
from vadlab.spans import windows
from vadlab.splits import write_split
from vadlab.timeline import read_timeline
from vadlab.types import Entry, Features, FrameLabels, Sample, Scores, Split, Supervision, Video
from vadlab.verbs.evaluate import evaluate_run, evaluate_under
from vadlab.verbs.train import Plan, train

MANIFEST = {
    "streams": {"rgb": 3},
    "backbone": {"name": "b", "settings": {}, "facts": {"sha256": "one"}},
    "flow": None,
}


class Little:
    name: ClassVar[str] = "little"

    def __init__(self, root: Path):
        self.root = root

    def entries(self) -> tuple[Entry, ...]:
        return tuple(
            Entry(f"v{i}", self.root / f"v{i}", "Fire", i % 2 == 1, f"v{i}", "test" if i > 3 else "train")
            for i in range(6)
        )

    def labels(self, entry: Entry, n_frames: int) -> FrameLabels:
        return FrameLabels.from_spans([(16, 48)] if entry.abnormal else [], n_frames)

    def split(self, supervision: Supervision, **_: Any) -> Split:
        entries = self.entries()
        return Split("little", supervision, entries[:4], (), entries[4:], seed=0)


@dataclasses.dataclass
class TupleProbe(LinearProbe):
    """A detector with a setting that JSON has no type for."""

    scales: tuple[int, ...] = (1, 2)


@dataclasses.dataclass
class TurnableProbe(LinearProbe):
    """Scrambled windows turn the scores of a video about."""

    scrambled_windows: bool = False
    calls: ClassVar[list[tuple[str, bool]]] = []

    def score(self, sample: Sample[Features, None]) -> Scores:
        scores = super().score(sample)
        self.calls.append((sample.video.id, self.scrambled_windows))
        turned = scores.values[::-1].copy() if self.scrambled_windows else scores.values
        return dataclasses.replace(scores, values=turned)


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    module = ModuleType("little_parts")
    module.__dict__.update(Little=Little, TupleProbe=TupleProbe, TurnableProbe=TurnableProbe)
    monkeypatch.setitem(sys.modules, "little_parts", module)
    store = Store.create(tmp_path / "store", MANIFEST)
    rng = np.random.default_rng(0)
    for entry in Little(tmp_path).entries():
        video = Video(entry.id, entry.path, 64, Fraction(25), (8, 8))
        values = rng.normal(size=(4, 3)).astype(np.float32)
        store.write(Sample(video, windows(64, 16, 16), Features(values), None), source_hash="")
    return Plan("little_parts:Little", tmp_path, "little_parts:TupleProbe", features=store.root)


def test_a_finished_run_is_recognised_whatever_its_settings(plan: Plan, tmp_path: Path) -> None:
    facts = train(plan, tmp_path / "run")
    assert train(plan, tmp_path / "run") == read_json(tmp_path / "run" / "run.json")
    assert facts["started"] == read_json(tmp_path / "run" / "run.json")["started"]


def test_a_state_on_disk_means_that_the_run_is_whole(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever write is the last before a kill, the run is either unfinished or has its calibration."""
    done: list[str] = []
    for writer in ("save_state", "write_run"):
        real = getattr(checkpoint, writer)

        def recorded(*a: Any, writer: str = writer, real: Any = real) -> None:
            real(*a)
            state = (tmp_path / "run" / checkpoint.STATE).exists()
            assert not state or "calibration" in read_json(tmp_path / "run" / "run.json")
            done.append(writer)

        monkeypatch.setattr(checkpoint, writer, recorded)
    train(plan, tmp_path / "run")
    assert done[-1] == "save_state"


def test_a_store_that_was_made_anew_in_another_way_is_not_scored(plan: Plan, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(plan, run)
    assert np.isfinite(evaluate_run(run, get("strict")).evaluation.metrics["auc"])
    assert plan.features is not None
    other = MANIFEST | {"backbone": {"name": "b", "settings": {}, "facts": {"sha256": "other"}}}
    write_json(plan.features / "manifest.json", other)
    with pytest.raises(StoreError, match="another way") as caught:
        evaluate_run(run, get("strict"))
    assert caught.value.found == "backbone.facts.sha256 = other"


def test_a_split_file_wins_over_the_drawn_split(plan: Plan, tmp_path: Path) -> None:
    entries = Little(tmp_path).entries()
    file = tmp_path / "split.json"
    write_split(file, Split("mine", Supervision.FULL, entries[2:4], (), entries[4:], seed=7))
    facts = train(dataclasses.replace(plan, split_file=file), tmp_path / "run")
    assert facts["split"]["train"] == ["v2", "v3"] and facts["split"]["seed"] == 7
    write_split(file, Split("weak", Supervision.WEAK, entries[2:4], (), entries[4:]))
    with pytest.raises(UsageError, match="another supervision") as caught:
        train(dataclasses.replace(plan, split_file=file), tmp_path / "other")
    assert "--kind full" in str(caught.value)


def test_several_protocols_are_what_each_is_alone_and_score_a_video_once_a_layout(
    plan: Plan, tmp_path: Path
) -> None:
    train(dataclasses.replace(plan, detector="little_parts:TurnableProbe"), tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "other")
    names = ("strict", "lad-code", "ffp", "strict")
    alone = [evaluate_run(tmp_path / "one", get(name)).metrics for name in names]
    assert alone[0] != alone[1]
    TurnableProbe.calls.clear()
    together = evaluate_under(tmp_path / "other", [get(name) for name in names])
    assert [finding.metrics for finding in together] == alone
    assert TurnableProbe.calls == [("v4", False), ("v5", False), ("v4", True), ("v5", True)]
    assert read_json(tmp_path / "one" / "metrics.json") == read_json(tmp_path / "other" / "metrics.json")


def test_the_scores_of_an_evaluation_tell_truth_and_rate(plan: Plan, tmp_path: Path) -> None:
    train(plan, tmp_path / "run")
    (found,) = evaluate_under(tmp_path / "run", [get("ffp")])
    for judged in found.evaluation.videos:
        line = read_timeline(tmp_path / "run" / "scores" / "ffp" / f"{judged.id}.safetensors", judged.id)
        np.testing.assert_array_equal(line.frame_scores, judged.frame_scores)
        np.testing.assert_array_equal(line.counted, judged.counted)
        np.testing.assert_array_equal(line.labelled, [(16, 48)] if judged.id == "v5" else np.empty((0, 2)))
        assert line.fps == 25 and line.video == judged.id
        assert (line.categories is None) == (judged.scores.categories is None)
        if line.categories is not None and judged.scores.categories is not None:
            np.testing.assert_array_equal(
                line.categories.probabilities, judged.scores.categories.probabilities
            )
            assert line.categories.names == judged.scores.categories.names


def test_a_damaged_file_of_scores_is_told(tmp_path: Path) -> None:
    file = tmp_path / "v.safetensors"
    file.write_bytes(b"no scores")
    with pytest.raises(StoreError, match="damaged"):
        read_timeline(file, "v")
