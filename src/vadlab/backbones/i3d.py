"""I3D features of RGB and of optical flow, 1024 numbers a clip and stream, pretrained on Kinetics.

Paper: Carreira and Zisserman, CVPR 2017; used by the LAD paper (Sec. 4) on 16-frame clips. Network
and licence: `vadlab.nets.i3d`; weights and their licences: `vadlab.weights`.

What differs from the LAD authors' extractor: pixels in -1..1 as I3D was trained (theirs were left in
0..255; `raw_pixels` does that), and both components of the flow (theirs read the horizontal one twice;
`flow_x_twice` does that).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vadlab import devices, weights
from vadlab.errors import UsageError
from vadlab.nets import i3d as net
from vadlab.types import FloatArray

__all__ = ["I3D"]

_CHANNELS = {"rgb": 3, "flow": 2}
_PRETRAINED_FLOW = "i3d-flow-imagenet-kinetics"


@dataclass(frozen=True)
class I3D:
    """One I3D a stream; features are the pooled activations before the classifier.

    Args:
        streams: "rgb", "flow" or both; columns come in this order, RGB first.
        rgb_weights: A name that `vadlab weights list` shows, or "random" (for tests).
        flow_weights: The same, or "rgb-inflated" (made from the RGB weights; never saw flow), or
            "auto": i3d-flow-imagenet-kinetics where it is in the cache, else "rgb-inflated".
        precision: "fp32", "bf16", or "auto": bf16 where the processor multiplies it in hardware.
        device: "cpu", "cuda", "cuda:1" ..., or "auto": a GPU where there is one.
        raw_pixels: The LAD authors' input: RGB as 0..255, flow as 8-bit levels 0..255.
        flow_x_twice: The LAD authors' input: their extractor reads the horizontal flow for both channels.
        seed: Of random weights.

    Raises:
        UsageError: If a setting is unknown.
    """

    streams: tuple[str, ...] = ("rgb", "flow")
    rgb_weights: str = "i3d-rgb-kinetics"
    flow_weights: str = "auto"
    precision: str = "auto"
    device: str = "auto"
    raw_pixels: bool = False
    flow_x_twice: bool = False
    seed: int = 0

    clip_length: ClassVar[int] = 16  # frames
    frame_size: ClassVar[tuple[int, int]] = (224, 224)  # (width, height) in pixels
    flow_bound: ClassVar[float] = 20.0  # pixels per frame; larger flow is cut off
    stream_dim: ClassVar[int] = 1024

    def __post_init__(self) -> None:
        if self.streams not in (("rgb",), ("flow",), ("rgb", "flow")):
            raise UsageError(
                "unknown streams", expected='["rgb"], ["flow"] or ["rgb", "flow"]', found=self.streams
            )
        if self.precision not in ("auto", "fp32", "bf16"):
            raise UsageError("unknown precision", expected="auto | fp32 | bf16", found=self.precision)

    @property
    def needs_flow(self) -> bool:
        """Whether `embed` wants flow."""
        return "flow" in self.streams

    @property
    def dim(self) -> int:
        """Columns of a feature row."""
        return self.stream_dim * len(self.streams)

    def dims(self) -> dict[str, int]:
        """Columns of each stream, in column order."""
        return dict.fromkeys(self.streams, self.stream_dim)

    def settings(self) -> dict[str, Any]:
        """The settings that make the same features elsewhere: "auto" resolved, the device left out."""
        flow = self._resolved("flow") if self.needs_flow else self.flow_weights
        return {
            "streams": list(self.streams),
            "rgb_weights": self.rgb_weights,
            "flow_weights": flow,
            "precision": self._precision(),
            "raw_pixels": self.raw_pixels,
            "flow_x_twice": self.flow_x_twice,
            "seed": self.seed,
        }

    def facts(self) -> dict[str, Any]:
        """What a feature store records: all that the features depend on; plain JSON values.

        Raises:
            WeightsError: If weights are missing.
        """
        scaling = (
            {"rgb": "0..255 unscaled", "flow": "8-bit levels of -20..20, 0..255"}
            if self.raw_pixels
            else {"rgb": "x / 127.5 - 1", "flow": "clipped to -20..20, / 20"}
        )
        if self.flow_x_twice:
            scaling["flow"] += ", x in both channels"
        return {
            "backbone": "i3d",
            "dim": self.dim,
            "dims": self.dims(),
            "clip_length": self.clip_length,
            "frame_size": list(self.frame_size),
            "weights": {stream: self._source(stream) for stream in self.streams},
            "preprocessing": {stream: scaling[stream] for stream in self.streams},
            "precision": self._precision(),
        }

    def embed(self, rgb: NDArray[np.uint8], flow: FloatArray | None = None) -> FloatArray:
        """Features of clips; the first call loads the weights.

        Args:
            rgb: (b, 16, 224, 224, 3) uint8.
            flow: (b, 16, 224, 224, 2) float32, pixels per frame; None where only RGB is read.

        Returns:
            (b, 1024 * streams) float32, RGB first.

        Raises:
            UsageError: If flow is needed and missing, or a clip has another form.
            WeightsError: If weights are missing.
        """
        clips: dict[str, NDArray[Any]] = {"rgb": rgb} if flow is None else {"rgb": rgb, "flow": flow}
        if self.needs_flow and flow is None:
            raise UsageError(
                "these streams need flow",
                found=self.streams,
                remedy="choose a flow, or the RGB stream alone",
            )
        width, height = self.frame_size
        for stream in self.streams:
            wanted = (len(rgb), self.clip_length, height, width, _CHANNELS[stream])
            if clips[stream].shape != wanted:
                raise UsageError(
                    f"{stream} clips have the wrong form", expected=wanted, found=clips[stream].shape
                )
        return np.concatenate([self._embed_stream(stream, clips[stream]) for stream in self.streams], axis=1)

    def _embed_stream(self, stream: str, clips: NDArray[Any]) -> FloatArray:
        network, scale = self._networks[stream], self._scaled_rgb if stream == "rgb" else self._scaled_flow
        bf16 = self._precision() == "bf16"
        # Measured on CPUs: bf16 is fastest clip by clip, fp32 gains a quarter from four together.
        step = 1 if bf16 and self._device.type == "cpu" else 4
        out = np.empty((len(clips), self.stream_dim), dtype=np.float32)
        with torch.inference_mode():
            for start in range(0, len(clips), step):
                # A copy, for PyTorch takes no read-only arrays, which memory-mapped ones are.
                x = torch.from_numpy(clips[start : start + step].copy()).to(self._device)
                # Channels stay last in memory, as the networks have them.
                x = scale(x.permute(0, 4, 1, 2, 3))
                features = network.features(x.bfloat16() if bf16 else x)
                out[start : start + step] = features.float().cpu().numpy()
        return out

    def _scaled_rgb(self, x: Tensor) -> Tensor:
        x = x.float()
        return x if self.raw_pixels else x / 127.5 - 1

    def _scaled_flow(self, x: Tensor) -> Tensor:
        if self.flow_x_twice:
            x = x[:, :1].expand_as(x)
        x = x.clamp(-self.flow_bound, self.flow_bound) / self.flow_bound
        return torch.round((x + 1) * 127.5) if self.raw_pixels else x

    @cached_property
    def _device(self) -> torch.device:
        return devices.pick(self.device)

    def _precision(self) -> Literal["fp32", "bf16"]:
        if self.precision == "auto":
            return "bf16" if _fast_bf16(self._device) else "fp32"
        return "bf16" if self.precision == "bf16" else "fp32"

    @cached_property
    def _networks(self) -> dict[str, net.I3D]:
        dtype = torch.bfloat16 if self._precision() == "bf16" else torch.float32
        networks = {}
        for stream in self.streams:
            network = net.folded(self._network(stream))
            # PyTorch's annotations lack this argument. With it the convolutions use the processor's
            # matrix units, 4 times faster in bf16.
            networks[stream] = network.to(  # type: ignore[call-overload]
                device=self._device, dtype=dtype, memory_format=torch.channels_last_3d
            )
        return networks

    def _network(self, stream: str) -> net.I3D:
        """The stream's network in fp32 with its weights."""
        name = self._resolved(stream)
        if name == "random":
            return _random(_CHANNELS[stream], self.seed)
        if name == "rgb-inflated":
            if self.rgb_weights == "random":
                rgb = {
                    k: v.numpy()
                    for k, v in _random(3, self.seed).state_dict().items()
                    if v.is_floating_point()
                }
            else:
                rgb = weights.load(self.rgb_weights)
            return _loaded(weights.inflate_flow(rgb), 2)
        return _loaded(weights.load(name), _CHANNELS[stream])

    def _resolved(self, stream: str) -> str:
        """The name of the weights that are really used."""
        if stream == "rgb":
            return self.rgb_weights
        if self.flow_weights == "auto":
            return _PRETRAINED_FLOW if weights.locate(_PRETRAINED_FLOW) else "rgb-inflated"
        return self.flow_weights

    def _source(self, stream: str) -> dict[str, Any]:
        """Name and hash of a stream's weights."""
        name = self._resolved(stream)
        if name == "random":
            return {"name": name, "seed": self.seed}
        if name == "rgb-inflated":
            return {"name": name, "from": self._source("rgb")}
        return {"name": name, "sha256": weights.digest(name)}


def _fast_bf16(device: torch.device) -> bool:
    """Whether bfloat16 is faster than float32: AMX processors and recent GPUs."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    probe = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return device.type == "cpu" and probe is not None and bool(probe())


def _random(in_channels: int, seed: int) -> net.I3D:
    """A network with PyTorch's initialisation, from its own seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return net.I3D(in_channels)


def _loaded(state: Mapping[str, NDArray[Any]], in_channels: int) -> net.I3D:
    stem, head = state["Conv3d_1a_7x7.conv3d.weight"], state["logits.conv3d.bias"]
    if stem.shape[1] != in_channels:
        raise UsageError(
            "the weights are for the other stream",
            expected=f"{in_channels} input channels",
            found=stem.shape[1],
            remedy="vadlab weights list",
        )
    network = net.I3D(in_channels, len(head))
    network.load_state_dict({key: torch.from_numpy(value) for key, value in state.items()}, strict=True)
    return network
