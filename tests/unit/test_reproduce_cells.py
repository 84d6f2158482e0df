"""Cells: what is missing runs, once; what decides a result is in the run's name."""

from __future__ import annotations

import dataclasses
import statistics
import sys
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pytest

from vadlab import files
from vadlab.errors import UsageError, VadlabError
from vadlab.evaluation.rules import get
from vadlab.features.store import Store
from vadlab.reproduce import cells
from vadlab.reproduce.bench import Bench, Source
from vadlab.reproduce.cells import Cell, run_cells
from vadlab.reproduce.grid import Grid, Metric, Row, made
from vadlab.spans import windows
from vadlab.types import Entry, Features, FrameLabels, Sample, Split, Supervision, Video
from vadlab.verbs.evaluate import evaluate_run
from vadlab.verbs.train import Plan, train

MANIFEST = {
    "streams": {"rgb": 16, "flow": 16},
    "backbone": {"name": "b", "settings": {}, "facts": {}},
    "flow": {"name": "f"},
}
SMALL = {"steps": 2, "hidden": 8, "abnormal_per_batch": 2, "normal_per_batch": 2, "precision": "fp32"}
EVENT = [(16, 48)]


class Few:
    name: ClassVar[str] = "few"

    def __init__(self, root: Path):
        self.root = root

    def entries(self) -> tuple[Entry, ...]:
        return tuple(
            Entry(f"v{i}", self.root / f"v{i}", "Fire", i % 2 == 1, f"v{i}", "test" if i > 3 else "train")
            for i in range(6)
        )

    def has_frame_labels(self, entry: Entry) -> bool:
        return True

    def labels(self, entry: Entry, n_frames: int) -> FrameLabels:
        return FrameLabels.from_spans(EVENT if entry.abnormal else [], n_frames, category="Fire")

    def split(self, supervision: Supervision, *, seed: int = 0, **_: Any) -> Split:
        entries = self.entries()
        return Split("few full, 4/2", supervision, entries[:4], (), entries[4:])


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    module = ModuleType("few_videos")
    module.Few = Few  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "few_videos", module)
    monkeypatch.setattr(cells, "_labels", cells._labels.__wrapped__)  # labels change within a test
    store = Store.create(tmp_path / "store", MANIFEST)
    rng = np.random.default_rng(0)
    for entry in Few(tmp_path).entries():
        video = Video(entry.id, entry.path, 64, Fraction(25), (8, 8))
        values = rng.normal(size=(4, 32)).astype(np.float32)
        store.write(Sample(video, windows(64, 16, 16), Features(values), None), source_hash="")
    return Source("few_videos:Few", tmp_path, (store.root,))


@pytest.fixture
def bench(source: Source, tmp_path: Path) -> Bench:
    return Bench((source,), tmp_path / "out", seeds=(0, 1), settings=SMALL)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, Plan]]:
    """Which plans are trained, and where, as it happens."""
    done: list[tuple[Path, Plan]] = []

    def recorded(plan: Plan, out: Path) -> dict[str, Any]:
        done.append((out, plan))
        return train(plan, out)

    monkeypatch.setattr(cells, "train", recorded)
    return done


def cell(source: Source, **settings: Any) -> Cell:
    return Cell(source, "aed", source.stores[0], settings=settings)


def test_figures_are_those_of_train_and_evaluate(bench: Bench, source: Source, tmp_path: Path) -> None:
    (outcome,) = run_cells(bench, [cell(source)], title="t")
    aucs = []
    for seed in bench.seeds:
        plan = Plan(source.name, source.root, "aed", SMALL, features=source.stores[0], seed=seed)
        train(plan, tmp_path / f"by hand {seed}")
        aucs.append(evaluate_run(tmp_path / f"by hand {seed}", get("strict")).evaluation.metrics["auc"])
    assert not outcome.reason
    spread = outcome.spreads["strict"]["auc"]
    assert spread.mean == pytest.approx(statistics.mean(aucs))
    assert spread.sd == pytest.approx(statistics.stdev(aucs))
    assert spread.n == 2


