"""The parameters and statistics of an image network as float32 arrays: EfficientNet-Lite0 or a ResNet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vadlab.errors import WeightsError
from vadlab.pretrained import state_check
from vadlab.pretrained.state_check import State
from vadlab.types import FloatArray

if TYPE_CHECKING:
    from vadlab.nets.efficientnet_lite import EfficientNetLite0
    from vadlab.nets.resnet import ResNet

__all__ = ["from_tree", "is_image_network", "network_of"]

_LITE, _RESNET = "conv_stem.weight", "layer1.0.conv3.weight"


def is_image_network(tree: object) -> bool:
    """Whether names are those of an image network that is known here."""
    return isinstance(tree, Mapping) and any(_plain(str(key)) in (_LITE, _RESNET) for key in tree)


def from_tree(tree: object, path: Path) -> State:
    """The state that a file held, under the names of `nets`; the count of training batches is left out.

    Args:
        tree: What the file held: arrays by name.
        path: The file, for messages.

    Raises:
        WeightsError: If it is not exactly an EfficientNet-Lite0 or a ResNet of 50, 101 or 152 layers: each
            name, each shape, finite values. Any number of classes may come.
    """
    if not isinstance(tree, Mapping) or not is_image_network(tree):
        raise WeightsError(
            "the file does not hold the weights of an image network",
            file=path,
            expected="the state dict of an EfficientNet-Lite0, or of a ResNet of 50, 101 or 152 layers",
            found=f"{len(tree)} arrays, the first of them {sorted(map(str, tree))[:3]}"
            if isinstance(tree, Mapping)
            else f"a {type(tree).__name__}",
        )
    state: State = {}
    for key, value in tree.items():
        if not isinstance(value, np.ndarray | np.generic) or value.dtype.kind not in "fiu":
            raise WeightsError(
                "the file holds more than arrays", file=path, found=f"{key!r} of type {type(value).__name__}"
            )
        name = _plain(str(key))
        if not name.endswith("num_batches_tracked"):
            state[name] = np.asarray(value, np.float32)

    import torch  # only here, for listing weights should not wait for it

    with torch.device("meta"):
        network = network_of(state)
    state_check.check(state, network, path, what=_called(state))
    return state


def network_of(state: Mapping[str, FloatArray], *, caffe: bool = False) -> EfficientNetLite0 | ResNet:
    """The network that a state is of, with other weights.

    Args:
        state: Arrays by the names of `nets`.
        caffe: A ResNet in the form of its authors' own weights; see `nets.resnet`.
    """
    from vadlab.nets.efficientnet_lite import EfficientNetLite0
    from vadlab.nets.resnet import ResNet

    bias = state.get("fc.bias")
    n_classes = 1000 if bias is None else bias.size
    if _LITE in state:
        return EfficientNetLite0(n_classes)
    return ResNet(_depth(state), n_classes, caffe=caffe)


def _depth(state: Mapping[str, FloatArray]) -> int:
    """Layers of a ResNet, by blocks that only the deeper ones have."""
    if "layer2.4.conv1.weight" in state:
        return 152
    return 101 if "layer3.6.conv1.weight" in state else 50


def _called(state: Mapping[str, FloatArray]) -> str:
    return "an EfficientNet-Lite0" if _LITE in state else f"a ResNet of {_depth(state)} layers"


def _plain(name: str) -> str:
    """A name without the underscores that the pinned EfficientNet-Lite0 has before its parts."""
    return ".".join(part.lstrip("_") for part in name.split("."))
