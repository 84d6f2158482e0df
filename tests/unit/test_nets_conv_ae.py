"""The autoencoder: published size and shapes, and its output against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d

from vadlab.nets.conv_ae import SMALLEST, ConvAENet


def test_size_of_the_paper() -> None:
    network = ConvAENet()
    assert sum(p.numel() for p in network.parameters()) == 8_384_138


def test_maps_have_the_papers_sides() -> None:
    network, shapes = ConvAENet(channels=4), []
    for layer in network.children():
        layer.register_forward_hook(lambda _, given, out: shapes.append((given[0].shape[1:], out.shape[1:])))
    assert network(torch.zeros(1, 10, 227, 227)).shape == (1, 10, 227, 227)
    assert [out[1] for _, out in shapes] == [55, 27, 13, 13, 27, 227]
    assert [given[1] for given, _ in shapes] == [227, 27, 13, 13, 27, 55]
    assert [out[0] for _, out in shapes] == [4, 2, 1, 2, 4, 10]


@pytest.mark.parametrize("size", range(SMALLEST, SMALLEST + 9))
def test_any_side_comes_back(size: int) -> None:
    assert ConvAENet(channels=4)(torch.zeros(2, 10, size, size)).shape == (2, 10, size, size)


def convolved(x: np.ndarray, layer: torch.nn.Conv2d) -> np.ndarray:
    weight, bias = (p.detach().double().numpy() for p in (layer.weight, layer.bias))
    padded = np.pad(x, ((0, 0), *((p, p) for p in layer.padding)))
    whole = [
        sum(correlate2d(a, k, mode="valid") for a, k in zip(padded, kernel, strict=True)) for kernel in weight
    ]
    return np.tanh(np.stack(whole)[:, :: layer.stride[0], :: layer.stride[1]] + bias[:, None, None])


def spread(x: np.ndarray, layer: torch.nn.ConvTranspose2d, side: int) -> np.ndarray:
    weight, bias = (p.detach().double().numpy() for p in (layer.weight, layer.bias))
    (stride, _), (padding, _), kernel = layer.stride, layer.padding, weight.shape[-1]
    out = np.zeros((weight.shape[1], side + 2 * padding + kernel, side + 2 * padding + kernel))
    for c, i, j in np.ndindex(x.shape):
        top, left = i * stride, j * stride
        out[:, top : top + kernel, left : left + kernel] += x[c, i, j] * weight[c]
    return np.tanh(out[:, padding : padding + side, padding : padding + side] + bias[:, None, None])


def pooled(x: np.ndarray) -> tuple[np.ndarray, list[tuple[int, int, int, int, int]]]:
    c, h, w = x.shape[0], x.shape[1] // 2, x.shape[2] // 2
    out, places = np.zeros((c, h, w)), []
    for k, i, j in np.ndindex(c, h, w):
        block = x[k, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        y, z = np.unravel_index(block.argmax(), (2, 2))
        out[k, i, j] = block.max()
        places.append((k, i, j, 2 * i + int(y), 2 * j + int(z)))
    return out, places


def put_back(x: np.ndarray, places: list[tuple[int, int, int, int, int]], side: int) -> np.ndarray:
    out = np.zeros((len(x), side, side))
    for k, i, j, y, z in places:
        out[k, y, z] = x[k, i, j]
    return out


def test_equals_plain_loops() -> None:
    """Sides that pooling and strides do not divide, so that the lost rows come back in their places."""
    torch.manual_seed(0)
    network = ConvAENet(length=2, channels=4)
    x = torch.rand(1, 2, 33, 33) - 0.5
    first = convolved(x[0].double().numpy(), network.conv1)
    small, places1 = pooled(first)
    second = convolved(small, network.conv2)
    small, places2 = pooled(second)
    wide = spread(convolved(small, network.conv3), network.deconv1, small.shape[1])
    wide = spread(put_back(wide, places2, second.shape[1]), network.deconv2, second.shape[1])
    wide = spread(put_back(wide, places1, first.shape[1]), network.deconv3, 33)
    np.testing.assert_allclose(network(x)[0].detach().numpy(), wide, atol=1e-6)


def test_nearest_unpooling_is_another_model() -> None:
    torch.manual_seed(0)
    network, x = ConvAENet(channels=4), torch.rand(1, 10, 40, 40)
    other = ConvAENet(channels=4, unpooling="nearest")
    other.load_state_dict(network.state_dict())
    assert other(x).shape == x.shape
    assert not torch.allclose(other(x), network(x), atol=1e-3)


def test_biases_begin_at_zero_and_weights_within_xaviers_bound() -> None:
    network = ConvAENet(channels=16)
    assert all(not layer.bias.any() for layer in network.children())
    for layer in network.children():
        n_in, n_out = layer.weight[0].numel(), layer.weight[:, 0].numel()
        bound = (6 / (n_in + n_out)) ** 0.5
        assert 0.9 * bound < layer.weight.abs().max() <= bound
