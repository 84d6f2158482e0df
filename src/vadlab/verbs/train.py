"""vadlab train: fit a detector on a dataset's training part, into a run folder."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vadlab import catalog, checkpoint, config, devices, files, peak_memory, progress, ranks, training
from vadlab.detector import Detector
from vadlab.errors import StoreError, UsageError, VadlabError
from vadlab.evaluation import rules
from vadlab.evaluation.frames import to_frames
from vadlab.features.store import Store, differences
from vadlab.samples import reader, samples
from vadlab.splits import read_split
from vadlab.types import Entry, Sample, Split

__all__ = ["Plan", "train"]

ALARM_QUANTILE = 0.999  # of the normal frames' scores, where a detector's scores have no natural threshold


@dataclass(frozen=True)
class Plan:
    """What to train on what.

    Args:
        dataset: Catalogue name.
        root: The dataset's folder.
        detector: Catalogue name, or "package.module:Class".
        settings: The detector's settings that differ from its defaults.
        features: Feature store, where the detector reads features.
        streams: Streams of the store to use, in this order; None for all.
        seed: Of the split's draw and of the detector.
        val: Share of the training videos that validates.
        protocol: "paper" for the LAD paper's splits, "official" for the dataset's own.
        split_file: A split as `vadlab data split` writes it, which wins over seed, val and protocol.
        device: "auto", "cpu", "cuda", "cuda:N".
    """

    dataset: str
    root: Path
    detector: str
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    features: Path | None = None
    streams: tuple[str, ...] | None = None
    seed: int = 0
    val: float = 0.0
    protocol: str = "paper"
    split_file: Path | None = None
    device: str = "auto"


def train(plan: Plan, out: Path) -> dict[str, Any]:
    """Train, or continue a training that was stopped; the run's facts.

    Started by torchrun, the processes share each gradient step; only the first writes, shows progress and
    does what is no gradient step. A detector that makes none is trained by the first alone.

    Raises:
        StoreError: If `out` holds another run, or features are missing.
        UsageError: If a name or a setting is unknown.
    """
    device = ranks.place(devices.pick(plan.device))
    with ranks.joined(device):
        if not ranks.first():
            return _join(plan, device)
        return _train(plan, out, device)


def _train(plan: Plan, out: Path, device: torch.device) -> dict[str, Any]:
    detector, dataset, split, store = _parts(plan)
    facts = _facts(plan, detector, split, store)
    earlier = _earlier(out, facts)
    if earlier is not None and (out / checkpoint.STATE).exists():
        return earlier
    if store is not None:
        store.require(_ids(split.train + split.val))
    started = time.monotonic()
    spent = earlier.get("seconds", 0.0) if earlier else 0.0
    peak_memory.begin()
    checkpoint.write_run(out, facts)
    read = reader(detector.reads, store=store, streams=plan.streams)
    with progress.bar(f"train {plan.detector}") as report:

        def tick(done: int, total: int, losses: dict[str, float]) -> None:
            report(done, total, " ".join(f"{name} {value:.3f}" for name, value in losses.items()))

        train_samples = samples(dataset, split.train, read, detector.supervision)
        val_samples = samples(dataset, split.val, read, detector.supervision)
        place = training.Runtime(device=device, folder=out, progress=tick)
        try:
            with training.runtime(place):
                detector.fit(train_samples, val_samples)
                calibration = _calibration(detector, train_samples, val_samples, split)
        except VadlabError:
            if not (out / training.SNAPSHOT).exists():  # nothing learned: the folder is free for another try
                (out / checkpoint.RUN).unlink(missing_ok=True)
            raise
    facts |= {
        "calibration": calibration,
        "seconds": round(spent + time.monotonic() - started, 1),
        "peak_mib": peak_memory.mib(),
    }
    checkpoint.write_run(out, facts)
    checkpoint.save_state(out, detector)  # last, for its being there means that the run is finished
    return facts


def _join(plan: Plan, device: torch.device) -> dict[str, Any]:
    """Take part in the first process's gradient steps, if it makes some."""
    stepping, started = ranks.called(), time.monotonic()
    detector, dataset, split, store = _parts(plan)
    if stepping:
        read = reader(detector.reads, store=store, streams=plan.streams)
        train_samples, val_samples = (
            samples(dataset, part, read, detector.supervision) for part in (split.train, split.val)
        )
        with training.runtime(training.Runtime(device=device)):
            detector.fit(train_samples, val_samples)
    return _facts(plan, detector, split, store) | {"seconds": round(time.monotonic() - started, 1)}


def _parts(plan: Plan) -> tuple[Detector, Any, Split, Store | None]:
    detector = _detector(plan)
    dataset = catalog.load("datasets", plan.dataset)(plan.root)
    split = _split(plan, dataset, detector)
    return detector, dataset, split, _store(plan, detector)


