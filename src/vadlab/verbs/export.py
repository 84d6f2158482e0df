"""vadlab export: a run's networks as files that other programs run, checked against PyTorch."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from vadlab import __version__, catalog, checkpoint, files, progress
from vadlab.detector import Detector, Head
from vadlab.engine import ClipModel, Form
from vadlab.engine_choice import generated_clips
from vadlab.errors import StoreError, UsageError
from vadlab.exported import EXPORT, FORMAT, HEAD, Exported
from vadlab.features.extract import remake_extractor
from vadlab.types import FloatArray

__all__ = ["TOLERANCE", "Parity", "export_run"]

TOLERANCE = 1e-3
"""Largest difference of an output from PyTorch's fp32, in units of the largest output."""
N_WINDOWS = 8


@dataclass(frozen=True)
class Parity:
    """How an output of a file differs from PyTorch's, in fp32.

    Args:
        network, output: Which.
        rows: Inputs compared.
        max_relative: Largest difference, in units of the largest output.
        cosine: The least of all rows.
    """

    network: str
    output: str
    rows: int
    max_relative: float
    cosine: float

    @property
    def kept(self) -> bool:
        """Whether it is within the tolerance."""
        return self.max_relative <= TOLERANCE

    def to_json(self) -> dict[str, Any]:
        """For export.json."""
        return {
            "network": self.network,
            "output": self.output,
            "rows": self.rows,
            "max_relative": self.max_relative,
            "cosine": self.cosine,
        }


@dataclass(frozen=True)
class _Part:
    """A network to be exported, inputs to compare it on, and what its outputs are called."""

    network: nn.Module
    inputs: NDArray[Any]
    outputs: tuple[str, ...]


def export_run(run: Path, *, to: str, out: Path) -> tuple[Exported, tuple[Parity, ...]]:
    """Write the networks of a run and export.json, which tells their inputs, outputs and parity.

    Args:
        run: A folder of `train`; its detector reads features and has a head.
        to: A name in `exports/`.
        out: A new folder, or one of an earlier export, which is replaced network by network.

    Returns:
        The folder, and each output's parity.

    Raises:
        UsageError: If the format is unknown or not installed, or the run has nothing to export.
        StoreError: If a file's answers differ from PyTorch's by more than `TOLERANCE`; the files stay, for
            looking at, but without export.json.
        WeightsError: If the backbone's weights are not here.
    """
    cls = catalog.load("exports", to)
    detector, facts = checkpoint.restore(run)
    models, head, backbone = _networks(detector, facts)
    versions = {"vadlab": __version__, **cls.versions()}
    (out / EXPORT).unlink(missing_ok=True)
    written: dict[str, Any] = {}
    compared: list[Parity] = []
    features: list[FloatArray] = []
    with progress.bar(f"export to {to}", counted=False) as report:
        for number, (name, model) in enumerate(models.items()):
            report(number, len(models) + 1, name)
            part = _Part(model.make(Form(folded=True)), generated_clips(model), ("features",))
            written[name], parity, (rows,) = _exported(cls, part, out, name)
            features.append(rows)
            compared += parity
        report(len(models), len(models) + 1, HEAD)
        part = _Part(head.network, _windows(features, head, _columns(facts, models)), head.outputs)
        written[HEAD], parity, _ = _exported(cls, part, out, HEAD)
        compared += parity
        report(len(models) + 1, len(models) + 1, "")
    poor = [one for one in compared if not one.kept]
    if poor:
        raise StoreError(
            "the exported networks do not answer as PyTorch's do",
            file=out,
            expected=f"differences of at most {TOLERANCE:g} of the largest output",
            found=", ".join(f"{one.network} {one.output}: {one.max_relative:.2g}" for one in poor),
            remedy="choose another format, or report this with the versions that `pip freeze` names",
        )
    told = {
        "format": FORMAT,
        "to": to,
        "versions": versions,
        "detector": facts["detector"],
        "dataset": facts["dataset"]["name"],
        "split": facts["split"]["name"],
        "streams": facts["streams"],
        "categories": list(head.categories),
        "threshold": detector.threshold,
        "calibration": facts["calibration"],
        "backbone": backbone,
        "flow": facts["features"]["flow"],
        "clip_length": facts["features"]["clip_length"],
        "networks": written,
        "parity": {
            "tolerance": TOLERANCE,
            "against": "PyTorch fp32",
            "outputs": [p.to_json() for p in compared],
        },
    }
    files.write_json(out / EXPORT, told)
    return Exported(out, told), tuple(compared)


