"""A folder of exported networks: the backbone's, one a stream, and the detector's head.

A format (`exports/<name>.py`) is a class with `suffix`, `write(network, example, path, outputs=)` and
`versions()`; made from a file, it is called with an input of one row and gives the outputs of that row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from vadlab import catalog, files
from vadlab.errors import StoreError, UsageError
from vadlab.features.extract import Backbone, Extractor, remake_extractor
from vadlab.types import FloatArray

__all__ = ["EXPORT", "FORMAT", "HEAD", "Exported", "ExportedBackbone", "extractor_by"]

EXPORT = "export.json"
FORMAT = 1
HEAD = "head"


class Network(Protocol):
    """A file of one of the formats, ready to run."""

    def __call__(self, x: NDArray[Any]) -> list[FloatArray]:
        """One row in, each output of it."""
        ...


@dataclass(frozen=True)
class Exported:
    """A folder of `vadlab export`.

    Args:
        root: The folder.
        facts: Its export.json.
    """

    root: Path
    facts: Mapping[str, Any]

    @classmethod
    def open(cls, root: Path) -> Self:
        """Read a folder's facts.

        Raises:
            StoreError: If it is no such folder, or from another version of vadlab.
        """
        facts = files.read_json(root / EXPORT)
        if facts.get("format") != FORMAT or not isinstance(facts.get("networks"), dict):
            raise StoreError(
                "this export cannot be read",
                file=root / EXPORT,
                expected=f"format {FORMAT}",
                found=f"format {facts.get('format')}",
                remedy="export the run again",
            )
        return cls(root, facts)

    def network(self, name: str, *, workers: int = 1) -> Network:
        """One of its networks: a stream's, or "head".

        Raises:
            StoreError: If the file is missing, or has changed since it was written.
            UsageError: If what runs the format is not installed.
        """
        entry = self.facts["networks"].get(name)
        if entry is None:
            raise UsageError(
                f"the export has no network {name!r}",
                file=self.root,
                expected=" | ".join(self.facts["networks"]),
            )
        for file, digest in entry["files"].items():
            path = self.root / file
            if not path.exists() or files.digest(path) != digest:
                raise StoreError(
                    "an exported network is not as it was written",
                    file=path,
                    expected=f"sha256 {digest}",
                    found=f"sha256 {files.digest(path)}" if path.exists() else "no such file",
                    remedy="export the run again",
                )
        cls = catalog.load("exports", self.facts["to"])
        made: Network = cls(self.root / next(iter(entry["files"])), workers=workers)
        return made

    def backbone(self, original: Backbone, *, workers: int) -> ExportedBackbone:
        """The backbone with its networks run from the files.

        Raises:
            StoreError: If the export is of other weights or another preprocessing.
        """
        wanted, found = (
            {key: value for key, value in facts.items() if key not in IRRELEVANT}
            for facts in (original.facts(), self.facts["backbone"]["facts"])
        )
        if wanted != found:
            raise StoreError(
                "the export is of another backbone than the run's",
                file=self.root / EXPORT,
                expected=wanted,
                found=found,
                remedy="export this run",
            )
        return ExportedBackbone(original, self, workers)


IRRELEVANT = frozenset({"engine", "precision", "versions"})  # of a backbone's facts: the export has its own


@dataclass(frozen=True)
class ExportedBackbone:
    """A backbone whose networks are those of an export; see `vadlab.features.extract.Backbone`.

    Args:
        original: Whose preprocessing and facts it has.
        exported: The folder.
        workers: Threads that may call `embed` at once.
    """

    original: Backbone
    exported: Exported
    workers: int = 1

    @property
    def clip_length(self) -> int:
        """Frames of a clip."""
        return self.original.clip_length

    @property
    def frame_size(self) -> tuple[int, int]:
        """(width, height) of the frames in pixels."""
        return self.original.frame_size

    @property
    def needs_flow(self) -> bool:
        """Whether `embed` wants optical flow."""
        return self.original.needs_flow

    def dims(self) -> dict[str, int]:
        """Columns of each stream, in column order."""
        return self.original.dims()

    def settings(self) -> dict[str, Any]:
        """The original's."""
        return self.original.settings()

    def facts(self) -> dict[str, Any]:
        """The original's, but for what runs the networks."""
        run_by = {"engine": f"export {self.exported.facts['to']}", "precision": "fp32"}
        return self.original.facts() | run_by | {"versions": self.exported.facts["versions"]}

    def embed(self, rgb: NDArray[np.uint8], flow: FloatArray | None = None) -> FloatArray:
        """As the original's, row by row."""
        inputs: dict[str, NDArray[Any]] = {"rgb": rgb} if flow is None else {"rgb": rgb, "flow": flow}
        columns = [
            np.concatenate([network(inputs[stream][i : i + 1])[0] for i in range(len(rgb))])
            for stream, network in self._networks.items()
        ]
        return np.concatenate(columns, axis=1)

    @cached_property
    def _networks(self) -> dict[str, Network]:
        return {name: self.exported.network(name, workers=self.workers) for name in self.dims()}


def extractor_by(engine: str | None, manifest: Mapping[str, Any], *, device: str, workers: int) -> Extractor:
    """What makes a run's features, by another engine than the training's, or by an export's networks.

    Args:
        engine: Its name, or the folder of an export; None takes the training's.
        manifest: Of the features that the run was trained on (`features` of its run.json).
        device: Where the networks run.
        workers: Threads that make features at once.

    Raises:
        StoreError: If the export is of another backbone, or has changed.
        WeightsError: If the backbone's weights are not here.
        UsageError: If the engine is unknown or not installed.
    """
    folder = None if engine is None else Path(engine)
    if folder is None or not (folder / EXPORT).exists():
        return remake_extractor(manifest, engine=engine, device=device, workers=workers)
    made = remake_extractor(manifest, device=device, workers=workers)
    backbone = Exported.open(folder).backbone(made.backbone, workers=workers)
    return replace(made, backbone=backbone, batch=1)
