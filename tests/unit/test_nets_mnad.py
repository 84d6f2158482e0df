"""The memory against loops, and the network's published size."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from vadlab.nets.mnad import MNADNet, compactness, read, separateness, updated


def units(seed: int, n: int, d: int = 6) -> Tensor:
    made = torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return normalize(made, dim=1)


QUERIES, MEMORY = units(0, 40), units(1, 5)


def softmax(x: np.ndarray) -> np.ndarray:
    return np.exp(x) / np.exp(x).sum()


def test_size_of_the_release() -> None:
    assert sum(p.numel() for p in MNADNet(12).parameters()) == 15_650_819


def test_reconstruction_has_no_skips() -> None:
    """Widths of the decoder's blocks and steps up, counted by hand."""
    network = MNADNet(3, channels=4, items=3, skips=False)
    ups = [network.up3, network.up2, network.up1]
    assert [(up[0].in_channels, up[0].out_channels) for up in ups] == [(32, 32), (16, 16), (8, 8)]
    joined = MNADNet(12, channels=4, items=3)
    ups = [joined.up3, joined.up2, joined.up1]
    assert [(up[0].in_channels, up[0].out_channels) for up in ups] == [(32, 16), (16, 8), (8, 4)]
    for made, inputs in ((network, 3), (joined, 12)):
        frame, queries = made(torch.zeros(2, inputs, 32, 24))
        assert frame.shape == (2, 3, 32, 24) and queries.shape == (2 * 4 * 3, 32)


def test_queries_are_unit_vectors_of_either_sign() -> None:
    torch.manual_seed(0)
    _, queries = MNADNet(3, channels=4, skips=False)(torch.rand(2, 3, 16, 16))
    np.testing.assert_allclose(queries.norm(dim=1).detach(), 1, rtol=1e-5)
    assert (queries < -0.01).any() and (queries > 0.01).any()


def test_the_memory_is_no_parameter_and_begins_with_unit_rows() -> None:
    network = MNADNet(12, channels=4)
    assert "memory" not in dict(network.named_parameters()) and "memory" in network.state_dict()
    assert network.memory.shape == (10, 32) and (network.memory >= 0).all()
    np.testing.assert_allclose(network.memory.norm(dim=1), 1, rtol=1e-6)


def test_read_weights_sum_to_one_over_the_items() -> None:
    np.testing.assert_allclose(read(QUERIES, torch.ones(5, 6, dtype=torch.float64)), 1)
    weighed = read(QUERIES, torch.eye(6, dtype=torch.float64))  # items that show their weights
    np.testing.assert_allclose(weighed.sum(1), 1)


def test_read_is_a_softmax_of_likeness() -> None:
    found = read(QUERIES, MEMORY).numpy()
    for query, row in zip(QUERIES.numpy(), found, strict=True):
        weights = softmax(np.array([query @ item for item in MEMORY.numpy()]))
        np.testing.assert_allclose(row, sum(w * m for w, m in zip(weights, MEMORY.numpy(), strict=True)))


@pytest.mark.parametrize("of_all", [False, True])
def test_update_is_that_of_plain_loops(of_all: bool) -> None:
    queries, memory = QUERIES.numpy(), MEMORY.numpy()
    nearest = [int(np.argmax([q @ m for m in memory])) for q in queries]
    wanted = []
    for number, item in enumerate(memory):
        weights = softmax(np.array([q @ item for q in queries]))  # over the queries
        own = [k for k, best in enumerate(nearest) if best == number]
        assert own
        largest = max(weights if of_all else weights[own])
        moved = item + sum(weights[k] / largest * queries[k] for k in own)
        wanted.append(moved / np.linalg.norm(moved))
    found = updated(QUERIES, MEMORY, largest_of_all=of_all)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_the_two_updates_differ() -> None:
    assert not torch.allclose(updated(QUERIES, MEMORY), updated(QUERIES, MEMORY, largest_of_all=True))


def test_an_item_without_queries_stays() -> None:
    memory = torch.cat([MEMORY, -QUERIES.mean(0, keepdim=True)])  # the last is like none
    memory = normalize(memory, dim=1)
    memory[5] = -memory[0]
    queries = memory[:1].repeat(4, 1)
    found = updated(queries, memory)
    assert torch.equal(found[1:], memory[1:])
    np.testing.assert_allclose(found[0], memory[0])
    np.testing.assert_allclose(found.norm(dim=1), 1)


def test_no_gradient_reaches_memory_or_read_weights() -> None:
    queries, memory = QUERIES.clone().requires_grad_(), MEMORY.clone().requires_grad_()
    assert not updated(queries, memory).requires_grad
    (compactness(queries, memory).mean() + separateness(queries, memory).mean()).backward()
    assert memory.grad is None and queries.grad is not None
    assert not read(queries, MEMORY).requires_grad


def test_losses_are_those_of_plain_loops() -> None:
    for i, query in enumerate(QUERIES.numpy()):
        order = np.argsort([-(query @ item) for item in MEMORY.numpy()])
        first, second = MEMORY.numpy()[order[0]], MEMORY.numpy()[order[1]]
        distance = [np.linalg.norm(query - item) for item in (first, second)]  # not squared
        compact = np.mean((query - first) ** 2)
        np.testing.assert_allclose(compactness(QUERIES, MEMORY)[i], compact)
        np.testing.assert_allclose(
            separateness(QUERIES, MEMORY)[i], max(0, distance[0] - distance[1] + 1), rtol=1e-4
        )


def test_separateness_is_zero_once_the_margin_is_kept() -> None:
    memory = torch.eye(6, dtype=torch.float64)[:2]
    assert separateness(memory, memory).abs().max() == 0  # 0 against the square root of 2
    between = normalize(memory.sum(0, keepdim=True), dim=1)
    assert separateness(between, memory)[0] == pytest.approx(1, abs=1e-5)


def test_without_memory_the_decoder_sees_the_queries_alone() -> None:
    without = MNADNet(12, channels=4, items=0)
    sizes = [sum(p.numel() for p in n.parameters()) for n in (MNADNet(12, channels=4), without)]
    assert sizes[0] - sizes[1] == 32 * 32 * 9
    assert without(torch.zeros(1, 12, 16, 16))[0].shape == (1, 3, 16, 16)


def test_another_memory_changes_the_frame() -> None:
    torch.manual_seed(0)
    network, x = MNADNet(12, channels=4), torch.rand(1, 12, 16, 16)
    assert torch.equal(network.eval()(x)[0], network(x, network.memory)[0])
    assert not torch.equal(network(x)[0], network(x, -network.memory)[0])