def test_only_what_is_missing_runs(
    bench: Bench, source: Source, trained: list[tuple[Path, Plan]], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = dataclasses.replace(bench, seeds=(0,))
    first = run_cells(bench, [cell(source), cell(source, k=2)], title="t")
    assert [plan.settings.get("k") for _, plan in trained] == [None, 2]
    # K = 5 is the default, both streams are all streams, and a path is no content: the same run.
    again = Cell(source, "aed", source.stores[0], ("rgb", "flow"), {"k": 5})
    assert run_cells(bench, [again, cell(source, k=2)], title="t") == first
    assert len(trained) == 2
    run_cells(dataclasses.replace(bench, rules=("strict", "lad-code")), [cell(source)], title="t")
    assert len(trained) == 2, "other rules need no other training"
    run_cells(dataclasses.replace(bench, seeds=(0, 1)), [cell(source)], title="t")
    assert [plan.seed for _, plan in trained] == [0, 0, 1]


@pytest.mark.parametrize("what", ["setting", "streams", "labels", "manifest", "version"])
def test_all_that_decides_a_result_makes_another_run(
    bench: Bench, source: Source, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = cells._planned(bench, cell(source), 0).folder
    one = cell(source)
    if what == "setting":
        one = cell(source, lambda_score=1.0)
    elif what == "streams":
        one = Cell(source, "aed", source.stores[0], ("rgb",))
    elif what == "labels":
        monkeypatch.setattr(sys.modules[__name__], "EVENT", [(16, 47)])
    elif what == "manifest":
        path = source.stores[0] / "manifest.json"
        path.write_text(path.read_text().replace('"name": "f"', '"name": "g"'))
    else:
        monkeypatch.setattr(cells.importlib.metadata, "version", lambda name: f"{name} next")
    assert cells._planned(bench, one, 0).folder != before
    assert cells._planned(bench, one, 0).folder == cells._planned(bench, one, 0).folder


def test_a_killed_call_goes_on_where_it_was(
    bench: Bench, source: Source, trained: list[tuple[Path, Plan]], monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = cells.train

    def killed(plan: Plan, out: Path) -> dict[str, Any]:
        if plan.seed == 1:
            raise KeyboardInterrupt
        return recording(plan, out)

    monkeypatch.setattr(cells, "train", killed)
    with pytest.raises(KeyboardInterrupt):
        run_cells(bench, [cell(source)], title="t")
    monkeypatch.setattr(cells, "train", recording)
    run_cells(bench, [cell(source)], title="t")
    assert [plan.seed for _, plan in trained] == [0, 1]


def test_a_cell_that_fails_is_told_and_the_others_are_made(
    bench: Bench, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = dataclasses.replace(bench, seeds=(0,))

    def failing(plan: Plan, out: Path) -> dict[str, Any]:
        if plan.settings.get("k") == 2:
            raise VadlabError("the loss is not finite", remedy="lower the learning rate")
        return train(plan, out)

    monkeypatch.setattr(cells, "train", failing)
    unknown = cell(source, no_such_setting=1)
    wanted = ["no data", cell(source, k=2), unknown, cell(source)]
    absent, failed, refused, good = run_cells(bench, wanted, title="t")
    assert (absent.reason, absent.failed) == ("no data", False)
    assert failed.failed and "not finite" in failed.reason and "k=2" in failed.reason
    assert refused.failed and "no_such_setting" in refused.reason
    assert not good.failed and 0 <= good.spreads["strict"]["auc"].mean <= 1


def test_a_detector_without_a_seed_on_a_fixed_split_is_one_run(bench: Bench, source: Source) -> None:
    bench = dataclasses.replace(bench, settings={})
    (outcome,) = run_cells(bench, [Cell(source, "linear_probe", source.stores[0])], title="t")
    assert outcome.spreads["strict"]["auc"].n == 1
    assert len(list((bench.out / "runs").iterdir())) == 1


def test_settings_reach_the_detectors_that_have_them(bench: Bench) -> None:
    given = dataclasses.replace(bench, settings={"steps": 7, "aed.k": 3, "no_such": 1})
    assert given.settings_of("aed") == {"steps": 7, "k": 3}
    assert given.settings_of("linear_probe") == {}
    assert dataclasses.replace(given, quick=True).settings_of("aed")["steps"] == 7
    quick = Bench(bench.sources, bench.out, seeds=(4, 5), quick=True)
    assert quick.seeds == (4,) and quick.settings_of("aed") == {"steps": 20}
    with pytest.raises(UsageError, match="no_such"):
        given.require_used(("aed",))
    with pytest.raises(UsageError, match=r"aed\.k"):
        dataclasses.replace(bench, settings={"aed.k": 3}).require_used(("aed",), varied=("k",))
    dataclasses.replace(bench, settings={"knn.k": 3}).require_used(("aed",))
    for unknown in ("knn.steps", "kn.k"):
        with pytest.raises(UsageError, match=unknown):
            dataclasses.replace(bench, settings={unknown: 3}).require_used(("aed",))
    with pytest.raises(UsageError, match="seed is given twice"):
        dataclasses.replace(bench, seeds=(1, 1))
    with pytest.raises(UsageError, match="no rules"):
        dataclasses.replace(bench, rules=("guess",))


def test_a_detector_may_have_seeds_of_its_own(bench: Bench, trained: list[tuple[Path, Plan]]) -> None:
    given = dataclasses.replace(bench, own_seeds={"aed": (7, 8)})
    assert given.seeds_of("aed") == (7, 8) and given.seeds_of("linear_probe") == bench.seeds
    assert dataclasses.replace(given, quick=True).seeds_of("aed") == (7,)
    with pytest.raises(UsageError, match="seed of aed is given twice"):
        dataclasses.replace(bench, own_seeds={"aed": (7, 7)})
    with pytest.raises(UsageError, match="nothing to run"):
        dataclasses.replace(bench, own_seeds={"aed": ()})
    run_cells(dataclasses.replace(bench, own_seeds={"aed": (7,)}), [cell(bench.sources[0])], title="t")
    assert [plan.seed for _, plan in trained] == [7]


def test_the_splits_are_those_of_the_protocol(bench: Bench, trained: list[tuple[Path, Plan]]) -> None:
    official = dataclasses.replace(bench, seeds=(0,), protocol="official")
    run_cells(official, [cell(bench.sources[0])], title="t")
    assert [plan.protocol for _, plan in trained] == ["official"]
    with pytest.raises(UsageError, match="unknown protocol"):
        dataclasses.replace(bench, protocol="ours")  # type: ignore[arg-type]


def test_what_a_training_took_stands_in_the_table(bench: Bench, source: Source) -> None:
    rows = [Row(("AED",), {source.name: cell(source)}), Row(("none",), {source.name: "There is none."})]
    grid = Grid("t", "T", ("Method",), rows, (Metric("auc", "AUC"),), (), costs=True)
    table = made(bench, grid).table
    minutes, memory = (
        [c.heading for c in table.columns].index(f"{source.name} training, {unit}")
        for unit in ("minutes", "MiB at most")
    )
    facts = [files.read_json(path) for path in (bench.out / "runs").glob("*/run.json")]
    assert table.rows[0][minutes].mean == pytest.approx(statistics.median(f["seconds"] for f in facts) / 60)
    assert table.rows[0][memory].mean == statistics.median(f["peak_mib"] for f in facts)
    assert table.rows[1][minutes].notes == ("There is none.",)
