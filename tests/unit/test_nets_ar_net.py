"""AR-Net's network: published size, and its layers against plain NumPy."""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import expit

from vadlab.nets.ar_net import ARNetwork

SEEDS = torch.tensor([1, 2])


def test_parameter_count_of_the_release() -> None:
    assert sum(p.numel() for p in ARNetwork(2048).parameters()) == 4_198_401


def test_layers() -> None:
    network = ARNetwork(6).eval()
    for p in network.parameters():
        torch.nn.init.normal_(p)
    weights = {name: p.detach().numpy().astype(np.float64) for name, p in network.named_parameters()}
    x = np.random.default_rng(0).normal(size=(2, 5, 6)).astype(np.float32)
    hidden = np.maximum(x @ weights["hidden.weight"].T + weights["hidden.bias"], 0)
    wanted = expit(hidden @ weights["score.weight"].T + weights["score.bias"])[..., 0]
    np.testing.assert_allclose(network(torch.from_numpy(x)).detach().numpy(), wanted, rtol=1e-4, atol=1e-6)


def test_reversed_time_mirrors_the_scores() -> None:
    network = ARNetwork(6).eval()
    x = torch.randn(2, 9, 6)
    torch.testing.assert_close(network(x.flip(1)), network(x).flip(1))


def test_dropout_is_on_in_training_only() -> None:
    network = ARNetwork(6)
    x = torch.randn(2, 9, 6)
    assert torch.equal(network(x, SEEDS), network(x, SEEDS))
    assert not torch.equal(network(x, SEEDS), network(x, SEEDS + 9))
    assert torch.equal(network.eval()(x), network(x, SEEDS))
