"""C3D: published sizes, and each layer against SciPy in double precision."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter
from scipy.signal import correlate
from torch import nn

from vadlab.errors import UsageError
from vadlab.nets.c3d import C3D, LAYERS, Layer

Array = NDArray[np.float64]


def count(last: Layer) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in C3D(last).parameters())


def test_parameter_counts_are_the_published_ones() -> None:
    assert [count(last) for last in LAYERS] == [27_655_936, 61_214_464, 77_995_776, 79_991_015]


def clip(seed: int = 0, n: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(n, 3, 4, 14, 14, generator=generator) * 60
    return torch.nn.functional.interpolate(coarse, (16, 112, 112), mode="trilinear")


@pytest.fixture(scope="module")
def network() -> C3D:
    torch.manual_seed(0)
    network = C3D("fc6").eval()
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(parameter, std=0.1)
    return network


def pooled(x: Array, t: int) -> Array:
    """Maxima over windows of t x 2 x 2 from the first element on; the last may reach over the border."""
    c, n, h, w = x.shape
    found = np.full((c, -(-n // t), -(-h // 2), -(-w // 2)), -np.inf)
    for i, j, k in np.ndindex(found.shape[1:]):
        found[:, i, j, k] = x[:, t * i : t * i + t, 2 * j : 2 * j + 2, 2 * k : 2 * k + 2].max(axis=(1, 2, 3))
    return found


def convolved(x: Array, layer: nn.Conv3d, channels: list[int]) -> Array:
    """Some output channels of a 3x3x3 convolution with zeros around, after the ReLU."""
    weight, bias = layer.weight.detach().numpy().astype(np.float64), layer.bias.detach().numpy()  # type: ignore[union-attr]
    x = np.pad(x, ((0, 0), (1, 1), (1, 1), (1, 1)))
    return np.stack([np.maximum(correlate(x, weight[c], "valid")[0] + bias[c], 0) for c in channels])


def test_each_layer_reads_what_the_one_before_gives(network: C3D) -> None:
    """Every convolution's input and some of its output channels, its pooling included, by hand."""
    seen: dict[str, Array] = {}
    hooks = [
        layer.register_forward_pre_hook(
            lambda _, given, name=name: seen.__setitem__(name, given[0][0].double().numpy())
        )
        for name, layer in network.named_children()
        if name != "dropout"
    ]
    with torch.inference_mode():
        out = network(clip())[0].numpy()
    for hook in hooks:
        hook.remove()
    chain = ["conv1a", "conv2a", "conv3a", "conv3b", "conv4a", "conv4b", "conv5a", "conv5b", "fc6"]
    assert list(seen) == chain
    times = {"conv1a": 1, "conv2a": 2, "conv3b": 2, "conv4b": 2, "conv5b": 2}
    channels = [0, 7]
    for name, then in pairwise(chain):
        layer = network.get_submodule(name)
        assert isinstance(layer, nn.Conv3d)
        expected = convolved(seen[name], layer, channels)
        if name in times:
            expected = pooled(expected, times[name])
        found = seen[then].reshape(512, 1, 4, 4) if then == "fc6" else seen[then]
        assert expected.std() > 0.01
        np.testing.assert_allclose(found[channels], expected, atol=1e-4 * np.abs(expected).max())
    fc6 = network.get_submodule("fc6")
    weight, bias = (fc6.get_parameter(name).detach().numpy() for name in ("weight", "bias"))
    expected = np.maximum(weight @ seen["fc6"] + bias, 0)
    np.testing.assert_allclose(out, expected, atol=1e-4 * expected.max())


def test_padded_pool5_has_windows_one_pixel_up_and_left() -> None:
    """As a maximum filter over 2x2 neighbours that is read at every second place, from -1 on."""
    torch.manual_seed(0)
    plain, padded = C3D("pool5").eval(), C3D("pool5", padded_pool5=True).eval()
    padded.load_state_dict(plain.state_dict())
    seen: list[Array] = []
    plain.get_submodule("conv5b").register_forward_hook(
        lambda _, __, out: seen.append(np.maximum(out[0].double().numpy(), 0))
    )
    with torch.inference_mode():
        found = [net(clip())[0].numpy().reshape(512, 4, 4) for net in (plain, padded)]
    top = np.pad(seen[0].max(axis=1), ((0, 0), (1, 1), (1, 1)))  # over both time steps, with zeros around
    pairs = maximum_filter(top, size=(1, 2, 2), origin=(0, -1, -1))
    np.testing.assert_allclose(found[0], pairs[:, 1::2, 1::2], rtol=1e-6)
    np.testing.assert_allclose(found[1], pairs[:, 0:8:2, 0:8:2], rtol=1e-6)
    assert not np.allclose(found[0], found[1])


def test_classes_have_no_relu() -> None:
    network = C3D("fc8", n_classes=11).eval()
    with torch.inference_mode():
        out = network(clip(n=2))
    assert out.shape == (2, 11) and out.min() < 0 < out.max()


def test_untrained_activations_keep_the_order_of_one(network: C3D) -> None:
    with torch.inference_mode():
        out = network(clip())
    assert 0.05 < float(out.square().mean().sqrt()) < 20


def test_other_clips_are_refused(network: C3D) -> None:
    for shape in ((1, 3, 8, 112, 112), (1, 2, 16, 112, 112), (3, 16, 112, 112), (1, 3, 16, 224, 224)):
        with pytest.raises(UsageError, match="cannot read this clip"):
            network(torch.zeros(shape))
