"""Prediction of the next frame by a U-Net: frames that are predicted badly are abnormal (unsupervised).

Paper: Liu, Luo, Lian, Gao, "Future Frame Prediction for Anomaly Detection - A New Baseline", CVPR 2018,
https://arxiv.org/abs/1712.09867.
References read for facts: the authors' TensorFlow release (no licence file); PyAnomaly (Apache-2.0).

What differs: the flow loss. The paper takes both flows, from the last frame to the true next one and to the
predicted one, from FlowNet-SD, through which gradients flow; its weights are not to be had. Here the flow to
the true frame is one of ours, and the flow to the prediction differs from it by how far the prediction has
moved from the truth at the place that the flow leads to, which one differentiable Lucas-Kanade step gives to
first order, in pixels of the resized frames. Frames are shrunk by area and not bilinearly, and channels are
R, G, B. Generator and discriminator make their steps at once, each from the other before its step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import pad

from vadlab import catalog, training
from vadlab.detector import Reach, State
from vadlab.errors import UsageError
from vadlab.frame_windows import FrameWindow, FrameWindows, Pixels, shrunk, sliding
from vadlab.nets.lucas_kanade import displacement, sampled_along
from vadlab.nets.unet import PatchDiscriminator, UNet
from vadlab.network_state import fitted, loaded, parameters_of, state_of
from vadlab.psnr import psnr
from vadlab.types import FloatArray, Frames, IntArray, Sample, Scores, Supervision
from vadlab.video.transform import to_grey

__all__ = ["UNetPrediction"]

CHANNELS = 3
SCORING_BATCH = 4
LUMA = (0.299, 0.587, 0.114)  # as `to_grey`


@dataclass(frozen=True)
class Batch:
    """Windows (b, n, 3, h, w) uint8, and the flow (b, 2, h, w) between their last two frames, if wanted."""

    windows: Pixels
    flow: FloatArray | None


@dataclass
class UNetPrediction:
    """One score a frame, its predicted picture's PSNR with the sign turned.

    Args:
        context: Frames from which the next is predicted.
        size: Side of the frames in pixels, a multiple of 8, at least 16.
        channels: Maps of the U-Net's first level; each of three more has twice as many, as has the
            discriminator's first.
        lambda_intensity: Weight of the squared difference (release on Avenue: 0.001).
        lambda_gradient: Weight of the difference of absolute gradients.
        lambda_flow: Weight of the flow loss (release on Ped1: 0.01); 0 leaves it out. The paper's 2 is for
            another flow.
        lambda_adversarial: Weight of the adversarial loss; 0 leaves the discriminator out.
        flow: Method of the flow from the last frame to the true next one (vadlab list flows).
        learning_rate: Of Adam for the U-Net (release: 2e-4 for colour, 1e-4 for grey videos).
        discriminator_rate: Of Adam for the discriminator (2e-5 for colour, 1e-5 for grey videos).
        drop_after: Steps after which both rates are a tenth (release: ShanghaiTech 50,000, Avenue 100,000,
            Ped1 40,000, Ped2 7,000).
        batch: Windows in a step.
        steps: Gradient steps.
        seed: Of the initialisation and the batches.

    Raises:
        UsageError: If a setting is out of its range.
    """

    supervision: ClassVar[Supervision] = Supervision.UNSUPERVISED
    reads: ClassVar[Literal["frames"]] = "frames"
    threshold: ClassVar[float | None] = None

    context: int = 4
    size: int = 256
    channels: int = 64
    lambda_intensity: float = 1.0
    lambda_gradient: float = 1.0
    lambda_flow: float = 2.0
    lambda_adversarial: float = 0.05
    flow: str = "tvl1"
    learning_rate: float = 2e-4
    discriminator_rate: float = 2e-5
    drop_after: int = 50_000
    batch: int = 4
    steps: int = 80_000
    seed: int = 0

    network_: UNet | None = field(init=False, default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.size < 16 or self.size % 8 or min(self.context, self.channels, self.batch) < 1:
            raise UsageError(
                "unet_prediction cannot work with these settings",
                expected="size 16 or more and a multiple of 8, context, channels and batch >= 1",
                found=f"{self.size}, {self.context}, {self.channels}, {self.batch}",
            )

    @property
    def window_frames(self) -> int:
        """Frames of a window, the predicted one included."""
        return self.context + 1

    @property
    def reach(self) -> Reach:
        """The frames of which a frame is predicted."""
        return Reach(self.context)

    def fit(self, train: Sequence[Sample[Frames, None]], val: Sequence[Sample[Frames, None]] = ()) -> Self:
        """Train on normal videos; `val` is not used, the last step's parameters are kept.

        Raises:
            UsageError: If there is no video, or no room on disk for their frames.
        """
        del val
        windows = FrameWindows(train, length=self.window_frames, size=self.size, grey=False)
        device = training.current().device
        with training.seeded(self.seed):
            network = self._build().to(device)
            judge = PatchDiscriminator(CHANNELS, channels=2 * self.channels).to(device)
        groups = [{"params": list(network.parameters()), "lr": self.learning_rate}]
        both = nn.ModuleDict({"network": network})
        if self.lambda_adversarial:
            groups.append({"params": list(judge.parameters()), "lr": self.discriminator_rate})
            both["judge"] = judge
        flow = catalog.load("flow", self.flow)()

        def assemble(chosen: Sequence[FrameWindow]) -> Batch:
            stacked = windows.stack(chosen)
            if not self.lambda_flow:
                return Batch(stacked, None)
            pairs = rearrange(stacked[:, -2:], "b n c h w -> b n h w c")
            flows = [flow(np.stack([to_grey(np.ascontiguousarray(f)) for f in pair]))[0] for pair in pairs]
            return Batch(stacked, rearrange(np.stack(flows), "b h w c -> b c h w"))

        training.optimise(
            both,
            torch.optim.Adam(groups, fused=True),
            draw=lambda step: windows.by_video(training.generator(self.seed, step), self.batch),
            assemble=assemble,
            losses=lambda batch: self._losses(network, judge, batch, device),
            steps=self.steps,
            schedule=lambda step: 1.0 if step < self.drop_after else 0.1,
        )
        self.network_ = network.cpu()
        return self

    @torch.no_grad()
    def score(self, sample: Sample[Frames, None]) -> Scores:
        """A score for every frame but the first `context`, which nothing predicts."""
        device = training.current().device
        network = self._fitted().to(device).eval()
        errors: list[NDArray[np.float64]] = []
        frames = shrunk(sample.x, size=self.size, grey=False)
        for batch in sliding(frames, self.window_frames, batch=SCORING_BATCH):
            x, wanted = self._inputs(batch, device)
            error = ((network(x) - wanted) / 2).square()  # of values in 0..1
            errors.append(error.mean((1, 2, 3)).cpu().numpy().astype(np.float64))
        values: FloatArray = -psnr(np.concatenate(errors)).astype(np.float32)
        starts: IntArray = np.arange(len(values), dtype=np.int64) + self.context
        starts = np.minimum(starts, sample.video.n_frames - 1)
        return Scores(sample.video, np.stack([starts, starts + 1], axis=1), values)

    def state(self) -> State:
        """The U-Net's parameters; the discriminator has served."""
        return state_of(self._fitted())

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        """Take back what `state` gave."""
        self.network_ = loaded(self._build(), parameters_of(state))
        return self

    def _build(self) -> UNet:
        return UNet(CHANNELS * self.context, CHANNELS, channels=self.channels)

    def _fitted(self) -> UNet:
        return fitted(self.network_, "unet_prediction")

    def _inputs(self, batch: Pixels, device: torch.device) -> tuple[Tensor, Tensor]:
        """(b, n, 3, h, w) uint8 to the stacked context and the frame that follows it, in -1..1."""
        frames = torch.from_numpy(batch).to(device).float() / 127.5 - 1
        return rearrange(frames[:, :-1], "b n c h w -> b (n c) h w"), frames[:, -1]

    def _losses(
        self, network: UNet, judge: PatchDiscriminator, batch: Batch, device: torch.device
    ) -> dict[str, Tensor]:
        x, real = self._inputs(batch.windows, device)
        made = network(x)
        losses = {
            "intensity": training.mean((made - real).square().mean((1, 2, 3))),
            "gradient": training.mean(gradient_difference(made, real)),
        }
        loss = self.lambda_intensity * losses["intensity"] + self.lambda_gradient * losses["gradient"]
        if batch.flow is not None:
            losses["flow"] = training.mean(
                flow_difference(made, real, torch.from_numpy(batch.flow).to(device))
            )
            loss = loss + self.lambda_flow * losses["flow"]
        if self.lambda_adversarial:
            losses["adversarial"] = training.mean(deceit(judge, made))
            losses["judge"] = training.mean(misjudgement(judge, made, real))
            # Their gradients are of different parameters, so that one sum serves both players.
            loss = loss + self.lambda_adversarial * losses["adversarial"] + losses["judge"]
        return {"loss": loss, **losses}


