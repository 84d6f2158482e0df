"""The cells of a table: a training and evaluation for each seed, of which only what is missing runs.

A run's folder is named by the hash of all that decides its result, so a second call finds it, a killed one
goes on in it, and two tables with a cell in common share it. Nothing is chosen by its figures on test videos:
every run keeps what its detector's `select` says, the last step by default.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from vadlab import catalog, checkpoint, config, files, progress
from vadlab.errors import VadlabError
from vadlab.evaluation import rules
from vadlab.evaluation.places import METRICS
from vadlab.evaluation.seeds import Spread, pool_seeds
from vadlab.features.store import Store
from vadlab.reproduce.bench import Bench, Source
from vadlab.training import SNAPSHOT
from vadlab.types import Entry
from vadlab.verbs.evaluate import evaluate_under
from vadlab.verbs.train import Plan, train

__all__ = ["Cell", "Outcome", "fingerprint", "run_cells"]

PACKAGES = ("vadlab", "torch", "numpy", "scikit-learn")  # whose version may change a figure


@dataclass(frozen=True)
class Cell:
    """What a number is made from, but for the seeds and the rules.

    Args:
        source: The dataset.
        detector: Catalogue name.
        store: Features, where the detector reads some.
        streams: Streams of the store to use; None for all.
        settings: What the table itself sets, such as the K of a sweep.
    """

    source: Source
    detector: str
    store: Path | None = None
    streams: tuple[str, ...] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What became of a cell.

    Args:
        runs: Name of the rules to the parts of metrics.json, one a seed; one in all where nothing
            depends on the seed.
        spreads: Name of the rules to the figures over the seeds; each has its mean, deviation and n.
        reason: Why there are none; empty if there are.
        failed: Whether something went wrong, rather than is not there.
    """

    runs: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    spreads: Mapping[str, Mapping[str, Spread]] = field(default_factory=dict)
    reason: str = ""
    failed: bool = False


@dataclass(frozen=True)
class _Run:
    """A cell with one seed, and the folder of its run."""

    plan: Plan
    folder: Path

    def trained(self) -> bool:
        return (self.folder / checkpoint.STATE).exists()

    def metrics(self, name: str) -> dict[str, Any] | None:
        """The evaluation under these rules, if it has been made."""
        path = self.folder / METRICS
        found = files.read_json(path).get(name) if path.exists() else None
        return found if found and found["rules"] == rules.to_dict(rules.get(name)) else None


def run_cells(bench: Bench, cells: Sequence[Cell | str], *, title: str) -> list[Outcome]:
    """Run what is missing of some cells; an outcome for each, in their order.

    Args:
        bench: Seeds, rules, settings, the folder.
        cells: Cells, or the reason why there is none.
        title: For the progress bar.
    """
    planned: list[list[_Run] | Outcome] = []
    for cell in cells:
        if isinstance(cell, str):
            planned.append(Outcome(reason=cell))
            continue
        try:
            runs = [_planned(bench, cell, seed) for seed in bench.seeds_of(cell.detector)]
            # Where nothing depends on the seed, neither split nor detector, all seeds are one run.
            planned.append(list({run.folder: run for run in runs}.values()))
        except VadlabError as error:
            planned.append(Outcome(reason=str(error), failed=True))
    every = {run.folder: run for runs in planned if isinstance(runs, list) for run in runs}
    errors = _run_missing(bench, list(every.values()), title=title)
    return [_outcome(bench, runs, errors) if isinstance(runs, list) else runs for runs in planned]


def _run_missing(bench: Bench, runs: Sequence[_Run], *, title: str) -> dict[Path, str]:
    """Train and evaluate; folder to what went wrong there."""
    missing = [run for run in runs if any(run.metrics(name) is None for name in bench.rules)]
    errors: dict[Path, str] = {}
    if not missing:
        return errors
    with progress.bar(title) as report:
        for number, run in enumerate(missing):
            report(number, len(missing), f"now {_told(run.plan)}")
            try:
                if not run.trained():
                    train(run.plan, run.folder)
                    # It served to go on from, and is three times as large as all else of the run.
                    (run.folder / SNAPSHOT).unlink(missing_ok=True)
                left = [rules.get(name) for name in bench.rules if run.metrics(name) is None]
                evaluate_under(run.folder, left, root=run.plan.root, device=bench.device)
            except VadlabError as error:
                errors[run.folder] = f"{_told(run.plan)}: {error}"
        report(len(missing), len(missing), "")
    return errors


