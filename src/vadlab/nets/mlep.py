"""MLEP's network: frames are encoded one by one, a ConvLSTM embeds them, and the next frame is decoded.

Paper: Liu, Luo, Li, Zhao, Gao, "Margin Learning Embedded Prediction for Video Anomaly Detection with A Few
Anomalies", IJCAI 2019, release at https://github.com/svip-lab/MLEP.
Reference read for facts: the authors' TensorFlow release (no licence file). What differs: the transposed
convolutions' weights start as the other convolutions' do (release: uniform within Glorot's bound), and the
ConvLSTM's as in `nets/convlstm.py`.
"""

from __future__ import annotations

from einops import rearrange
from torch import Tensor, nn

from vadlab.nets.convlstm import ConvLSTM

__all__ = ["MLEPNet"]

BLOCKS = 6
EPSILON = 1e-3
DEVIATION = 0.02  # of the initial weights
FORGET_BIAS = 1.0


class MLEPNet(nn.Module):
    """A few RGB frames to the next one.

    Args:
        channels: Maps of the first layer; the embedding has four times as many.
    """

    def __init__(self, *, channels: int = 64):
        super().__init__()
        a, b, c = channels, 2 * channels, 4 * channels
        self.encoder = nn.Sequential(
            *(*_normalised(3, a, 7), nn.ReLU()),
            *(*_normalised(a, b, 3, stride=2), nn.ReLU()),
            *(*_normalised(b, c, 3, stride=2), nn.ReLU()),
            *(Residual(c) for _ in range(BLOCKS)),
        )
        self.recurrent = ConvLSTM(c, c)
        self.decoder = nn.Sequential(
            *(_doubling(c, b), nn.ReLU()),
            *(_doubling(b, a), nn.ReLU()),
            *(nn.Conv2d(a, 3, 7, padding=3, padding_mode="reflect"), nn.Tanh()),
        )
        for part in (self.encoder, self.decoder):
            for layer in part.modules():
                if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                    nn.init.normal_(layer.weight, std=DEVIATION)
                    if layer.bias is not None:
                        nn.init.zeros_(layer.bias)
        bias = self.recurrent.input_conv.bias
        assert bias is not None
        nn.init.zeros_(bias)
        nn.init.constant_(bias[c : 2 * c], FORGET_BIAS)  # gates: input, forget, output, candidate

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """(b, t, 3, h, w) to the next frame (b, 3, h, w) in -1..1, and the embedding (b, c, h / 4, w / 4).

        h and w are multiples of 4, at least 8.
        """
        maps = self.encoder(rearrange(frames, "b t c h w -> (b t) c h w"))
        embedding: Tensor = self.recurrent(
            rearrange(maps, "(b t) c h w -> b t c h w", b=len(frames)), last=True
        )
        made: Tensor = self.decoder(embedding)
        return made, embedding


class Residual(nn.Module):
    """Two convolutions whose result is added; nothing is cut off after the sum."""

    def __init__(self, channels: int):
        super().__init__()
        self.layers = nn.Sequential(
            *_normalised(channels, channels, 3), nn.ReLU(), *_normalised(channels, channels, 3)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, h, w) -> the same."""
        change: Tensor = self.layers(x)
        return x + change


def _normalised(a: int, b: int, kernel: int, *, stride: int = 1) -> tuple[nn.Module, nn.Module]:
    convolution = nn.Conv2d(
        a, b, kernel, stride=stride, padding=kernel // 2, padding_mode="reflect", bias=False
    )
    return convolution, nn.InstanceNorm2d(b, eps=EPSILON, affine=True)


def _doubling(a: int, b: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(a, b, 3, stride=2, padding=1, output_padding=1)
