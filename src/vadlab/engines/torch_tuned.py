"""PyTorch with folded normalisations, channels last, a packed stem and bf16: no package beside PyTorch.

`channels_last_3d` is what makes oneDNN use the processor's bf16 units; without it bf16 gains nothing.
On a GPU it runs the folded network on whole batches, in bf16 since Ampere and in fp32 before: fp16, which
older GPUs multiply fast, has too small a range for activations of unknown weights.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from vadlab import engine
from vadlab.engine import ClipModel, Form, Precision
from vadlab.types import FloatArray

__all__ = ["TorchTuned"]

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class TorchTuned:
    """See `vadlab.engine.Engine`."""

    precisions: ClassVar[tuple[Precision, ...]] = ("fp32", "bf16")
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")

    def __init__(
        self,
        model: ClipModel,
        *,
        precision: Precision = "fp32",
        device: torch.device,
        workers: int = 1,
        form: Form | None = None,
    ) -> None:
        on_cpu = device.type == "cpu"
        if form is None:
            packed = on_cpu and engine.packing_pays(precision)
            form = Form(folded=True, packed=packed, pools_by_axis=on_cpu)
        self._dim, self._device, self._workers = model.dim, device, workers
        # PyTorch's annotations lack the argument memory_format.
        self._network = model.make(form).to(  # type: ignore[call-overload]
            device=device, dtype=_DTYPES[precision], memory_format=torch.channels_last_3d
        )
        self._step = 1 if on_cpu else None

    def __call__(self, clips: NDArray[Any]) -> FloatArray:
        """On a CPU clip by clip, which keeps its caches warm; on a GPU all together."""
        out = np.empty((len(clips), self._dim), dtype=np.float32)
        step = self._step or max(len(clips), 1)
        with torch.inference_mode(), engine.one_share(self._workers):
            for start in range(0, len(clips), step):
                x = engine.as_tensor(clips[start : start + step], self._device)
                out[start : start + step] = self._network(x).cpu().numpy()
        return out

    @staticmethod
    def versions() -> dict[str, str]:
        """PyTorch's."""
        return {"torch": torch.__version__}
