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
    """A network in a file; see `vadlab.exported`.

    Args:
        path: The file.
        workers: Threads that may call at once; each gets its share of the cores.

    Raises:
        UsageError: If ONNX Runtime is not installed.
        StoreError: If the file is no network that it can run.
    """

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
        """Run one row.

        Args:
            x: (1, ...), of the shape and dtype that the file was written for.

        Returns:
            Each output, (1, ...) float32.
        """
        found: list[FloatArray] = self._session.run(None, {self._input: np.ascontiguousarray(x)})
        return found

    @staticmethod
    def write(network: nn.Module, example: torch.Tensor, path: Path, *, outputs: Sequence[str]) -> None:
        """Write a network, in fp32.

        Args:
            network: In evaluation mode; one input, one output or a tuple of them.
            example: An input of one row, (1, ...), whose shape and dtype the file keeps.
            path: Ends in `suffix`.
            outputs: Their names, in order.

        Raises:
            UsageError: If what writes the format is not installed.
        """
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
