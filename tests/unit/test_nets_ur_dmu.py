"""UR-DMU's network: published size, and its parts against loops over clips."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from vadlab.nets.ur_dmu import GlobalLocalAttention, Memory, URDMUNet, near_shares, top_count


def test_parameters_are_the_6_49_million_that_papers_quote() -> None:
    embed = 1024 * 512 * 3 + 512
    layer = 2 * 2 * 512 + 512 * 2048 + 1024 * 512 + 512 + 2 * (512 * 512 + 512)
    heads = 2 * 60 * 512 + 2 * (512 * 512 + 512) + 1024 * 128 + 128 + 128 + 1
    count = sum(p.numel() for p in URDMUNet(1024).parameters())
    assert count == embed + 2 * layer + heads == 6_492_929


@pytest.mark.parametrize("n", [1, 2, 9, 700])
def test_near_shares_by_loops(n: int) -> None:
    x = torch.randn(2, n, 3, dtype=torch.float64)
    found = near_shares(x)
    place = np.arange(n)
    for i in {0, n // 2, 511 % n, 512 % n, n - 1}:
        wanted = np.zeros(3)
        for j in range(n):
            shares = np.exp(-np.abs(place - j) / math.e)  # of clip j to all
            wanted += shares[i] / shares.sum() * x[1, j].numpy()
        np.testing.assert_allclose(found[1, i], wanted, atol=1e-8)


def test_a_clip_gives_itself_away_once() -> None:
    x = torch.zeros(1, 30, 1)
    x[0, 0] = 1
    assert float(near_shares(x).sum()) == pytest.approx(1)
    assert near_shares(torch.ones(1, 30, 1)).sum().item() == pytest.approx(30)


def test_layers_begin_as_pytorchs() -> None:
    """Uniform up to the root of the number of inputs, the biases too."""
    torch.manual_seed(0)
    network = URDMUNet(64, hidden=32)
    layers = [module for module in network.modules() if isinstance(module, torch.nn.Linear | torch.nn.Conv1d)]
    assert len(layers) == 1 + 2 * 4 + 4
    for layer in layers:
        bound = layer.weight[0].numel() ** -0.5
        assert 0.9 * bound < float(layer.weight.detach().abs().max()) <= bound
        assert layer.bias is None or 0 < float(layer.bias.detach().abs().max()) <= bound


def test_attention_by_loops() -> None:
    torch.manual_seed(0)
    attention = GlobalLocalAttention(8).double()
    x = torch.randn(1, 5, 8, dtype=torch.float64)
    q, k, v, near = np.split(x[0].numpy() @ attention.project.weight.detach().numpy().T, 4, axis=1)
    alike = np.zeros((5, 8))
    for head in range(4):
        part = slice(2 * head, 2 * head + 2)
        for i in range(5):
            weights = np.exp([q[i, part] @ k[j, part] / math.sqrt(2) for j in range(5)])
            alike[i, part] = weights @ v[:, part] / weights.sum()
    local = near_shares(torch.from_numpy(near[None]))[0].numpy()
    out = np.concatenate([alike, local], axis=1) @ attention.out.weight.detach().numpy().T
    out += attention.out.bias.detach().numpy()
    np.testing.assert_allclose(attention(x)[0].detach(), out, atol=1e-10)


def test_memory_by_loops() -> None:
    torch.manual_seed(0)
    memory, x = Memory(20, 6).double(), torch.randn(2, 3, 6, dtype=torch.float64)
    best, recalled = memory(x)
    items = memory.items.detach().numpy()
    for b, t in np.ndindex(2, 3):
        alike = [1 / (1 + math.exp(-float(x[b, t].numpy() @ item) / math.sqrt(6))) for item in items]
        assert float(best[b, t].detach()) == pytest.approx(sum(sorted(alike)[-2:]) / 2)
        wanted = sum(a * item for a, item in zip(alike, items, strict=True))
        np.testing.assert_allclose(recalled[b, t].detach(), wanted, atol=1e-6)


def test_how_many_stand_for_all() -> None:
    assert [top_count(n) for n in (1, 15, 16, 60, 200)] == [1, 1, 2, 4, 13]


def test_videos_of_a_batch_do_not_meet_and_only_training_drops() -> None:
    torch.manual_seed(0)
    network, x = URDMUNet(8, hidden=8), torch.randn(3, 6, 8)
    seeds = torch.tensor([1, 2, 3])
    trained = network.embedded(x, seeds)
    torch.testing.assert_close(network.embedded(x[1:2], seeds[1:2])[0], trained[1], rtol=1e-4, atol=1e-5)
    assert not torch.equal(network.embedded(x, seeds + 9), trained)
    network.eval()
    torch.testing.assert_close(network(x)[1:2], network(x[1:2]), rtol=1e-4, atol=1e-5)
    assert torch.equal(network.embedded(x, seeds), network.embedded(x))
