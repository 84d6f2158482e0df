"""The paper's network: published sizes, and the ConvLSTM against a slow, plain reading of Eqs. 1-5."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d
from torch import nn

from vadlab.nets.aed import AEDNet
from vadlab.nets.convlstm import ConvLSTM


def size(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("dim", "k", "n_categories", "published"),
    [(2048, 5, 14, 5_555_200), (1024, 5, 14, 5_260_288), (2048, 10, 2, 5_590_016), (2048, 10, 14, 5_596_160)],
)
def test_parameter_counts_of_the_release(dim: int, k: int, n_categories: int, published: int) -> None:
    assert size(AEDNet(dim, k=k, n_categories=n_categories)) == published


def test_one_layer_less() -> None:
    assert size(AEDNet(2048)) - size(AEDNet(2048, layers=1)) == 1_180_160


def test_peephole_weights() -> None:
    assert size(AEDNet(2048, peephole=True)) - size(AEDNet(2048)) == 2 * 3 * 128 * 4 * 4


def plain_convlstm(cell: ConvLSTM, x: np.ndarray) -> np.ndarray:
    """Eqs. 1-5 with loops over channels, float64, one convolution of the concatenated maps a step."""
    joint = np.concatenate([cell.input_conv.weight.detach(), cell.hidden_conv.weight.detach()], axis=1)
    bias = cell.input_conv.bias.detach().numpy()
    peephole = np.zeros((3, cell.hidden, *x.shape[-2:]))
    if cell.peephole is not None:
        peephole = cell.peephole.detach().numpy().astype(np.float64)
    h = np.zeros((cell.hidden, *x.shape[-2:]))
    c = np.zeros_like(h)
    states = []
    for frame in x:
        maps = np.concatenate([frame, h])
        gates = np.stack(
            [
                sum(correlate2d(maps[i], kernel[i], mode="same") for i in range(len(maps))) + b
                for kernel, b in zip(joint.astype(np.float64), bias, strict=True)
            ]
        )
        i, f, o, g = np.split(gates, 4)
        before = c
        c = sigmoid(f + peephole[1] * before) * before + sigmoid(i + peephole[0] * before) * np.tanh(g)
        h = sigmoid(o + peephole[2] * c) * np.tanh(c)
        states.append(h)
    return np.stack(states)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("peephole", [False, True])
def test_convlstm_is_the_equations(peephole: bool) -> None:
    torch.manual_seed(0)
    cell = ConvLSTM(3, 4, side=4, peephole=peephole)
    if cell.peephole is not None:
        nn.init.normal_(cell.peephole)
    x = torch.randn(2, 5, 3, 4, 4)
    with torch.no_grad():
        found = cell(x).numpy()
    for sample in range(2):
        wanted = plain_convlstm(cell, x[sample].numpy().astype(np.float64))
        np.testing.assert_allclose(found[sample], wanted, atol=1e-5)


def test_a_clip_is_laid_out_channel_major() -> None:
    """A feature vector is viewed as (d / 16, 4, 4), so its first 16 numbers are one map."""
    torch.manual_seed(0)
    network = AEDNet(32, k=2, n_categories=2, hidden=4)
    seen: list[torch.Tensor] = []
    first = network.recurrent[0]
    first.register_forward_hook(lambda _m, inputs, _o: seen.append(inputs[0]))
    x = torch.arange(2 * 2 * 32, dtype=torch.float32).reshape(2, 2, 32)
    network(x)
    torch.testing.assert_close(seen[0], x.view(2, 2, 2, 4, 4))


def test_outputs() -> None:
    scores, logits = AEDNet(32, k=3, n_categories=7, hidden=4)(torch.randn(5, 3, 32))
    assert scores.shape == (5, 48) and bool(((scores > 0) & (scores < 1)).all())
    assert logits is not None and logits.shape == (5, 7)
    assert AEDNet(32, k=3, n_categories=0, hidden=4)(torch.randn(5, 3, 32))[1] is None


def test_autocast_changes_the_result_little_and_its_type_not() -> None:
    torch.manual_seed(0)
    network, x = AEDNet(32, k=5, n_categories=3, hidden=16), torch.randn(4, 5, 32)
    exact = network(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = network(x)
    for a, b in zip(exact, rounded, strict=True):
        assert a is not None and b is not None and b.dtype == torch.float32
        assert 0 < (a - b).abs().max() < 2**-8
