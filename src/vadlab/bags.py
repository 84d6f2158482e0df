"""Bags: videos with one label each, drawn by number, stacked from segments or from clips, and learned from.

A bag is drawn by its video's number, with a seed for all that is random about it; what a batch holds is a
function of the training's seed and the step, however many processes share it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vadlab import ranks, training
from vadlab.clip_windows import drawn
from vadlab.errors import UsageError
from vadlab.types import Features, FloatArray, IntArray, Sample, VideoLabel

__all__ = [
    "Bag",
    "Batch",
    "ClipBags",
    "Draw",
    "SegmentBags",
    "across",
    "hinge_over_pairs",
    "segment_means",
    "segments",
    "stacked",
    "trained",
]

Net = TypeVar("Net", bound=nn.Module)


@dataclass(frozen=True)
class Bag:
    """One video in one batch.

    Args:
        video: Which of the videos.
        place: Its number in the whole batch, in which abnormal videos come first.
        seed: Of all that is random about it, such as dropout; the same in whichever process it falls.
    """

    video: int
    place: int
    seed: int


@dataclass(frozen=True)
class Batch:
    """Stacked bags: of a whole batch, or of the part that one of several processes holds.

    Args:
        features: (b, t, d) float32, 0 beyond a bag's end.
        valid: (b, t) bool, whether there is such a row.
        abnormal: (b,) bool.
        videos: (b,) int64, which of the videos each is.
        places: (b,) int64, each bag's number in the whole batch.
        seeds: (b,) int64, of each bag.
    """

    features: Tensor
    valid: Tensor
    abnormal: Tensor
    videos: Tensor
    places: Tensor
    seeds: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on another device; the seeds stay, for it is the processor that seeds generators."""
        features, valid, abnormal, videos, places = (
            part.to(device) for part in (self.features, self.valid, self.abnormal, self.videos, self.places)
        )
        return Batch(features, valid, abnormal, videos, places, self.seeds)


class Draw:
    """Balanced batches: so many abnormal videos, then so many normal ones.

    Args:
        samples: Videos with one label each.
        abnormal: Abnormal videos in a batch.
        normal: Normal videos in a batch.

    Raises:
        UsageError: If no video is abnormal or none is normal, or a batch would have none of a kind.
    """

    def __init__(self, samples: Sequence[Sample[Features, VideoLabel]], *, abnormal: int, normal: int):
        labels = np.array([s.y.abnormal for s in samples], dtype=bool)
        self.abnormal: list[int] = np.flatnonzero(labels).tolist()
        self.normal: list[int] = np.flatnonzero(~labels).tolist()
        self.n_abnormal, self.n_normal = abnormal, normal
        if not len(self.abnormal) or not len(self.normal):
            raise UsageError(
                "learning from bags needs normal and abnormal training videos",
                found=f"{len(self.normal)} normal, {len(self.abnormal)} abnormal",
                remedy="choose the weak split of a dataset that has both; normal videos alone are for knn",
            )
        if min(abnormal, normal) < 1:
            raise UsageError(
                "a batch of bags needs abnormal and normal ones",
                expected="abnormal_per_batch and normal_per_batch of 1 or more",
                found=f"{abnormal} and {normal}",
            )

    def __call__(self, rng: np.random.Generator) -> list[Bag]:
        """One batch; a video comes again only after all others of its kind have."""
        videos = [*drawn(self.abnormal, self.n_abnormal, rng), *drawn(self.normal, self.n_normal, rng)]
        seeds = rng.integers(2**62, size=len(videos)).tolist()
        return [Bag(video, i, seed) for i, (video, seed) in enumerate(zip(videos, seeds, strict=True))]


def segments(n: int, count: int, *, last_left_out: bool = False) -> IntArray:
    """So many segments of a row of n clips, in order, as even as whole clips allow.

    Of fewer clips than segments, clips come several times.

    Args:
        n: Clips, at least 1.
        count: Segments.
        last_left_out: As in the release of Sultani et al. (2018), whose borders are round(linspace(1, n,
            count + 1)), counted from 1: of more clips than segments, the last is in none.

    Returns:
        (count, 2) int64 spans over clips, half-open, each of one clip or more.
    """
    edges = np.arange(count + 1, dtype=np.int64)
    # Whole numbers throughout: i * n / count rounded down, and i * (n - 1) / count rounded half up.
    edges = (2 * edges * (n - 1) + count) // (2 * count) if last_left_out else edges * n // count
    return np.stack([edges[:-1], np.maximum(edges[1:], edges[:-1] + 1)], axis=1)


def segment_means(values: FloatArray, spans: IntArray) -> FloatArray:
    """(n, d) rows of clips to (count, d) means over spans of clips."""
    return np.stack([values[start:stop].mean(axis=0) for start, stop in spans.tolist()])


class SegmentBags:
    """Bags of so many segments each, whatever the video's length.

    Holds `count` rows a video in memory: 0.5 GB for 2,000 videos of 32 segments with 2,048 features.

    Args:
        samples: Videos with one label each.
        rows: A video's clip features, (n, d), to its segments', (count, d).
    """

    def __init__(
        self, samples: Sequence[Sample[Features, VideoLabel]], *, rows: Callable[[FloatArray], FloatArray]
    ):
        self.features = np.stack([rows(s.x.values) for s in samples])
        self.abnormal = np.array([s.y.abnormal for s in samples], dtype=bool)

    def stack(self, bags: Sequence[Bag]) -> Batch:
        """Stack some bags."""
        features = self.features[[bag.video for bag in bags]]
        return stacked(bags, features, np.ones(features.shape[:2], dtype=bool), abnormal=self.abnormal)


