"""A network's parameters as a part of a detector's state, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vadlab.detector import State
from vadlab.errors import UsageError

__all__ = ["fitted", "loaded", "parameters_of", "state_of"]

PREFIX = "network."

Net = TypeVar("Net", bound=nn.Module)


def fitted(network: Net | None, detector: str) -> Net:
    """The network of a detector, by its name, that was trained or restored.

    Raises:
        UsageError: If it was neither.
    """
    if network is None:
        raise UsageError(f"{detector} has not been trained", remedy="call fit or restore first")
    return network


def state_of(network: nn.Module) -> State:
    """Parameters and buffers as arrays, their names after "network."."""
    return {f"{PREFIX}{name}": value.detach().cpu().numpy() for name, value in network.state_dict().items()}


def parameters_of(state: Mapping[str, NDArray[np.generic]]) -> dict[str, Tensor]:
    """What `state_of` gave, by the network's own names; copies, for a state may be read-only."""
    return {
        name.removeprefix(PREFIX): torch.from_numpy(np.array(value))
        for name, value in state.items()
        if name.startswith(PREFIX)
    }


def loaded(network: Net, parameters: Mapping[str, Tensor]) -> Net:
    """The network, in place, with all of its parameters and buffers as given, ready to score."""
    network.load_state_dict(parameters)
    return network.eval()
