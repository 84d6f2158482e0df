"""A training's state as bytes: network, optimiser, the best parameters so far, and the number of steps."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from vadlab.errors import StoreError

__all__ = ["Snapshot"]


class Snapshot:
    """What a training needs to go on, in safetensors' form.

    Args:
        network: What is trained.
        optimiser: Over its parameters.
    """

    def __init__(self, network: nn.Module, optimiser: torch.optim.Optimizer):
        self.network, self.optimiser = network, optimiser
        self.best: dict[str, Tensor] | None = None
        self.best_loss = float("inf")

    def keep_if_best(self, loss: float) -> None:
        """Remember the network's parameters if no validation loss was lower."""
        if loss < self.best_loss:
            self.best_loss = loss
            self.best = {name: value.clone() for name, value in self.network.state_dict().items()}

    def to_bytes(self, step: int) -> bytes:
        """The state after so many steps."""
        tensors = {"step": torch.tensor(step), "best_loss": torch.tensor(self.best_loss, dtype=torch.float64)}
        tensors |= {f"network.{k}": v for k, v in self.network.state_dict().items()}
        for index, slots in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{slot}": torch.as_tensor(v) for slot, v in slots.items()}
        tensors |= {f"best.{k}": v for k, v in (self.best or {}).items()}
        return save({k: v.detach().cpu().contiguous() for k, v in tensors.items()})

    def restore(self, content: bytes, *, file: Path | None = None) -> int:
        """Take back what `to_bytes` gave; the number of steps.

        Raises:
            StoreError: If it is damaged, or of another network.
        """
        try:
            tensors = load(content)
            step, best_loss = int(tensors["step"]), float(tensors["best_loss"])
            # Torch's own complaint about tensors of another network is a RuntimeError.
            self.network.load_state_dict(_part(tensors, "network."))
            state: dict[int, dict[str, Tensor]] = {}
            for key, value in _part(tensors, "optimiser.").items():
                index, _, slot = key.partition(".")
                state.setdefault(int(index), {})[slot] = value
            groups = self.optimiser.state_dict()["param_groups"]
            self.optimiser.load_state_dict({"state": state, "param_groups": groups})
        except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise StoreError(
                "the training snapshot is damaged, or of another network",
                file=file,
                found=str(error),
                remedy="delete it to train from the start",
            ) from error
        self.best, self.best_loss = _part(tensors, "best.") or None, best_loss
        return step


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
