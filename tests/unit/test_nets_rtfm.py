"""RTFM's network: published size, and its parts against loops over positions."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from vadlab.nets.rtfm import Attention, RTFMNet, TemporalNet


def randomised(network: nn.Module) -> nn.Module:
    """In evaluation, with parameters and moments that hide no term."""
    torch.manual_seed(0)
    for p in network.parameters():
        nn.init.normal_(p, std=0.5)
    for name, buffer in network.named_buffers():
        if "running" in name:
            buffer.uniform_(0.5, 2)
    return network.eval()


def arrays(network: nn.Module) -> dict[str, np.ndarray]:
    return {name: value.detach().numpy().astype(np.float64) for name, value in network.state_dict().items()}


def normalised(x: np.ndarray, of: dict[str, np.ndarray], name: str) -> np.ndarray:
    """(t, c) by the moments of a batch normalisation."""
    scale = of[f"{name}.weight"] / np.sqrt(of[f"{name}.running_var"] + 1e-5)
    return (x - of[f"{name}.running_mean"]) * scale + of[f"{name}.bias"]


def convolved(x: np.ndarray, kernel: np.ndarray, *, dilation: int = 1) -> np.ndarray:
    """(t, c) with kernels (o, c, 3), zeros beyond the ends."""
    out = np.zeros((len(x), len(kernel)))
    for t in range(len(x)):
        for tap in range(kernel.shape[2]):
            at = t + dilation * (tap - kernel.shape[2] // 2)
            if 0 <= at < len(x):
                out[t] += kernel[:, :, tap] @ x[at]
    return out


def attended(x: np.ndarray, w: dict[str, np.ndarray]) -> np.ndarray:
    """(t, c), every pair of positions by itself."""

    def of(name: str) -> np.ndarray:
        return x @ w[f"{name}.weight"][:, :, 0].T + w[f"{name}.bias"]

    theta, phi, g = of("theta"), of("phi"), of("g")
    y = np.zeros_like(g)
    for i in range(len(x)):
        for j in range(len(x)):
            y[i] += (theta[i] @ phi[j]) * g[j] / len(x)
    return x + normalised(y @ w["out.weight"][:, :, 0].T + w["out.bias"], w, "norm")


def test_parameter_count_of_the_release() -> None:
    assert sum(p.numel() for p in RTFMNet(2048).parameters()) == 24_718_849


def test_attention_is_over_all_pairs() -> None:
    block = randomised(Attention(8))
    x = np.random.default_rng(0).normal(size=(11, 8)).astype(np.float32)
    out = block(torch.from_numpy(x.T[None].copy()))[0].T.detach().numpy()
    np.testing.assert_allclose(out, attended(x, arrays(block)), rtol=1e-4, atol=1e-4)


def test_untrained_attention_changes_nothing() -> None:
    x = torch.randn(2, 8, 11)
    assert torch.equal(RTFMNet(32).temporal.attention(x), x)


def test_the_temporal_net_is_that_of_a_loop() -> None:
    network = randomised(TemporalNet(8))
    w = arrays(network)
    x = np.random.default_rng(1).normal(size=(13, 8)).astype(np.float32)
    branches = []
    for i, dilation in enumerate((1, 2, 4)):
        out = convolved(x, w[f"pyramid.{i}.0.weight"], dilation=dilation) + w[f"pyramid.{i}.0.bias"]
        branches.append(normalised(np.maximum(out, 0), w, f"pyramid.{i}.2"))
    reduced = np.maximum(convolved(x, w["reduce.0.weight"]), 0)
    block = {name.removeprefix("attention."): value for name, value in w.items() if "attention." in name}
    joined = np.concatenate([*branches, attended(reduced, block)], axis=1)
    wanted = x + normalised(np.maximum(convolved(joined, w["fuse.0.weight"]), 0), w, "fuse.2")
    out = network(torch.from_numpy(x[None]))[0].detach().numpy()
    np.testing.assert_allclose(out, wanted, rtol=1e-3, atol=1e-3)


def test_videos_of_a_batch_do_not_meet() -> None:
    network = randomised(RTFMNet(8, hidden=4))
    x = torch.randn(3, 6, 8)
    features, scores = network(x)
    for i in range(3):
        alone, score = network(x[i : i + 1])
        torch.testing.assert_close(alone[0], features[i], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(score[0], scores[i], rtol=1e-4, atol=1e-5)


def test_dropout_is_on_in_training_only() -> None:
    network, seeds = RTFMNet(8), torch.tensor([1, 2])
    x = torch.randn(2, 6, 8)
    features, _ = network(x, seeds)
    assert (features == 0).float().mean().item() > 0.3
    assert not torch.equal(features, network(x, seeds + 9)[0])
    features, scores = network.eval()(x)
    assert not (features == 0).any() and torch.equal(scores, network(x, seeds)[1])
