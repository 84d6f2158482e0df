"""The plain network in PyTorch, fp32: the reference that the others are checked against."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from vadlab import engine
from vadlab.engine import ClipModel, Form, Precision
from vadlab.types import FloatArray

__all__ = ["Eager"]


class Eager:
    """See `vadlab.engine.Engine`."""

    precisions: ClassVar[tuple[Precision, ...]] = ("fp32",)
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
        if precision not in self.precisions:
            raise ValueError(f"eager calculates in fp32, not in {precision}")
        self._dim, self._device, self._workers = model.dim, device, workers
        self._network = model.make(form or Form()).to(device)

    def __call__(self, clips: NDArray[Any]) -> FloatArray:
        """Clip by clip, so that neighbours cannot matter."""
        out = np.empty((len(clips), self._dim), dtype=np.float32)
        with torch.inference_mode(), engine.one_share(self._workers):
            for i in range(len(clips)):
                out[i] = self._network(engine.as_tensor(clips[i : i + 1], self._device)).cpu().numpy()[0]
        return out

    @staticmethod
    def versions() -> dict[str, str]:
        """PyTorch's."""
        return {"torch": torch.__version__}
