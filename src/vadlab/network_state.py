"""A network's parameters as a part of a detector's state, and back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vadlab.detector import State

__all__ = ["parameters_of", "state_of"]

PREFIX = "network."


def state_of(network: nn.Module) -> State:
    """Parameters and buffers as arrays, their names after "network."."""
    return {f"{PREFIX}{name}": value.detach().cpu().numpy() for name, value in network.state_dict().items()}


def parameters_of(state: Mapping[str, NDArray[np.generic]]) -> dict[str, Tensor]:
    """What `state_of` gave, for `load_state_dict`; copies, for a state may be read-only."""
    return {
        name.removeprefix(PREFIX): torch.from_numpy(np.array(value))
        for name, value in state.items()
        if name.startswith(PREFIX)
    }
