"""What an inference engine is: it runs a network over clips, with the same result however it is called.

An engine knows nothing of I3D. It is made from a `ClipModel`, which makes the network in the `Form` that
the engine asks for: a network whose input are clips as they are decoded, scaling included.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal, Protocol, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController
from torch import nn

from vadlab.types import FloatArray

__all__ = [
    "PRECISIONS",
    "ClipModel",
    "Engine",
    "Form",
    "Precision",
    "as_tensor",
    "fast_bf16",
    "one_share",
    "packing_pays",
]

Precision = Literal["fp32", "bf16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


@dataclass(frozen=True, kw_only=True)
class Form:
    """In which of its equivalent forms a network is made; the default is the plain network, as published.

    A network that has no such part stays as it is.

    Args:
        folded: Normalisations are part of the convolutions.
        packed: A first convolution of stride 2 reads 2x2x2 neighbours as channels (space to depth).
        pools_by_axis: Dense pools go one axis after the other.
    """

    folded: bool = False
    packed: bool = False
    pools_by_axis: bool = False


@dataclass(frozen=True)
class ClipModel:
    """A network to be run, and the clips that it reads.

    Args:
        make: Makes the network in a form: fp32, on the CPU, in evaluation mode. It maps (b, *clip) of
            `dtype` to (b, dim) float32, whatever the precision its parameters are given.
        clip: Its input: (t, h, w, channels).
        dtype: Of the input: "uint8" for RGB, "float32" for flow in pixels per frame.
        dim: Columns of its output.
        key: Says which function it is: weights and preprocessing, but not the form.
    """

    make: Callable[[Form], nn.Module]
    clip: tuple[int, int, int, int]
    dtype: Literal["uint8", "float32"]
    dim: int
    key: str


class Engine(Protocol):
    """What `engines/` holds. It may be called from several threads at once.

    The row of a clip depends on nothing but the clip: not on its neighbours in the batch, not on
    `workers`, not on other calls.
    """

    precisions: ClassVar[tuple[Precision, ...]]
    """What it can calculate in."""
    devices: ClassVar[tuple[str, ...]]
    """Types of the devices that it runs on."""

    def __init__(
        self,
        model: ClipModel,
        *,
        precision: Precision = "fp32",
        device: torch.device,
        workers: int = 1,
        form: Form | None = None,
    ) -> None:
        """Make the network ready.

        Args:
            model: What to run.
            precision: One of `precisions`.
            device: Of one of the types in `devices`.
            workers: Threads that call at once; each gets its share of the cores.
            form: Another than the engine's own choice, for measurements.

        Raises:
            UsageError: If the engine is not installed.
            WeightsError: If weights are missing.
        """
        ...

    def __call__(self, clips: NDArray[Any]) -> FloatArray:
        """Clips (b, t, h, w, c) of the model's dtype to (b, dim) float32."""
        ...

    @staticmethod
    def versions() -> dict[str, str]:
        """Versions of what computes the features."""
        ...


def fast_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware: AVX512_BF16, AMX, and GPUs since Ampere."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return _cpu_has("_is_avx512_bf16_supported") or _cpu_has("_is_amx_tile_supported")


def packing_pays(precision: Precision) -> bool:
    """Whether a packed stem is the faster one here; see `Form`.

    For bf16 on a matrix unit (AMX), which a stem's three channels leave mostly idle. On vector units
    (AVX512_BF16) it cost I3D about a tenth, in fp32 more: `benchmarks/i3d.py` compares both forms.
    """
    return precision == "bf16" and _cpu_has("_is_amx_tile_supported")


def as_tensor(clips: NDArray[Any], device: torch.device) -> torch.Tensor:
    """Clips on the device; copied where PyTorch would complain, which memory-mapped arrays make it do."""
    usable = clips.flags.writeable and clips.flags.c_contiguous
    return torch.from_numpy(clips if usable else np.array(clips, order="C")).to(device)


@contextlib.contextmanager
def one_share(workers: int) -> Iterator[None]:
    """Let the calling thread's PyTorch operations use one of `workers` equal shares of its threads.

    `torch.set_num_threads` would change the number for threads that are yet to start, too; OpenMP's own
    number belongs to the calling thread.
    """
    threads = torch.get_num_threads()  # PyTorch sets a new thread's number at the first question
    if workers == 1 or threads == 1:
        yield
        return
    with _openmp().limit(limits=max(threads // workers, 1)):
        yield


@cache
def _openmp() -> ThreadpoolController:
    """The OpenMP libraries of this process; finding them takes milliseconds."""
    return ThreadpoolController().select(user_api="openmp")


def _cpu_has(probe: str) -> bool:
    """One of PyTorch's questions to the processor; older versions lack some."""
    found = getattr(torch.cpu, probe, None)
    return found is not None and bool(found())
