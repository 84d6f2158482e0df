"""The contract of every detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vadlab.types import Sample, Scores, Supervision

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Detector", "Head", "Reach", "State"]

State: TypeAlias = dict[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Reach:
    """The rows (clips of features, or frames, as the detector reads) on which a row's scores depend.

    Args:
        before: So many rows before it.
        after: So many after it.
        every: A part of the video gives the same scores if it begins at a multiple of this many rows.
    """

    before: int = 0
    after: int = 0
    every: int = 1


class Detector(Protocol):
    """A dataclass whose fields are its settings, with the paper's numbers as defaults.

    What `fit` learns is all in `state()`: plain arrays, no pickle. A detector does not expand
    scores to frames, smooth, normalise, threshold, read a file, print, or know the dataset.
    """

    supervision: ClassVar[Supervision]
    reads: ClassVar[Literal["features", "frames"]]
    threshold: ClassVar[float | None]  # scores from here on mean "abnormal"; None where scores have no scale

    @property
    def reach(self) -> Reach | None:
        """How far it looks, with its settings; None where a score depends on the whole video.

        A stream is scored from the rows within reach, as they come; without one, in pieces that count as
        videos. A detector that has no `reach` is taken to have None.
        """
        ...

    def fit(self, train: Sequence[Sample[Any, Any]], val: Sequence[Sample[Any, Any]] = ()) -> Self:
        """Learn from training samples, forgetting any earlier fit; `val` may select the model."""
        ...

    def score(self, sample: Sample[Any, None]) -> Scores:
        """Score one video; higher = more anomalous."""
        ...

    def state(self) -> State:
        """All that `fit` learned."""
        ...

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        """Take back what `state` gave; scores are the same as before."""
        ...


@dataclass(frozen=True)
class Head:
    """What a trained detector computes of K consecutive clips, as a network by itself.

    A detector that reads features may give it by a method `head()`; `vadlab export` writes it to a file.

    Args:
        network: Maps features as the store has them, (1, k, d) float32, to the outputs.
        k, dim: Clips, and features a clip.
        outputs: Names: "scores" (1, frames or clips), and "probabilities" (1, categories) if it has some.
        categories: Their names, in order.
    """

    network: nn.Module
    k: int
    dim: int
    outputs: tuple[str, ...] = ("scores",)
    categories: tuple[str, ...] = ()
