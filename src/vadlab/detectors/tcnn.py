"""TCNN as a classifier of videos (ToI-C3D re-implementation): all clips pooled into one, then the category.

Papers and what differs: `vadlab.nets.tcnn`. Hou et al. detect actions by tubes; Sultani et al. (CVPR 2018)
give its accuracy on UCF-Crime, 28.4 % in four folds of 50 videos a class, without training details. So all
settings but the layers are ours. It is made for C3D's pool5 (`vadlab extract --backbone c3d --set
layer=pool5`), and takes any features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from vadlab import training
from vadlab.bags import Batch, ClipBags, Draw, trained
from vadlab.detector import Reach, State
from vadlab.errors import UsageError
from vadlab.feature_moments import feature_moments
from vadlab.nets.tcnn import TCNNNet
from vadlab.network_state import fitted, loaded, parameters_of, state_of
from vadlab.types import Categories, Features, Sample, Scores, Supervision, VideoLabel

__all__ = ["TCNN"]


@dataclass
class TCNN:
    """One category a video, and a score for every clip: the network's answer to that clip alone.

    Args:
        clips: Clips of a video in a training step: of a longer abnormal video, one of each of so many even
            parts, of a longer normal one, so many in a row. Scoring pools all.
        hidden: Width of fc6 and fc7 (C3D).
        dropout: Rate after either (C3D).
        standardise: Shift and scale features by the training clips' mean and deviation.
        learning_rate: Of Adam.
        weight_decay: On all parameters.
        abnormal_per_batch: Abnormal videos in a batch.
        normal_per_batch: Normal videos in a batch.
        steps: Gradient steps.
        seed: Of the initialisation, the batches and the dropout.
    """

    supervision: ClassVar[Supervision] = Supervision.WEAK
    reads: ClassVar[Literal["features"]] = "features"
    threshold: ClassVar[float | None] = None  # trained on whole videos, whose maxima are larger than a clip's
    reach: ClassVar[Reach | None] = Reach()  # but for the category, a whole video's

    clips: int = 32
    hidden: int = 4096
    dropout: float = 0.5
    standardise: bool = False
    learning_rate: float = 1e-4
    weight_decay: float = 5e-4
    abnormal_per_batch: int = 15
    normal_per_batch: int = 15
    steps: int = 2000
    seed: int = 0

    categories_: tuple[str, ...] = field(init=False, default=(), repr=False, compare=False)
    network_: TCNNNet | None = field(init=False, default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.clips < 1:
            raise UsageError("tcnn pools one clip or more", expected="clips >= 1", found=self.clips)

    def fit(
        self,
        train: Sequence[Sample[Features, VideoLabel]],
        val: Sequence[Sample[Features, VideoLabel]] = (),
    ) -> Self:
        """Train on videos with one label each; the categories are those seen, sorted by name.

        `val` is not used.

        Raises:
            UsageError: If no video has a category, none is abnormal, or none is normal.
        """
        del val
        draw = Draw(train, abnormal=self.abnormal_per_batch, normal=self.normal_per_batch)
        self.categories_ = tuple(sorted({s.y.category for s in train if s.y.category is not None}))
        if not self.categories_:
            raise UsageError("tcnn needs training videos with a category", remedy="choose another dataset")
        of_video = torch.tensor(
            [_number(s.y.category, self.categories_) for s in train], device=training.current().device
        )

        def build() -> TCNNNet:
            network = self._build(train[0].x.values.shape[1])
            if self.standardise:
                mean, deviation = torch.from_numpy(feature_moments(train))
                network.mean.copy_(mean)
                network.deviation.copy_(deviation)
            return network

        self.network_ = trained(
            build,
            optimiser=lambda network: torch.optim.Adam(
                network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay, fused=True
            ),
            draw=draw,
            assemble=ClipBags(train, limit=self.clips).stack,
            losses=lambda network, batch: _losses(network, batch, of_video[batch.videos]),
            steps=self.steps,
            seed=self.seed,
        )
        return self

    @torch.no_grad()
    def score(self, sample: Sample[Features, None]) -> Scores:
        """A score in 0..1 of every clip, and the probabilities of the video's categories."""
        device = training.current().device
        network = self._fitted().to(device).eval()
        # A copy, for features mapped from a file are read-only.
        x = torch.from_numpy(np.array(sample.x.values)).to(device)
        n = len(x)
        category, _ = network(x[None], torch.ones((1, n), dtype=torch.bool, device=device))
        _, abnormal = network(x[:, None], torch.ones((n, 1), dtype=torch.bool, device=device))
        whole = np.array([[sample.spans[0, 0], sample.spans[-1, 1]]], dtype=np.int64)
        probabilities = torch.softmax(category, dim=1).cpu().numpy()
        return Scores(
            sample.video,
            sample.spans,
            torch.sigmoid(abnormal).cpu().numpy(),
            Categories(whole, probabilities, self.categories_),
        )

    def state(self) -> State:
        """Parameters, feature moments and category names."""
        return state_of(self._fitted()) | {"categories": np.array(self.categories_, dtype=np.str_)}

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        """Take back what `state` gave."""
        self.categories_ = tuple(str(name) for name in state["categories"])
        parameters = parameters_of(state)
        self.network_ = loaded(self._build(parameters["fc6.weight"].shape[1]), parameters)
        return self

    def _build(self, dim: int) -> TCNNNet:
        return TCNNNet(dim, len(self.categories_), hidden=self.hidden, dropout=self.dropout)

    def _fitted(self) -> TCNNNet:
        return fitted(self.network_, "tcnn")


def _number(category: str | None, names: Sequence[str]) -> int:
    return -1 if category is None else names.index(category)


def _losses(network: TCNNNet, batch: Batch, category: Tensor) -> dict[str, Tensor]:
    """Cross-entropies of the categories, where there are some, and of abnormal against normal."""
    logits, abnormal = network(batch.features, batch.valid, batch.seeds)
    by_category = cross_entropy(logits, category, ignore_index=-1, reduction="none")
    of_category = training.mean(by_category, (category >= 0).to(by_category.dtype))
    truth = batch.abnormal.to(abnormal.dtype)
    of_abnormal = training.mean(binary_cross_entropy_with_logits(abnormal, truth, reduction="none"))
    return {"loss": of_category + of_abnormal, "category": of_category, "abnormal": of_abnormal}
