"""Metrics against closed forms and pair counts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vadlab.errors import DataError
from vadlab.evaluation import metrics
from vadlab.evaluation.ranking import rank, rank_weighted

# Few distinct scores, so that ties are common.
CASES = st.integers(1, 40).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.bool_, n),
        hnp.arrays(np.float32, n, elements=st.sampled_from([-2.0, 0.0, 0.25, 0.5, 1.0, 3e30])),
    )
)


@given(CASES)
def test_auc_is_the_share_of_pairs_in_the_right_order(case: tuple[np.ndarray, np.ndarray]) -> None:
    labels, scores = case
    pairs = [(a > b) + (a == b) / 2 for a in scores[labels] for b in scores[~labels]]
    auc = metrics.roc_auc(labels, scores)
    assert math.isnan(auc) if not pairs else auc == pytest.approx(sum(pairs) / len(pairs), abs=1e-12)


@given(CASES)
def test_inverted_scores_give_one_minus_the_auc(case: tuple[np.ndarray, np.ndarray]) -> None:
    labels, scores = case
    auc = metrics.roc_auc(labels, scores)
    assert metrics.roc_auc(labels, -scores) == pytest.approx(1 - auc, nan_ok=True)
    assert metrics.roc_auc(~labels, scores) == pytest.approx(1 - auc, nan_ok=True)


@given(CASES)
def test_the_figures_depend_on_the_order_of_the_scores_only(case: tuple[np.ndarray, np.ndarray]) -> None:
    labels, scores = case
    ranks = np.unique(scores, return_inverse=True)[1].astype(np.float32)
    for figure in (metrics.roc_auc, metrics.average_precision, metrics.pr_auc_trapezoid, metrics.eer):
        for moved in (ranks, np.exp(ranks), -3 + ranks**3):
            assert figure(labels, moved) == pytest.approx(figure(labels, scores), nan_ok=True)


@given(CASES)
def test_errors_stay_equal_when_labels_and_scores_are_both_inverted(
    case: tuple[np.ndarray, np.ndarray],
) -> None:
    labels, scores = case
    assert metrics.eer(~labels, -scores) == pytest.approx(metrics.eer(labels, scores), nan_ok=True)


@given(CASES)
def test_the_curve_has_the_area_of_the_counted_pairs(case: tuple[np.ndarray, np.ndarray]) -> None:
    labels, scores = case
    expected = metrics.roc_auc(labels, scores)
    assert float(rank(labels, scores).auc()) == pytest.approx(expected, nan_ok=True, abs=1e-12)
    weighted = rank_weighted(labels, ~labels, scores)
    assert float(weighted.auc()) == pytest.approx(expected, nan_ok=True, abs=1e-12)
    assert float(weighted.average_precision()) == pytest.approx(
        metrics.average_precision(labels, scores), nan_ok=True
    )


def test_a_good_detector_scores_above_one_half() -> None:
    labels, scores = np.array([False, False, True]), np.float32([0.1, 0.2, 0.9])
    assert metrics.roc_auc(labels, scores) == 1
    assert metrics.average_precision(labels, scores) == 1
    assert metrics.eer(labels, scores) == 0


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([], "no frame is counted"),
        ([True, True], "no normal frame is counted"),
        ([False], "no abnormal frame is counted"),
    ],
)
def test_one_class_is_nan_with_a_reason(labels: list[bool], reason: str) -> None:
    array, scores = np.array(labels, dtype=bool), np.arange(len(labels), dtype=np.float32)
    assert metrics.why_undefined(array) == reason
    for figure in (metrics.roc_auc, metrics.average_precision, metrics.pr_auc_trapezoid, metrics.eer):
        assert math.isnan(figure(array, scores))
    assert all(len(rates) == 0 for rates in metrics.roc_curve(array, scores))


def test_two_classes_need_no_reason() -> None:
    assert metrics.why_undefined(np.array([True, False])) is None


@pytest.mark.parametrize(
    ("labels", "scores", "expected"),
    [
        ([0, 0, 1, 1], [1, 1, 1, 1], 0.5),  # no skill: the diagonal
        ([0, 0, 1, 1], [3, 4, 1, 2], 1.0),  # all wrong
        ([0, 1, 0, 1], [1, 2, 3, 4], 0.5),  # a step exactly on the line of equal errors
        # The curve is (0, 0) (0, 3/4) (1/2, 1) (1, 1); its middle piece has fpr + tpr = 1 at a sixth.
        ([1, 1, 1, 1, 0, 0], [3, 3, 3, 2, 2, 1], 1 / 6),
    ],
)
def test_eer_closed_forms(labels: list[int], scores: list[float], expected: float) -> None:
    assert metrics.eer(np.array(labels, dtype=bool), np.float32(scores)) == pytest.approx(expected)


def test_eer_of_two_normal_distributions() -> None:
    # Two unit normals d apart have equal errors at the middle: the normal tail beyond d / 2.
    rng = np.random.default_rng(0)
    labels = np.arange(200_000) % 2 == 1
    scores = (rng.standard_normal(200_000) + 2 * labels).astype(np.float32)
    assert metrics.eer(labels, scores) == pytest.approx(0.5 * math.erfc(1 / math.sqrt(2)), abs=3e-3)
    # Their AUC is the chance that a difference with mean d and variance 2 is positive.
    assert metrics.roc_auc(labels, scores) == pytest.approx(0.5 * math.erfc(-1), abs=3e-3)


def test_a_thinned_curve_keeps_its_ends_and_its_area() -> None:
    rng = np.random.default_rng(1)
    labels = rng.random(20_000) < 0.3
    scores = (rng.random(20_000) + 0.4 * labels).astype(np.float32)
    false_rates, true_rates = metrics.roc_curve(labels, scores, max_points=200)
    assert 100 < len(false_rates) <= 200
    assert (false_rates[0], true_rates[0], false_rates[-1], true_rates[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(true_rates, false_rates) == pytest.approx(metrics.roc_auc(labels, scores), abs=1e-3)


def test_far_counts_a_score_at_the_threshold() -> None:
    scores = np.float32([0.1, 0.5, 0.7, 0.49])
    assert metrics.far_at(scores, 0.5) == 0.5
    assert math.isnan(metrics.far_at(scores[:0], 0.5))


def test_a_perfect_order_of_doubtful_frames_stays_below_1() -> None:
    # Weights: abnormal .8 and .2, normal .2 and .8; of the pairs .64 are right, .04 wrong, .32 tied.
    assert metrics.prob_auc(np.array([0.8, 0.2]), np.float32([2, 1])) == pytest.approx(0.64 + 0.16)
    assert metrics.prob_auc(np.array([1.0, 0.0]), np.float32([2, 1])) == 1
    assert math.isnan(metrics.prob_auc(np.array([1.0, 1.0]), np.float32([2, 1])))
    with pytest.raises(DataError, match="out of range"):
        metrics.prob_auc(np.array([0.5, 1.5]), np.float32([2, 1]))


def test_confusion_has_the_true_class_in_rows() -> None:
    counts = metrics.confusion(np.array([0, 0, 2]), np.array([1, 0, 2]), 3)
    assert counts.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]
    assert metrics.accuracy(np.array([0, 0, 2]), np.array([1, 0, 2])) == pytest.approx(2 / 3)
    assert math.isnan(metrics.accuracy(np.array([]), np.array([])))


def test_nan_scores_and_unequal_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="NaN"):
        metrics.roc_auc(np.array([True, False]), np.float32([np.nan, 1]))
    with pytest.raises(DataError, match="do not fit"):
        metrics.roc_auc(np.array([True, False]), np.float32([1]))
