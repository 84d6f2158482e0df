"""UR-DMU: one memory of normal clips, one of abnormal ones, and room for how normal clips vary.

Paper: Zhou, Yu, Yang, "Dual Memory Units with Uncertainty Regulation for Weakly Supervised Video Anomaly
Detection", AAAI 2023, https://arxiv.org/abs/2302.05160.
Reference read for facts: the authors' release (MIT), github.com/henrryzh1/UR-DMU; the paper's text was not at
hand. Equations, weights and numbers are the release's, as it stands since its authors corrected which clips
stand for a normal bag in the magnitudes' hinge. Not repeated: it keeps the step that does best on the test
videos; and the borders of its segments are cut in floating point, where one in 1,700 falls a clip short. It
averages over ten crops; here a video has one row a clip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy, normalize, triplet_margin_loss

from vadlab import training
from vadlab.bags import Bag, Batch, Draw, across, segment_means, segments, stacked, trained
from vadlab.detector import Reach, State
from vadlab.errors import UsageError
from vadlab.nets.ur_dmu import HEADS, URDMUNet, top_count
from vadlab.network_state import fitted, loaded, parameters_of, state_of
from vadlab.types import Features, Sample, Scores, Supervision, VideoLabel

__all__ = ["URDMU"]


@dataclass
class URDMU:
    """One score a clip; trained on bags of segments, it scores all clips of a video together.

    Started by torchrun, it pairs normal and abnormal bags as one process does where the number of processes
    divides the bags of each kind.

    Args:
        segments: Segments of a video, of each of which a bag has the mean clip.
        hidden: Length of the embedded features, a multiple of 4.
        items: Of each memory.
        dropout: Rate in the attention's layers.
        margin: By which the latent magnitudes of abnormal bags are to exceed those of normal ones.
        lambda_memory: Weight of the four losses of the memories.
        lambda_triplet: Weight of the triplet loss.
        lambda_divergence: Weight of the normal clips' Kullback-Leibler divergence.
        lambda_distance: Weight of the magnitudes' hinge.
        learning_rate: Of Adam.
        weight_decay: On all parameters.
        abnormal_per_batch: Abnormal videos in a batch.
        normal_per_batch: Normal videos in a batch, as many.
        steps: Gradient steps.
        seed: Of the initialisation, the batches, the dropout and the latent draws.

    Raises:
        UsageError: If a setting is out of its range, or bags would have no partner.
    """

    supervision: ClassVar[Supervision] = Supervision.WEAK
    reads: ClassVar[Literal["features"]] = "features"
    threshold: ClassVar[float | None] = 0.5  # of a probability
    reach: ClassVar[Reach | None] = None

    segments: int = 200
    hidden: int = 512
    items: int = 60
    dropout: float = 0.5
    margin: float = 100.0
    lambda_memory: float = 0.1
    lambda_triplet: float = 0.1
    lambda_divergence: float = 1e-3
    lambda_distance: float = 1e-4
    learning_rate: float = 1e-4
    weight_decay: float = 5e-5
    abnormal_per_batch: int = 64
    normal_per_batch: int = 64
    steps: int = 3_000
    seed: int = 0

    network_: URDMUNet | None = field(init=False, default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if min(self.segments, self.items, self.hidden) < 1 or self.hidden % HEADS:
            raise UsageError(
                "ur_dmu cannot work with these settings",
                expected=f"segments and items >= 1, hidden a multiple of {HEADS}",
                found=f"{self.segments}, {self.items}, {self.hidden}",
            )
        if self.abnormal_per_batch != self.normal_per_batch:
            raise UsageError(
                "ur_dmu pairs the bags of a batch one by one",
                expected="as many abnormal bags as normal ones",
                found=f"{self.abnormal_per_batch} and {self.normal_per_batch}",
            )

    def fit(
        self,
        train: Sequence[Sample[Features, VideoLabel]],
        val: Sequence[Sample[Features, VideoLabel]] = (),
    ) -> Self:
        """Train on videos with one label each; `val` is not used, the last step's parameters are kept.

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
            assemble=lambda bags: segmented(train, bags, count=self.segments),
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
        scores = network(torch.tensor(sample.x.values[None]).to(device))
        return Scores(sample.video, sample.spans, scores[0].cpu().numpy())

    def state(self) -> State:
        """The network's parameters, the memories among them."""
        return state_of(self._fitted())

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        """Take back what `state` gave."""
        parameters = parameters_of(state)
        self.network_ = loaded(self._build(parameters["embed.weight"].shape[1]), parameters)
        return self

    def _build(self, dim: int) -> URDMUNet:
        return URDMUNet(dim, hidden=self.hidden, items=self.items, dropout=self.dropout)

    def _fitted(self) -> URDMUNet:
        return fitted(self.network_, "ur_dmu")

    def _losses(self, network: URDMUNet, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """All losses; abnormal and normal bags question both memories, and only normal ones are uncertain."""
        h = network.embedded(batch.features, batch.seeds)
        abnormal = batch.abnormal.to(h.dtype)
        like_abnormal, from_abnormal = network.abnormal(h)
        like_normal, from_normal = network.normal(h)
        mean, log_variance = network.mean(from_normal), network.log_variance(from_normal)
        chance = noise(mean, batch.seeds) * (1 - abnormal)[:, None, None]
        latent_normal = mean + chance * (log_variance / 2).exp()
        latent_abnormal = network.mean(from_abnormal)
        scores = network.scored(h, latent_normal + latent_abnormal)

        most_abnormal = like_abnormal.topk(top_count(self.segments), dim=1).indices
        most_normal = like_normal.topk(top_count(self.segments), dim=1).indices
        magnitudes = torch.where(
            batch.abnormal,
            means(latent_abnormal, most_abnormal).norm(dim=1),
            means(latent_normal, most_normal).norm(dim=1),
        )
        named = {
            "classification": training.mean(cross_entropy(top_mean(scores), abnormal)),
            "memory": memory_loss(like_abnormal, like_normal, abnormal),
            "triplet": triplet(means(h, most_abnormal), means(h, most_normal), batch.abnormal),
            "divergence": training.mean(divergence(mean, log_variance), 1 - abnormal),
            "distance": across(magnitudes, batch, of=draw, loss=self._hinge),
        }
        loss = named["classification"] + self.lambda_memory * named["memory"]
        loss = loss + self.lambda_triplet * named["triplet"] + self.lambda_divergence * named["divergence"]
        return {"loss": loss + self.lambda_distance * named["distance"], **named}

    def _hinge(self, abnormal: Tensor, normal: Tensor) -> Tensor:
        return (self.margin - abnormal + normal).clamp(min=0).mean()


def segmented(samples: Sequence[Sample[Features, VideoLabel]], bags: Sequence[Bag], *, count: int) -> Batch:
    """Bags of the means of so many segments each.

    They are read anew for each batch: kept, 200 segments of 2,000 videos with 2,048 features are 3.3 GB.
    """
    videos = (samples[bag.video].x.values for bag in bags)
    features = np.stack([segment_means(values, segments(len(values), count)) for values in videos])
    valid = np.ones((len(bags), count), dtype=bool)
    return stacked(bags, features, valid, abnormal=[s.y.abnormal for s in samples])


def noise(like: Tensor, seeds: Tensor) -> Tensor:
    """(b, ...) normal numbers, a function of each item's seed alone."""
    generator = torch.Generator(like.device)
    drawn = torch.empty_like(like)
    for item, seed in zip(drawn, seeds.tolist(), strict=True):
        # Not the seeds that dropout takes.
        item.normal_(generator=generator.manual_seed(seed + 2**62))
    return drawn


def means(x: Tensor, chosen: Tensor) -> Tensor:
    """(b, t, d) to (b, d), the mean of the chosen clips (b, k)."""
    return x.take_along_dim(chosen[..., None], dim=1).mean(dim=1)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """(b,) Kullback-Leibler divergence of clips (b, t, d) from N(0, 1), summed over t, averaged over d.

    The release's axes, to which its weight belongs: with 200 clips and 512 latent features it is 0.39 of the
    divergence of a clip, which is summed over d.
    """
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1).mean(dim=1) / 2


