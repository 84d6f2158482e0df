"""The network of the stacked RNN: sparse codes that change slowly, by so many unrolled steps.

Paper: Luo, Liu, Gao, "A Revisit of Sparse Coding Based Anomaly Detection in Stacked RNN Framework", ICCV
2017. Reference read for facts: the authors' TensorFlow release (no licence file).

For features x_t, codes h and similarity d_t = exp(-||x_t - x_(t-1)||^2 / bandwidth), with
U = I - A'A / g, V = A' / g, w = l2 / g and soft(z) = sign(z) max(0, |z| - l1 / g):

    h1_t = soft(W1 h_(t-1) + V x_t)
    hk_t = soft(d_t w h_(t-1) + U h(k-1)_t - d_t w h(k-1)_t + V x_t),    k = 2, 3 ...

where h_(t-1) is the last layer's. The release has W1 = I - w A'A; the first step of ISTA from h_(t-1) would
have W1 = U.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

__all__ = ["Carried", "StackedRNNNet", "soft"]

LEAST_STEP = 1e-2  # of g, by which is divided


class Carried(NamedTuple):
    """What goes from one frame to the next: its features (b, d), and its last layer's codes (b, hidden)."""

    features: Tensor
    codes: Tensor


def soft(z: Tensor, threshold: Tensor) -> Tensor:
    """Values drawn to 0 by a threshold, and 0 within it."""
    return z.sign() * torch.relu(z.abs() - threshold)


class StackedRNNNet(nn.Module):
    """Sequences of features to themselves, through sparse codes.

    Args:
        dim: Length d of a feature.
        hidden: Length of the codes.
        layers: Unrolled steps, K.
        lambda_sparse: l1 at first; trained.
        lambda_coherent: l2 at first; trained.
        bandwidth: Of the similarity of consecutive features, in their squared units.
        output: "ae" rebuilds the features by a matrix of its own; with "tsc" it is the dictionary A, and
            nothing else is trained.
        first: The first layer's W1, the "release"'s or "ista"'s.
    """

    def __init__(
        self,
        dim: int,
        *,
        hidden: int = 2048,
        layers: int = 3,
        lambda_sparse: float = 0.1,
        lambda_coherent: float = 0.1,
        bandwidth: float = 100.0,
        output: Literal["ae", "tsc"] = "ae",
        first: Literal["release", "ista"] = "release",
    ):
        super().__init__()
        self.layers, self.bandwidth, self.first = layers, bandwidth, first
        both = output == "ae"
        self.A = nn.Parameter(_initial(dim, hidden))
        self.g = nn.Parameter(torch.tensor(1.0), requires_grad=both)
        self.l1 = nn.Parameter(torch.tensor(lambda_sparse), requires_grad=both)
        self.l2 = nn.Parameter(torch.tensor(lambda_coherent), requires_grad=both)
        self.Z = nn.Parameter(_initial(dim, hidden)) if both else None

    def beginning(self, rows: int) -> Carried:
        """What stands before the first frame of so many sequences: zeros."""
        return Carried(self.A.new_zeros(rows, self.A.shape[0]), self.A.new_zeros(rows, self.A.shape[1]))

    def gram(self) -> Tensor:
        """A'A, (hidden, hidden)."""
        return self.A.mT @ self.A

    def forward(
        self, x: Tensor, carried: Carried, *, gram: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Carried]:
        """Frames in order.

        Args:
            x: (t, b, d).
            carried: From the frame before.
            gram: Of `gram`, where it was made before.

        Returns:
            The features rebuilt (t, b, d), the codes (t, b, hidden), and what the next frame needs.
        """
        g = self.g.clamp(min=LEAST_STEP)
        w, threshold = self.l2 / g, self.l1 / g
        gram = self.gram() if gram is None else gram
        driven = x @ self.A / g
        before = torch.cat([carried.features[None], x[:-1]])
        similar = torch.exp(-(x - before).square().sum(dim=2, keepdim=True) / self.bandwidth)
        last, codes = carried.codes, []
        for v, d in zip(driven, similar, strict=True):
            scale = w if self.first == "release" else 1 / g
            h = soft(last - scale * (last @ gram) + v, threshold)
            for _ in range(1, self.layers):
                h = soft(d * w * (last - h) + h - h @ gram / g + v, threshold)
            last = h
            codes.append(h)
        stacked = torch.stack(codes)
        rebuilt = stacked @ (self.A if self.Z is None else self.Z).mT
        return rebuilt, stacked, Carried(x[-1], last)


def _initial(dim: int, hidden: int) -> Tensor:
    """(d, hidden), uniform within half of Glorot's bound: the largest eigenvalue of A'A is then about 1."""
    bound = (6 / (dim + hidden)) ** 0.5 / 2
    return torch.empty(dim, hidden).uniform_(-bound, bound)
