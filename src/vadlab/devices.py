"""What there is to compute on: PyTorch devices by name, and the processor's cores."""

from __future__ import annotations

import os

import torch

from vadlab.errors import UsageError

__all__ = ["cores", "pick"]

DEVICES = "auto | cpu | cuda | cuda:N"


def pick(name: str) -> torch.device:
    """A device by name: "auto" (a GPU where there is one), "cpu", "cuda" or "cuda:1".

    Raises:
        UsageError: If the device is unknown or is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"unknown device {name!r}", expected=DEVICES) from error
    if device.type not in ("cpu", "cuda"):
        raise UsageError(f"vadlab does not run on the device {name!r}", expected=DEVICES)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UsageError("this machine has no CUDA device that torch can use", remedy="--device cpu")
    return device


def cores() -> int:
    """Cores that this process may use, which a job scheduler may have limited."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
