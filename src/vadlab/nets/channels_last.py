"""The order of values in memory in which the convolutions of a picture are quickest on a processor."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["channels_last"]


def channels_last(x: Tensor) -> Tensor:
    """The same pictures with a pixel's channels side by side in memory; layers hand that order on.

    Otherwise every convolution brings its input into an order of its own, and its output back. Sums are made
    in another order, so that results agree up to rounding.

    Args:
        x: (b, c, h, w); elsewhere than on the processor it stays as it is.
    """
    return x.contiguous(memory_format=torch.channels_last) if x.device.type == "cpu" else x
