"""I3D features of RGB and of optical flow, 1024 numbers a clip and stream, pretrained on Kinetics.

Paper: Carreira and Zisserman, CVPR 2017; used by the LAD paper (Sec. 4) on 16-frame clips. Network
and licence: `vadlab.nets.i3d`; weights and their licences: `vadlab.weights`.

What differs from the LAD authors' extractor: pixels in -1..1 as I3D was trained (theirs were left in
0..255; `raw_pixels` does that), and both components of the flow (theirs read the horizontal one twice;
`flow_x_twice` does that).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vadlab import clip_networks, engine_choice, weights
from vadlab.clip_networks import ClipNetworks
from vadlab.engine import ClipModel, Form
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
        engine: A name in `engines/`, or "auto": the fastest on this machine whose features keep a cosine of
            0.999 with eager fp32's; see `vadlab.engine_choice`. Random weights are run by torch_tuned.
        precision: "fp32", "bf16", or "auto", chosen with the engine.
        device: "cpu", "cuda", "cuda:1" ..., or "auto": a GPU where there is one.
        workers: Threads that may call `embed` at once, each on its share of the cores; no effect on the
            result.
        raw_pixels: The LAD authors' input: RGB as 0..255, flow as 8-bit levels 0..255.
        flow_x_twice: The LAD authors' input: their extractor reads the horizontal flow for both channels.
        seed: Of random weights.

    Raises:
        UsageError: If a setting is unknown.
    """

    streams: tuple[str, ...] = ("rgb", "flow")
    rgb_weights: str = "i3d-rgb-kinetics"
    flow_weights: str = "auto"
    engine: str = "auto"
    precision: str = "auto"
    device: str = "auto"
    workers: int = 1
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
        clip_networks.check_settings(engine=self.engine, precision=self.precision, workers=self.workers)

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
        """The settings that make the same features elsewhere: "auto" resolved, device and workers left out.

        Raises:
            WeightsError: If weights are missing and the engine is to be chosen.
        """
        engine, precision = self._networks.chosen
        flow = self._resolved("flow") if self.needs_flow else self.flow_weights
        return {
            "streams": list(self.streams),
            "rgb_weights": self.rgb_weights,
            "flow_weights": flow,
            "engine": engine,
            "precision": precision,
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
        engine, precision = self._networks.chosen
        return {
            "backbone": "i3d",
            "dim": self.dim,
            "dims": self.dims(),
            "clip_length": self.clip_length,
            "frame_size": list(self.frame_size),
            "weights": {stream: self.weights_of(stream) for stream in self.streams},
            "preprocessing": {stream: scaling[stream] for stream in self.streams},
            "engine": engine,
            "precision": precision,
        }

    def versions(self) -> dict[str, str]:
        """Versions of the libraries that compute the features; another one may change their last digits."""
        return self._networks.versions()

    def candidates(self) -> tuple[engine_choice.Candidate, ...]:
        """How all engines do with these networks on this machine; measured once, then kept.

        Raises:
            WeightsError: If weights are missing.
        """
        return self._networks.candidates()

    def clip_model(self, stream: str) -> ClipModel:
        """A stream's network as an engine runs it.

        Raises:
            WeightsError: If weights are missing.
        """
        width, height = self.frame_size
        source = [self.weights_of(stream), self.raw_pixels, self.flow_x_twice]
        return ClipModel(
            make=functools.partial(self._made, stream),
            clip=(self.clip_length, height, width, _CHANNELS[stream]),
            dtype="uint8" if stream == "rgb" else "float32",
            dim=self.stream_dim,
            key=f"i3d {json.dumps(source, sort_keys=True)}",
        )

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
        return self._networks(clips)

    def _scaled_rgb(self, clips: Tensor) -> Tensor:
        x = clips.float()
        return x if self.raw_pixels else x / 127.5 - 1

    def _scaled_flow(self, clips: Tensor) -> Tensor:
        x = clips[..., :1].expand_as(clips) if self.flow_x_twice else clips
        x = x.clamp(-self.flow_bound, self.flow_bound) / self.flow_bound
        return torch.round((x + 1) * 127.5) if self.raw_pixels else x

    @cached_property
    def _networks(self) -> ClipNetworks:
        return ClipNetworks(self)

    def _made(self, stream: str, form: Form) -> nn.Module:
        """The stream's network with its preprocessing, in a form."""
        network = self._network(stream).eval().requires_grad_(requires_grad=False)
        if form.folded:
            network = net.folded(network)
        if form.packed:
            network = net.with_packed_stem(network)
        if form.pools_by_axis:
            network = net.pools_by_axis(network)
        return _Scaled(self._scaled_rgb if stream == "rgb" else self._scaled_flow, network).eval()

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

    def weights_of(self, stream: str) -> dict[str, Any]:
        """Name and hash of a stream's weights.

        Raises:
            WeightsError: If they are missing.
        """
        name = self._resolved(stream)
        if name == "random":
            return {"name": name, "seed": self.seed}
        if name == "rgb-inflated":
            return {"name": name, "from": self.weights_of("rgb")}
        return {"name": name, "sha256": weights.digest(name)}


class _Scaled(nn.Module):
    """Clips as they are decoded, (b, t, h, w, c), to features (b, 1024) float32."""

    def __init__(self, scale: Callable[[Tensor], Tensor], network: net.I3D) -> None:
        super().__init__()
        self.scale, self.network = scale, network

    def forward(self, clips: Tensor) -> Tensor:
        dtype = self.network.get_submodule("Mixed_5c.b0.conv3d").get_parameter("weight").dtype
        # Channels stay last in memory, as fast networks have them.
        x = self.scale(clips).to(dtype).permute(0, 4, 1, 2, 3)
        return self.network.features(x).float()


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
