"""I3D, the inflated Inception-v1 network for video.

Paper: Carreira and Zisserman, "Quo Vadis, Action Recognition? A New Model and the Kinetics
Dataset", CVPR 2017, https://arxiv.org/abs/1705.07750. References read: the authors' kinetics-i3d
(TensorFlow, Apache-2.0) for the layers and the padding, pytorch-i3d (Apache-2.0) for the customary
names of the parameters, so that its state dicts load as they are.

What differs: the last pooling averages over whatever space is left, which is the paper's 7x7 for
224x224 input and lets smaller and larger frames through.
"""

from __future__ import annotations

import copy

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (PyTorch's own customary name)
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vadlab.errors import UsageError

__all__ = [
    "I3D",
    "MIN_FRAMES",
    "Inception",
    "MaxPoolSame",
    "PackedConv",
    "Unit3D",
    "folded",
    "pools_by_axis",
    "same_padding",
    "with_packed_stem",
]

MIN_FRAMES = 9  # fewer leave one time step, and the last pooling spans two

Triple = tuple[int, int, int]


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's 'SAME' padding (before, after) of one axis; an odd one goes to the end.

    The output then has ceil(size / stride) elements. PyTorch's symmetric padding gives other
    results wherever the total is odd, e.g. the stem: kernel 7, stride 2, even size: (2, 3).
    """
    remainder = size % stride
    total = max(kernel - (remainder or stride), 0)
    return total // 2, total - total // 2


def _paddings(x: Tensor, kernel: Triple, stride: Triple) -> list[tuple[int, int]]:
    sizes = x.shape[2:]
    return [same_padding(n, k, s) for n, k, s in zip(sizes, kernel, stride, strict=True)]


def _padded(x: Tensor, paddings: list[tuple[int, int]]) -> Tensor:
    """Zeros around the last three axes; F.pad lists the last axis first."""
    return F.pad(x, [side for pair in reversed(paddings) for side in pair])


class Unit3D(nn.Module):
    """Convolution with 'SAME' padding, batch normalisation, ReLU; or a plain biased convolution.

    Args:
        in_channels, out_channels: Channels.
        kernel, stride: (t, h, w).
        norm: Whether normalisation and ReLU follow (then the convolution has no bias).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel: Triple,
        stride: Triple = (1, 1, 1),
        norm: bool = True,
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.norm = kernel, stride, norm
        self.conv3d = nn.Conv3d(in_channels, out_channels, kernel, stride, bias=not norm)
        # TensorFlow's epsilon; PyTorch's default (1e-5) gives other activations.
        self.bn: nn.Module = nn.BatchNorm3d(out_channels, eps=1e-3, momentum=0.01) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(b, in, t, h, w) to (b, out, ceil(t / st), ceil(h / sh), ceil(w / sw))."""
        paddings = _paddings(x, self.kernel, self.stride)
        weight, bias = self.conv3d.weight, self.conv3d.bias
        if all(before == after for before, after in paddings):
            # The convolution pads by itself, which saves a copy.
            x = F.conv3d(x, weight, bias, self.stride, [before for before, _ in paddings])
        else:
            x = F.conv3d(_padded(x, paddings), weight, bias, self.stride)
        return F.relu(self.bn(x), inplace=True) if self.norm else x


class MaxPoolSame(nn.Module):
    """Max pooling with 'SAME' zero padding; right only for input that is not negative (after a ReLU).

    Args:
        kernel, stride: (t, h, w).
        by_axis: Whether 3x3x3 windows with stride 1 are pooled one axis after the other: the same values,
            on a CPU 2.5 times sooner, at the price of copies.
    """

    def __init__(self, *, kernel: Triple, stride: Triple, by_axis: bool = False) -> None:
        super().__init__()
        self.kernel, self.stride, self.by_axis = kernel, stride, by_axis

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, t, h, w) to (b, c, ceil(t / st), ceil(h / sh), ceil(w / sw))."""
        if self.by_axis and self.kernel == (3, 3, 3) and self.stride == (1, 1, 1):
            return _neighbours_max(_neighbours_max(_neighbours_max(x, dim=4), dim=3), dim=2)
        paddings = _paddings(x, self.kernel, self.stride)
        # A zero never beats an activation that is not negative, so windows may as well be cut off
        # at the border, which saves a copy of the input.
        if all(before == after for before, after in paddings):
            return F.max_pool3d(x, self.kernel, self.stride, [before for before, _ in paddings])
        if all(before == 0 and after < s for (before, after), s in zip(paddings, self.stride, strict=True)):
            return F.max_pool3d(x, self.kernel, self.stride, ceil_mode=True)
        return F.max_pool3d(_padded(x, paddings), self.kernel, self.stride)


def _neighbours_max(x: Tensor, *, dim: int) -> Tensor:
    """The maximum of each element and its two neighbours along an axis."""
    out, n = x.clone(), x.shape[dim] - 1
    for to, source in ((1, 0), (0, 1)):
        part = out.narrow(dim, to, n)
        torch.maximum(part, x.narrow(dim, source, n), out=part)
    return out


class PackedConv(nn.Module):
    """A `Unit3D` of stride 2 that reads its input packed: 2x2x2 neighbours as channels (space to depth).

    The same function up to rounding. A stem's three channels leave most of a matrix unit (AMX) idle, and 24
    fill it; other processors lose by it, for kernels of 7 taps become 8, half as many multiplications again.

    Args:
        unit: With its normalisation folded, stride (2, 2, 2).
    """

    def __init__(self, unit: Unit3D) -> None:
        super().__init__()
        if unit.stride != (2, 2, 2) or not isinstance(unit.bn, nn.Identity):
            raise ValueError("only a folded convolution of stride 2 can be packed")
        self.kernel = unit.kernel
        t, h, w = (size % 2 for size in unit.kernel)
        weight = _packed(F.pad(unit.conv3d.weight.detach(), [0, w, 0, h, 0, t]))
        self.weight = nn.Parameter(weight.contiguous(), requires_grad=False)
        bias = unit.conv3d.bias
        self.bias = None if bias is None else nn.Parameter(bias.detach().clone(), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """(b, in, t, h, w) to (b, out, ceil(t / 2), ceil(h / 2), ceil(w / 2)), after a ReLU."""
        paddings = []
        for size, kernel in zip(x.shape[2:], self.kernel, strict=True):
            before, _ = same_padding(size, kernel, 2)
            # As far as the last kernel reads, with its taps made even in number.
            reach = 2 * ((size + 1) // 2 - 1) + kernel + kernel % 2
            paddings.append((before, reach - size - before))
        return F.relu(F.conv3d(_packed(_padded(x, paddings)), self.weight, self.bias), inplace=True)


def _packed(x: Tensor) -> Tensor:
    """(b, c, t, h, w) to (b, 8 c, t / 2, h / 2, w / 2); channels are last in memory."""
    x = rearrange(x, "b c (t p) (h q) (w r) -> b t h w (p q r c)", p=2, q=2, r=2)
    return rearrange(x, "b t h w c -> b c t h w")


class Inception(nn.Module):
    """Four branches side by side: 1x1x1; 1x1x1 then 3x3x3, twice; max pooling then 1x1x1.

    Args:
        in_channels: Channels of the input.
        widths: Output channels of b0, b1a, b1b, b2a, b2b, b3b.
    """

    def __init__(self, in_channels: int, widths: tuple[int, int, int, int, int, int]) -> None:
        super().__init__()
        one, three = (1, 1, 1), (3, 3, 3)
        self.b0 = Unit3D(in_channels, widths[0], kernel=one)
        self.b1a = Unit3D(in_channels, widths[1], kernel=one)
        self.b1b = Unit3D(widths[1], widths[2], kernel=three)
        self.b2a = Unit3D(in_channels, widths[3], kernel=one)
        self.b2b = Unit3D(widths[3], widths[4], kernel=three)
        self.b3a = MaxPoolSame(kernel=three, stride=one)
        self.b3b = Unit3D(in_channels, widths[5], kernel=one)
        self.out_channels = widths[0] + widths[2] + widths[4] + widths[5]

    def forward(self, x: Tensor) -> Tensor:
        """(b, in, t, h, w) to (b, out_channels, t, h, w)."""
        branches = [self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(self.b3a(x))]
        return torch.cat(branches, dim=1)


class I3D(nn.Module):
    """Inflated Inception-v1: a clip to a 1024-d feature, or to the logits of Kinetics' classes.

    Args:
        in_channels: 3 for RGB, 2 for optical flow (x, y).
        n_classes: Number of logits, or None for a network without a head.
        dropout: Rate before the head, in training only.
    """

    def __init__(self, in_channels: int = 3, n_classes: int | None = 400, *, dropout: float = 0.5) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.trunk_names: list[str] = []
        self._add("Conv3d_1a_7x7", Unit3D(in_channels, 64, kernel=(7, 7, 7), stride=(2, 2, 2)))
        self._add("MaxPool3d_2a_3x3", MaxPoolSame(kernel=(1, 3, 3), stride=(1, 2, 2)))
        self._add("Conv3d_2b_1x1", Unit3D(64, 64, kernel=(1, 1, 1)))
        self._add("Conv3d_2c_3x3", Unit3D(64, 192, kernel=(3, 3, 3)))
        self._add("MaxPool3d_3a_3x3", MaxPoolSame(kernel=(1, 3, 3), stride=(1, 2, 2)))
        self._add("Mixed_3b", Inception(192, (64, 96, 128, 16, 32, 32)))
        self._add("Mixed_3c", Inception(256, (128, 128, 192, 32, 96, 64)))
        self._add("MaxPool3d_4a_3x3", MaxPoolSame(kernel=(3, 3, 3), stride=(2, 2, 2)))
        self._add("Mixed_4b", Inception(480, (192, 96, 208, 16, 48, 64)))
        self._add("Mixed_4c", Inception(512, (160, 112, 224, 24, 64, 64)))
        self._add("Mixed_4d", Inception(512, (128, 128, 256, 24, 64, 64)))
        self._add("Mixed_4e", Inception(512, (112, 144, 288, 32, 64, 64)))
        self._add("Mixed_4f", Inception(528, (256, 160, 320, 32, 128, 128)))
        self._add("MaxPool3d_5a_2x2", MaxPoolSame(kernel=(2, 2, 2), stride=(2, 2, 2)))
        self._add("Mixed_5b", Inception(832, (256, 160, 320, 32, 128, 128)))
        self._add("Mixed_5c", Inception(832, (384, 192, 384, 48, 128, 128)))
        self.dropout = nn.Dropout(dropout)
        self.logits = None if n_classes is None else Unit3D(1024, n_classes, kernel=(1, 1, 1), norm=False)

    def _add(self, name: str, layer: nn.Module) -> None:
        self.trunk_names.append(name)
        self.add_module(name, layer)

    def features(self, x: Tensor) -> Tensor:
        """The pooled activations before the head.

        Args:
            x: (b, in_channels, t, h, w), t >= 9; RGB in -1..1, or flow in -1..1 (20 pixels = 1).

        Returns:
            (b, 1024): mean over space of pairs of time steps, then over the pairs (16 frames leave one).

        Raises:
            UsageError: If the clip has another form or is too short.
        """
        if x.ndim != 5 or x.shape[1] != self.in_channels or x.shape[2] < MIN_FRAMES:
            raise UsageError(
                "I3D cannot read this clip",
                expected=f"(b, {self.in_channels}, t, h, w) with t >= {MIN_FRAMES}",
                found=tuple(x.shape),
                remedy=f"give clips of at least {MIN_FRAMES} frames; 16 is customary",
            )
        for name in self.trunk_names:
            x = self.get_submodule(name)(x)
        steps = x.mean(dim=(3, 4))
        return ((steps[:, :, :-1] + steps[:, :, 1:]) / 2).mean(dim=2)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (b, n_classes), the mean over time; input as for `features`.

        Raises:
            UsageError: If the network has no head, or as `features`.
        """
        if self.logits is None:
            raise UsageError("this I3D was made without a head", expected="I3D(n_classes=...)", found=None)
        # The head is linear: the logits of the mean are the mean of the logits.
        pooled = self.dropout(self.features(x))
        logits: Tensor = self.logits(pooled[:, :, None, None, None])
        return logits.flatten(1)


def folded(network: I3D) -> I3D:
    """A copy in evaluation mode whose normalisations are folded into the convolutions.

    The same function up to rounding, 1.7 times faster on a CPU. It cannot be trained further and
    its state dict has other names.
    """
    network = copy.deepcopy(network).eval()
    for unit in network.modules():
        if isinstance(unit, Unit3D) and isinstance(unit.bn, nn.BatchNorm3d):
            unit.conv3d = fuse_conv_bn_eval(unit.conv3d, unit.bn)
            unit.bn = nn.Identity()
    return network.requires_grad_(requires_grad=False)


def with_packed_stem(network: I3D) -> I3D:
    """Put a packed first convolution into a `folded` network, in place; see `PackedConv`."""
    stem = network.get_submodule("Conv3d_1a_7x7")
    if not isinstance(stem, Unit3D):
        raise ValueError("the stem is packed already")
    network.add_module("Conv3d_1a_7x7", PackedConv(stem))
    return network


def pools_by_axis(network: I3D) -> I3D:
    """Let the pools with stride 1 go one axis after the other, in place; see `MaxPoolSame`."""
    for pool in network.modules():
        if isinstance(pool, MaxPoolSame):
            pool.by_axis = True
    return network
