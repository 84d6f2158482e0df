"""Mean and deviation of every feature over the clips of training videos, read video by video."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vadlab.types import Features, FloatArray, Sample

__all__ = ["feature_moments"]


def feature_moments(train: Sequence[Sample[Features, Any]]) -> FloatArray:
    """(2, d) mean and deviation; infinite where a feature never varies.

    Such a feature says nothing: divided by infinity it is left at zero, not blown up.
    """
    n = sum(len(sample.x.values) for sample in train)
    mean = sum(sample.x.values.sum(axis=0, dtype=np.float64) for sample in train) / n
    square = sum(((sample.x.values - mean) ** 2).sum(axis=0) for sample in train) / n
    deviation = np.sqrt(square)
    return np.stack([mean, np.where(deviation > 1e-6, deviation, np.inf)]).astype(np.float32)
