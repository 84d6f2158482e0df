"""RTFM: the clips with the longest feature vectors stand for a bag, and abnormal ones are to be longer.

Paper: Tian et al., "Weakly-supervised Video Anomaly Detection with Robust Temporal Feature Magnitude
Learning", ICCV 2021, https://arxiv.org/abs/2101.10030.
Reference read for facts: the authors' release (no licence), github.com/tianyu0207/RTFM; the paper's text was
not at hand. Layers and numbers are the release's. The default losses are the paper's hinge and cross-entropy,
from which the release departs (its issues 23 and 67); learning rate, weight decay, batch and epochs are the
paper's, as issues 18 and 24 quote them. `authors_losses` gives the release's losses, to the last digit; with
the recipe rtfm-authors-code.toml all is the release's, but that it keeps the step that does best on the test
videos, and averages over ten crops; here a video has one row a clip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits

from vadlab import training
from vadlab.bags import Batch, Draw, SegmentBags, across, hinge_over_pairs, segment_means, segments, trained
from vadlab.detector import Reach, State
from vadlab.errors import UsageError
from vadlab.nets.rtfm import RTFMNet
from vadlab.nets.seeded_dropout import SeededDropout
from vadlab.network_state import fitted, loaded, parameters_of, state_of
from vadlab.types import Features, Sample, Scores, Supervision, VideoLabel

__all__ = ["RTFM"]


@dataclass
class RTFM:
    """One score a clip; trained on bags of segments, it scores all clips of a video together.

    Started by torchrun, its batch normalisation takes the moments of each process's part of a batch.

    Args:
        segments: Segments of a video, the instances of its bag.
        top: How many of them stand for it, k, a tenth: those with the largest magnitudes.
        margin: By which the magnitudes of abnormal bags are to exceed those of normal ones, m.
        hidden: Width of the first layer that scores.
        dropout: Rate on the temporal features, and after the first two layers that score.
        lambda_magnitude: Weight of the magnitude loss, which the paper's equations do not name. The release's
            1e-4 is 1 / m^2, so its squares count in margins; 1 / m does the same for the hinge (ours).
        lambda_smooth: Weight of the smoothness of an abnormal bag's scores.
        lambda_sparse: Weight of their sum.
        authors_losses: As the release: (|m - |a|| + |n|)^2 of the mean features a and n of an abnormal and
            a normal bag, instead of the hinge on the mean magnitudes of all pairs; cross-entropy of a
            bag's mean score, instead of each score's; smoothness summed over the abnormal bags, one after the
            other as if they were one; the Euclidean norm of all their scores for the sum; and dropout of the
            magnitudes that compete.
        learning_rate: Of Adam.
        weight_decay: On all parameters (paper; release: 0.005).
        abnormal_per_batch: Abnormal videos in a batch.
        normal_per_batch: Normal videos in a batch.
        steps: Gradient steps: 50 epochs (paper), which are 1,250 on UCF-Crime; the release makes up
            to 15,000.
        seed: Of the initialisation, the batches and the dropout.

    Raises:
        UsageError: If there are fewer segments than `top`, or `authors_losses` has bags without a partner.
    """

    supervision: ClassVar[Supervision] = Supervision.WEAK
    reads: ClassVar[Literal["features"]] = "features"
    threshold: ClassVar[float | None] = 0.5  # of a probability
    reach: ClassVar[Reach | None] = None

    segments: int = 32
    top: int = 3
    margin: float = 100.0
    hidden: int = 512
    dropout: float = 0.7
    lambda_magnitude: float = 0.01
    lambda_smooth: float = 8e-4
    lambda_sparse: float = 8e-3
    authors_losses: bool = False
    learning_rate: float = 1e-3
    weight_decay: float = 5e-4
    abnormal_per_batch: int = 32
    normal_per_batch: int = 32
    steps: int = 1_250
    seed: int = 0

    network_: RTFMNet | None = field(init=False, default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 1 <= self.top <= self.segments:
            raise UsageError(
                "rtfm cannot choose so many segments of a bag",
                expected=f"top in 1..{self.segments}, the segments",
                found=self.top,
            )
        if self.authors_losses and self.abnormal_per_batch != self.normal_per_batch:
            raise UsageError(
                "rtfm's authors_losses pair the bags of a batch one by one",
                expected="as many abnormal bags as normal ones",
                found=f"{self.abnormal_per_batch} and {self.normal_per_batch}",
            )

    def fit(
        self,
        train: Sequence[Sample[Features, VideoLabel]],
        val: Sequence[Sample[Features, VideoLabel]] = (),
    ) -> Self:
        """Train on videos with one label each; `val` is not used.

        Raises:
            UsageError: If no video is abnormal or none is normal, or features have another length.
        """
        del val
        draw = Draw(train, abnormal=self.abnormal_per_batch, normal=self.normal_per_batch)
        bags = SegmentBags(train, rows=lambda v: segment_means(v, segments(len(v), self.segments)))
        self.network_ = trained(
            lambda: self._build(train[0].x.values.shape[1]),
            optimiser=lambda network: torch.optim.Adam(
                network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay, fused=True
            ),
            draw=draw,
            assemble=bags.stack,
            losses=lambda network, batch: self._losses(network, batch, draw),
            steps=self.steps,
            seed=self.seed,
        )
        return self

    @torch.no_grad()
    def score(self, sample: Sample[Features, None]) -> Scores:
        """A score for every clip."""
        device = training.current().device
        network = self._fitted().to(device).eval()
        _, logits = network(torch.tensor(sample.x.values[None]).to(device))
        return Scores(sample.video, sample.spans, torch.sigmoid(logits[0]).cpu().numpy())

    def state(self) -> State:
        """The network's parameters, and the moments of its normalisations."""
        return state_of(self._fitted())

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        """Take back what `state` gave."""
        parameters = parameters_of(state)
        self.network_ = loaded(self._build(parameters["first.weight"].shape[1]), parameters)
        return self

    def _build(self, dim: int) -> RTFMNet:
        if dim % 4:
            raise UsageError(
                "rtfm takes a quarter of a feature's length from each of four branches",
                expected="features whose length is a multiple of 4",
                found=dim,
            )
        return RTFMNet(dim, hidden=self.hidden, dropout=self.dropout)

    def _fitted(self) -> RTFMNet:
        return fitted(self.network_, "rtfm")

    def _losses(self, network: RTFMNet, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        features, logits = network(batch.features, batch.seeds)
        scores = torch.sigmoid(logits)
        magnitudes = features.norm(dim=2)
        competing = magnitudes
        if self.authors_losses:
            competing = SeededDropout(self.dropout, number=3)(magnitudes, batch.seeds)
        chosen = competing.topk(self.top, dim=1).indices
        abnormal = batch.abnormal.to(scores.dtype)
        if self.authors_losses:
            mean_feature = features.take_along_dim(chosen[..., None], dim=1).mean(dim=1)
            magnitude = across(mean_feature.norm(dim=1), batch, of=draw, loss=self._squared)
            mean_score = scores.gather(1, chosen).mean(dim=1)
            category = training.mean(binary_cross_entropy(mean_score, abnormal, reduction="none"))
            smooth = across(scores, batch, of=draw, loss=lambda a, _: a.flatten().diff().square().sum())
            sparse = across(scores, batch, of=draw, loss=lambda a, _: a.norm())
        else:
            longest = magnitudes.gather(1, chosen).mean(dim=1)
            magnitude = hinge_over_pairs(longest, batch, of=draw, margin=self.margin)
            # Of logits, which dropout makes so large at first that scores round to 1, without a gradient.
            chosen_logits = logits.gather(1, chosen)
            labels = abnormal[:, None].expand_as(chosen_logits)
            category = training.mean(
                binary_cross_entropy_with_logits(chosen_logits, labels, reduction="none")
            )
            smooth = training.mean(scores.diff(dim=1).square().sum(dim=1), abnormal)
            sparse = training.mean(scores.sum(dim=1), abnormal)
        loss = category + self.lambda_magnitude * magnitude
        loss = loss + self.lambda_smooth * smooth + self.lambda_sparse * sparse
        named = {"classification": category, "magnitude": magnitude, "smooth": smooth, "sparse": sparse}
        return {"loss": loss, **named}

    def _squared(self, abnormal: Tensor, normal: Tensor) -> Tensor:
        return ((self.margin - abnormal).abs() + normal).square().mean()
