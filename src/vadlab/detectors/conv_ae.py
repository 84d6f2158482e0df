"""Convolutional autoencoder: frames that it rebuilds badly are abnormal (unsupervised).

Paper: Hasan, Choi, Neumann, Roy-Chowdhury, Davis, "Learning Temporal Regularity in Video Sequences",
CVPR 2016, https://arxiv.org/abs/1604.04574.
References read for facts: re-implementations of the authors' Caffe code (one Apache-2.0). The settings of
the training (AdaGrad 0.001, batch 32, weight decay 5e-4, 16,000 steps) are less sure than the layers.

What differs: the learning rate is not divided when the loss stalls (AdaGrad's falls by itself), and a model
is of one dataset, where the paper trains one on all. The score is the reconstruction error e(t) itself; the
paper's (e - min e) / max e over each video is left to the evaluation rules, whose per-video min-max has
max e - min e below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vadlab import training
from vadlab.detector import Reach, State
from vadlab.errors import UsageError
from vadlab.frame_windows import FrameWindows, Pixels, shrunk, sliding
from vadlab.nets.conv_ae import SMALLEST, ConvAENet, Unpooling
from vadlab.network_state import loaded, parameters_of, state_of
from vadlab.types import FloatArray, Frames, Sample, Scores, Supervision

__all__ = ["ConvAE"]

SCORING_BATCH = 8


@dataclass
class ConvAE:
    """The reconstruction error of every frame in windows of T grey frames.

    Args:
        length: Frames in a window, T (paper: 10).
        size: Side of the frames in pixels (paper: 227), at least 23.
        channels: Maps of the first layer (paper: 512); the others have a half and a quarter of them.
        unpooling: "indices" (paper) or "nearest", which is another model.
        strides: Steps from frame to frame of the training windows, drawn alike (paper: 1, 2 and 3).
        frame_error: A frame's error is the "mean" over the windows that hold it, or that of the window that
            begins with it, "first"; the last window answers for all its frames.
        learning_rate: Of AdaGrad.
        weight_decay: On all parameters, gamma of the paper.
        batch: Windows in a step.
        steps: Gradient steps.
        seed: Of the initialisation and the batches.

    Raises:
        UsageError: If the frames are too small for the network, or a number is not positive.
    """

    supervision: ClassVar[Supervision] = Supervision.UNSUPERVISED
    reads: ClassVar[Literal["frames"]] = "frames"
    threshold: ClassVar[float | None] = None

    length: int = 10
    size: int = 227
    channels: int = 512
    unpooling: Unpooling = "indices"
    strides: tuple[int, ...] = (1, 2, 3)
    frame_error: Literal["mean", "first"] = "mean"
    learning_rate: float = 1e-3
    weight_decay: float = 5e-4
    batch: int = 32
    steps: int = 16_000
    seed: int = 0

    mean_: FloatArray | None = field(init=False, default=None, repr=False, compare=False)
    network_: ConvAENet | None = field(init=False, default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.size < SMALLEST or self.channels < 4 or min(self.length, self.batch, *self.strides, 1) < 1:
            raise UsageError(
                "conv_ae cannot work with these settings",
                expected=f"size >= {SMALLEST}, channels >= 4, length, batch and strides >= 1",
                found=f"{self.size}, {self.channels}, {self.length}, {self.batch}, {self.strides}",
            )

    @property
    def window_frames(self) -> int:
        """Frames of a window."""
        return self.length

    @property
    def reach(self) -> Reach:
        """The windows that a frame is in."""
        return Reach(self.length - 1, self.length - 1)

    def fit(self, train: Sequence[Sample[Frames, None]], val: Sequence[Sample[Frames, None]] = ()) -> Self:
        """Train on normal videos; `val` is not used, the last step's parameters are kept.

        Raises:
            UsageError: If there is no video, or no room on disk for their frames.
        """
        del val
        windows = FrameWindows(train, length=self.length, size=self.size, grey=True)
        self.mean_ = windows.mean() / np.float32(255)
        with training.seeded(self.seed):
            self.network_ = self._build()
        device = training.current().device
        network = self.network_.to(device)

        def losses(batch: Pixels) -> dict[str, Tensor]:
            x = self._prepared(batch, device)
            # Caffe's Euclidean loss: half the sum of squares, averaged over the windows alone.
            return {"loss": training.mean((network(x) - x).square().sum((1, 2, 3)) / 2)}

        training.optimise(
            network,
            torch.optim.Adagrad(network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay),
            draw=lambda step: windows.by_video(
                training.generator(self.seed, step), self.batch, strides=self.strides
            ),
            assemble=windows.stack,
            losses=losses,
            steps=self.steps,
        )
        self.network_ = network.cpu()
        return self

    @torch.no_grad()
    def score(self, sample: Sample[Frames, None]) -> Scores:
        """A frame's absolute error, summed over its pixels in 0..1, for every frame."""
        if self.network_ is None:
            raise UsageError("conv_ae has not been trained", remedy="call fit or restore first")
        device = training.current().device
        network = self.network_.to(device).eval()
        errors: list[FloatArray] = []
        frames = shrunk(sample.x, size=self.size, grey=True)
        for batch in sliding(frames, self.length, batch=SCORING_BATCH):
            x = self._prepared(batch, device)
            errors.append((network(x) - x).abs().sum((2, 3)).cpu().numpy())
        by_window = np.concatenate(errors)  # (w, T)
        frame = np.arange(len(by_window))[:, None] + np.arange(self.length)
        answers = frame < sample.video.n_frames
        if self.frame_error == "first":
            answers[:-1, 1:] = False
        total = np.bincount(frame[answers], by_window[answers])
        values: FloatArray = (total / np.bincount(frame[answers])).astype(np.float32)
        return Scores(sample.video, sample.spans, values)

    def state(self) -> State:
        """Parameters and the mean frame."""
        if self.network_ is None or self.mean_ is None:
            raise UsageError("conv_ae has not been trained", remedy="call fit or restore first")
        return state_of(self.network_) | {"mean": self.mean_}

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        """Take back what `state` gave."""
        self.mean_ = np.array(state["mean"], np.float32)
        self.network_ = loaded(self._build(), parameters_of(state))
        return self

    def _build(self) -> ConvAENet:
        return ConvAENet(length=self.length, channels=self.channels, unpooling=self.unpooling)

    def _prepared(self, batch: Pixels, device: torch.device) -> Tensor:
        """(b, T, 1, h, w) uint8 to (b, T, h, w) in -1..1: the mean training frame is taken off."""
        frames = torch.from_numpy(batch[:, :, 0]).to(device).float() / 255
        return frames - torch.from_numpy(self.mean_).to(device)
