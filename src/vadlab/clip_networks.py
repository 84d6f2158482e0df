"""A backbone's networks as an engine runs them: the engine that was asked for, or the fastest one here."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from vadlab import catalog, devices, engine_choice
from vadlab.engine import PRECISIONS, ClipModel, Engine, Precision, fast_bf16
from vadlab.errors import UsageError
from vadlab.types import FloatArray

__all__ = ["ClipNetworks", "check_settings"]

# Networks are made by one thread at a time: the first calls may come from several at once.
_MAKING = threading.RLock()


class Networks(Protocol):
    """What a backbone that runs networks tells of them."""

    @property
    def streams(self) -> tuple[str, ...]:
        """A network each, in the order of the columns."""
        ...

    @property
    def engine(self) -> str:
        """A name in `engines/`, "package.module:Class", or "auto"."""
        ...

    @property
    def precision(self) -> str:
        """One of `PRECISIONS`, or "auto"."""
        ...

    @property
    def device(self) -> str:
        """As `devices.pick` reads it."""
        ...

    @property
    def workers(self) -> int:
        """Threads that call at once."""
        ...

    def clip_model(self, stream: str) -> ClipModel:
        """A stream's network; raises WeightsError if its weights are missing."""
        ...

    def weights_of(self, stream: str) -> dict[str, Any]:
        """A stream's weights: `name`, and `from` where they are made from others."""
        ...


def check_settings(*, engine: str, precision: str, workers: int) -> None:
    """Refuse what no engine can do.

    Raises:
        UsageError: If the engine or precision is unknown, or workers is less than 1.
    """
    if precision not in ("auto", *PRECISIONS):
        raise UsageError("unknown precision", expected="auto | fp32 | bf16", found=precision)
    if engine != "auto":
        catalog.load("engines", engine)  # refuses an unknown name
    if workers < 1:
        raise UsageError("workers must be at least 1", found=workers)


class ClipNetworks:
    """A backbone's networks, made when they are first called. Several threads may call at once.

    Args:
        backbone: Says which networks, and how they are to be run.
    """

    def __init__(self, backbone: Networks) -> None:
        self._backbone = backbone

    @property
    def chosen(self) -> tuple[str, Precision]:
        """Engine and precision that are really used.

        Raises:
            UsageError: If the engine has not the precision, or the device is missing.
            WeightsError: If weights are missing and the engine is to be chosen.
        """
        with _MAKING:
            return self._chosen

    def versions(self) -> dict[str, str]:
        """Versions of the libraries that the chosen engine computes with.

        Raises:
            UsageError: As `chosen`.
            WeightsError: As `chosen`.
        """
        found: dict[str, str] = catalog.load("engines", self.chosen[0]).versions()
        return found

    def candidates(self) -> tuple[engine_choice.Candidate, ...]:
        """How all engines do with these networks on this machine; measured once, then kept.

        Raises:
            WeightsError: If weights are missing.
        """
        with _MAKING:
            return engine_choice.measured(self._models, device=self._device)

    def __call__(self, clips: Mapping[str, NDArray[Any]]) -> FloatArray:
        """The streams' features side by side.

        Args:
            clips: By stream, (b, t, h, w, c) of the form and dtype of its `ClipModel`.

        Returns:
            (b, sum of the streams' columns) float32.

        Raises:
            UsageError: As `chosen`.
            WeightsError: If weights are missing.
        """
        with _MAKING:
            engines = self._engines
        return np.concatenate([run(clips[stream]) for stream, run in engines.items()], axis=1)

    @cached_property
    def _device(self) -> torch.device:
        return devices.pick(self._backbone.device)

    @property
    def _models(self) -> list[ClipModel]:
        return [self._backbone.clip_model(stream) for stream in self._backbone.streams]

    @cached_property
    def _chosen(self) -> tuple[str, Precision]:
        backbone = self._backbone
        engine, precision = backbone.engine, backbone.precision
        if engine == "auto" and any(_random(backbone.weights_of(stream)) for stream in backbone.streams):
            # Features that nobody keeps are not worth a measurement.
            engine = "torch_tuned"
            if precision == "auto":
                precision = "bf16" if fast_bf16(self._device) else "fp32"
        return engine_choice.choose(self._models, engine=engine, precision=precision, device=self._device)

    @cached_property
    def _engines(self) -> dict[str, Engine]:
        name, precision = self._chosen
        make = catalog.load("engines", name)
        backbone = self._backbone
        return {
            stream: make(model, precision=precision, device=self._device, workers=backbone.workers)
            for stream, model in zip(backbone.streams, self._models, strict=True)
        }


def _random(source: Mapping[str, Any]) -> bool:
    """Whether weights are random, or made from random ones."""
    return source["name"] == "random" or ("from" in source and _random(source["from"]))
