"""Networks of frames work in the order that is quick on a processor, and give what they give in the other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from vadlab.nets import conv_ae, mnad, unet
from vadlab.nets.channels_last import channels_last

Build = Callable[[], nn.Module]

NETS: dict[str, tuple[Build, tuple[int, ...]]] = {
    "mnad": (lambda: mnad.MNADNet(12, channels=4), (2, 12, 16, 24)),
    "mnad without skips": (lambda: mnad.MNADNet(3, channels=4, skips=False), (2, 3, 16, 24)),
    "unet": (lambda: unet.UNet(channels=4), (2, 12, 16, 24)),
    "discriminator": (lambda: unet.PatchDiscriminator(channels=4), (2, 3, 16, 24)),
    "conv_ae": (lambda: conv_ae.ConvAENet(channels=8), (2, 10, 40, 47)),
    "conv_ae, nearest": (lambda: conv_ae.ConvAENet(channels=8, unpooling="nearest"), (2, 10, 40, 47)),
}


def made(network: nn.Module, x: Tensor) -> list[Tensor]:
    """What comes out, and the gradients of all parameters."""
    out = network(x)
    out = out[0] if isinstance(out, tuple) else out
    weighed = (out * torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)).sum()
    return [out.detach(), *torch.autograd.grad(weighed, list(network.parameters()))]


@pytest.mark.parametrize("name", NETS)
def test_the_order_changes_neither_values_nor_gradients(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    build, shape = NETS[name]
    torch.manual_seed(0)
    network, x = build().double(), torch.rand(shape, dtype=torch.float64) * 2 - 1
    found = made(network, x)
    for module in (conv_ae, mnad, unet):
        monkeypatch.setattr(module, "channels_last", lambda x: x)
    for a, b in zip(found, made(network, x), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", NETS)
def test_every_layer_of_several_channels_keeps_the_order(name: str) -> None:
    build, shape = NETS[name]
    network, orders = build(), []
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and layer.out_channels > 1:
            layer.register_forward_hook(
                lambda _, x, y: orders.append(y.is_contiguous(memory_format=torch.channels_last))
            )
    network(torch.rand(shape))
    assert len(orders) > 3 and all(orders)


def test_values_stay_where_they_were() -> None:
    x = torch.rand(2, 3, 4, 5)
    y = channels_last(x)
    assert torch.equal(x, y) and y.stride() == (60, 1, 15, 3)
    assert channels_last(x.to("meta")).stride() == x.stride()
