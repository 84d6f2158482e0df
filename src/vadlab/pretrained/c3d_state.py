"""The parameters of a C3D as float32 arrays under its authors' names, and the mean clip that it subtracts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from vadlab.errors import WeightsError
from vadlab.pretrained import state_check
from vadlab.pretrained.state_check import State

if TYPE_CHECKING:
    from torch import nn

__all__ = ["MEAN_SHAPE", "from_tree", "is_c3d", "is_mean", "mean_from_tree"]

MEAN_SHAPE = (3, 16, 128, 171)  # (channel, frame, row, column) of the authors' mean clip of Sports-1M
_MEAN = "mean"
# PyTorch ports number the layers, or call them as the paper does.
_NUMBERED = {
    "features.0": "conv1a",
    "features.3": "conv2a",
    "features.6": "conv3a",
    "features.8": "conv3b",
    "features.11": "conv4a",
    "features.13": "conv4b",
    "features.16": "conv5a",
    "features.18": "conv5b",
    "classifier.0": "fc6",
    "classifier.3": "fc7",
}
_RENAMED = {"conv1": "conv1a", "conv2": "conv2a", **_NUMBERED}


def is_c3d(tree: object) -> bool:
    """Whether a file seems to hold a C3D, right or wrong."""
    return isinstance(tree, Mapping) and "fc6.weight" in {_customary(key) for key in tree}


def is_mean(tree: object) -> bool:
    """Whether a file seems to hold a mean clip: one array, or one called "mean"."""
    return isinstance(tree, np.ndarray) or (isinstance(tree, Mapping) and set(tree) == {_MEAN})


def from_tree(tree: object, path: Path) -> State:
    """The state that a file held, under the names conv1a ... conv5b, fc6, fc7, and fc8 if it is there.

    Names of PyTorch ports are understood, those of OpenMMLab among them.

    Args:
        tree: What the file held: arrays by name.
        path: The file, for messages.

    Raises:
        WeightsError: If it is not exactly a C3D: each name, each shape, finite values. Any number of
            classes may come, or none.
    """
    if not isinstance(tree, Mapping):
        _refuse(path, f"a {type(tree).__name__}")
    state: State = {}
    for key, value in tree.items():
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
            _refuse(path, f"{key!r} of type {type(value).__name__}")
        state[_customary(key)] = np.asarray(value, np.float32)
    state_check.check(state, _network(state), path, what="a C3D", note="fc8 or without it")
    return state


def mean_from_tree(tree: object, path: Path) -> State:
    """A mean clip, {"mean": (3, 16, 128, 171)}, grey levels 0..255, blue first as the authors keep it.

    Raises:
        WeightsError: If it has another shape, or values that are no grey levels.
    """
    array = tree.get(_MEAN) if isinstance(tree, Mapping) else tree
    if isinstance(array, np.ndarray) and array.dtype.kind in "fiu":
        mean = np.asarray(array[0] if array.shape == (1, *MEAN_SHAPE) else array, np.float32)
        if mean.shape == MEAN_SHAPE and mean.min() >= 0 and mean.max() <= 255:
            return {_MEAN: mean}
    raise WeightsError(
        "the file does not hold the mean clip of a C3D's training set",
        file=path,
        expected=f"one array {MEAN_SHAPE}, grey levels in 0..255",
        found=getattr(array, "shape", type(tree).__name__),
    )


def _customary(key: object) -> str:
    """The authors' name for a parameter's name in a PyTorch port."""
    layer, _, leaf = str(key).removeprefix("backbone.").rpartition(".")
    layer = layer.removesuffix(".conv")
    return f"{_RENAMED.get(layer, layer)}.{leaf}"


def _network(state: State) -> nn.Module:
    """A C3D with as many classes as the state's head, up to fc7 where it has none; it takes no memory."""
    import torch  # only here, for listing weights should not wait for it

    from vadlab.nets import c3d

    bias = state.get("fc8.bias")
    with torch.device("meta"):
        return c3d.C3D("fc7") if bias is None else c3d.C3D("fc8", n_classes=bias.size)


def _refuse(path: Path, found: str) -> NoReturn:
    raise WeightsError(
        "the file does not hold the weights of a C3D",
        file=path,
        expected="a state dict with the weight and bias of conv1a, conv2a, conv3a ... conv5b, fc6 and fc7",
        found=found,
    )
