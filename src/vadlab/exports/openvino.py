"""OpenVINO's files, NAME.xml with NAME.bin; an optional extra."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from vadlab.engines.openvino import library
from vadlab.errors import StoreError
from vadlab.types import FloatArray

__all__ = ["OpenVINO"]


class OpenVINO:
    """A network in a file, fp32; see `vadlab.exported`.

    Args:
        path: The file NAME.xml; NAME.bin lies beside it.
        workers: Threads that may call at once; each gets its share of the cores.

    Raises:
        UsageError: If OpenVINO is not installed.
        StoreError: If the file is no network that it can run.
    """

    suffix: ClassVar[str] = ".xml"

    def __init__(self, path: Path, *, workers: int = 1) -> None:
        ov = library()
        try:
            self._compiled = ov.Core().compile_model(
                os.fspath(path),
                "CPU",
                {
                    "INFERENCE_PRECISION_HINT": "f32",
                    "NUM_STREAMS": workers,
                    "INFERENCE_NUM_THREADS": max(torch.get_num_threads(), workers),
                    "ENABLE_CPU_PINNING": False,  # as in the engine of that name
                },
            )
        except RuntimeError as error:
            raise StoreError(
                "this is no network that OpenVINO can run",
                file=path,
                found=" ".join(str(error).split()),
                remedy="export the run again",
            ) from error

    def __call__(self, x: NDArray[Any]) -> list[FloatArray]:
        """Run one row.

        Args:
            x: (1, ...), of the shape and dtype that the file was written for.

        Returns:
            Each output, (1, ...) float32.
        """
        answer = self._compiled.create_infer_request().infer([np.ascontiguousarray(x)])
        return [np.array(answer[i]) for i in range(len(self._compiled.outputs))]

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
        ov = library()
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's exporter warns of its own parts
            converted = ov.convert_model(torch.export.export(network, (example,)))
        converted.reshape(list(example.shape))
        converted.inputs[0].get_tensor().set_names({"input"})
        for port, name in zip(converted.outputs, outputs, strict=True):
            port.get_tensor().set_names({name})
        ov.save_model(converted, os.fspath(path), compress_to_fp16=False)

    @staticmethod
    def versions() -> dict[str, str]:
        """Of what writes and runs the file."""
        return {"openvino": str(library().__version__), "torch": torch.__version__}
