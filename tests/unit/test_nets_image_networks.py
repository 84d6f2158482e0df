"""EfficientNet-Lite0 and ResNet: published sizes, padding and strides, and folded normalisations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from vadlab.nets.efficientnet_lite import Block, EfficientNetLite0, SameConv
from vadlab.nets.norm_folding import fold_norms
from vadlab.nets.resnet import Bottleneck, ResNet


def randomised(network: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.normal_(norm.bias)
    return network.eval()


def test_published_parameter_counts_and_maps() -> None:
    with torch.device("meta"):
        lite = EfficientNetLite0()
        deep = {depth: ResNet(depth) for depth in (50, 101, 152)}
        pixels = torch.zeros(1, 3, 224, 224)
        assert lite.features(pixels).shape == (1, 1280, 7, 7)
        assert lite(pixels).shape == deep[50](pixels).shape == (1, 1000)
        assert ResNet(152, 101).features(pixels).shape == (1, 2048, 7, 7)
    assert sum(p.numel() for p in lite.parameters()) == 4_652_008
    counts = {depth: sum(p.numel() for p in network.parameters()) for depth, network in deep.items()}
    assert counts == {50: 25_557_032, 101: 44_549_160, 152: 60_192_808}


@pytest.mark.parametrize(
    ("side", "kernel", "stride"), [(8, 3, 2), (7, 3, 2), (8, 5, 2), (7, 5, 1), (9, 5, 2)]
)
def test_same_convolution_by_loops(side: int, kernel: int, stride: int) -> None:
    convolution = SameConv(1, 1, kernel, stride, bias=False)
    x = torch.randn(1, 1, side, side)
    out = -(-side // stride)
    total = max((out - 1) * stride + kernel - side, 0)
    wanted = np.zeros((out, out))
    for i, j, a, b in np.ndindex(out, out, kernel, kernel):
        r, c = i * stride + a - total // 2, j * stride + b - total // 2
        if 0 <= r < side and 0 <= c < side:
            wanted[i, j] += float(convolution.weight[0, 0, a, b].detach() * x[0, 0, r, c])
    np.testing.assert_allclose(convolution(x)[0, 0].detach(), wanted, atol=1e-5)


def test_a_block_by_numpy() -> None:
    block = randomised(Block(4, 4, kernel=3, stride=1, expand=6))
    w = {name: value.numpy().astype(np.float64) for name, value in block.state_dict().items()}
    x = torch.randn(1, 4, 5, 5)

    def norm(y: np.ndarray, name: str) -> np.ndarray:
        scale = w[f"{name}.weight"] / np.sqrt(w[f"{name}.running_var"] + 1e-3)
        moved = (y - w[f"{name}.running_mean"][:, None, None]) * scale[:, None, None]
        return moved + w[f"{name}.bias"][:, None, None]

    y = np.einsum("oi,ihw->ohw", w["expand_conv.weight"][:, :, 0, 0], x[0].numpy())
    y = np.pad(np.clip(norm(y, "bn0"), 0, 6), ((0, 0), (1, 1), (1, 1)))
    z = np.zeros((24, 5, 5))
    for a, b in np.ndindex(3, 3):
        z += w["depthwise_conv.weight"][:, 0, a, b, None, None] * y[:, a : a + 5, b : b + 5]
    z = np.clip(norm(z, "bn1"), 0, 6)
    z = norm(np.einsum("oi,ihw->ohw", w["project_conv.weight"][:, :, 0, 0], z), "bn2")
    np.testing.assert_allclose(block(x)[0].detach(), x[0].numpy() + z, rtol=1e-4, atol=1e-4)
    assert (z < 0).any(), "the projection has no ReLU"


def test_lite_features_lie_within_relu6() -> None:
    features = randomised(EfficientNetLite0()).features(255 * torch.rand(1, 3, 64, 64)).detach()
    assert features.shape == (1, 1280, 2, 2)
    assert float(features.min()) == 0 and float(features.max()) <= 6


def test_a_caffe_bottleneck_strides_at_once() -> None:
    """It never looks at odd pixels, which the 3x3 convolution of today's form does."""
    x = torch.randn(1, 16, 8, 8)
    other = x.clone()
    other[:, :, 1::2], other[:, :, :, 1::2] = 7, 7
    for caffe in (True, False):
        block = randomised(Bottleneck(16, 4, stride=2, caffe=caffe))
        assert block(x).shape == (1, 16, 4, 4)
        assert torch.equal(block(x), block(other)) == caffe


def test_a_caffe_resnet_pools_beyond_the_end_and_takes_levels_of_256() -> None:
    today, caffe = ResNet(50), ResNet(50, caffe=True)
    ramp = torch.arange(112.0).expand(1, 1, 112, 112)
    assert today.maxpool(ramp)[0, 0, 0].tolist() == list(range(1, 112, 2))
    assert caffe.maxpool(ramp)[0, 0, 0].tolist() == [*range(2, 111, 2), 111]
    black = torch.zeros(1, 3, 1, 1)
    np.testing.assert_allclose(today._scaled(black).ravel(), [-2.1179, -2.0357, -1.8044], atol=1e-4)
    np.testing.assert_allclose(caffe._scaled(black).ravel(), [-123.675, -116.28, -103.53], atol=1e-3)


@pytest.mark.parametrize("make", [EfficientNetLite0, lambda: ResNet(50)])
def test_folding_changes_nothing(make: type) -> None:
    network = randomised(make()).double()
    pixels = 255 * torch.rand(1, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        before = network.features(pixels)
        fold_norms(network)
        torch.testing.assert_close(network.features(pixels), before)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
