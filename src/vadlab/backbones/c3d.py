"""C3D features of RGB, 4096 numbers a clip, pretrained on Sports-1M.

Paper: Tran et al., ICCV 2015; used by the LAD paper (Tables 4 and 6) and by Sultani et al. (CVPR 2018) on
16-frame clips. Network and licence: `vadlab.nets.c3d`; weights and their licence: `vadlab.weights`.

What differs from the authors' extraction: the mean is a grey level a colour, for their mean clip of Sports-1M
comes in a file of its own; `mean` takes it, once imported. The LAD authors resize frames straight to 112x112,
take each frame's own mean, and read pool5: `crop`, `mean` and `layer` do so.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vadlab import clip_networks, engine_choice, weights
from vadlab.clip_networks import ClipNetworks
from vadlab.engine import ClipModel, Form
from vadlab.errors import UsageError
from vadlab.nets import c3d as net
from vadlab.types import FloatArray

__all__ = ["C3D"]

_LEVELS = (104.0, 117.0, 128.0)  # blue, green, red: subtracted by OpenMMLab with the same weights
_SIDE = 112
_RESIZED = (171, 128)  # (width, height)


@dataclass(frozen=True)
class C3D:
    """One C3D on RGB; features are the activations of a layer after its ReLU, as they are.

    Args:
        rgb_weights: A name that `vadlab weights list` shows, one's own after `vadlab weights import`, or
            "random" (for tests, and as a random projection).
        layer: "fc6", the paper's feature; "fc7", or "pool5", 8192 numbers, the LAD authors'.
        mean: What is subtracted: "levels", a grey level a colour; "frame", each frame's own mean of each
            colour (the LAD authors); or the name of an imported mean clip (the authors).
        crop: Resize frames to 171x128 and take the middle 112x112 (the authors), or resize them straight to
            112x112 (the LAD authors).
        channels: Order of the colours that the weights were trained with: "bgr" (the authors) or "rgb".
        padded_pool5: Pool last as PyTorch ports do, for weights trained there; see `vadlab.nets.c3d`.
        engine: A name in `engines/`, or "auto": the fastest on this machine whose features keep a cosine of
            0.999 with eager fp32's; see `vadlab.engine_choice`. Random weights are run by torch_tuned.
        precision: "fp32", "bf16", or "auto", chosen with the engine.
        device: "cpu", "cuda", "cuda:1" ..., or "auto": a GPU where there is one.
        workers: Threads that may call `embed` at once, each on its share of the cores; no effect on the
            result.
        seed: Of random weights.

    Raises:
        UsageError: If a setting is unknown, or a mean clip is to be taken from frames that are not cropped.
    """

    rgb_weights: str = "c3d-sports1m"
    layer: Literal["fc6", "fc7", "pool5"] = "fc6"
    mean: str = "levels"
    crop: bool = True
    channels: Literal["bgr", "rgb"] = "bgr"
    padded_pool5: bool = False
    engine: str = "auto"
    precision: str = "auto"
    device: str = "auto"
    workers: int = 1
    seed: int = 0

    clip_length: ClassVar[int] = 16  # frames
    needs_flow: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for what, value, known in (
            ("layer", self.layer, tuple(net.DIMS)),
            ("channels", self.channels, ("bgr", "rgb")),
        ):
            if value not in known:
                raise UsageError(f"unknown {what}", expected=" | ".join(known), found=value)
        if self._mean_is_a_clip and not self.crop:
            raise UsageError(
                "a mean clip belongs to cropped frames",
                expected="crop=true, or mean=levels or frame",
                found=f"crop=false, mean={self.mean}",
            )
        clip_networks.check_settings(engine=self.engine, precision=self.precision, workers=self.workers)

    @property
    def streams(self) -> tuple[str, ...]:
        """C3D reads RGB alone."""
        return ("rgb",)

    @property
    def frame_size(self) -> tuple[int, int]:
        """(width, height) in pixels of the frames that `embed` takes."""
        return _RESIZED if self.crop else (_SIDE, _SIDE)

    @property
    def dim(self) -> int:
        """Columns of a feature row."""
        return net.DIMS[self.layer]

    def dims(self) -> dict[str, int]:
        """Columns of each stream."""
        return {"rgb": self.dim}

    def settings(self) -> dict[str, Any]:
        """The settings that make the same features elsewhere: "auto" resolved, device and workers left out.

        Raises:
            WeightsError: If weights are missing and the engine is to be chosen.
        """
        engine, precision = self._networks.chosen
        return {
            "rgb_weights": self.rgb_weights,
            "layer": self.layer,
            "mean": self.mean,
            "crop": self.crop,
            "channels": self.channels,
            "padded_pool5": self.padded_pool5,
            "engine": engine,
            "precision": precision,
            "seed": self.seed,
        }

    def facts(self) -> dict[str, Any]:
        """What a feature store records: all that the features depend on; plain JSON values.

        Raises:
            WeightsError: If weights are missing.
        """
        engine, precision = self._networks.chosen
        return {
            "backbone": "c3d",
            "dim": self.dim,
            "dims": self.dims(),
            "clip_length": self.clip_length,
            "frame_size": list(self.frame_size),
            "weights": {"rgb": self.weights_of("rgb")},
            "preprocessing": {"rgb": self._preprocessing()},
            "layer": f"{self.layer}, padded as in PyTorch ports" if self.padded_pool5 else self.layer,
            "engine": engine,
            "precision": precision,
        }

    def versions(self) -> dict[str, str]:
        """Versions of the libraries that compute the features; another one may change their last digits."""
        return self._networks.versions()

    def candidates(self) -> tuple[engine_choice.Candidate, ...]:
        """How all engines do with this network on this machine; measured once, then kept.

        Raises:
            WeightsError: If weights are missing.
        """
        return self._networks.candidates()

    def clip_model(self, stream: str) -> ClipModel:
        """The network as an engine runs it; the stream is "rgb".

        Raises:
            UsageError: If it is another stream.
            WeightsError: If weights are missing.
        """
        width, height = self.frame_size
        source = [self.weights_of(stream), self._preprocessing(), self.layer, self.padded_pool5]
        return ClipModel(
            make=self._made,
            clip=(self.clip_length, height, width, 3),
            dtype="uint8",
            dim=self.dim,
            key=f"c3d {json.dumps(source, sort_keys=True)}",
        )

    def embed(self, rgb: NDArray[np.uint8], flow: FloatArray | None = None) -> FloatArray:
        """Features of clips; the first call loads the weights.

        Args:
            rgb: (b, 16, 128, 171, 3) uint8, or (b, 16, 112, 112, 3) where frames are not cropped.
            flow: Not read.

        Returns:
            (b, dim) float32, 0 or more.

        Raises:
            UsageError: If a clip has another form.
            WeightsError: If weights are missing.
        """
        del flow
        width, height = self.frame_size
        wanted = (len(rgb), self.clip_length, height, width, 3)
        if rgb.shape != wanted:
            raise UsageError("rgb clips have the wrong form", expected=wanted, found=rgb.shape)
        return self._networks({"rgb": rgb})

    def weights_of(self, stream: str) -> dict[str, Any]:
        """Name and hash of a stream's weights.

        Raises:
            UsageError: If there is no such stream.
            WeightsError: If they are missing.
        """
        if stream != "rgb":
            raise UsageError("c3d has no such stream", expected="rgb", found=stream)
        if self.rgb_weights == "random":
            return {"name": "random", "seed": self.seed}
        return {"name": self.rgb_weights, "sha256": weights.digest(self.rgb_weights)}

    @property
    def _mean_is_a_clip(self) -> bool:
        return self.mean not in ("levels", "frame")

    def _preprocessing(self) -> str:
        """What happens to pixels, in words."""
        if self._mean_is_a_clip:
            mean = f"mean clip {self.mean} sha256:{weights.digest(self.mean)}"
        else:
            levels = ", ".join(f"{level:g}" for level in _LEVELS)
            mean = f"{self.channels} levels {levels}" if self.mean == "levels" else "each frame's own mean"
        middle = f", middle {_SIDE}x{_SIDE}" if self.crop else ""
        return f"0..255, {self.channels}, less {mean}{middle}"

    @cached_property
    def _networks(self) -> ClipNetworks:
        return ClipNetworks(self)

    def _made(self, form: Form) -> nn.Module:
        """The network with its preprocessing; it has no part that another form would change."""
        del form
        network = functools.partial(net.C3D, self.layer, padded_pool5=self.padded_pool5)
        if self.rgb_weights == "random":
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(self.seed)
                filled = network()
        else:
            state = weights.load(self.rgb_weights, network="c3d")
            filled = network()
            filled.load_state_dict({key: torch.from_numpy(state[key]) for key in filled.state_dict()})
        return (
            _Prepared(filled, self._mean(), bgr=self.channels == "bgr")
            .eval()
            .requires_grad_(requires_grad=False)
        )

    def _mean(self) -> Tensor | None:
        """What is subtracted from cropped clips (t, h, w, c), in the weights' order of colours."""
        if self.mean == "frame":
            return None
        if self.mean == "levels":
            return torch.tensor(_LEVELS)
        clip = torch.from_numpy(weights.load(self.mean, network="c3d-mean")["mean"]).permute(1, 2, 3, 0)
        # The authors keep it blue first.
        return _middle(clip if self.channels == "bgr" else clip.flip(-1)).contiguous()


class _Prepared(nn.Module):
    """Clips as they are decoded, (b, t, h, w, c), to features (b, dim) float32."""

    def __init__(self, network: net.C3D, mean: Tensor | None, *, bgr: bool) -> None:
        super().__init__()
        # No buffer: engines turn those to bf16, too coarse for grey levels.
        self.network, self.mean, self.bgr = network, mean, bgr

    def forward(self, clips: Tensor) -> Tensor:
        x = _middle(clips).float()
        if self.bgr:
            x = x.flip(-1)
        x = x - (x.mean(dim=(2, 3), keepdim=True) if self.mean is None else self.mean.to(x.device))
        dtype = self.network.get_submodule("conv1a").get_parameter("weight").dtype
        # Channels stay last in memory, as fast networks have them.
        features: Tensor = self.network(x.to(dtype).permute(0, 4, 1, 2, 3))
        return features.float()


def _middle(x: Tensor) -> Tensor:
    """The middle 112x112 of (..., h, w, c)."""
    top, left = (x.shape[-3] - _SIDE) // 2, (x.shape[-2] - _SIDE) // 2
    return x[..., top : top + _SIDE, left : left + _SIDE, :]
