"""Logistic regression on single clips: the reference that any model on the same features has to beat.

No paper; ours. Two scikit-learn logistic regressions on standardised clip features: one tells abnormal
clips from normal ones, the other the category of the clip's video.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression

from vadlab.detector import Reach, State
from vadlab.errors import UsageError
from vadlab.types import Categories, Features, FloatArray, FrameLabels, Sample, Scores, Supervision

__all__ = ["LinearProbe"]


@dataclass
class LinearProbe:
    """One score a clip, and a category a clip.

    Args:
        c: Inverse strength of the L2 penalty on standardised features.
        balanced: Weigh both classes alike however many clips each has.
        positive_share: A clip counts as abnormal if at least this share of its frames is.
        max_iterations: Of the L-BFGS solver.

    Raises:
        UsageError: If a setting is out of its range.
    """

    supervision: ClassVar[Supervision] = Supervision.FULL
    reads: ClassVar[Literal["features"]] = "features"
    threshold: ClassVar[float | None] = 0.5  # of a probability
    reach: ClassVar[Reach | None] = Reach()

    c: float = 1.0
    balanced: bool = False
    positive_share: float = 0.5
    max_iterations: int = 2000

    learned_: dict[str, NDArray[Any]] = field(init=False, default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not (self.c > 0 and 0 < self.positive_share <= 1 and self.max_iterations > 0):
            raise UsageError(
                "linear_probe cannot work with these settings",
                expected="c > 0, 0 < positive_share <= 1, max_iterations > 0",
                found=f"{self.c}, {self.positive_share}, {self.max_iterations}",
            )

    def fit(
        self,
        train: Sequence[Sample[Features, FrameLabels]],
        val: Sequence[Sample[Features, FrameLabels]] = (),
    ) -> Self:
        """Fit both regressions; `val` is not used.

        Raises:
            UsageError: If there is no video, or the clips are all normal or all abnormal.
        """
        del val
        if not train:
            raise UsageError("linear_probe needs at least one training video")
        x = np.concatenate([s.x.values for s in train], dtype=np.float64)
        y = np.concatenate([self._clip_labels(s) for s in train])
        if y.all() or not y.any():
            raise UsageError(
                "linear_probe needs normal and abnormal training clips",
                found=f"{int((~y).sum())} normal, {int(y.sum())} abnormal",
                remedy="choose the full split of a dataset that has both",
            )
        mean, deviation = x.mean(0), x.std(0)
        deviation[deviation < 1e-6] = np.inf  # a feature that never varies says nothing
        x = (x - mean) / deviation
        weight, bias = self._regression(x, y)
        self.learned_ = {"mean": mean, "deviation": deviation, "weight": weight[0], "bias": bias}
        categories = np.concatenate([[s.y.category or ""] * len(s.spans) for s in train])
        names = sorted(set(categories.tolist()) - {""})
        if len(names) > 1:
            known = categories != ""
            weight, bias = self._regression(x[known], categories[known])
            if len(names) == 2:  # scikit-learn keeps one row for two classes
                weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
            self.learned_ |= {
                "category_weight": weight,
                "category_bias": bias,
                "categories": np.array(names, dtype=np.str_),
            }
        return self

    def score(self, sample: Sample[Features, None]) -> Scores:
        """The probability that a clip is abnormal, for every clip."""
        if not self.learned_:
            raise UsageError("linear_probe has not been trained", remedy="call fit or restore first")
        learned = self.learned_
        x = (sample.x.values.astype(np.float64) - learned["mean"]) / learned["deviation"]
        values: FloatArray = expit(x @ learned["weight"] + learned["bias"]).astype(np.float32)
        categories = None
        if "categories" in learned:
            logits = x @ learned["category_weight"].T + learned["category_bias"]
            categories = Categories(
                sample.spans,
                softmax(logits, axis=1).astype(np.float32),
                tuple(str(name) for name in learned["categories"]),
            )
        return Scores(sample.video, sample.spans, values, categories)

    def state(self) -> State:
        """Coefficients, feature moments and category names."""
        return dict(self.learned_)

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        """Take back what `state` gave."""
        self.learned_ = dict(state)
        return self

    def _clip_labels(self, sample: Sample[Features, FrameLabels]) -> NDArray[np.bool_]:
        mask = sample.y.mask()
        return np.array([mask[a:b].mean() >= self.positive_share for a, b in sample.spans])

    def _regression(self, x: NDArray[np.float64], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        model = LogisticRegression(
            C=self.c, class_weight="balanced" if self.balanced else None, max_iter=self.max_iterations
        )
        model.fit(x, y)
        return model.coef_, model.intercept_