def top_mean(values: Tensor) -> Tensor:
    """(b, t) to (b,), the mean of the t / 16 + 1 largest."""
    return values.topk(top_count(values.shape[1]), dim=1).values.mean(dim=1)


def cross_entropy(probability: Tensor, wanted: Tensor | float) -> Tensor:
    """Of each probability by itself."""
    wanted = torch.as_tensor(wanted, dtype=probability.dtype, device=probability.device)
    return binary_cross_entropy(probability, wanted.expand_as(probability), reduction="none")


def memory_loss(like_abnormal: Tensor, like_normal: Tensor, abnormal: Tensor) -> Tensor:
    """What clips should find in the memories: normal ones all in one, abnormal bags something in the other.

    Args:
        like_abnormal: (b, t) resemblance to the memory of abnormal clips, in 0..1.
        like_normal: (b, t) to that of normal ones.
        abnormal: (b,) 1 for abnormal bags, else 0.

    Returns:
        The sum of four cross-entropies: of an abnormal bag the clips that are most like the abnormal memory,
        and those least like the normal one; of a normal bag every clip with both.
    """
    return (
        training.mean(cross_entropy(top_mean(like_abnormal), 1.0), abnormal)
        + training.mean(cross_entropy(top_mean(1 - like_normal), 1.0), abnormal)
        + training.mean(cross_entropy(like_normal, 1.0).mean(dim=1), 1 - abnormal)
        + training.mean(cross_entropy(like_abnormal, 0.0).mean(dim=1), 1 - abnormal)
    )


def triplet(most_abnormal: Tensor, most_normal: Tensor, abnormal: Tensor) -> Tensor:
    """A normal bag's most normal clips are to be nearer to an abnormal bag's most normal than to its others.

    Args:
        most_abnormal: (b, d) means of each bag's clips most like the memory of abnormal ones.
        most_normal: (b, d) means of those most like the other.
        abnormal: (b,) bool; abnormal and normal bags are paired in order.

    Returns:
        The mean of max(0, 1 + |a - p| - |a - n|) of vectors of length 1.
    """
    pairs = min(int(abnormal.sum()), int((~abnormal).sum()))
    anchor = most_normal[~abnormal][:pairs]
    positive, negative = most_normal[abnormal][:pairs], most_abnormal[abnormal][:pairs]
    a, p, n = (normalize(of, dim=1) for of in (anchor, positive, negative))
    return training.mean(triplet_margin_loss(a, p, n, margin=1.0, reduction="none"))
