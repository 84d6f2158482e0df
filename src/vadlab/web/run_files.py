"""What the files of a run folder say: where it comes from, its figures by rules, its reports."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vadlab.errors import StoreError
from vadlab.evaluation.places import METRICS, report_file
from vadlab.files import read_json
from vadlab.web.site import MissingError

__all__ = ["Facts", "facts", "finding", "report"]

RUN, STATE = "run.json", "state.safetensors"


@dataclass(frozen=True)
class Facts:
    """A run in short.

    Args:
        state: "training", "trained" (not evaluated) or "evaluated".
        detector, dataset, split: Names; None where the files do not tell.
        seed: Of the training, or None.
        features: Backbone and streams in words; None where the detector reads frames.
        started: ISO time of the training's start, or None.
        minutes: Of the training, or None.
        can_score: Whether it can score other videos: a finished training, not imported scores.
        rules: Rules' name to the finding under them.
    """

    state: str
    detector: str | None
    dataset: str | None
    split: str | None
    seed: int | None
    features: str | None
    started: str | None
    minutes: float | None
    can_score: bool
    rules: dict[str, dict[str, Any]]


def facts(run: Path) -> Facts:
    """Read a run folder's run.json and metrics.json.

    Raises:
        StoreError: If a file is damaged.
    """
    told = _read(run / RUN)
    found = _read(run / METRICS)
    shown: dict[str, Any] = next((finding["run"] for finding in found.values() if "run" in finding), {})
    split = told.get("split") or shown.get("split") or {}
    detector = told.get("detector") or {}
    started = told.get("started") or shown.get("started")
    return Facts(
        state="evaluated" if found else "trained" if (run / STATE).exists() else "training",
        detector=detector.get("name") or shown.get("detector"),
        dataset=(told.get("dataset") or {}).get("name") or shown.get("dataset"),
        split=split.get("name"),
        seed=detector.get("settings", {}).get("seed", split.get("seed")),
        features=_features(told, shown),
        started=started,
        minutes=told["seconds"] / 60 if "seconds" in told else shown.get("minutes"),
        can_score=(run / RUN).exists() and (run / STATE).exists(),
        rules=found,
    )


def finding(run: Path, rules: str | None) -> tuple[str, dict[str, Any]]:
    """The rules' name, and what metrics.json says under them; None takes `strict`, else the first.

    Raises:
        MissingError: If the run was not evaluated (under these rules).
    """
    found = _read(run / METRICS)
    name = rules or ("strict" if "strict" in found else next(iter(found), None))
    if name is None or name not in found:
        raise MissingError(
            "the run was not evaluated" + (f" under the rules {rules}" if found else ""),
            expected=", ".join(found) or None,
            remedy=f"vadlab evaluate {run}" + (f" --rules {rules}" if rules else ""),
        )
    return name, found[name]


def report(run: Path, rules: str) -> Path:
    """The HTML report under some rules.

    Raises:
        MissingError: If there is none.
    """
    name, _ = finding(run, rules)
    file = report_file(run, name)
    if not file.is_file():
        raise MissingError("the run has no report under these rules", remedy=f"vadlab evaluate {run}")
    return file


def _features(told: dict[str, Any], shown: dict[str, Any]) -> str | None:
    features = shown.get("features")
    if features:
        return f"{features['backbone']} {' + '.join(features['streams'])}"
    features = told.get("features")
    if features:
        return f"{features['backbone']['name']} {' + '.join(told.get('streams') or features['streams'])}"
    return None


def _read(file: Path) -> dict[str, Any]:
    """The file's content, {} where there is none; read anew only when it has changed."""
    try:
        about = file.stat()
    except OSError:
        return {}
    return _read_version(file, about.st_mtime_ns, about.st_size)


@functools.lru_cache(maxsize=512)
def _read_version(file: Path, _mtime_ns: int, _size: int) -> dict[str, Any]:
    try:
        return read_json(file)
    except StoreError as error:
        if not file.exists():
            return {}
        raise error