def _outcome(bench: Bench, runs: Sequence[_Run], errors: Mapping[Path, str]) -> Outcome:
    wrong = [errors[run.folder] for run in runs if run.folder in errors]
    if wrong:
        return Outcome(reason=wrong[0], failed=True)
    found = {name: tuple(run.metrics(name) or {} for run in runs) for name in bench.rules}
    return Outcome(found, {name: pool_seeds(of) for name, of in found.items()})


def _planned(bench: Bench, cell: Cell, seed: int) -> _Run:
    # All streams of a store, named or not, are one run.
    every = cell.store is not None and cell.streams == cell.source.streams(cell.store)
    plan = Plan(
        cell.source.name,
        cell.source.root,
        cell.detector,
        bench.settings_of(cell.detector) | dict(cell.settings),
        features=cell.store,
        streams=None if every else cell.streams,
        seed=seed,
        protocol=bench.protocol,
        device=bench.device,
    )
    text = json.dumps(_content(plan, cell.source), sort_keys=True)
    return _Run(plan, bench.out / "runs" / hashlib.sha256(text.encode()).hexdigest()[:16])


def _content(plan: Plan, source: Source) -> dict[str, Any]:
    """All that decides a run's result; paths, devices and times do not."""
    cls = catalog.load("detectors", plan.detector)
    seeded = {"seed": plan.seed} if any(f.name == "seed" for f in dataclasses.fields(cls)) else {}
    dataset = catalog.load("datasets", plan.dataset)(plan.root)
    detector = config.build(cls, seeded, plan.settings)
    split = dataset.split(detector.supervision, seed=plan.seed, protocol=plan.protocol)
    return {
        "detector": plan.detector,
        "settings": checkpoint.settings_of(detector),
        "dataset": plan.dataset,
        "split": {
            part: [(e.id, e.abnormal, e.category) for e in getattr(split, part)]
            for part in ("train", "val", "test")
        },
        "labels": _labels(plan.dataset, plan.root, source.stores),
        "features": None if plan.features is None else dict(Store.open(plan.features).manifest),
        "streams": plan.streams,
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
    }


@cache
def _labels(name: str, root: Path, stores: tuple[Path, ...]) -> str:
    """A hash of all frame labels; of the folder's files where no store tells the videos' lengths."""
    if not stores:
        return fingerprint(root)
    dataset = catalog.load("datasets", name)(root)
    entries: tuple[Entry, ...] = dataset.entries()
    total = hashlib.sha256()
    for entry in entries:
        total.update(f"{entry.id} {entry.abnormal} {entry.category}\n".encode())
        n_frames = _frames_in(stores[0], entry.id)
        if n_frames is not None and dataset.has_frame_labels(entry):
            total.update(dataset.labels(entry, n_frames).mask().tobytes())
    return total.hexdigest()


def _frames_in(store: Path, video_id: str) -> int | None:
    """A video's frames as its store tells, without reading the features; None if it has not the video."""
    path = Store.open(store).path(video_id)
    try:
        with safe_open(path, framework="numpy") as file:
            return int(json.loads(file.metadata()["video"])["n_frames"])
    except (SafetensorError, OSError, LookupError, TypeError, ValueError):
        return None  # missing or damaged: training or scoring says so, with its remedy


def fingerprint(root: Path) -> str:
    """A hash of the names, sizes and times of all files in a folder."""
    total = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        facts = path.stat()
        total.update(f"{path.relative_to(root)} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    return total.hexdigest()


def _told(plan: Plan) -> str:
    settings = "".join(f" {key}={value}" for key, value in plan.settings.items())
    streams = f" {'+'.join(plan.streams)}" if plan.streams else ""
    return f"{plan.dataset} {plan.detector}{streams}{settings} seed {plan.seed}"
