"""What stands behind measured numbers, in lines: split, seeds, steps, settings, features, minutes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from vadlab import catalog, checkpoint
from vadlab.evaluation.rules import describe, get
from vadlab.report.wording import setting_text

__all__ = ["protocol_lines"]


def protocol_lines(runs: Iterable[Mapping[str, Any]], rules: Iterable[str]) -> tuple[str, ...]:
    """A line for each dataset and detector, and one for each set of rules.

    Args:
        runs: Parts of metrics.json.
        rules: Names of the rules used.
    """
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for run in runs:
        groups.setdefault((run["run"]["dataset"], run["run"]["detector"]), []).append(run["run"])
    lines = [_line(dataset, detector, of) for (dataset, detector), of in groups.items()]
    return (*lines, *(f"rules {describe(get(name))}" for name in rules if lines))


def _line(dataset: str, detector: str, runs: list[Mapping[str, Any]]) -> str:
    splits = _joined(f"{run['split']['name']} videos" for run in runs)
    known = list(dict.fromkeys(str(run["seed"]) for run in runs if run["seed"] is not None))
    seeds = f"seed{'s' * (len(known) > 1)} {', '.join(known)}" if known else "no seed, for nothing is drawn"
    if known and any(run["split"]["seed"] is not None for run in runs):
        seeds += " (of the split's draw, too)"
    parts = [f"{detector} on {dataset}", f"split {splits}", seeds]
    parts.append(_settings(detector, [run["settings"] for run in runs]))
    parts += _features([run["features"] for run in runs if run["features"]])
    # Runs under several rules are one training.
    minutes = {(str(run["settings"]), str(run["features"]), run["started"]): run["minutes"] for run in runs}
    parts.append(
        f"{len(minutes)} run{'s' * (len(minutes) > 1)} trained in {sum(minutes.values()):.1f} minutes"
    )
    return "; ".join(part for part in parts if part)


def _settings(detector: str, of: list[Mapping[str, Any]]) -> str:
    """Steps, and each setting that is not the default; one that the table varies is said to vary."""
    default = checkpoint.settings_of(catalog.load("detectors", detector)())
    told = []
    for key in default:
        values = list(dict.fromkeys(setting_text(settings.get(key)) for settings in of))
        if key == "seed" or (key != "steps" and values == [setting_text(default[key])]):
            continue
        told.append(f"{key} {values[0]}" if len(values) == 1 else f"{key} as in the table")
    return ", ".join(told) or "settings as the default"


def _features(of: list[Mapping[str, Any]]) -> list[str]:
    if not of:
        return []
    names = _joined(f"{f['backbone']} {' + '.join(f['streams'])}" for f in of)
    weights = _joined(f"{stream}: {name}" for f in of for stream, name in f["weights"].items())
    flow = _joined(str(f["flow method"]) for f in of if f["flow method"])
    precision = _joined(str(f["precision"]) for f in of if f["precision"])
    told = [f"features {names}", f"weights {weights or 'none'}"]
    told += [f"flow by {flow}"] if flow else []
    return told + ([precision] if precision else [])


def _joined(texts: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(texts))
