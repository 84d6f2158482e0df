"""A backbone of two small networks, for tests of what runs networks; quick, and without weights to fetch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from vadlab.engine import ClipModel, Form

WHERE = "small_networks:SmallNetworks"
CLIP = (16, 32, 32)
DIM = 16


class _Net(nn.Module):
    def __init__(self, channels: int, seed: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(channels, DIM, (3, 5, 5), stride=2)
        # Not from the global generator: networks are made in several threads.
        own = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.uniform_(-0.1, 0.1, generator=own)
        self.levels = channels == 3

    def forward(self, clips: Tensor) -> Tensor:
        x = clips.float() / 127.5 - 1 if self.levels else clips / 20
        return torch.relu(self.conv(x.permute(0, 4, 1, 2, 3))).mean((2, 3, 4))


@dataclass(frozen=True)
class SmallNetworks:
    """RGB and flow, each by one convolution."""

    seed: int = 0

    clip_length: ClassVar[int] = 16
    frame_size: ClassVar[tuple[int, int]] = (32, 32)
    needs_flow: ClassVar[bool] = True

    def dims(self) -> dict[str, int]:
        return {"rgb": DIM, "flow": DIM}

    def settings(self) -> dict[str, Any]:
        return {"seed": self.seed}

    def facts(self) -> dict[str, Any]:
        return {"weights": {"rgb": self.seed, "flow": self.seed}, "engine": "none", "precision": "fp32"}

    def clip_model(self, stream: str) -> ClipModel:
        channels = {"rgb": 3, "flow": 2}[stream]

        def make(form: Form) -> nn.Module:
            del form
            return _Net(channels, self.seed).eval().requires_grad_(requires_grad=False)

        return ClipModel(
            make,
            (*CLIP, channels),
            "uint8" if stream == "rgb" else "float32",
            DIM,
            f"small {stream} {self.seed}",
        )

    def embed(self, rgb: np.ndarray, flow: np.ndarray | None = None) -> np.ndarray:
        columns = []
        for stream, clips in (("rgb", rgb), ("flow", flow)):
            assert clips is not None
            with torch.inference_mode():
                net = partial(self.clip_model(stream).make, Form())()
                columns.append(net(torch.from_numpy(np.array(clips))).numpy())
        return np.concatenate(columns, axis=1)
