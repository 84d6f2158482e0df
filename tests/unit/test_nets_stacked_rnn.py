"""The stacked RNN's recursion against loops, ISTA, and a lasso solver."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso

from vadlab.nets.stacked_rnn import Carried, StackedRNNNet


def net(**settings: object) -> StackedRNNNet:
    torch.manual_seed(0)
    network = StackedRNNNet(6, **({"hidden": 9, "bandwidth": 2.0} | settings)).double()
    with torch.no_grad():
        network.A.mul_(1.5)
    return network


def features(n: int = 5, rows: int = 3) -> torch.Tensor:
    return torch.randn(n, rows, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def soft(z: np.ndarray, threshold: float) -> np.ndarray:
    return np.where(z > threshold, z - threshold, np.where(z < -threshold, z + threshold, 0))


def ista(x: np.ndarray, dictionary: np.ndarray, *, l1: float, g: float, steps: int) -> np.ndarray:
    """Plain steps from zero on 1/2 |x - A h|^2 + l1 |h|_1."""
    A = dictionary
    h = np.zeros(A.shape[1])
    for _ in range(steps):
        h = soft(h - A.T @ (A @ h - x) / g, l1 / g)
    return h


def test_weights_of_the_release() -> None:
    with torch.device("meta"):
        both, one = StackedRNNNet(2048), StackedRNNNet(2048, output="tsc")
    assert both.A.numel() + both.Z.numel() == 8_388_608
    trained = [name for name, p in both.named_parameters() if p.requires_grad]
    assert sorted(trained) == ["A", "Z", "g", "l1", "l2"]
    assert [name for name, p in one.named_parameters() if p.requires_grad] == ["A"]


@pytest.mark.parametrize("output", ["ae", "tsc"])
@pytest.mark.parametrize("first", ["release", "ista"])
def test_recursion_by_loops(output: str, first: str) -> None:
    network = net(output=output, first=first, lambda_coherent=0.3)
    with torch.no_grad():
        network.g.fill_(1.7)
    x = features()
    rebuilt, codes, carried = network(x, network.beginning(3))
    A, g, l1, l2 = network.A.detach().numpy(), 1.7, 0.1, 0.3
    Z = A if output == "tsc" else network.Z.detach().numpy()
    eye = np.eye(9)
    V, U, w = A.T / g, eye - A.T @ A / g, l2 / g
    W1 = eye - w * A.T @ A if first == "release" else U
    for row in range(3):
        last, before = np.zeros(9), np.zeros(6)
        for t, now in enumerate(x[:, row].numpy()):
            d = np.exp(-np.sum((now - before) ** 2) / 2)
            h = soft(W1 @ last + V @ now, l1 / g)
            for _ in (2, 3):
                h = soft(d * w * last + U @ h - d * w * h + V @ now, l1 / g)
            np.testing.assert_allclose(codes[t, row].detach(), h, atol=1e-7)
            np.testing.assert_allclose(rebuilt[t, row].detach(), Z @ h, atol=1e-7)
            last, before = h, now
    assert carried.features.equal(x[-1]) and carried.codes.equal(codes[-1])
    assert (codes == 0).any() and (codes != 0).any()


def test_without_memory_its_layers_are_plain_ista() -> None:
    """Nothing before, and features so far from zero that they are like nothing."""
    x = 50 * features(1, 1)
    for layers in (1, 2, 3):
        network = net(layers=layers)
        _, codes, _ = network(x, network.beginning(1))
        wanted = ista(x[0, 0].numpy(), network.A.detach().numpy(), l1=0.1, g=1.0, steps=layers)
        np.testing.assert_allclose(codes[0, 0].detach(), wanted, rtol=1e-6)


def test_many_layers_without_coherence_solve_the_lasso() -> None:
    network = net(layers=3000, lambda_coherent=0.0)
    with torch.no_grad():
        network.g.copy_(torch.linalg.eigvalsh(network.gram()).max() * 1.01)
    x = features(1, 1)
    _, codes, _ = network(x, network.beginning(1))
    # scikit-learn's objective is 1 / (2 n) |x - A h|^2 + alpha |h|_1.
    lasso = Lasso(alpha=0.1 / 6, fit_intercept=False, tol=1e-12, max_iter=100_000)
    lasso.fit(network.A.detach().numpy(), x[0, 0].numpy())
    np.testing.assert_allclose(codes[0, 0].detach(), lasso.coef_, atol=1e-5)
    assert 0 < np.count_nonzero(lasso.coef_) < 9


def test_every_layer_lowers_the_objective_where_the_step_is_short_enough() -> None:
    x, found = features(1, 1), []
    for layers in range(1, 9):
        network = net(layers=layers, lambda_coherent=0.0)
        with torch.no_grad():
            network.g.copy_(torch.linalg.eigvalsh(network.gram()).max())
        rebuilt = network(x, network.beginning(1))[1] @ network.A.mT
        codes = network(x, network.beginning(1))[1]
        found.append(float((x - rebuilt).square().sum().detach() / 2 + 0.1 * codes.abs().sum().detach()))
    assert all(later < earlier for earlier, later in pairwise(found))


def test_the_dictionary_begins_at_the_edge_of_contraction() -> None:
    torch.manual_seed(0)
    largest = torch.linalg.eigvalsh(StackedRNNNet(512, hidden=512).gram()).max()
    assert 0.9 < float(largest.detach()) < 1.1


def test_frame_by_frame_is_as_all_at_once() -> None:
    network, x = net(), features()
    rebuilt, _, _ = network(x, network.beginning(3))
    carried = network.beginning(3)
    for t in range(len(x)):
        now, _, carried = network(x[t : t + 1], carried, gram=network.gram())
        torch.testing.assert_close(now[0], rebuilt[t])


def test_codes_of_before_count_in_every_layer_but_change_nothing_where_features_jump() -> None:
    """d_t stands in both terms of layers 2 and 3, so without similarity only the first layer looks back."""
    network = net(bandwidth=1e-6, first="ista", layers=1)
    deeper = net(bandwidth=1e-6, first="ista", layers=2)
    x, codes = features(1, 1), torch.full((1, 9), 0.3, dtype=torch.float64)
    h = network(x, Carried(x[0] + 5, codes))[1][0, 0].detach().numpy()
    A = network.A.detach().numpy()
    wanted = soft(h - A.T @ (A @ h - x[0, 0].numpy()), 0.1)
    found = deeper(x, Carried(x[0] + 5, codes))[1][0, 0].detach()
    np.testing.assert_allclose(found, wanted, atol=1e-7)
