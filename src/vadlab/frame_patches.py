"""Frames as features of their patches, by a frozen image network.

A detector that reads frames, and sees them through a network trained elsewhere, runs that network itself:
once through a video to score it; once through all training videos to train, whose features are then kept
as half floats in a temporary file. No store of features is made, for a frame has many patches: 21 with 1,280
features each are 54 kB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray

from vadlab import training, weights
from vadlab.errors import UsageError
from vadlab.frame_windows import Pixels, check_frames, shrunk
from vadlab.nets.efficientnet_lite import EfficientNetLite0
from vadlab.nets.norm_folding import fold_norms
from vadlab.nets.resnet import ResNet
from vadlab.nets.spatial_pyramid import pooled
from vadlab.nets.untrained_conv import UntrainedConv
from vadlab.pretrained import image_state
from vadlab.scratch_array import scratch_array
from vadlab.types import FloatArray, Frames, Sample

__all__ = ["FrameSequence", "ImageNetwork", "TrainingPatches"]

BATCH = 2  # frames through the network at a time; more are slower on a processor


@dataclass(frozen=True)
class ImageNetwork:
    """A frozen network, on a device, that turns frames into the features of their patches.

    Args:
        module: Its `features` takes (b, 3, h, w) RGB in 0..255 to maps (b, c, side, side).
        identity: Name and hash of its weights.
        size: Side of the square to which frames are resized.
        device: Where it is.
    """

    module: EfficientNetLite0 | ResNet | UntrainedConv
    identity: str
    size: int
    device: torch.device

    @classmethod
    def load(cls, name: str, *, size: int, caffe: bool, seed: int, device: torch.device) -> ImageNetwork:
        """The network of installed weights, or with "random" a small one that never learned anything.

        Args:
            name: Of the weights.
            size: Side of the square to which frames are resized.
            caffe: Whether a ResNet has the form of its authors' own weights; see `nets.resnet`.
            seed: Of random weights.
            device: Where it runs.

        Raises:
            WeightsError: If the weights are not in the cache, or are no image network's.
            UsageError: If the name is unknown.
        """
        module: EfficientNetLite0 | ResNet | UntrainedConv
        if name == "random":
            with training.seeded(seed):
                module = UntrainedConv()
            identity = f"random, seed {seed}"
        else:
            state = weights.load(name, network="image")
            module = image_state.network_of(state, caffe=caffe)
            module.load_state_dict({key: torch.from_numpy(value) for key, value in state.items()})
            identity = f"{name}, sha256 {weights.digest(name)}"
        module.eval().requires_grad_(requires_grad=False)
        fold_norms(module)
        module.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(module, identity, size, device)

    @torch.no_grad()
    def patches(self, frames: Frames) -> Iterator[FloatArray]:
        """Yield the features of a video's frames in order, a few frames at a time: (b, patches, c)."""
        held: list[Pixels] = []
        for frame in shrunk(frames, size=self.size, grey=False):
            held.append(frame)
            if len(held) == BATCH:
                yield self._features(np.stack(held))
                held = []
        if held:
            yield self._features(np.stack(held))

    def _features(self, frames: Pixels) -> FloatArray:
        pixels = torch.from_numpy(frames).to(self.device).float()
        pixels = pixels.contiguous(memory_format=torch.channels_last)  # as the network
        values: FloatArray = pooled(self.module.features(pixels)).cpu().numpy()
        return values


@dataclass(frozen=True)
class FrameSequence:
    """So many consecutive frames of a training video: which video, and the first of them."""

    video: int
    start: int


class TrainingPatches:
    """The features of all frames of the training videos.

    Args:
        samples: The videos, at least one.
        network: What gives the features.

    Raises:
        UsageError: If there is no video, or the disk lacks the room.
        DataError: If a video does not decode to the number of frames that it is said to have.
    """

    def __init__(self, samples: Sequence[Sample[Frames, Any]], network: ImageNetwork):
        if not samples:
            raise UsageError("there is no training video", expected="at least one")
        self.n_frames = [sample.video.n_frames for sample in samples]
        self.first = np.cumsum([0, *self.n_frames])[:-1].tolist()
        self._values: NDArray[np.float16] | None = None
        for sample, first in zip(samples, self.first, strict=True):
            self._fill(sample, first, network)

    def sequences(self, step: int, *, length: int, batch: int, seed: int) -> list[FrameSequence]:
        """A step's batch: videos in a new order each pass, of each a sequence that begins at random.

        Args:
            step: From 0 over all passes.
            length: Frames in a sequence.
            batch: Videos in a batch.
            seed: Of the orders and the beginnings.
        """
        n, rng = len(self.n_frames), training.generator(seed, step)
        chosen = []
        for place in range(step * batch, (step + 1) * batch):
            done, position = divmod(place, n)
            video = int(np.random.default_rng([seed, done, n]).permutation(n)[position])
            starts = max(1, self.n_frames[video] - length + 1)
            chosen.append(FrameSequence(video, int(rng.integers(starts))))
        return chosen

    def stack(self, chosen: Sequence[FrameSequence], *, length: int) -> FloatArray:
        """Read sequences: (length, b * patches, c); a shorter video repeats its last frame."""
        rows = [
            self.first[one.video] + np.minimum(one.start + np.arange(length), self.n_frames[one.video] - 1)
            for one in chosen
        ]
        return rearrange(self.values[np.stack(rows)].astype(np.float32), "b t p c -> t (b p) c")

    @property
    def values(self) -> NDArray[np.float16]:
        """(frames of all videos, patches, c)."""
        assert self._values is not None
        return self._values

    def _fill(self, sample: Sample[Frames, Any], first: int, network: ImageNetwork) -> None:
        n = 0
        for part in network.patches(sample.x):
            if self._values is None:
                shape = (sum(self.n_frames), *part.shape[1:])
                self._values = scratch_array(shape, np.float16, of="the features of the training frames")
            if n + len(part) <= sample.video.n_frames:
                self._values[first + n : first + n + len(part)] = part
            n += len(part)
        check_frames(sample, n)
