"""vadlab demo: the paper's whole method on the generated set, end to end."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vadlab import catalog, devices, progress, weights
from vadlab.datasets.synth import generate
from vadlab.errors import DataError
from vadlab.evaluation.rules import get
from vadlab.features.extract import make_extractor
from vadlab.verbs.evaluate import Finding, evaluate_run
from vadlab.verbs.extract import extract
from vadlab.verbs.train import Plan, train

__all__ = ["Demo", "demo"]

RGB_WEIGHTS = "i3d-rgb-kinetics"

TRAIN, TEST = 3, 2  # videos of each category and kind: 140 in all

# Fitting a few hundred clips of 14 categories takes hundreds of steps, not the 12,000 of a full set.
AED_SETTINGS = {"steps": 300, "standardise": True}


@dataclass(frozen=True)
class Demo:
    """What a demo made.

    Args:
        findings: Detector name to its evaluation.
        minutes: Stage to wall time, minutes.
        out: The folder of it all.
    """

    findings: dict[str, Finding]
    minutes: dict[str, float]
    out: Path

    def to_json(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "out": str(self.out),
            "minutes": {stage: round(m, 2) for stage, m in self.minutes.items()},
            "detectors": {name: f.metrics for name, f in self.findings.items()},
            "reports": {name: str(f.page) for name, f in self.findings.items()},
        }


def demo(out: Path, *, seed: int = 0, device: str = "auto") -> Demo:
    """Generate videos, extract two-stream features, train three detectors, evaluate, report.

    Every stage keeps what it has done, so a stopped demo goes on where it was.
    """
    minutes: dict[str, float] = {}
    videos, store = out / "videos", out / "features"

    def timed(stage: str, started: float) -> None:
        minutes[stage] = (time.monotonic() - started) / 60

    started = time.monotonic()
    with progress.bar("generate videos") as report:
        generate(videos, train=TRAIN, test=TEST, seed=seed, workers=os.cpu_count() or 1, progress=report)
    timed("generate", started)

    started = time.monotonic()
    if weights.locate(RGB_WEIGHTS) is None:
        with progress.bar("fetch weights", counted=False) as report:
            weights.fetch(RGB_WEIGHTS, progress=lambda done, total: report(done, total or 0, ""))
    timed("weights", started)

    started = time.monotonic()
    extractor = make_extractor("i3d", flow="tvl1", device=device, workers=devices.cores())
    dataset = catalog.load("datasets", "synth")(videos)
    extraction = extract(dataset.entries(), store, extractor)
    timed("extract", started)
    if extraction.failed:
        name, reason = extraction.failed[0]
        raise DataError(
            "generated videos cannot be read",
            file=videos,
            found=f"{len(extraction.failed)} failed, the first is {name}: {reason}",
            remedy="delete the folder and run the demo again",
        )

    findings: dict[str, Finding] = {}
    for name, settings in {"aed": AED_SETTINGS, "linear_probe": {}, "frame_difference": {}}.items():
        started = time.monotonic()
        run = out / "runs" / name
        train(Plan("synth", videos, name, settings, features=store, seed=seed, device=device), run)
        findings[name] = evaluate_run(run, get("strict"), device=device)
        timed(name, started)
    return Demo(findings, minutes, out)
