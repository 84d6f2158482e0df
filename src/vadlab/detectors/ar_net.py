"""AR-Net: the highest clip scores of a bag get its label, and normal scores are drawn to their mean.

Paper: Wan, Fang, Xia and Mei, "Weakly Supervised Video Anomaly Detection via Center-guided Discriminative
Learning", ICME 2020, https://arxiv.org/abs/2104.07268. Defaults are the paper's numbers.
Reference read for facts: the authors' release (MIT). Where it differs from the paper, or says what the paper
leaves open, a setting names it: `authors_variance`, `longest`, `steps`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy

from vadlab import training
from vadlab.bags import Batch, ClipBags, Draw, trained
from vadlab.detector import Reach, State
from vadlab.errors import UsageError
from vadlab.nets.ar_net import ARNetwork
from vadlab.network_state import fitted, loaded, parameters_of, state_of
from vadlab.types import Features, Sample, Scores, Supervision, VideoLabel

__all__ = ["ARNet"]

SCORING_BATCH = 4096  # clips


@dataclass
class ARNet:
    """One score a clip.

    Args:
        dropout: Rate after the hidden layer (paper).
        clips_per_top: One in so many clips of a bag, rounded up, is taken as its highest (paper: 4).
        lambda_center: Weight of the center loss (paper).
        authors_variance: The center loss as the release has it: the unbiased variance of a row of scores,
            those of the zeros it is padded with included; else the mean squared distance to the mean of the
            video's own scores (paper).
        longest: Most clips of a bag; see `bags.ClipBags` (release).
        learning_rate: Of Adam (paper).
        weight_decay: On all parameters (release).
        abnormal_per_batch: Abnormal videos in a batch (30 + 30 is the paper's 60).
        normal_per_batch: Normal videos in a batch.
        steps: Gradient steps; the release makes 20 times as many as there are training videos, of which
            ShanghaiTech has 238.
        seed: Of the initialisation, the batches and the dropout.

    Raises:
        UsageError: If `clips_per_top` or `longest` is below 1.
    """

    supervision: ClassVar[Supervision] = Supervision.WEAK
    reads: ClassVar[Literal["features"]] = "features"
    threshold: ClassVar[float | None] = 0.5  # paper, of the false alarm rate
    reach: ClassVar[Reach | None] = Reach()

    dropout: float = 0.7
    clips_per_top: int = 4
    lambda_center: float = 20.0
    authors_variance: bool = False
    longest: int = 300
    learning_rate: float = 1e-4
    weight_decay: float = 5e-4
    abnormal_per_batch: int = 30
    normal_per_batch: int = 30
    steps: int = 4_760
    seed: int = 0

    network_: ARNetwork | None = field(init=False, default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if min(self.clips_per_top, self.longest) < 1:
            raise UsageError(
                "ar_net cannot work with these settings",
                expected="clips_per_top and longest of 1 or more",
                found=f"{self.clips_per_top} and {self.longest}",
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
        self.network_ = trained(
            lambda: self._build(train[0].x.values.shape[1]),
            optimiser=lambda network: torch.optim.Adam(
                network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay, fused=True
            ),
            draw=draw,
            assemble=ClipBags(train, limit=self.longest).stack,
            losses=self._losses,
            steps=self.steps,
            seed=self.seed,
        )
        return self

    @torch.no_grad()
    def score(self, sample: Sample[Features, None]) -> Scores:
        """A score for every clip, each on its own."""
        device = training.current().device
        network = self._fitted().to(device).eval()
        values = sample.x.values
        parts = [torch.tensor(values[i : i + SCORING_BATCH]) for i in range(0, len(values), SCORING_BATCH)]
        scores = torch.cat([network(part[None].to(device))[0] for part in parts])
        return Scores(sample.video, sample.spans, scores.cpu().numpy())

    def state(self) -> State:
        """The network's parameters."""
        return state_of(self._fitted())

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        """Take back what `state` gave."""
        parameters = parameters_of(state)
        self.network_ = loaded(self._build(parameters["hidden.weight"].shape[1]), parameters)
        return self

    def _build(self, dim: int) -> ARNetwork:
        return ARNetwork(dim, dropout=self.dropout)

    def _fitted(self) -> ARNetwork:
        return fitted(self.network_, "ar_net")

    def _losses(self, network: ARNetwork, batch: Batch) -> dict[str, Tensor]:
        scores = network(batch.features, batch.seeds)
        dynamic = _dynamic_mil(scores, batch, clips_per_top=self.clips_per_top)
        spread = _row_variance(scores) if self.authors_variance else _variance(scores, batch.valid)
        center = training.mean(spread, (~batch.abnormal).to(scores.dtype))
        return {"loss": dynamic + self.lambda_center * center, "dynamic_mil": dynamic, "center": center}


def _dynamic_mil(scores: Tensor, batch: Batch, *, clips_per_top: int) -> Tensor:
    """The cross-entropy of the k highest scores of each bag with its label, k a share of its own clips.

    One mean over all of them, in which long bags count for more.
    """
    n_clips = batch.valid.sum(dim=1, keepdim=True)
    k = (n_clips + clips_per_top - 1) // clips_per_top
    # Beyond a bag's end there is no score; -1 comes after all that are.
    highest = scores.masked_fill(~batch.valid, -1).sort(dim=1, descending=True).values
    chosen = torch.arange(scores.shape[1], device=scores.device) < k
    labels = batch.abnormal[:, None].expand_as(scores)[chosen].to(scores.dtype)
    return training.mean(binary_cross_entropy(highest[chosen], labels, reduction="none"))


def _variance(scores: Tensor, valid: Tensor) -> Tensor:
    """(b,) mean squared distance of a bag's scores to their mean; 0 for one clip."""
    weight = valid.to(scores.dtype)
    weight = weight / weight.sum(dim=1, keepdim=True)
    mean = (scores * weight).sum(dim=1, keepdim=True)
    return ((scores - mean).square() * weight).sum(dim=1)


def _row_variance(scores: Tensor) -> Tensor:
    """(b,) unbiased variance of whole rows, padding included; 0 for rows of one clip, where it has none."""
    n = scores.shape[1]
    return scores.var(dim=1) if n > 1 else scores.new_zeros(len(scores))
