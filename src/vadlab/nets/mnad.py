"""A convolutional autoencoder with a memory of normal patterns between its halves.

Paper: Park, Noh, Ham, "Learning Memory-guided Normality for Anomaly Detection", CVPR 2020,
https://arxiv.org/abs/2003.13228.
Reference read for facts: the authors' PyTorch release (no licence file). Differs from it in that its
batch-norm layer which is made but never used is left out.
"""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, mse_loss, normalize, one_hot, softmax, triplet_margin_loss

from vadlab.nets.channels_last import channels_last

__all__ = ["MNADNet", "compactness", "read", "separateness", "updated"]


def read(queries: Tensor, memory: Tensor) -> Tensor:
    """Items weighed by their likeness to each query; no gradient flows through the weights.

    Args:
        queries: (k, d), rows of unit length.
        memory: (m, d).

    Returns:
        (k, d).
    """
    return softmax(queries @ memory.T, dim=1).detach() @ memory


def updated(queries: Tensor, memory: Tensor, *, largest_of_all: bool = False) -> Tensor:
    """The memory after each item took in the queries that are most like it; no gradient.

    Args:
        queries: (k, d), rows of unit length, of the whole batch.
        memory: (m, d).
        largest_of_all: Divide an item's weights by the largest over all queries, as the release does, not
            over the item's own (paper).

    Returns:
        (m, d), rows of unit length; an item that no query is most like stays as it is.
    """
    with torch.no_grad():
        likeness = queries @ memory.T
        own = one_hot(likeness.argmax(dim=1), len(memory)).bool()
        weight = softmax(likeness, dim=0)
        among = weight if largest_of_all else weight.masked_fill(~own, 0)
        weight = (weight / among.amax(dim=0).clamp(min=torch.finfo(weight.dtype).tiny)).masked_fill(~own, 0)
        changed = normalize(memory + weight.T @ queries, dim=1)
        return torch.where(own.any(dim=0)[:, None], changed, memory)


def compactness(queries: Tensor, memory: Tensor) -> Tensor:
    """(k,) mean squared difference of each query and the item most like it."""
    nearest = memory[(queries @ memory.T).argmax(dim=1)].detach()
    return mse_loss(queries, nearest, reduction="none").mean(dim=1)


def separateness(queries: Tensor, memory: Tensor) -> Tensor:
    """(k,) triplet loss, margin 1, of each query, the item most like it and the second.

    Distances are not squared, as in the release; needs two items at least.
    """
    first, second = memory[(queries @ memory.T).topk(2, dim=1).indices].detach().unbind(dim=1)
    return triplet_margin_loss(queries, first, second, margin=1.0, reduction="none")


class MNADNet(nn.Module):
    """Frames to a frame, by way of the memory, which is not trained by gradient but kept in a buffer.

    Args:
        inputs: Channels that come in: 12 for four frames, 3 for one.
        outputs: Channels that go out.
        channels: Maps of the first level; each of three more has twice as many.
        items: In the memory; 0 leaves it out, and the decoder sees the queries alone.
        skips: Hand the encoder's maps to the decoder (prediction), or not (reconstruction).
    """

    memory: Tensor

    def __init__(
        self, inputs: int, outputs: int = 3, *, channels: int = 64, items: int = 10, skips: bool = True
    ):
        super().__init__()
        a, b, c, d = (channels * 2**level for level in range(4))
        self.skips = skips
        self.down1, self.down2, self.down3 = _block(inputs, a), _block(a, b), _block(b, c)
        self.bottom = _block(c, d)[:4]  # its second convolution stands bare, for queries of either sign
        self.read_out = _block(2 * d if items else d, d)
        # With skips, going up halves the maps, and the encoder's fill them up again.
        self.up3 = _up(d, c if skips else d)
        self.after3 = _block(d, c)
        self.up2 = _up(c, b if skips else c)
        self.after2 = _block(c, b)
        self.up1 = _up(b, a if skips else b)
        self.after1 = nn.Sequential(*_block(b, a), nn.Conv2d(a, outputs, 3, padding=1), nn.Tanh())
        self.register_buffer("memory", normalize(torch.rand(items, d), dim=1))

    def forward(self, x: Tensor, memory: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Frames (b, inputs, h, w) in -1..1, sides multiples of 8, to a frame and its queries.

        Args:
            x: The frames.
            memory: (m, d) to read instead of its own.

        Returns:
            The frame (b, outputs, h, w) in -1..1, and queries (b * h/8 * w/8, 8 * channels) of unit length.
        """
        memory = self.memory if memory is None else memory
        x1 = self.down1(channels_last(x))
        x2 = self.down2(max_pool2d(x1, 2))
        x3 = self.down3(max_pool2d(x2, 2))
        maps = normalize(self.bottom(max_pool2d(x3, 2)), dim=1)
        queries = rearrange(maps, "b d h w -> (b h w) d")
        if len(memory):
            found = rearrange(
                read(queries, memory), "(b h w) d -> b d h w", b=len(maps), h=maps.shape[2], w=maps.shape[3]
            )
            maps = torch.cat([maps, found], dim=1)
        y = self.up3(self.read_out(maps))
        y = self.up2(self.after3(self._joined(x3, y)))
        y = self.up1(self.after2(self._joined(x2, y)))
        return self.after1(self._joined(x1, y)), queries

    def _joined(self, skipped: Tensor, y: Tensor) -> Tensor:
        return torch.cat([skipped, y], dim=1) if self.skips else y


def _block(a: int, b: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(a, b, 3, padding=1),
        nn.BatchNorm2d(b),
        nn.ReLU(),
        nn.Conv2d(b, b, 3, padding=1),
        nn.BatchNorm2d(b),
        nn.ReLU(),
    )


def _up(a: int, b: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ConvTranspose2d(a, b, 3, stride=2, padding=1, output_padding=1), nn.BatchNorm2d(b), nn.ReLU()
    )
