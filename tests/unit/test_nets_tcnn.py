"""ToI-C3D's network: its size, its pooling against C3D's own, and its layers against plain NumPy."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from vadlab.nets.c3d import C3D
from vadlab.nets.tcnn import TCNNNet, tube_pool

SEEDS = torch.tensor([1, 2])


def test_the_fully_connected_layers_are_c3ds() -> None:
    with torch.device("meta"):
        ours, c3d = TCNNNet(8192, 14), C3D("fc8", n_classes=14)
    sizes = [
        sum(p.numel() for n, p in net.named_parameters() if n.startswith(layers))
        for net, layers in ((ours, ("fc6", "fc7", "category")), (c3d, ("fc6", "fc7", "fc8")))
    ]
    assert sizes == [50_397_198, 50_397_198]
    assert sum(p.numel() for p in ours.abnormal.parameters()) == 8193


@given(st.integers(1, 6), st.integers(0, 4))
def test_pooling_is_blind_to_the_order_of_clips_and_to_what_is_padded(n: int, padding: int) -> None:
    values = np.random.default_rng(n).normal(size=(n, 5)).astype(np.float32)
    padded = np.concatenate([values[np.random.default_rng(padding).permutation(n)], np.full((padding, 5), 9)])
    valid = torch.tensor([[True] * n + [False] * padding])
    found = tube_pool(torch.from_numpy(padded.astype(np.float32))[None], valid)[0]
    np.testing.assert_array_equal(found.numpy(), values.max(axis=0))


def test_pooling_clips_pools_the_time_of_a_longer_tube() -> None:
    """pool5 of a clip is a maximum over its time, so that the clips' maximum is that over all time steps."""
    maps = torch.randn(3, 8, 2, 7, 7)  # clips, channels, time, rows, columns
    by_clip = torch.nn.functional.max_pool3d(maps, 2, ceil_mode=True).flatten(1)
    tube = maps.permute(1, 0, 2, 3, 4).reshape(1, 8, 6, 7, 7)
    whole = torch.nn.functional.max_pool3d(tube, (6, 2, 2), ceil_mode=True).flatten(1)
    torch.testing.assert_close(tube_pool(by_clip[None], torch.ones(1, 3, dtype=torch.bool)), whole)


def test_layers() -> None:
    network = TCNNNet(10, 3, hidden=7).eval()
    network.mean.copy_(torch.linspace(-1, 1, 10))
    network.deviation.copy_(torch.linspace(0.5, 2, 10))
    network.deviation[4] = torch.inf  # a feature that never varied
    for p in network.parameters():
        torch.nn.init.normal_(p)
    w = {name: p.numpy().astype(np.float64) for name, p in network.state_dict().items()}
    x = np.random.default_rng(0).normal(size=(2, 5, 10)).astype(np.float32)
    pooled = (np.stack([x[0].max(axis=0), x[1, :2].max(axis=0)]) - w["mean"]) / w["deviation"]
    assert not pooled[:, 4].any()
    hidden = pooled
    for layer in ("fc6", "fc7"):
        hidden = np.maximum(hidden @ w[f"{layer}.weight"].T + w[f"{layer}.bias"], 0)
    valid = torch.tensor([[True] * 5, [True] * 2 + [False] * 3])
    with torch.no_grad():
        category, abnormal = network(torch.from_numpy(x), valid)
    expected = hidden @ w["category.weight"].T + w["category.bias"]
    np.testing.assert_allclose(category.numpy(), expected, rtol=1e-4, atol=1e-5)
    expected = (pooled @ w["abnormal.weight"].T + w["abnormal.bias"])[:, 0]
    np.testing.assert_allclose(abnormal.numpy(), expected, rtol=1e-4, atol=1e-5)


def test_the_abnormal_output_changes_nothing_of_the_categories() -> None:
    network = TCNNNet(10, 3, hidden=7)
    _, abnormal = network(torch.randn(2, 4, 10), torch.ones(2, 4, dtype=torch.bool), SEEDS)
    abnormal.sum().backward()
    used = {name for name, p in network.named_parameters() if p.grad is not None and p.grad.any()}
    assert used == {"abnormal.weight", "abnormal.bias"}


def test_dropout_is_on_in_training_only() -> None:
    network = TCNNNet(10, 3, hidden=64)
    x, valid = torch.randn(2, 4, 10), torch.ones(2, 4, dtype=torch.bool)
    assert torch.equal(network(x, valid, SEEDS)[0], network(x, valid, SEEDS)[0])
    assert not torch.equal(network(x, valid, SEEDS)[0], network(x, valid, SEEDS + 9)[0])
    assert torch.equal(network.eval()(x, valid)[0], network(x, valid, SEEDS)[0])
