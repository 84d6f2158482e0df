"""DeepMIL: segments of a video as a bag, and a ranking loss between abnormal and normal bags.

Paper: Sultani, Chen and Shah, "Real-world Anomaly Detection in Surveillance Videos", CVPR 2018,
https://arxiv.org/abs/1801.04264. Defaults are the paper's numbers.
References read for facts: the authors' Keras release and the LAD authors' re-run (no licence either).
Where they differ from the paper a setting names it: `learning_rate`, `lambda_weights` with `weight_decay`,
`last_left_out` and `normalise` (its default is theirs) for the release; `relu`, `dropout`, `top`, `optimiser`
and lambdas of 0 for the re-run. The recipes deep_mil-authors-code.toml and deep_mil-lad-authors.toml set them
all. The re-run stretches its 32 scores linearly over the frames; here a segment's frames have its score.
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
from vadlab.bags import Batch, Draw, SegmentBags, hinge_over_pairs, segment_means, segments, trained
from vadlab.detector import Reach, State
from vadlab.errors import UsageError
from vadlab.nets.deep_mil import DeepMILNet
from vadlab.network_state import fitted, loaded, parameters_of, state_of
from vadlab.types import Features, FloatArray, IntArray, Sample, Scores, Supervision, VideoLabel

__all__ = ["DeepMIL"]

MARGIN = 1.0  # paper


@dataclass
class DeepMIL:
    """One score a segment, of which every video has as many.

    Args:
        segments: Segments of a video, the instances of its bag (paper).
        last_left_out: Cut segments as the release does, where a video's last clip is in none.
        normalise: What is brought to unit length: "segments", after averaging (release), "clips", before (as
            the paper may be read), or "none".
        hidden: Width of the first layer (paper).
        relu: Whether the first layer has a ReLU (paper; the re-run has none).
        dropout: Rate after the first two layers (paper; re-run: 0.5).
        top: A bag's score is the mean of so many of its highest: 1 is the maximum of the paper; the re-run
            takes all 32, but 1 on Ped2.
        lambda_smooth: Weight of the smoothness of an abnormal bag's scores (paper; re-run: 0).
        lambda_sparse: Weight of their sum (paper; re-run: 0).
        lambda_weights: Weight of the Frobenius norm of all kernels (paper).
        optimiser: "adagrad" (paper) or "adam" (re-run).
        learning_rate: Of the optimiser (paper; release: 0.01; re-run: 1e-4).
        weight_decay: Half the weight of the squares of all parameters (re-run: 5e-4). The release has 0.001
            times the kernels' squares on a loss that is 30 times this one: 6.7e-5 here.
        abnormal_per_batch: Abnormal videos in a batch (paper; re-run: 4 + 4 on Ped2).
        normal_per_batch: Normal videos in a batch.
        steps: Gradient steps (release).
        seed: Of the initialisation, the batches and the dropout.

    Raises:
        UsageError: If more segments are to be averaged than a bag has.
    """

    supervision: ClassVar[Supervision] = Supervision.WEAK
    reads: ClassVar[Literal["features"]] = "features"
    threshold: ClassVar[float | None] = 0.5  # paper, of the false alarm rate
    reach: ClassVar[Reach | None] = None

    segments: int = 32
    last_left_out: bool = False
    normalise: Literal["segments", "clips", "none"] = "segments"
    hidden: int = 512
    relu: bool = True
    dropout: float = 0.6
    top: int = 1
    lambda_smooth: float = 8e-5
    lambda_sparse: float = 8e-5
    lambda_weights: float = 0.01
    optimiser: Literal["adagrad", "adam"] = "adagrad"
    learning_rate: float = 0.001
    weight_decay: float = 0.0
    abnormal_per_batch: int = 30
    normal_per_batch: int = 30
    steps: int = 20_000
    seed: int = 0

    network_: DeepMILNet | None = field(init=False, default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 1 <= self.top <= self.segments:
            raise UsageError(
                "deep_mil cannot average so many scores of a bag",
                expected=f"top in 1..{self.segments}, the segments",
                found=self.top,
            )

    def fit(
        self,
        train: Sequence[Sample[Features, VideoLabel]],
        val: Sequence[Sample[Features, VideoLabel]] = (),
    ) -> Self:
        """Train on videos with one label each; `val` is not used.

        Raises:
            UsageError: If no video is abnormal or none is normal.
        """
        del val
        draw = Draw(train, abnormal=self.abnormal_per_batch, normal=self.normal_per_batch)
        bags = SegmentBags(train, rows=lambda values: self._rows(values)[0])
        self.network_ = trained(
            lambda: self._build(train[0].x.values.shape[1]),
            optimiser=self._optimiser,
            draw=draw,
            assemble=bags.stack,
            losses=lambda network, batch: self._losses(network, batch, draw),
            steps=self.steps,
            seed=self.seed,
        )
        return self

    @torch.no_grad()
    def score(self, sample: Sample[Features, None]) -> Scores:
        """A score for every segment; those of a video with fewer clips than segments overlap."""
        device = training.current().device
        network = self._fitted().to(device).eval()
        rows, spans = self._rows(sample.x.values)
        values = network(torch.from_numpy(rows[None]).to(device))[0].cpu().numpy()
        frames = np.stack([sample.spans[spans[:, 0], 0], sample.spans[spans[:, 1] - 1, 1]], axis=1)
        return Scores(sample.video, frames, values)

    def state(self) -> State:
        """The network's parameters."""
        return state_of(self._fitted())

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        """Take back what `state` gave."""
        parameters = parameters_of(state)
        self.network_ = loaded(self._build(parameters["first.weight"].shape[1]), parameters)
        return self

    def _build(self, dim: int) -> DeepMILNet:
        return DeepMILNet(dim, hidden=self.hidden, dropout=self.dropout, relu=self.relu)

    def _fitted(self) -> DeepMILNet:
        return fitted(self.network_, "deep_mil")

    def _optimiser(self, network: DeepMILNet) -> torch.optim.Optimizer:
        parameters, rate, decay = network.parameters(), self.learning_rate, self.weight_decay
        if self.optimiser == "adam":
            return torch.optim.Adam(parameters, lr=rate, weight_decay=decay, fused=True)
        return torch.optim.Adagrad(parameters, lr=rate, weight_decay=decay)

    def _rows(self, values: FloatArray) -> tuple[FloatArray, IntArray]:
        """(n, d) clip features to those of the segments, (s, d), and the segments as spans over clips."""
        spans = segments(len(values), self.segments, last_left_out=self.last_left_out)
        if self.normalise == "clips":
            return segment_means(_unit(values), spans), spans
        means = segment_means(values, spans)
        return _unit(means) if self.normalise == "segments" else means, spans

    def _losses(self, network: DeepMILNet, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """The paper's objective, as means over pairs of bags and over abnormal bags."""
        scores = network(batch.features, batch.seeds)
        bag_scores = scores.topk(self.top, dim=1).values.mean(dim=1)
        abnormal = batch.abnormal.to(scores.dtype)
        ranking = hinge_over_pairs(bag_scores, batch, of=draw, margin=MARGIN)
        smooth = training.mean(scores.diff(dim=1).square().sum(dim=1), abnormal)
        sparse = training.mean(scores.sum(dim=1), abnormal)
        loss = ranking + self.lambda_smooth * smooth + self.lambda_sparse * sparse
        if self.lambda_weights:
            kernels = [p for p in network.parameters() if p.ndim == 2]
            loss = loss + self.lambda_weights * torch.stack([k.square().sum() for k in kernels]).sum().sqrt()
        return {"loss": loss, "ranking": ranking, "smooth": smooth, "sparse": sparse}


def _unit(rows: FloatArray) -> FloatArray:
    """Rows brought to unit length; a row of zeros stays one."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: FloatArray = rows / np.maximum(length, np.finfo(np.float32).tiny)
    return unit
