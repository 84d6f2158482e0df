"""I3D written a second time with NumPy alone, layer by layer from the paper's Figure 3.

Arrays are (t, h, w, channels), convolutions are sums over kernel taps, and 'SAME' padding is
TensorFlow's rule; nothing here comes from PyTorch but the network under test.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from vadlab import weights
from vadlab.nets import i3d

Array = NDArray[np.float64]
State = Mapping[str, NDArray[np.float32]]

MIXED = ("3b", "3c", "4b", "4c", "4d", "4e", "4f", "5b", "5c")


def pad_same(
    x: Array, kernel: tuple[int, ...], stride: tuple[int, ...], value: float
) -> tuple[Array, list[int]]:
    n_out = [math.ceil(n / s) for n, s in zip(x.shape, stride, strict=False)]
    totals = [max((o - 1) * s + k - n, 0) for o, s, k, n in zip(n_out, stride, kernel, x.shape, strict=False)]
    pads = [(total // 2, total - total // 2) for total in totals] + [(0, 0)]
    return np.pad(x, pads, constant_values=value), n_out


def taps(
    x: Array, kernel: tuple[int, ...], stride: tuple[int, ...], n_out: list[int]
) -> Iterator[tuple[tuple[int, ...], Array]]:
    for offset in np.ndindex(*kernel):
        at = [slice(o, o + (n - 1) * s + 1, s) for o, n, s in zip(offset, n_out, stride, strict=True)]
        yield offset, x[tuple(at)]


def max_pool(x: Array, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Array:
    padded, n_out = pad_same(x, kernel, stride, -np.inf)
    return np.maximum.reduce([part for _, part in taps(padded, kernel, stride, n_out)])


def conv(state: State, name: str, x: Array, stride: tuple[int, ...] = (1, 1, 1)) -> Array:
    """Convolution, normalisation with epsilon 0.001, ReLU."""
    kernels = state[f"{name}.conv3d.weight"].astype(np.float64)
    kernel = kernels.shape[2:]
    padded, n_out = pad_same(x, kernel, stride, 0.0)
    out = sum(
        part @ kernels[(slice(None), slice(None), *tap)].T
        for tap, part in taps(padded, kernel, stride, n_out)
    )
    mean, variance, gamma, beta = (
        state[f"{name}.bn.{part}"].astype(np.float64)
        for part in ("running_mean", "running_var", "weight", "bias")
    )
    return np.maximum((out - mean) / np.sqrt(variance + 1e-3) * gamma + beta, 0.0)


def inception(state: State, name: str, x: Array) -> Array:
    def at(part: str, value: Array) -> Array:
        return conv(state, f"{name}.{part}", value)

    pooled = max_pool(x, (3, 3, 3), (1, 1, 1))
    return np.concatenate(
        [at("b0", x), at("b1b", at("b1a", x)), at("b2b", at("b2a", x)), at("b3b", pooled)], axis=-1
    )


def forward(state: State, x: Array) -> tuple[Array, Array]:
    """(1024,) features and the logits of one clip (t, h, w, channels)."""
    x = conv(state, "Conv3d_1a_7x7", x, (2, 2, 2))
    x = max_pool(x, (1, 3, 3), (1, 2, 2))
    x = conv(state, "Conv3d_2c_3x3", conv(state, "Conv3d_2b_1x1", x))
    x = max_pool(x, (1, 3, 3), (1, 2, 2))
    for block in MIXED:
        if block == "4b":
            x = max_pool(x, (3, 3, 3), (2, 2, 2))
        if block == "5b":
            x = max_pool(x, (2, 2, 2), (2, 2, 2))
        x = inception(state, f"Mixed_{block}", x)
    steps = x.mean(axis=(1, 2))
    pooled = np.stack([(a + b) / 2 for a, b in itertools.pairwise(steps)])
    head = state["logits.conv3d.weight"][:, :, 0, 0, 0].astype(np.float64)
    logits = pooled @ head.T + state["logits.conv3d.bias"]
    return pooled.mean(axis=0), logits.mean(axis=0)


@pytest.fixture(scope="module")
def state() -> dict[str, NDArray[np.float32]]:
    """The pretrained RGB weights where they are in the cache, else random ones with lively statistics."""
    if weights.locate("i3d-rgb-kinetics"):
        return weights.load("i3d-rgb-kinetics")
    torch.manual_seed(0)
    state = {k: v.numpy().copy() for k, v in i3d.I3D().state_dict().items() if v.is_floating_point()}
    rng = np.random.default_rng(0)
    ranges = {
        "running_mean": (-0.1, 0.1),
        "running_var": (0.2, 0.6),
        "bn.weight": (0.8, 1.2),
        "bn.bias": (-0.2, 0.3),
    }
    for key, value in state.items():
        for end, (low, high) in ranges.items():
            if key.endswith(end):
                value[...] = rng.uniform(low, high, value.shape)
    return state


@pytest.fixture(scope="module")
def network(state: dict[str, NDArray[np.float32]]) -> i3d.I3D:
    network = i3d.I3D().eval()
    network.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()}, strict=True)
    return network


def clip(size: tuple[int, int, int], channels: int = 3) -> Array:
    """A smooth texture that moves, in -1..1."""
    t, y, x = np.meshgrid(*(np.arange(n) for n in size), indexing="ij")
    waves = [np.sin((x + 2 * t) * (0.2 + 0.1 * c) + c) * np.cos((y - t) * 0.23 + c) for c in range(channels)]
    return np.stack(waves, axis=-1) + np.random.default_rng(1).normal(0, 0.05, (*size, channels))


def close(found: torch.Tensor, expected: Array) -> bool:
    """Equal up to float32 rounding, relative to the largest value (a layer's or the whole network's)."""
    return bool(np.abs(found.numpy() - expected).max() <= 2e-5 * np.abs(expected).max())


def run(layer: torch.nn.Module, x: Array) -> torch.Tensor:
    with torch.inference_mode():
        out: torch.Tensor = layer(torch.from_numpy(x).float().permute(3, 0, 1, 2)[None])
    return out[0].permute(1, 2, 3, 0)


@pytest.mark.parametrize("size", [(16, 40, 40), (9, 33, 38)])
def test_stem(network: i3d.I3D, state: State, size: tuple[int, int, int]) -> None:
    x = clip(size)
    assert close(run(network.get_submodule("Conv3d_1a_7x7"), x), conv(state, "Conv3d_1a_7x7", x, (2, 2, 2)))


@pytest.mark.parametrize("size", [(4, 8, 8), (5, 7, 10), (8, 9, 9)])
def test_max_pool(network: i3d.I3D, size: tuple[int, int, int]) -> None:
    x = np.maximum(clip(size, channels=5), 0)
    assert close(run(network.get_submodule("MaxPool3d_4a_3x3"), x), max_pool(x, (3, 3, 3), (2, 2, 2)))


def test_inception_block(network: i3d.I3D, state: State) -> None:
    x = np.maximum(np.random.default_rng(2).normal(size=(4, 7, 7, 192)), 0)
    assert close(run(network.get_submodule("Mixed_3b"), x), inception(state, "Mixed_3b", x))


@pytest.mark.parametrize("size", [(16, 32, 32), (10, 35, 38)])
def test_whole_network(network: i3d.I3D, state: State, size: tuple[int, int, int]) -> None:
    x = clip(size)
    batch = torch.from_numpy(x).float().permute(3, 0, 1, 2)[None]
    features, logits = forward(state, x)
    with torch.inference_mode():
        for candidate in (network, i3d.folded(network)):
            assert close(candidate.features(batch)[0], features)
            assert close(candidate(batch)[0], logits)


def test_a_symmetric_stem_would_be_noticed(network: i3d.I3D, state: State) -> None:
    """PyTorch's usual padding=3 is the field's commonest mistake; the comparison must see it."""
    x = clip((16, 40, 40))
    wrong = torch.nn.Conv3d(3, 64, 7, 2, padding=3, bias=False)
    wrong.weight.data = network.get_submodule("Conv3d_1a_7x7").conv3d.weight.data
    norm = network.get_submodule("Conv3d_1a_7x7").bn
    layer = torch.nn.Sequential(wrong, norm, torch.nn.ReLU())
    assert not close(run(layer, x), conv(state, "Conv3d_1a_7x7", x, (2, 2, 2)))


def test_pretrained_weights_are_whole() -> None:
    """Numbers published for the checkpoint: trained values without the scale, which TensorFlow lacks."""
    if not weights.locate("i3d-rgb-kinetics"):
        pytest.skip("the weights are not in the cache: vadlab weights fetch i3d-rgb-kinetics")
    state = weights.load("i3d-rgb-kinetics")
    trained = sum(
        v.size for k, v in state.items() if not k.endswith(("running_mean", "running_var", "bn.weight"))
    )
    assert trained == 12_689_984
    assert sum(v.size for k, v in state.items() if "running" in k) == 14_560
    assert all((v == 1).all() for k, v in state.items() if k.endswith("bn.weight"))
    assert all((v > 0).all() for k, v in state.items() if k.endswith("running_var"))
