"""The contract of every detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vadlab.types import Sample, Scores, Supervision

__all__ = ["Detector", "State"]

State: TypeAlias = dict[str, NDArray[np.generic]]


class Detector(Protocol):
    """A dataclass whose fields are its settings, with the paper's numbers as defaults.

    What `fit` learns is all in `state()`: plain arrays, no pickle. A detector does not expand
    scores to frames, smooth, normalise, threshold, read a file, print, or know the dataset.
    """

    supervision: ClassVar[Supervision]
    reads: ClassVar[Literal["features", "frames"]]
    threshold: ClassVar[float | None]  # scores from here on mean "abnormal"; None where scores have no scale

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
