"""Prediction or reconstruction of frames with a memory of normal patterns (unsupervised).

Paper: Park, Noh, Ham, "Learning Memory-guided Normality for Anomaly Detection", CVPR 2020,
https://arxiv.org/abs/2003.13228.
Reference read for facts: the authors' PyTorch release (no licence file). Defaults are those of prediction;
`recipes/mnad-reconstruction.toml` has those of reconstruction.

What differs: frames are shrunk by area and not bilinearly, and channels are R, G, B. The release scales PSNR
and compactness to 0..1 over each test video before it mixes them, and carries the test-time memory from one
video to the next, so that a video's scores depend on its later frames and on the videos before it; here
they are scaled by the training frames and each video begins with the memory of the training, unless
`scale` and `reset_per_video` say otherwise. Started by torchrun, each process updates the memory, and
normalises, by its own part of a batch; the first one's are kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from torch import Tensor

from vadlab import training
from vadlab.detector import Reach, State
from vadlab.errors import UsageError
from vadlab.frame_windows import FrameWindows, Pixels, shrunk, sliding
from vadlab.nets.mnad import MNADNet, compactness, separateness, updated
from vadlab.network_state import loaded, parameters_of, state_of
from vadlab.psnr import psnr
from vadlab.types import FloatArray, Frames, IntArray, Sample, Scores, Supervision

__all__ = ["MNAD"]

CALIBRATING = 1000  # training windows at most that give the scale of the scores
SCORING_BATCH = 8
CHANNELS = 3
LEAST_DEVIATION = 1e-6


@dataclass(frozen=True)
class Measured:
    """What windows' last frames show.

    Args:
        both: (b, 2) PSNR in dB, and compactness, 0 without a memory.
        gate: (b,) squared error, weighted by itself, that decides whether the memory takes the frame in.
        queries: (b * q, d).
    """

    both: NDArray[np.float64]
    gate: FloatArray
    queries: Tensor


@dataclass
class MNAD:
    """One score a frame, from how badly it is predicted or rebuilt, and how far it is from the memory.

    Args:
        task: "prediction" of a frame from those before it, or "reconstruction" of each frame by itself.
        context: Frames from which the next is predicted.
        size: Side of the frames in pixels, a multiple of 8.
        channels: Maps of the first level; each of three more has twice as many.
        items: In the memory.
        use_memory: Without it the decoder sees the queries alone, and the score is the PSNR alone.
        lambda_compact: Weight of the compactness loss (reconstruction: 0.01).
        lambda_separate: Weight of the separateness loss (reconstruction: 0.01).
        update_by: An item's weights are divided by the largest of its "own" queries (paper) or of "all"
            (release).
        learning_rate: Of Adam (reconstruction, paper: 2e-5), annealed by a cosine, pass by pass.
        batch: Windows in a step.
        epochs: Passes over all windows, where `steps` is 0.
        steps: Gradient steps; 0 makes `epochs` passes.
        mix: Share of the PSNR in the score, the rest is the compactness (reconstruction: 0.7).
        scale: PSNR and compactness are mixed in deviations from their means over "training" frames, or
            scaled to 0..1 over the "video" (release).
        update_below: Test frames whose weighted squared error is lower update the memory (reconstruction:
            0.015); 0 never does.
        reset_per_video: Each video begins with the memory of the training; the release never resets it.
        seed: Of the initialisation and the batches.

    Raises:
        UsageError: If a setting is out of its range.
    """

    supervision: ClassVar[Supervision] = Supervision.UNSUPERVISED
    reads: ClassVar[Literal["frames"]] = "frames"
    threshold: ClassVar[float | None] = None

    task: Literal["prediction", "reconstruction"] = "prediction"
    context: int = 4
    size: int = 256
    channels: int = 64
    items: int = 10
    use_memory: bool = True
    lambda_compact: float = 0.1
    lambda_separate: float = 0.1
    update_by: Literal["own", "all"] = "own"
    learning_rate: float = 2e-4
    batch: int = 4
    epochs: int = 60
    steps: int = 0
    mix: float = 0.6
    scale: Literal["training", "video"] = "training"
    update_below: float = 0.01
    reset_per_video: bool = True
    seed: int = 0

    network_: MNADNet | None = field(init=False, default=None, repr=False, compare=False)
    moments_: NDArray[np.float64] | None = field(init=False, default=None, repr=False, compare=False)
    carried_: Tensor | None = field(init=False, default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        few = min(self.context, self.channels, self.batch) < 1 or self.items < 2
        if few or self.size < 8 or self.size % 8:
            raise UsageError(
                "mnad cannot work with these settings",
                expected="size a multiple of 8, items >= 2, context, channels and batch >= 1",
                found=f"{self.size}, {self.items}, {self.context}, {self.channels}, {self.batch}",
            )

    @property
    def window_frames(self) -> int:
        """Frames of a window, the predicted one included."""
        return self.context + 1 if self.task == "prediction" else 1

    @property
    def reach(self) -> Reach | None:
        """A window; None where the memory or the scale is one of all that the video has shown."""
        learns = self.use_memory and self.update_below > 0
        return None if learns or self.scale == "video" else Reach(self.window_frames - 1)

    def fit(self, train: Sequence[Sample[Frames, None]], val: Sequence[Sample[Frames, None]] = ()) -> Self:
        """Train on normal videos; `val` is not used, the last step's parameters and memory are kept.

        Raises:
            UsageError: If there is no video, or no room on disk for their frames.
        """
        del val
        windows = FrameWindows(train, length=self.window_frames, size=self.size, grey=False)
        with training.seeded(self.seed):
            self.network_ = self._build()
        self.carried_ = None
        device = training.current().device
        network = self.network_.to(device)
        a_pass = max(1, len(windows) // self.batch)
        steps = self.steps or self.epochs * a_pass

        def losses(batch: Pixels) -> dict[str, Tensor]:
            return self._losses(network, batch, device)

        training.optimise(
            network,
            torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True),
            draw=lambda step: windows.shuffled(
                step, batch=self.batch, rng_of=lambda done: training.generator(self.seed, done)
            ),
            assemble=windows.stack,
            losses=losses,
            steps=steps,
            schedule=lambda step: (1 + math.cos(math.pi * (step // a_pass * a_pass) / steps)) / 2,
        )
        self.moments_ = self._moments(network, windows)
        self.network_ = network.cpu()
        return self

    def score(self, sample: Sample[Frames, None]) -> Scores:
        """A score for every frame but the first `context`, which nothing predicts (prediction)."""
        network, moments = self._fitted()
        network = network.to(training.current().device).eval()
        memory = network.memory if self.reset_per_video or self.carried_ is None else self.carried_
        measured: list[NDArray[np.float64]] = []
        frames = shrunk(sample.x, size=self.size, grey=False)
        for window in sliding(frames, self.window_frames):
            found = self._measured(network, window, memory)
            measured.append(found.both)
            if self.use_memory and found.gate[0] < self.update_below:
                memory = updated(found.queries, memory, largest_of_all=self.update_by == "all")
        if not self.reset_per_video:
            self.carried_ = memory
        starts: IntArray = np.arange(len(measured), dtype=np.int64) + self.window_frames - 1
        starts = np.minimum(starts, sample.video.n_frames - 1)
        values = self._mixed(np.concatenate(measured), moments)
        return Scores(sample.video, np.stack([starts, starts + 1], axis=1), values)

    def state(self) -> State:
        """Parameters, memory, and the moments of the training frames' PSNR and compactness."""
        network, moments = self._fitted()
        return state_of(network) | {"moments": moments}

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        """Take back what `state` gave; the memory is that of the training."""
        self.moments_ = np.array(state["moments"], np.float64)
        self.network_ = loaded(self._build(), parameters_of(state))
        self.carried_ = None
        return self

    def _build(self) -> MNADNet:
        predicts = self.task == "prediction"
        return MNADNet(
            CHANNELS * (self.context if predicts else 1),
            CHANNELS,
            channels=self.channels,
            items=self.items if self.use_memory else 0,
            skips=predicts,
        )

    def _fitted(self) -> tuple[MNADNet, NDArray[np.float64]]:
        if self.network_ is None or self.moments_ is None:
            raise UsageError("mnad has not been trained", remedy="call fit or restore first")
        return self.network_, self.moments_

    def _inputs(self, batch: Pixels, device: torch.device) -> tuple[Tensor, Tensor]:
        """(b, n, 3, h, w) uint8 to what goes in and the last frame, which should come out, in -1..1."""
        frames = torch.from_numpy(batch).to(device).float() / 127.5 - 1
        given = frames[:, :-1] if self.task == "prediction" else frames
        return rearrange(given, "b n c h w -> b (n c) h w"), frames[:, -1]

    def _losses(self, network: MNADNet, batch: Pixels, device: torch.device) -> dict[str, Tensor]:
        x, wanted = self._inputs(batch, device)
        memory = network.memory.clone()
        made, queries = network(x, memory)
        losses = {"pixels": training.mean((made - wanted).square().mean((1, 2, 3)))}
        loss = losses["pixels"]
        if self.use_memory:
            losses["compact"] = training.mean(compactness(queries, memory))
            losses["separate"] = training.mean(separateness(queries, memory))
            loss = loss + self.lambda_compact * losses["compact"] + self.lambda_separate * losses["separate"]
            network.memory.copy_(updated(queries, memory, largest_of_all=self.update_by == "all"))
        return {"loss": loss, **losses}

    @torch.no_grad()
    def _measured(self, network: MNADNet, windows: Pixels, memory: Tensor) -> Measured:
        """What is known of the last frames of some windows (b, n, 3, h, w)."""
        x, wanted = self._inputs(windows, memory.device)
        made, queries = network(x, memory)
        error = ((made - wanted) / 2).square()  # of values in 0..1
        weight = -torch.expm1(-error)
        weights = weight.sum((1, 2, 3)).clamp(min=torch.finfo(weight.dtype).tiny)
        decibels = psnr(error.mean((1, 2, 3)).cpu().numpy())
        distance = np.zeros_like(decibels)
        if self.use_memory:
            by_query = rearrange(compactness(queries, memory), "(b q) -> b q", b=len(windows))
            distance[:] = by_query.mean(dim=1).cpu().numpy()
        gate = (weight * error).sum((1, 2, 3)) / weights
        return Measured(np.stack([decibels, distance], axis=1), gate.cpu().numpy(), queries)

    def _moments(self, network: MNADNet, windows: FrameWindows) -> NDArray[np.float64]:
        """(2, 2): means and deviations of PSNR and compactness over evenly spread training frames."""
        numbers = np.linspace(0, len(windows) - 1, min(len(windows), CALIBRATING)).round().astype(int)
        chosen = [windows.window(number) for number in numbers.tolist()]
        parts = [chosen[i : i + SCORING_BATCH] for i in range(0, len(chosen), SCORING_BATCH)]
        both = [self._measured(network, windows.stack(part), network.memory).both for part in parts]
        mean, deviation = (of(np.concatenate(both), axis=0) for of in (np.mean, np.std))
        return np.stack([mean, np.maximum(deviation, LEAST_DEVIATION)])

    def _mixed(self, measured: NDArray[np.float64], moments: NDArray[np.float64]) -> FloatArray:
        """(n, 2) PSNR and compactness to (n,) scores."""
        if self.scale == "training":
            scaled = (measured - moments[0]) / moments[1]
        else:
            low = measured.min(axis=0)
            extent = measured.max(axis=0) - low
            scaled = (measured - low) / np.where(extent > 0, extent, 1)
            scaled[:, 0] -= 1  # so that the score is 1 - the release's normality
        share = self.mix if self.use_memory else 1.0
        values: FloatArray = ((1 - share) * scaled[:, 1] - share * scaled[:, 0]).astype(np.float32)
        return values