def _networks(
    detector: Detector, facts: Mapping[str, Any]
) -> tuple[dict[str, ClipModel], Head, dict[str, Any]]:
    name = facts["detector"]["name"]
    make_head = getattr(detector, "head", None)
    if make_head is None:
        able = [one for one in catalog.names("detectors") if hasattr(catalog.load("detectors", one), "head")]
        raise UsageError(
            f"the detector {name!r} has no network of its own to export", expected=" | ".join(able)
        )
    made = remake_extractor(facts["features"], device="cpu").backbone
    clip_model = getattr(made, "clip_model", None)
    if clip_model is None:
        raise UsageError(
            f"the backbone {facts['features']['backbone']['name']!r} is no network", expected="i3d | c3d"
        )
    models = {stream: clip_model(stream) for stream in made.dims()}
    described = {
        "name": facts["features"]["backbone"]["name"],
        "settings": made.settings(),
        "facts": made.facts(),
    }
    return models, make_head(), described


def _exported(
    cls: Any, part: _Part, out: Path, name: str
) -> tuple[dict[str, Any], list[Parity], list[FloatArray]]:
    """Write one network and compare it; its entry, parity, and PyTorch's own outputs."""
    example = torch.from_numpy(part.inputs[:1].copy())
    out.mkdir(parents=True, exist_ok=True)
    # A format may write several files and none of them whole at once.
    with tempfile.TemporaryDirectory(dir=out, prefix=".part-") as folder:
        made = Path(folder) / f"{name}{cls.suffix}"
        cls.write(part.network, example, made, outputs=part.outputs)
        names = [made.name, *sorted(path.name for path in Path(folder).iterdir() if path != made)]
        for file in names:
            (Path(folder) / file).replace(out / file)
    network = cls(out / made.name)
    rows = [network(part.inputs[i : i + 1]) for i in range(len(part.inputs))]
    with torch.inference_mode():
        own = part.network(torch.from_numpy(part.inputs))
    wanted = [o.numpy() for o in (own if isinstance(own, tuple) else (own,))]
    parity = [
        _parity(name, output, np.concatenate([row[i] for row in rows]), wanted[i])
        for i, output in enumerate(part.outputs)
    ]
    entry = {
        "files": {file: files.digest(out / file) for file in names},
        "input": {"shape": list(example.shape), "dtype": str(part.inputs.dtype)},
        "outputs": {o: list(w[:1].shape) for o, w in zip(part.outputs, wanted, strict=True)},
    }
    return entry, parity, wanted


def _parity(network: str, output: str, found: FloatArray, wanted: FloatArray) -> Parity:
    a, b = found.astype(np.float64), wanted.astype(np.float64)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosines = np.divide((a * b).sum(axis=1), norms, out=np.zeros(len(a)), where=norms > 0)
    largest = float(np.abs(b).max())
    difference = float(np.abs(a - b).max()) / largest if largest else float(np.abs(a).max())
    return Parity(network, output, len(a), difference, float(cosines.min()))


def _columns(facts: Mapping[str, Any], models: Mapping[str, ClipModel]) -> list[int]:
    """Which of the backbone's streams the detector reads, in its order."""
    names = list(models)
    return [names.index(stream) for stream in facts["streams"] or names]


def _windows(features: list[FloatArray], head: Head, columns: list[int]) -> FloatArray:
    """Windows (n, k, d) of the features of the compared clips, in random orders, each a little changed."""
    rng = np.random.default_rng(0)
    rows = np.concatenate([features[i] for i in columns], axis=1)
    windows = rows[rng.integers(len(rows), size=(N_WINDOWS, head.k))]
    noise = rng.normal(scale=0.1 * float(rows.std()), size=windows.shape)
    changed: FloatArray = (windows + noise).astype(np.float32)
    return changed
