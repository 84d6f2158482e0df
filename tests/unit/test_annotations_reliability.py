import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from vadlab.annotations.reliability import cohen_kappa, fleiss_kappa, krippendorff_alpha
from vadlab.errors import DataError

# The textbook example of Fleiss' kappa: 10 subjects, 14 raters, 5 categories; 0.210 as published.
TEXTBOOK = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]


def counts(*people: str) -> np.ndarray:
    """What each person said of each unit, a letter each, `.` for nothing."""
    labels = sorted(set("".join(people)) - {"."})
    return np.array([[unit.count(label) for label in labels] for unit in zip(*people, strict=True)])


def by_pairs(people: list[list[int | None]]) -> float:
    """Krippendorff's alpha from its definition: a matrix of coincidences, pair by pair."""
    labels = sorted({label for one in people for label in one if label is not None})
    together = np.zeros((len(labels), len(labels)))
    for unit in zip(*people, strict=True):
        said = [labels.index(label) for label in unit if label is not None]
        for a, b in itertools.permutations(said, 2):
            together[a, b] += 1 / (len(said) - 1)
    n = together.sum(axis=1)
    observed = together.sum() - np.trace(together)
    expected = (np.outer(n, n).sum() - (n**2).sum()) / (n.sum() - 1) if n.sum() > 1 else 0
    return math.nan if expected == 0 else 1 - observed / expected


def test_fleiss_textbook_example() -> None:
    assert fleiss_kappa(np.array(TEXTBOOK)) == pytest.approx(0.210, abs=5e-4)


@pytest.mark.parametrize(
    ("people", "alpha"),
    [
        # Krippendorff 2011: A, two observers and two labels; B, two observers; C, four with gaps.
        (("0100000010", "1110010000"), 0.095),
        (("aabbdcccedda", "babbbccceddd"), 0.692),
        (("123321412...", "1233224125.3", ".3332342251.", "12332441251."), 0.743),
        # Three coders, fifteen units, many gaps.
        ((".....34121133.3", "1.213343.......", "..21344.21133.4"), 0.691),
    ],
)  # fmt: skip
def test_krippendorffs_published_examples(people: tuple[str, ...], alpha: float) -> None:
    assert krippendorff_alpha(counts(*people)) == pytest.approx(alpha, abs=6e-4)


LABELS = st.integers(1, 30).flatmap(
    lambda n: st.lists(
        st.lists(st.sampled_from([0, 1, 2, None]), min_size=n, max_size=n), min_size=2, max_size=5
    )
)


@given(LABELS)
def test_alpha_is_that_of_the_pairs(people: list[list[int | None]]) -> None:
    table = np.array([[unit.count(label) for label in range(3)] for unit in zip(*people, strict=True)])
    assert krippendorff_alpha(table) == pytest.approx(by_pairs(people), nan_ok=True)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=40))
def test_cohens_kappa_is_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    first, second = zip(*pairs, strict=True)
    table = np.zeros((3, 3), dtype=np.int64)
    np.add.at(table, (first, second), 1)
    if len(set(first) | set(second)) == 1:
        assert math.isnan(cohen_kappa(table))
    else:
        assert cohen_kappa(table) == pytest.approx(cohen_kappa_score(first, second))


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=2, max_size=40))
def test_for_two_people_fleiss_is_scotts_pi(pairs: list[tuple[int, int]]) -> None:
    table = np.array([[2 - a - b, a + b] for a, b in pairs])
    share = table[:, 1].sum() / (2 * len(pairs))
    expected = share**2 + (1 - share) ** 2
    observed = np.mean([a == b for a, b in pairs])
    pi = math.nan if expected == 1 else (observed - expected) / (1 - expected)
    assert fleiss_kappa(table) == pytest.approx(pi, nan_ok=True)
    # Alpha corrects for the small sample: closed form for two people without gaps.
    alpha = 1 - (1 - pi) * (2 * len(pairs) - 1) / (2 * len(pairs))
    assert krippendorff_alpha(table) == pytest.approx(alpha, nan_ok=True)


def test_rows_with_weights_are_rows_repeated() -> None:
    weights = np.arange(1, 11)
    repeated = np.repeat(TEXTBOOK, weights, axis=0)
    assert fleiss_kappa(np.array(TEXTBOOK), weights) == pytest.approx(fleiss_kappa(repeated))
    assert krippendorff_alpha(np.array(TEXTBOOK), weights) == pytest.approx(krippendorff_alpha(repeated))


def test_billions_of_frames_do_not_overflow() -> None:
    table, weights = np.array([[5, 0], [0, 5], [2, 3]]), np.array([4, 4, 1])
    assert krippendorff_alpha(table, weights * 10**9) == pytest.approx(fleiss_kappa(table, weights))


def test_undefined_and_refused() -> None:
    assert math.isnan(fleiss_kappa(np.array([[3, 0], [3, 0]])))
    assert math.isnan(krippendorff_alpha(np.array([[1, 0], [0, 1]])))
    assert math.isnan(krippendorff_alpha(np.zeros((0, 2), np.int64)))
    assert math.isnan(cohen_kappa(np.zeros((2, 2), np.int64)))
    for table in ([[3, 0], [1, 1]], [[1, 0], [0, 1]]):
        with pytest.raises(DataError, match="same number of people"):
            fleiss_kappa(np.array(table))
