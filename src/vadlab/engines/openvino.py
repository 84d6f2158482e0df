"""OpenVINO on a CPU: convolution, ReLU and pooling fused, one stream a worker; an optional extra.

The network is exported by PyTorch and converted in memory, about two seconds. OpenVINO's own route
(`convert_model` on a module) takes 5 to 16 s, which others then save to disk; converting an exported program
is so quick that there is no file to keep, to version, or to find damaged.

Importing OpenVINO starts a thread that reports the import to its makers and writes an identifier into the
home folder. It is imported here without its telemetry package, a case that it provides for, so nothing is
sent or written.
"""

from __future__ import annotations

import sys
import warnings
from collections import deque
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from vadlab import engine
from vadlab.engine import ClipModel, Form, Precision
from vadlab.errors import UsageError
from vadlab.types import FloatArray

__all__ = ["OpenVINO", "library"]

_HINTS = {"fp32": "f32", "bf16": "bf16"}
_TELEMETRY = "openvino_telemetry"


class OpenVINO:
    """See `vadlab.engine.Engine`."""

    precisions: ClassVar[tuple[Precision, ...]] = ("fp32", "bf16")
    devices: ClassVar[tuple[str, ...]] = ("cpu",)

    def __init__(
        self,
        model: ClipModel,
        *,
        precision: Precision = "fp32",
        device: torch.device,
        workers: int = 1,
        form: Form | None = None,
    ) -> None:
        if device.type not in self.devices:
            raise UsageError(
                "the engine openvino runs on the CPU",
                found=str(device),
                remedy="--device cpu, or another engine",
            )
        self._dim, ov = model.dim, library()
        self._compiled = ov.Core().compile_model(
            _converted(ov, model, form or Form(folded=True, packed=engine.packing_pays(precision))),
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": _HINTS[precision],
                "NUM_STREAMS": workers,
                "INFERENCE_NUM_THREADS": max(torch.get_num_threads(), workers),
                # Processes that share a machine (shards, Ray) would all be bound to the same cores.
                "ENABLE_CPU_PINNING": False,
            },
        )
        if precision == "bf16" and self._compiled.get_property("INFERENCE_PRECISION_HINT") != ov.Type.bf16:
            # It would calculate in fp32 without a word, and the features' manifest would say bf16.
            raise UsageError(
                "the engine openvino does not calculate in bf16 on this processor",
                remedy="--precision fp32, or --engine torch_tuned",
            )
        self._idle: deque[Any] = deque()  # requests, each with the activations' memory

    def __call__(self, clips: NDArray[Any]) -> FloatArray:
        """Clip by clip; as many callers at once as there are workers, more wait."""
        out = np.empty((len(clips), self._dim), dtype=np.float32)
        try:
            request = self._idle.pop()
        except IndexError:
            request = self._compiled.create_infer_request()
        for i in range(len(clips)):
            out[i] = request.infer([np.ascontiguousarray(clips[i : i + 1])], share_inputs=True)[0][0]
        self._idle.append(request)
        return out

    @staticmethod
    def versions() -> dict[str, str]:
        """OpenVINO's, and that of PyTorch, which exports the network."""
        return {"openvino": str(library().__version__), "torch": torch.__version__}


def library() -> ModuleType:
    """The package, imported without its telemetry.

    Raises:
        UsageError: If it is not installed.
    """
    loaded = sys.modules.get("openvino")
    if loaded is not None:
        return loaded
    found = sys.modules.get(_TELEMETRY)
    # What import statements take for a package that is not there.
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]
    try:
        import openvino
    except ImportError as error:
        raise UsageError(
            "the engine openvino is not installed", found=str(error), remedy="pip install 'vadlab[openvino]'"
        ) from error
    finally:
        del sys.modules[_TELEMETRY]
        if found is not None:
            sys.modules[_TELEMETRY] = found
    library: ModuleType = openvino
    return library


def _converted(ov: ModuleType, model: ClipModel, form: Form) -> Any:
    """The network as an OpenVINO model for one clip."""
    example = torch.zeros((1, *model.clip), dtype=getattr(torch, model.dtype))
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's exporter warns of its own parts
        converted = ov.convert_model(torch.export.export(model.make(form), (example,)))
    converted.reshape(list(example.shape))
    return converted
