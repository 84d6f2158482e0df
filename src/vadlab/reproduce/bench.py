"""What a reproduction has at hand: datasets, features, seeds, settings, and where results go."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from vadlab import catalog
from vadlab.errors import UsageError
from vadlab.evaluation.rules import get
from vadlab.features.store import Store
from vadlab.splits import Protocol

__all__ = ["QUICK_STEPS", "Bench", "Source"]

QUICK_STEPS = 20  # of a smoke run: enough to see that everything works, nothing more


@dataclass(frozen=True)
class Source:
    """A dataset that is there.

    Args:
        name: Catalogue name.
        root: Its folder.
        stores: Feature stores of it, one a backbone; the first serves where a table names no backbone.
    """

    name: str
    root: Path
    stores: tuple[Path, ...] = ()

    @property
    def label(self) -> str:
        """Its name in print: that of the folder for one's own videos."""
        return self.root.resolve().name if self.name == "folder" else self.name

    def backbones(self) -> dict[str, Path]:
        """Backbone name to its store, in the order given.

        Raises:
            StoreError: If a folder is no store.
        """
        return {Store.open(path).manifest["backbone"]["name"]: path for path in reversed(self.stores)}

    def streams(self, store: Path) -> tuple[str, ...]:
        """The streams of a store, in column order."""
        return tuple(Store.open(store).manifest["streams"])


@dataclass(frozen=True)
class Bench:
    """How a table is to be made.

    Args:
        sources: The datasets at hand, each name once.
        out: Where results go; runs/ in it is the cache.
        seeds: One run each, of the split's draw where the paper drew, and of the detector.
        own_seeds: Detector to its seeds, where they are others.
        settings: Of detectors that have such a field; "aed.steps" is for that detector alone.
        protocol: "paper" for the LAD paper's splits, "official" for each dataset's own.
        rules: Names of evaluation rules; a measured column each.
        detectors: Rows of Table 3, by catalogue name; None for the paper's.
        quick: A smoke run: the first seed and few steps.
        device: "auto", "cpu", "cuda", "cuda:N".

    Raises:
        UsageError: If there is no seed, a name is given twice, or rules are unknown.
    """

    sources: tuple[Source, ...]
    out: Path
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    own_seeds: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    protocol: Protocol = "paper"
    rules: tuple[str, ...] = ("strict",)
    detectors: tuple[str, ...] | None = None
    quick: bool = False
    device: str = "auto"

    def __post_init__(self) -> None:
        given: dict[str, list[object]] = {
            "dataset": [source.name for source in self.sources],
            "seed": list(self.seeds),
            **{f"seed of {detector}": list(seeds) for detector, seeds in self.own_seeds.items()},
            "rules": list(self.rules),
        }
        for what, values in given.items():
            if len(set(values)) < len(values):
                raise UsageError(f"a {what} is given twice", found=", ".join(map(str, values)))
        if not self.seeds or not self.rules or not all(self.own_seeds.values()):
            raise UsageError("there is nothing to run", expected="one seed and one name of rules, or more")
        if self.protocol not in get_args(Protocol):
            raise UsageError(f"unknown protocol {self.protocol!r}", expected=" | ".join(get_args(Protocol)))
        for name in self.rules:
            get(name)
        if self.quick:
            object.__setattr__(self, "seeds", self.seeds[:1])
            object.__setattr__(self, "own_seeds", {name: of[:1] for name, of in self.own_seeds.items()})

    def seeds_of(self, detector: str) -> tuple[int, ...]:
        """The seeds that a detector is run with."""
        return self.own_seeds.get(detector, self.seeds)

    def settings_of(self, detector: str) -> dict[str, Any]:
        """The settings that the user gave for a detector, those for it alone winning."""
        known = {f.name for f in dataclasses.fields(catalog.load("detectors", detector)) if f.init}
        quick = {"steps": QUICK_STEPS} if self.quick and "steps" in known else {}
        general = {key: value for key, value in self.settings.items() if key in known}
        prefix = f"{detector}."
        own = {k.removeprefix(prefix): v for k, v in self.settings.items() if k.startswith(prefix)}
        return quick | general | own

    def require_used(self, detectors: tuple[str, ...], *, varied: tuple[str, ...] = ()) -> None:
        """Refuse settings that would change nothing in a table, or that it varies itself.

        Those of one detector that the table has not are left alone: another table of the command may have it.

        Args:
            detectors: The detectors of the table.
            varied: Settings that the table gives its own values.

        Raises:
            UsageError: If there are any.
        """
        known = {
            name
            for detector in detectors
            for f in dataclasses.fields(catalog.load("detectors", detector))
            if f.init
            for name in (f.name, f"{detector}.{f.name}")
        }
        fixed = {name for key in (*varied, "seed") for name in (key, *(f"{d}.{key}" for d in detectors))}
        refused = [
            key
            for key in self.settings
            if key in fixed or (key not in known and not _of_another(key, detectors))
        ]
        if refused:
            raise UsageError(
                f"the setting {refused[0]!r} is not for this table",
                expected=", ".join(sorted(k for k in known - fixed if "." not in k)),
                found="the table varies it itself" if refused[0] in fixed else "no detector of it has one",
                remedy="leave it out; seeds are given by --seeds",
            )


def _of_another(key: str, detectors: tuple[str, ...]) -> bool:
    """Whether a setting is that of one detector, which is none of these."""
    detector, dot, name = key.partition(".")
    if not dot or detector in detectors or detector not in catalog.names("detectors"):
        return False
    return any(f.init and f.name == name for f in dataclasses.fields(catalog.load("detectors", detector)))
