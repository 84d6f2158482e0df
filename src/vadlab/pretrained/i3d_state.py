"""The parameters and statistics of an I3D as float32 arrays under their customary names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from vadlab.errors import WeightsError
from vadlab.pretrained import state_check
from vadlab.pretrained.state_check import State
from vadlab.types import FloatArray

__all__ = ["from_tree", "inflate_flow"]

_STEM = "Conv3d_1a_7x7.conv3d.weight"


def from_tree(tree: object, path: Path, *, in_channels: int | None = None) -> State:
    """The state that a file held: arrays by name, or the nested variables of a flax I3D.

    The count of training batches, which no one uses, is left out.

    Args:
        tree: What the file held.
        path: The file, for messages.
        in_channels: Input channels; where None, 3 or 2 may come.

    Raises:
        WeightsError: If it is not exactly an I3D: each name, each shape, finite values. Any number of
            classes may come.
    """
    if not isinstance(tree, Mapping):
        _not_a_state(path, f"a {type(tree).__name__}")
    state: State = {}
    for key, value in (_from_flax(tree) if "params" in tree else tree).items():
        name = str(key)
        if not isinstance(value, np.ndarray | np.generic) or value.dtype.kind not in "fiu":
            _not_a_state(path, f"{name!r} of type {type(value).__name__}")
        if not name.endswith("num_batches_tracked"):
            state[name] = np.asarray(value, np.float32)
    _check(state, path, in_channels)
    return state


def inflate_flow(rgb_state: Mapping[str, FloatArray]) -> State:
    """Weights for a flow network from those of an RGB network, named "rgb-inflated" everywhere.

    The stem's kernels are averaged over RGB, repeated for x and y, and multiplied by 3/2, so that
    the response to equal channels keeps its scale. Such a network never saw flow.

    Source: Wang et al., "Temporal Segment Networks", ECCV 2016, cross-modality initialisation.
    """
    kernels = rgb_state[_STEM].mean(axis=1, keepdims=True, dtype=np.float64) * 3 / 2
    return {**rgb_state, _STEM: np.repeat(kernels, 2, axis=1).astype(np.float32)}


def _check(state: State, path: Path, in_channels: int | None) -> None:
    import torch  # only here, for listing weights should not wait for it

    from vadlab.nets import i3d

    stem, head = state.get(_STEM), state.get("logits.conv3d.bias")
    if stem is None or stem.ndim != 5 or head is None or head.ndim != 1:
        _not_a_state(path, f"{len(state)} arrays, the first of them {sorted(state)[:3]}")
    channels = in_channels or (2 if stem.shape[1] == 2 else 3)
    with torch.device("meta"):
        network = i3d.I3D(channels, len(head))
    state_check.check(state, network, path, what="an I3D", note=f"{in_channels or '3 or 2'} input channels")


def _not_a_state(path: Path, found: str) -> NoReturn:
    raise WeightsError(
        "the file does not hold the weights of an I3D",
        file=path,
        expected=f"a state dict with names such as {_STEM} and logits.conv3d.bias",
        found=found,
    )


def _from_flax(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Customary names and axes for the variables of a flax I3D.

    Kernels go from (t, h, w, in, out) to (out, in, t, h, w). Normalisation has no scale there: 1.
    What is unknown keeps its path as its name, which the check of names then reports.
    """
    state: dict[str, Any] = {}
    for path, value in _leaves(tree):
        if len(path) < 3:
            state["/".join(path)] = value
            continue
        collection, *modules, layer, leaf = path
        name = _flax_module(modules)
        if layer == "Conv_0" and leaf == "kernel" and np.ndim(value) == 5:
            state[f"{name}.conv3d.weight"] = np.transpose(value, (4, 3, 0, 1, 2))
        elif layer == "Conv_0" and leaf == "bias":
            state[f"{name}.conv3d.bias"] = value
        elif layer == "BatchNorm_0" and collection == "params" and leaf == "bias":
            state[f"{name}.bn.bias"] = value
            state[f"{name}.bn.weight"] = np.ones_like(value)
        elif layer == "BatchNorm_0" and collection == "batch_stats":
            state[f"{name}.bn.running_{leaf}"] = np.ravel(value)  # kept there as (1, 1, 1, 1, channels)
        else:
            state["/".join(path)] = value
    return state


def _leaves(tree: Mapping[str, Any], *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, *path, str(key))
        else:
            yield (*path, str(key)), value


def _flax_module(modules: list[str]) -> str:
    """["Mixed_3b", "Branch_1/Conv3d_0a_1x1"] to "Mixed_3b.b1a"."""
    if modules == ["Logits/Conv3d_0c_1x1"]:
        return "logits"
    *outer, inner = modules or [""]
    branch = re.fullmatch(r"Branch_(\d)/Conv3d_0([ab])_\dx\d", inner)
    if branch is None:
        return ".".join(modules)
    number, step = branch.groups()
    return ".".join([*outer, "b0" if number == "0" else f"b{number}{step}"])
