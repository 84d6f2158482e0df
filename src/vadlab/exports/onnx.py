"""ONNX files, run here by ONNX Runtime on the CPU; an optional extra."""

from __future__ import annotations

import importlib
import logging
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from vadlab.errors import StoreError, UsageError
from vadlab.types import FloatArray

__all__ = ["ONNX"]

EXTRA = "pip install 'vadlab[onnx]'"


class ONNX:
    """A network in a file; see `vadlab.exported`."""

    suffix: ClassVar[str] = ".onnx"

    def __init__(self, path: Path, *, workers: int = 1) -> None:
        runtime = _package("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = max(torch.get_num_threads() // workers, 1)
        options.log_severity_level = 3  # errors
        try:
            self._session = runtime.InferenceSession(
                os.fspath(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # the package's own exceptions have no common class
            raise StoreError(
                "this is no network that ONNX Runtime can run",
                file=path,
                found=" ".join(str(error).split()),
                remedy="export the run again",
            ) from error
        self._input = self._session.get_inputs()[0].name

    def __call__(self, x: NDArray[Any]) -> list[FloatArray]:
        """One row in, each output of it."""
        found: list[FloatArray] = self._session.run(None, {self._input: np.ascontiguousarray(x)})
        return found

    @staticmethod
    def write(network: nn.Module, example: torch.Tensor, path: Path, *, outputs: Sequence[str]) -> None:
        """Write a network that reads `example`'s form."""
        _package("onnxscript")
        logger = logging.getLogger("torch.onnx")
        level = logger.level
        logger.setLevel(logging.ERROR)  # it tells of packages that are not needed
        try:
            with torch.no_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # PyTorch's exporter warns of its own parts
                program = torch.onnx.export(
                    network,
                    (example,),
                    dynamo=True,
                    verbose=False,
                    input_names=["input"],
                    output_names=list(outputs),
                )
        finally:
            logger.setLevel(level)
        if program is None:
            raise RuntimeError("PyTorch exported nothing")
        program.save(path, external_data=False)

    @staticmethod
    def versions() -> dict[str, str]:
        """Of what writes and runs the file."""
        names = ("onnxruntime", "onnxscript", "torch")
        return {name: str(_package(name).__version__) for name in names}


def _package(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UsageError("ONNX is not installed", found=str(error), remedy=EXTRA) from error
