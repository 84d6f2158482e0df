"""Stacked RNN: frames whose features slowly changing sparse codes rebuild badly (unsupervised).

Paper: Luo, Liu, Gao, "A Revisit of Sparse Coding Based Anomaly Detection in Stacked RNN Framework", ICCV
2017. Reference read for facts: the authors' TensorFlow release (no licence file).

What differs: the features. The paper's are those of the spatial stream of a ResNet-152 trained on UCF-101,
whose weights are not to be had; an EfficientNet-Lite0 trained on ImageNet stands in, with 1,280 features a
patch in place of 2,048. A ResNet of one's own is installed by `vadlab weights import FILE NAME` and chosen by
`image_weights=NAME`, with `caffe=true` where it has the original's form. The release tests all its snapshots
and reports the best on the test set, which is not repeated: the last step's parameters are kept. Scores are
not scaled to 0..1 over each video; that is for the rules of the evaluation.

Frames go through the frozen network here, once a video: no store of features is needed, and `frame_patches`
keeps those of the training videos in a temporary file.
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
from vadlab.errors import UsageError, WeightsError
from vadlab.frame_patches import ImageNetwork, TrainingPatches
from vadlab.nets.spatial_pyramid import LEVEL_SIZES
from vadlab.nets.stacked_rnn import StackedRNNNet
from vadlab.network_state import fitted, loaded, parameters_of, state_of
from vadlab.types import FloatArray, Frames, Sample, Scores, Supervision

__all__ = ["StackedRNN"]

IMAGE_NETWORK = "image_network"  # name in the state


@dataclass
class StackedRNN:
    """One score a frame: half the squared error of its features, as its codes rebuild them.

    Args:
        image_weights: Of the frozen network that gives the features: a name that `vadlab weights list` shows,
            one of your own import, or "random" for a small network that never learned anything (for tests).
        caffe: A ResNet has the form of its authors' own weights, the original's too: strides in the first
            1x1 convolutions, pixels in 0..255 less ImageNet's mean.
        size: Side of the frames in pixels; at 224 their maps have 7x7 cells, of which 21 patches are made.
        hidden: Length of the codes.
        layers: Unrolled steps of the sparse coding, K.
        output: "ae" rebuilds the features by a matrix of its own; "tsc" by the dictionary, and trains
            nothing else.
        first: The first layer's recurrent matrix: the "release"'s, or that of a step of "ista".
        lambda_sparse: l1, of the codes' size; trained in "ae".
        lambda_coherent: l2, of the codes' change from frame to frame; trained in "ae".
        bandwidth: Squared distance of consecutive features at which their similarity is 1 / e.
        length: Consecutive frames in a training sequence.
        learning_rate: Of RMSProp.
        batch: Sequences in a step, each of all patches.
        steps: Gradient steps.
        patches: The score is the error of the "whole" frame (Avenue, ShanghaiTech), or the mean over the
            "pyramid"'s levels of the largest error on each (Ped2).
        seed: Of the initialisation and the batches.

    Raises:
        UsageError: If a setting is out of its range.
    """

    supervision: ClassVar[Supervision] = Supervision.UNSUPERVISED
    reads: ClassVar[Literal["frames"]] = "frames"
    threshold: ClassVar[float | None] = None
    reach: ClassVar[Reach | None] = None  # codes go on from the video's first frame

    image_weights: str = "efficientnet-lite0-imagenet"
    caffe: bool = False
    size: int = 224
    hidden: int = 2048
    layers: int = 3
    output: Literal["ae", "tsc"] = "ae"
    first: Literal["release", "ista"] = "release"
    lambda_sparse: float = 0.1
    lambda_coherent: float = 0.1
    bandwidth: float = 100.0
    length: int = 10
    learning_rate: float = 1e-4
    batch: int = 4
    steps: int = 20_000
    patches: Literal["whole", "pyramid"] = "whole"
    seed: int = 0

    network_: StackedRNNNet | None = field(init=False, default=None, repr=False, compare=False)
    trained_on_: str = field(init=False, default="", repr=False, compare=False)
    image_network_: ImageNetwork | None = field(init=False, default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if min(self.size, self.hidden, self.layers, self.length, self.batch) < 1 or self.bandwidth <= 0:
            raise UsageError(
                "stacked_rnn cannot work with these settings",
                expected="size, hidden, layers, length and batch >= 1, bandwidth > 0",
                found=f"{self.size}, {self.hidden}, {self.layers}, {self.length}, {self.batch}, "
                f"{self.bandwidth}",
            )

    def fit(self, train: Sequence[Sample[Frames, None]], val: Sequence[Sample[Frames, None]] = ()) -> Self:
        """Train on normal videos; `val` is not used, the last step's parameters are kept.

        Raises:
            WeightsError: If the image network's weights are not installed.
            UsageError: If there is no video, or no room on disk for their features.
        """
        del val
        device = training.current().device
        images = self._images(device)
        patches = TrainingPatches(train, images)
        with training.seeded(self.seed):
            self.network_ = self._build(patches.values.shape[2])
        network = self.network_.to(device)
        training.optimise(
            network,
            # As TensorFlow's, whose 1e-10 stands within the root.
            torch.optim.RMSprop(
                [p for p in network.parameters() if p.requires_grad],
                lr=self.learning_rate,
                alpha=0.9,
                eps=1e-5,
            ),
            draw=lambda step: patches.sequences(step, length=self.length, batch=self.batch, seed=self.seed),
            assemble=lambda chosen: patches.stack(chosen, length=self.length),
            losses=lambda batch: self._losses(network, torch.from_numpy(batch).to(device)),
            steps=self.steps,
        )
        self.network_ = network.cpu()
        self.trained_on_ = images.identity
        return self

    @torch.no_grad()
    def score(self, sample: Sample[Frames, None]) -> Scores:
        """A score for every frame; codes go from frame to frame, and begin at zero.

        Raises:
            WeightsError: If the image network's weights are not those of the training.
        """
        device = training.current().device
        network = self._fitted().to(device).eval()
        images = self._images(device)
        if images.identity != self.trained_on_:
            raise WeightsError(
                "stacked_rnn was trained on the features of another network",
                expected=self.trained_on_,
                found=images.identity,
                remedy="install those weights under their name, or train again",
            )
        gram, carried = network.gram(), None
        values: list[FloatArray] = []
        for part in images.patches(sample.x):
            # Patches do not meet, so those that do not count need not be followed.
            x = torch.from_numpy(part if self.patches == "pyramid" else part[:, :1]).to(device)
            carried = network.beginning(x.shape[1]) if carried is None else carried
            rebuilt, _, carried = network(x, carried, gram=gram)
            errors = (x - rebuilt).square().sum(dim=2) / 2
            values.append(largest_by_level(errors).mean(dim=1).cpu().numpy())
        return Scores(sample.video, sample.spans, np.concatenate(values))

    def state(self) -> State:
        """The dictionary and all else that was trained, and which network gave the features."""
        return state_of(self._fitted()) | {IMAGE_NETWORK: np.array([self.trained_on_])}

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        """Take back what `state` gave."""
        parameters = parameters_of(state)
        self.network_ = loaded(self._build(parameters["A"].shape[0]), parameters)
        self.trained_on_ = str(state[IMAGE_NETWORK][0])
        return self

    def _build(self, dim: int) -> StackedRNNNet:
        return StackedRNNNet(
            dim,
            hidden=self.hidden,
            layers=self.layers,
            lambda_sparse=self.lambda_sparse,
            lambda_coherent=self.lambda_coherent,
            bandwidth=self.bandwidth,
            output=self.output,
            first=self.first,
        )

    def _fitted(self) -> StackedRNNNet:
        return fitted(self.network_, "stacked_rnn")

    def _images(self, device: torch.device) -> ImageNetwork:
        """The frozen network, which is read once."""
        if self.image_network_ is None or self.image_network_.device != device:
            self.image_network_ = ImageNetwork.load(
                self.image_weights, size=self.size, caffe=self.caffe, seed=self.seed, device=device
            )
        return self.image_network_

    def _losses(self, network: StackedRNNNet, x: Tensor) -> dict[str, Tensor]:
        """Of sequences (t, b * patches, d); sparsity and change of the codes are told, not trained."""
        rebuilt, codes, _ = network(x, network.beginning(x.shape[1]))
        error = (x - rebuilt).square().sum(dim=2).mean(dim=0) / 2
        with torch.no_grad():
            told = {
                "sparsity": training.mean(codes.abs().sum(dim=2).mean(dim=0)),
                "change": training.mean(codes.diff(dim=0, prepend=codes[:1]).square().sum(dim=2).mean(dim=0)),
                "norm": network.A.norm(),
            }
        return {"loss": training.mean(error), **told}


def largest_by_level(errors: Tensor) -> Tensor:
    """(n, patches) of a pyramid, or of the whole frame alone, to the largest on each of its levels."""
    if errors.shape[1] == 1:
        return errors
    return torch.stack([level.amax(dim=1) for level in torch.split(errors, LEVEL_SIZES, dim=1)], dim=1)
