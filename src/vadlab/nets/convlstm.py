"""Convolutional LSTM.

Paper: Shi et al., "Convolutional LSTM Network", NIPS 2015, arXiv 1506.04214; the LAD paper's Eqs. 1-5.
Differs from them in form only: the input's convolution, which does not depend on the hidden state, is
done for all time steps in one go.
"""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn

__all__ = ["ConvLSTM"]


class ConvLSTM(nn.Module):
    """One ConvLSTM layer over a sequence; zero initial states.

    Gates stand in the order input, forget, output, candidate.

    Args:
        in_channels: Channels of the input maps.
        hidden: Channels of the hidden state.
        side: Height and width of the maps, needed by the peephole weights only.
        kernel: Odd kernel size; the padding keeps the map's size.
        peephole: Add the W_c terms of Eqs. 1, 2 and 4, weights (3, hidden, side, side) starting at zero.
            The authors' code leaves them out.
    """

    def __init__(
        self, in_channels: int, hidden: int, *, side: int = 4, kernel: int = 3, peephole: bool = False
    ):
        super().__init__()
        self.hidden = hidden
        self.input_conv = nn.Conv2d(in_channels, 4 * hidden, kernel, padding=kernel // 2)
        self.hidden_conv = nn.Conv2d(hidden, 4 * hidden, kernel, padding=kernel // 2, bias=False)
        self.peephole = nn.Parameter(torch.zeros(3, hidden, side, side)) if peephole else None
        # Both convolutions stand for one over the concatenation of input and state, as in the authors'
        # code; they start in the range that PyTorch would give that one.
        bound = ((in_channels + hidden) * kernel * kernel) ** -0.5
        for parameter in (self.input_conv.weight, self.input_conv.bias, self.hidden_conv.weight):
            if parameter is not None:
                nn.init.uniform_(parameter, -bound, bound)

    def forward(self, x: Tensor, *, last: bool = False) -> Tensor:
        """(b, t, c, h, w) -> hidden states of all time steps, (b, t, hidden, h, w).

        With `last`, only that of the last time step, (b, hidden, h, w), which saves copies. Under autocast
        the convolutions have its precision; gates and states keep that of x.
        """
        b = len(x)
        maps = rearrange(x, "b t c h w -> (b t) c h w")
        projected = rearrange(self.input_conv(maps).to(x.dtype), "(b t) c h w -> b t c h w", b=b)
        states: list[Tensor] = []
        cell: Tensor | None = None  # zero at first, as the state: their terms are left out
        for gates in projected.unbind(1):
            if states:
                gates = gates + self.hidden_conv(states[-1])
            i, f, o, g = gates.chunk(4, dim=1)
            if self.peephole is not None and cell is not None:
                i, f = i + self.peephole[0] * cell, f + self.peephole[1] * cell
            new = torch.sigmoid(i) * torch.tanh(g)
            cell = new if cell is None else torch.sigmoid(f) * cell + new
            if self.peephole is not None:
                o = o + self.peephole[2] * cell
            states.append(torch.sigmoid(o) * torch.tanh(cell))
        return states[-1] if last else torch.stack(states, dim=1)
