"""A detector in a run folder: `state.safetensors` and `run.json`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from vadlab import catalog, config
from vadlab.csv_table import listed
from vadlab.detector import Detector, State
from vadlab.errors import StoreError
from vadlab.files import read_json, write_json, write_whole

__all__ = ["restore", "save_state", "settings_of", "write_run"]

RUN = "run.json"
STATE = "state.safetensors"


def settings_of(detector: Detector) -> dict[str, Any]:
    """The detector's settings, JSON-able."""
    fields = dataclasses.fields(detector)  # type: ignore[arg-type]
    return {f.name: getattr(detector, f.name) for f in fields if f.init}


def write_run(run: Path, facts: Mapping[str, Any]) -> None:
    """Write run.json."""
    write_json(run / RUN, facts)


def save_state(run: Path, detector: Detector) -> None:
    """Write what the detector learned; texts are kept as UTF-8 JSON, since the format has numbers only."""
    arrays: dict[str, Any] = {}
    texts: dict[str, list[str]] = {}
    for key, value in detector.state().items():
        if value.dtype.kind == "U":
            texts[key] = value.tolist()
        else:
            arrays[key] = np.asarray(value, order="C")  # the format writes other orders scrambled
    write_whole(run / STATE, save(arrays, {"texts": json.dumps(texts)}))


def restore(run: Path) -> tuple[Detector, dict[str, Any]]:
    """The trained detector of a run folder, and its run.json.

    Raises:
        StoreError: If the folder is no finished run, or is damaged.
    """
    if not (run / RUN).exists() or not (run / STATE).exists():
        names = sorted(path.name for path in run.iterdir()) if run.is_dir() else []
        begun = RUN in names
        raise StoreError(
            "this folder holds no finished training run",
            file=run,
            expected=f"{RUN} and {STATE}",
            found=listed(names) or ("an empty folder" if run.is_dir() else "no such folder"),
            remedy="run the same vadlab train command again: it continues where it stopped"
            if begun
            else "name the folder that was --out of vadlab train",
        )
    facts = read_json(run / RUN)
    try:
        name, settings = facts["detector"]["name"], facts["detector"]["settings"]
    except (KeyError, TypeError) as error:
        raise StoreError(
            "this file does not tell which detector was trained",
            file=run / RUN,
            expected="detector, with name and settings",
            found=", ".join(facts),
            remedy="choose a folder that vadlab train made",
        ) from error
    detector: Detector = config.build(catalog.load("detectors", name), settings)
    try:
        with safe_open(run / STATE, framework="numpy") as file:
            state: State = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
            texts = json.loads((file.metadata() or {})["texts"])
            state |= {key: np.array(value, dtype=np.str_) for key, value in texts.items()}
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise StoreError(
            "the trained state is damaged",
            file=run / STATE,
            found=str(error),
            remedy="delete it and run the same vadlab train command again",
        ) from error
    return detector.restore(state), facts
