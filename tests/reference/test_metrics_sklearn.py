"""The ranking figures against scikit-learn, with ties, large scores and both class balances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from vadlab.evaluation import metrics

CASES = st.integers(2, 60).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.bool_, n),
        hnp.arrays(
            np.float32, n, elements=st.floats(-1000, 1000, width=32).map(lambda x: np.float32(round(x, 1)))
        ),
    )
)


@given(CASES)
def test_small_cases(case: tuple[np.ndarray, np.ndarray]) -> None:
    labels, scores = case
    assume(labels.any() and not labels.all())
    assert metrics.roc_auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    expected = average_precision_score(labels, scores)
    assert metrics.average_precision(labels, scores) == pytest.approx(expected, abs=1e-12)
    precision, recall, _ = precision_recall_curve(labels, scores)
    assert metrics.pr_auc_trapezoid(labels, scores) == pytest.approx(auc(recall, precision), abs=1e-12)
    assert auc(*metrics.roc_curve(labels, scores)) == pytest.approx(roc_auc_score(labels, scores))
    # The curve as a function of fpr + tpr, which grows along it; errors are equal where that is 1.
    false_rates, true_rates, _ = roc_curve(labels, scores, drop_intermediate=False)
    equal = np.interp(1, false_rates + true_rates, false_rates)
    assert metrics.eer(labels, scores) == pytest.approx(equal, abs=1e-9)


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("n_distinct", [1, 50, 10**9])
def test_many_frames(share: float, n_distinct: int) -> None:
    rng = np.random.default_rng(3)
    labels = rng.random(200_000) < share
    scores = (np.floor(rng.random(200_000) * n_distinct) + labels * (n_distinct > 1)).astype(np.float32)
    assert metrics.roc_auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    expected = average_precision_score(labels, scores)
    assert metrics.average_precision(labels, scores) == pytest.approx(expected, abs=1e-12)


@given(
    st.integers(1, 30).flatmap(
        lambda n: st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), min_size=n)
    )
)
def test_probabilistic_labels_against_frames_that_come_twice(frames: list[tuple[int, int]]) -> None:
    """k of 5 annotators: the frame once as abnormal with weight k/5, once as normal with the rest."""
    votes, scores = np.array(frames).T
    probabilities, scores = votes / 5, scores.astype(np.float32)
    assume(0 < probabilities.sum() < len(frames))
    labels = np.repeat([True, False], len(frames))
    twice, weights = np.tile(scores, 2), np.concatenate([probabilities, 1 - probabilities])
    kept = weights > 0
    expected = roc_auc_score(labels[kept], twice[kept], sample_weight=weights[kept])
    assert metrics.prob_auc(probabilities, scores) == pytest.approx(expected)
    expected = average_precision_score(labels[kept], twice[kept], sample_weight=weights[kept])
    assert metrics.prob_ap(probabilities, scores) == pytest.approx(expected)


def test_scores_far_outside_0_to_1_are_ranked_as_they_are() -> None:
    # Some libraries squash such scores by a sigmoid first, and all become equal.
    rng = np.random.default_rng(4)
    labels = rng.random(5000) < 0.2
    scores = (98 + rng.standard_normal(5000) + 2 * labels).astype(np.float32)
    expected = roc_auc_score(labels, scores)
    assert expected > 0.9
    assert metrics.roc_auc(labels, scores) == pytest.approx(expected, abs=1e-12)
