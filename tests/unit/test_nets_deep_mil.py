"""DeepMIL's network: published size, and its layers against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import expit

from vadlab.nets.deep_mil import DeepMILNet

SEEDS = torch.tensor([1, 2])


def test_parameter_count_of_the_release() -> None:
    assert sum(p.numel() for p in DeepMILNet(4096).parameters()) == 2_114_113


@pytest.mark.parametrize("relu", [True, False])
def test_layers(*, relu: bool) -> None:
    network = DeepMILNet(10, hidden=7, relu=relu).eval()
    for p in network.parameters():
        torch.nn.init.normal_(p)
    weights = {name: p.detach().numpy().astype(np.float64) for name, p in network.named_parameters()}
    x = np.random.default_rng(0).normal(size=(2, 5, 10)).astype(np.float32)
    first = x @ weights["first.weight"].T + weights["first.bias"]
    first = np.maximum(first, 0) if relu else first
    second = first @ weights["second.weight"].T + weights["second.bias"]  # no ReLU here
    wanted = expit(second @ weights["score.weight"].T + weights["score.bias"])[..., 0]
    np.testing.assert_allclose(network(torch.from_numpy(x)).detach().numpy(), wanted, rtol=1e-4, atol=1e-6)


def test_reversed_time_mirrors_the_scores() -> None:
    network = DeepMILNet(10, hidden=7).eval()
    x = torch.randn(2, 32, 10)
    torch.testing.assert_close(network(x.flip(1)), network(x).flip(1))


def test_dropout_is_on_in_training_only() -> None:
    network = DeepMILNet(10, hidden=7)
    x = torch.randn(2, 32, 10)
    assert torch.equal(network(x, SEEDS), network(x, SEEDS))
    assert not torch.equal(network(x, SEEDS), network(x, SEEDS + 9))
    assert torch.equal(network.eval()(x), network(x, SEEDS))