def gradient_difference(made: Tensor, real: Tensor) -> Tensor:
    """(b,) mean differences of absolute gradients along x, plus those along y; zeros lie beyond."""

    def absolute(image: Tensor, dimension: int) -> Tensor:
        border = (0, 1) if dimension == -1 else (0, 0, 0, 1)
        return pad(image, border).diff(dim=dimension).abs()

    return torch.stack([(absolute(made, d) - absolute(real, d)).abs().mean((1, 2, 3)) for d in (-1, -2)]).sum(
        0
    )


def flow_difference(made: Tensor, real: Tensor, flow: Tensor) -> Tensor:
    """(b,) mean absolute difference of the flows to the made and to the real frame, to first order.

    Args:
        made: (b, 3, h, w) RGB in -1..1; gradients flow through it alone.
        real: (b, 3, h, w).
        flow: (b, 2, h, w) pixels, from the frame before to the real one.
    """
    luma = made.new_tensor(LUMA)[:, None, None]
    grey_made, grey_real = (((image + 1) / 2 * luma).sum(1, keepdim=True) for image in (made, real))
    return sampled_along(displacement(grey_real, grey_made), flow).abs().mean((1, 2, 3))


def deceit(judge: PatchDiscriminator, made: Tensor) -> Tensor:
    """(b,) least-squares loss of the maker; no gradient reaches the judge's parameters."""
    fixed = {name: value.detach() for name, value in judge.named_parameters()}
    verdict: Tensor = functional_call(judge, fixed, (made,))
    return (verdict - 1).square().mean((1, 2, 3)) / 2


def misjudgement(judge: PatchDiscriminator, made: Tensor, real: Tensor) -> Tensor:
    """(b,) least-squares loss of the judge; no gradient reaches the maker."""
    on_real: Tensor = judge(real)
    on_made: Tensor = judge(made.detach())
    return ((on_real - 1).square().mean((1, 2, 3)) + on_made.square().mean((1, 2, 3))) / 2