def _split(plan: Plan, dataset: Any, detector: Detector) -> Split:
    if plan.split_file is None:
        drawn: Split = dataset.split(
            detector.supervision, seed=plan.seed, val_fraction=plan.val, protocol=plan.protocol
        )
        return drawn
    split = read_split(plan.split_file, dataset.entries())
    if split.supervision is not detector.supervision:
        raise UsageError(
            f"the split is for another supervision than that of {plan.detector}",
            file=plan.split_file,
            expected=str(detector.supervision),
            found=str(split.supervision),
            remedy=f"vadlab data split {plan.dataset} {plan.root} --kind {detector.supervision} --out FILE",
        )
    return split


def _detector(plan: Plan) -> Detector:
    cls = catalog.load("detectors", plan.detector)
    seeded = {"seed": plan.seed} if any(f.name == "seed" for f in dataclasses.fields(cls)) else {}
    detector: Detector = config.build(cls, seeded, plan.settings)
    return detector


def _store(plan: Plan, detector: Detector) -> Store | None:
    if detector.reads == "frames":
        return None
    if plan.features is None:
        raise UsageError(
            f"{plan.detector} reads features",
            expected="--features STORE",
            remedy=f"vadlab extract {plan.dataset} {plan.root} --out STORE",
        )
    return Store.open(plan.features)


def _facts(plan: Plan, detector: Detector, split: Split, store: Store | None) -> dict[str, Any]:
    """All that decides the result, and when and with what it was made."""
    return {
        "format": 1,
        "detector": {"name": plan.detector, "settings": checkpoint.settings_of(detector)},
        "dataset": {"name": plan.dataset, "root": str(plan.root.resolve())},
        "split": {
            "name": split.name,
            "supervision": str(split.supervision),
            "seed": split.seed,
            "train": _ids(split.train),
            "val": _ids(split.val),
            "test": _ids(split.test),
        },
        "features": None if store is None else {"store": str(store.root.resolve()), **store.manifest},
        "streams": None if plan.streams is None else list(plan.streams),
        "versions": {
            "python": platform.python_version(),
            **{
                name: importlib.metadata.version(name)
                for name in ("vadlab", "torch", "numpy", "scikit-learn")
            },
        },
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _ids(entries: tuple[Entry, ...]) -> list[str]:
    return [entry.id for entry in entries]


def _earlier(out: Path, facts: Mapping[str, Any]) -> dict[str, Any] | None:
    """The facts of an earlier, equal run in the folder; None if it is new.

    Raises:
        StoreError: If the folder holds another run.
    """
    path = out / checkpoint.RUN
    if not path.exists():
        return None
    earlier = files.read_json(path)
    wanted = json.loads(json.dumps(facts))  # as JSON gives it back, where a tuple is a list
    for key in ("detector", "dataset", "split", "features", "streams"):
        if earlier.get(key) != wanted[key]:
            raise StoreError(
                f"the folder holds a run with another {key}",
                file=out,
                **_told(earlier.get(key), wanted[key]),
                remedy="choose another --out, or delete the folder",
            )
    return earlier


def _told(found: Any, expected: Any) -> dict[str, Any]:
    """Where two parts of run.json differ, in words short enough to read."""
    if not (isinstance(found, Mapping) and isinstance(expected, Mapping)):
        return {"expected": expected, "found": found}
    if found.get("name") != expected.get("name"):
        return {"expected": expected.get("name"), "found": found.get("name")}
    told = list(differences(found, expected))

    def short(value: Any) -> str:
        return f"{len(value)} other videos" if isinstance(value, list) and len(value) > 3 else str(value)

    return {
        "expected": "; ".join(f"{key} = {short(new)}" for key, _, new in told),
        "found": "; ".join(f"{key} = {short(old)}" for key, old, _ in told),
    }


def _calibration(
    detector: Detector,
    train_samples: list[Sample[Any, Any]],
    val_samples: list[Sample[Any, Any]],
    split: Split,
) -> dict[str, float]:
    """Quantiles of the scores of normal frames, from validation videos where there are some.

    They give a threshold to detectors whose scores have none by nature, and the two anchors of the
    normalisation "train-calibrated". No test video is touched.
    """
    normal = {e.id for e in (split.val or split.train) if not e.abnormal}
    known = [s for s in (val_samples or train_samples) if s.video.id in normal]
    if not known:
        known = train_samples
    scores = np.concatenate(
        [to_frames(detector.score(dataclasses.replace(s, y=None)), rules.get("strict"))[0] for s in known]
    )
    low, high = np.quantile(scores, [0.5, ALARM_QUANTILE])
    return {"median": float(low), "high": float(high), "quantile": ALARM_QUANTILE, "n_frames": len(scores)}