class ClipBags:
    """Bags of a video's clips, as many as it has, up to a limit; the shorter ones are padded with zeros.

    Of a longer abnormal video, one clip at random of each of `limit` even segments is taken, so that no
    event is missed; of a longer normal one, a random window of so many clips.

    Args:
        samples: Videos with one label each.
        limit: Most clips in a bag.
    """

    def __init__(self, samples: Sequence[Sample[Features, VideoLabel]], *, limit: int):
        self.samples, self.limit = samples, limit
        self.abnormal = np.array([s.y.abnormal for s in samples], dtype=bool)

    def stack(self, bags: Sequence[Bag]) -> Batch:
        """Read and stack some bags."""
        rows = [self.rows(bag) for bag in bags]
        longest, d = max(len(of) for of in rows), self.samples[0].x.values.shape[1]
        features = np.zeros((len(bags), longest, d), dtype=np.float32)
        for into, of, bag in zip(features, rows, bags, strict=True):
            into[: len(of)] = self.samples[bag.video].x.values[of]
        lengths = np.array([len(of) for of in rows])
        return stacked(bags, features, np.arange(longest) < lengths[:, None], abnormal=self.abnormal)

    def rows(self, bag: Bag) -> IntArray:
        """Which of its video's clips a bag holds, in order."""
        n = len(self.samples[bag.video].x.values)
        if n <= self.limit:
            return np.arange(n, dtype=np.int64)
        rng = np.random.default_rng(bag.seed)
        if self.abnormal[bag.video]:
            start, stop = segments(n, self.limit).T
            return np.asarray(rng.integers(start, stop), dtype=np.int64)
        return int(rng.integers(n - self.limit + 1)) + np.arange(self.limit, dtype=np.int64)


def stacked(
    bags: Sequence[Bag],
    features: FloatArray,
    valid: NDArray[np.bool_],
    *,
    abnormal: Sequence[bool] | NDArray[np.bool_],
) -> Batch:
    """Bags with their features as a batch.

    Args:
        bags: In the order of the batch.
        features: (b, t, d) float32.
        valid: (b, t), whether there is such a row.
        abnormal: Of all videos.
    """
    return Batch(
        torch.from_numpy(features),
        torch.from_numpy(valid),
        torch.tensor([bool(abnormal[bag.video]) for bag in bags]),
        torch.tensor([bag.video for bag in bags]),
        torch.tensor([bag.place for bag in bags]),
        torch.tensor([bag.seed for bag in bags]),
    )


def trained(
    build: Callable[[], Net],
    *,
    optimiser: Callable[[Net], torch.optim.Optimizer],
    draw: Draw,
    assemble: Callable[[Sequence[Bag]], Batch],
    losses: Callable[[Net, Batch], dict[str, Tensor]],
    steps: int,
    seed: int,
) -> Net:
    """Build a network and train it on bags within the current runtime, by `training.optimise`.

    Args:
        build: Makes the network.
        optimiser: Over the network's parameters, once they are on the device.
        draw: The bags of a step.
        assemble: Bags to a batch: reads and stacks them.
        losses: The network and a batch, on its device, to named losses, "loss" among them.
        steps: Gradient steps.
        seed: Of the initialisation and the batches.

    Returns:
        The network with the last step's parameters, on the processor.
    """
    device = training.current().device
    with training.seeded(seed):
        network = build()
    network = network.to(device)
    training.optimise(
        network,
        optimiser(network),
        draw=lambda step: draw(training.generator(seed, step)),
        assemble=assemble,
        losses=lambda batch: losses(network, batch.to(device)),
        steps=steps,
    )
    return network.cpu()


def across(values: Tensor, batch: Batch, *, of: Draw, loss: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """A loss of what all abnormal bags have, (a, ...), and all normal ones, (n, ...), such as one over pairs.

    Right for several processes too, which hold a part of the bags each: every process sees all values, in
    their places, and makes the gradient of its own only.

    Args:
        values: (b, ...) a value for each bag, or several.
        batch: The bags.
        of: What drew them.
        loss: Abnormal and normal values to a number.
    """
    own = values.new_zeros(of.n_abnormal + of.n_normal, *values.shape[1:])
    own = own.index_put((batch.places,), values)
    everyone = own + (ranks.summed(own.detach()) - own.detach())
    whole = loss(everyone[: of.n_abnormal], everyone[of.n_abnormal :])
    # Every process has the whole loss, but its own part of the gradient, which averaging would make smaller.
    gradient = training.total(whole)
    return whole.detach() + (gradient - gradient.detach())


def hinge_over_pairs(values: Tensor, batch: Batch, *, of: Draw, margin: float) -> Tensor:
    """The mean of max(0, margin - a + n) over all pairs of an abnormal bag's a and a normal bag's n.

    Args:
        values: (b,) a value for each bag.
        batch: The bags.
        of: What drew them.
        margin: By which an abnormal bag is to exceed a normal one.
    """
    return across(values, batch, of=of, loss=lambda a, n: (margin - a[:, None] + n).clamp(min=0).mean())
