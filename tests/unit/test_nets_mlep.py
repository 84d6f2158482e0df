"""MLEP's network: sides of the embedding, norms, and the forget gate that begins open."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from vadlab.nets.mlep import MLEPNet, Residual


def test_the_embedding_of_the_paper() -> None:
    with torch.device("meta"):
        made, embedding = MLEPNet()(torch.empty(2, 4, 3, 224, 224))
    assert embedding.shape == (2, 256, 56, 56)
    assert made.shape == (2, 3, 224, 224)


def test_the_encoder_alone_normalises() -> None:
    network = MLEPNet(channels=2)
    norms = [m for m in network.encoder.modules() if isinstance(m, nn.InstanceNorm2d)]
    assert len(norms) == 3 + 2 * 6
    assert all(norm.eps == pytest.approx(1e-3) and norm.affine for norm in norms)
    assert not [m for m in network.decoder.modules() if isinstance(m, nn.InstanceNorm2d)]


def test_a_residual_block_keeps_what_is_below_zero() -> None:
    block = Residual(4)
    for norm in block.modules():
        if isinstance(norm, nn.InstanceNorm2d):
            nn.init.zeros_(norm.weight)
    x = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(block(x), x)


def test_the_forget_gate_begins_at_one() -> None:
    """With weights of zero a ConvLSTM is a closed form of its biases."""
    cell = MLEPNet(channels=1).recurrent
    for weight in (cell.input_conv.weight, cell.hidden_conv.weight):
        nn.init.zeros_(weight)
    with torch.no_grad():
        cell.input_conv.bias[12:] = 0.3  # the candidate's
        states = cell(torch.zeros(1, 3, 4, 2, 2))[0, :, 0, 0, 0].numpy()
    new, kept, cell_state = 0.5 * np.tanh(0.3), 1 / (1 + np.exp(-1)), 0.0
    for found in states:
        cell_state = kept * cell_state + new
        assert found == pytest.approx(0.5 * np.tanh(cell_state))


def test_frames_have_an_order_and_items_do_not_mix() -> None:
    torch.manual_seed(0)
    network, clips = MLEPNet(channels=4), torch.rand(2, 4, 3, 16, 16) * 2 - 1
    together, embedding = network(clips)
    torch.testing.assert_close(together[1:], network(clips[1:])[0], rtol=1e-4, atol=1e-6)
    assert not torch.allclose(embedding, network(clips.flip(1))[1], atol=1e-4)
