"""B is made from A by known steps; the comparison has to name those and no others."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vadlab.features.compare.crops import explain_arrays
from vadlab.features.compare.values import agreement
from vadlab.features.compare.videos import compare_video, explained, findings

Array: TypeAlias = NDArray[Any]
Change: TypeAlias = Callable[[Array], Array]

D = 48


def features(n: int = 40, *, seed: int = 0, crops: int = 0, d: int = D) -> Array:
    """Features as networks give them: not negative, slowly changing, much of them shared by all clips."""
    rng = np.random.default_rng(seed)
    shared = rng.gamma(0.5, 1, size=d) + 0.05
    slow = 0.3 * np.cumsum(rng.normal(size=(n, 6)), axis=0) @ rng.normal(size=(6, d))
    x = shared + 0.4 * slow * shared + 0.2 * rng.normal(size=(n, d))
    if crops:
        x = x[:, None] + 0.2 * rng.normal(size=(n, crops, d)) * shared
    return np.maximum(x, 0).astype(np.float32)


def kinds(a: Array, b: Array) -> list[str]:
    """What was found, which has to explain B to the last digits."""
    fit = explain_arrays(a.astype(np.float64), b.astype(np.float64))
    assert fit is not None and fit.agreement > 0.9999
    return [step.kind for step in fit.steps]


def l2(x: Array) -> Array:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def l2_halves(x: Array) -> Array:
    half = x.shape[1] // 2
    return np.concatenate([l2(x[:, :half]), l2(x[:, half:])], axis=1)


def segments(x: Array, n: int) -> Array:
    edges = np.linspace(0, len(x), n + 1).round().astype(int)
    return np.stack([x[a:b].mean(axis=0) for a, b in pairwise(edges)])


def sultani_segments(x: Array, n: int) -> Array:
    """Sultani et al.: clips numbered from 1; a segment ends before the next one's first clip."""
    edges = np.round(np.linspace(1, len(x), n + 1)).astype(int)
    rows = []
    for start, following in pairwise(edges):
        last = max(start, following - 1)
        rows.append(x[start - 1 : last].mean(axis=0))
    return np.stack(rows)


def standardised(x: Array) -> Array:
    return (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-9)


ORDER = np.random.default_rng(7).permutation(D)
SHUFFLE = np.random.default_rng(8).permutation(40)
ONE: dict[str, tuple[Change, str, list[str]]] = {
    "same": (lambda x: x, "", []),
    "late": (lambda x: x[2:], "its first 2 clips", ["offset"]),
    "cut": (lambda x: x[:-1], "its last clip", ["end"]),
    "both": (lambda x: x[1:-3], "its last 3 clips", ["offset", "end"]),
    "stride": (lambda x: x[::2], "every 2nd clip", ["stride"]),
    "phase": (lambda x: x[1::3], "every 3rd clip from clip 1 on", ["stride"]),
    "pooled": (lambda x: x.reshape(20, 2, D).mean(axis=1), "means of every 2 clips", ["pooled"]),
    "bag": (lambda x: segments(x, 32), "32 equal segments", ["segments"]),
    "bag of Sultani": (lambda x: sultani_segments(x, 9), "9 equal segments", ["segments"]),
    "reversed": (lambda x: x[::-1], "reverse order", ["reversed"]),
    "shuffled": (lambda x: x[SHUFFLE], "clips in another order", ["clips-shuffled"]),
    "l2": (l2, "L2 norm", ["l2"]),
    "l2 of halves": (l2_halves, "each half", ["l2-halves"]),
    "scale": (lambda x: x / 255, "(1/255)", ["scale"]),
    "bias": (lambda x: x - 0.25, "plus -0.25", ["bias"]),
    "scale and bias": (lambda x: 0.5 * x + 3, "times 0.5, plus 3", ["scale-bias"]),
    "root": (np.sqrt, "square root", ["sqrt"]),
    "square": (np.square, "squared", ["square"]),
    "standardised": (standardised, "every column scaled", ["columns-scaled"]),
    "swapped": (
        lambda x: np.roll(x, D // 2, axis=1),
        f"halves of {D // 2} columns swapped",
        ["halves-swapped"],
    ),
    "one half": (lambda x: x[:, : D // 2], "first half", ["first-half"]),
    "columns": (lambda x: x[:, ORDER], "columns in another order", ["columns-permuted"]),
}


@pytest.mark.parametrize("name", ONE)
def test_one_change_is_named(name: str) -> None:
    change, text, expected = ONE[name]
    a = features()
    b = change(a).astype(np.float32)
    assert kinds(a, b) == expected
    told = findings([explained(compare_video("v", a, b, tolerance=0), a, b, streams={"rgb": D})])
    assert text in (told[0] if told else "")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("late", ["offset"]),
        ("stride", ["stride-undone"]),
        ("pooled", ["pooled-undone"]),
        ("bag", ["segments-undone"]),
        ("l2", ["l2-undone"]),
        ("root", ["square"]),
        ("scale", ["scale"]),
        ("swapped", ["halves-swapped"]),
        ("one half", ["first-half-undone"]),
        ("columns", ["columns-permuted"]),
    ],
)
def test_the_same_change_the_other_way(name: str, expected: list[str]) -> None:
    b = features()
    assert kinds(ONE[name][0](b).astype(np.float32), b) == expected


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    columns=st.sampled_from(["", "halves-swapped"]),
    clips=st.sampled_from(["", "offset", "stride", "segments"]),
    values=st.sampled_from(["", "l2", "scale", "sqrt", "scale-bias"]),
    shift=st.integers(1, 5),
)
def test_changes_together_are_named_in_order(
    seed: int, columns: str, clips: str, values: str, shift: int
) -> None:
    a = features(seed=seed)
    b = a
    if columns:
        b = np.roll(b, D // 2, axis=1)
    if clips:
        b = {"offset": b[shift:], "stride": b[:: shift + 1], "segments": segments(b, 7)}[clips]
    if values:
        b = {"l2": l2(b), "scale": b * 3, "sqrt": np.sqrt(b), "scale-bias": 2 * b - 1}[values]
    assert kinds(a, b.astype(np.float32)) == [step for step in (columns, clips, values) if step]


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000), st.integers(2, 60), st.integers(2, 60))
def test_features_that_have_nothing_in_common_are_not_explained(seed: int, n: int, m: int) -> None:
    a, b = features(n, seed=seed), features(m, seed=seed + 20_000)
    one = explained(compare_video("v", a, b, tolerance=1e-4), a, b, streams={})
    assert not one.equal and not one.is_explained
    assert findings([one])[0].startswith("no explanation found")


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10_000))
def test_another_network_on_the_same_video_is_not_explained(seed: int) -> None:
    """Its clips change when the others do, but no column is one of theirs."""
    a = features(seed=seed)
    mix = np.random.default_rng(seed).normal(size=(D, D)) / np.sqrt(D)
    b = np.maximum(a @ mix, 0).astype(np.float32)
    assert not explained(compare_video("v", a, b, tolerance=1e-4), a, b, streams={}).is_explained


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10_000), st.sampled_from(["", "l2", "offset"]))
def test_an_order_of_crops_is_found(seed: int, other: str) -> None:
    a = features(12, seed=seed, crops=5)
    order = np.random.default_rng(seed).permutation(5)
    b = a[:, order]
    b = {"": b, "l2": l2(b), "offset": b[1:]}[other]
    crops = [] if (order == np.arange(5)).all() else ["crops-permuted"]
    assert kinds(a, b) == crops + ([other] if other else [])


CROPS: dict[str, tuple[Change, str, list[str]]] = {
    "one": (lambda x: x[:, 3], "crop 3 of its 10", ["crop-one"]),
    "mean": (lambda x: x.mean(axis=1), "averaged over its 10 crops", ["crop-mean"]),
    "five": (lambda x: x[:, :5], "crops 0, 1, 2, 3, 4 of 10", ["crop-some"]),
    "centre": (
        lambda x: x[:, [4, 0, 1, 2, 3, 9, 5, 6, 7, 8]],
        "the centre first, then the corners", ["crops-permuted"],
    ),
    "corners": (
        lambda x: x[:, [1, 2, 3, 4, 0, 6, 7, 8, 9, 5]],
        "the corners first, then the centre", ["crops-permuted"],
    ),
    "mirrored": (
        lambda x: x[:, [5, 6, 7, 8, 9, 0, 1, 2, 3, 4]], "the mirrored ones first", ["crops-permuted"],
    ),
    "swapped axes": (lambda x: x.swapaxes(0, 1), "axes of clips and crops swapped", ["axes-swapped"]),
    "mixed up": (lambda x: x.reshape(10, 12, D), "reshaped, not transposed", ["axes-reshaped"]),
    "columns": (lambda x: x.reshape(12, -1), "side by side", ["crops-to-columns"]),
    "mean and l2": (lambda x: l2(x.mean(axis=1)), "L2 norm", ["crop-mean", "l2"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CROPS)
def test_what_was_done_to_crops_is_named(name: str) -> None:
    change, text, expected = CROPS[name]
    a = features(12, crops=10)
    b = change(a).astype(np.float32)
    assert kinds(a, b) == expected
    assert text in findings([explained(compare_video("v", a, b, tolerance=0), a, b, streams={})])[0]


@pytest.mark.parametrize(
    ("change", "expected"),
    [(lambda x: x.mean(axis=1), "crop-mean-undone"), (lambda x: x[:, 2], "crop-one-undone")],
)
def test_crops_that_only_b_has(change: Change, expected: str) -> None:
    b = features(12, crops=10)
    assert kinds(change(b).astype(np.float32), b) == [expected]


def test_nan_and_float16_are_told_besides() -> None:
    a = features()
    b = a.astype(np.float16).astype(np.float32)
    one = explained(compare_video("v", a, b, tolerance=1e-5), a, b, streams={})
    assert findings([one])[0].startswith("B is A but for rounding to float16")
    assert one.types == ("float32", "float16") and not one.equal
    assert compare_video("v", a, b, tolerance=1e-2).equal
    c = l2(a)
    c[5] = np.nan
    told = findings([explained(compare_video("v", a, c, tolerance=1), a, c, streams={})])
    assert "L2 norm" in told[0] and "B has NaN or infinity in 1 video, such as v; rows: 1" in told


def test_small_noise_is_called_so() -> None:
    a = features()
    b = a + (1e-3 * np.random.default_rng(1).normal(size=a.shape)).astype(np.float32)
    told = findings([explained(compare_video("v", a, b, tolerance=1e-4), a, b, streams={})])
    assert "another machine, engine or decoder" in told[0]


def test_a_stream_of_its_own_is_told_where_the_whole_is_not_explained() -> None:
    """The same RGB features, and flow of another method."""
    a, other = features(), features(seed=1)
    b = np.concatenate([a[:, : D // 2], other[:, D // 2 :]], axis=1)
    told = findings(
        [explained(compare_video("v", a, b, tolerance=1e-4), a, b, streams={"rgb": 24, "flow": 24})]
    )
    assert told[0] == "explained in part: rgb (columns 0 to 23) alone is the same in 1 video"
    assert told[1].startswith("no explanation found")


def test_columns_of_another_network() -> None:
    a, b = features(), features(d=D + 2)
    told = findings([explained(compare_video("v", a, b, tolerance=1e-4), a, b, streams={})])
    assert told[0] == "no explanation found: 48 columns against 50 in 1 video; another network or stream"


@pytest.mark.parametrize("n", [1, 2, 3])
def test_videos_of_a_clip_or_two(n: int) -> None:
    a = features(n)
    assert kinds(a, l2(a)) == ["l2"] and kinds(a, a) == []
    b = features(n, seed=1)
    assert not explained(compare_video("v", a, b, tolerance=1e-4), a, b, streams={}).is_explained


def test_the_commonest_explanation_comes_first() -> None:
    pairs = [(features(seed=i), change) for i, change in enumerate([l2, l2, lambda x: x[1:]])]
    videos = []
    for number, (a, change) in enumerate(pairs):
        b = change(a)
        videos.append(explained(compare_video(str(number), a, b, tolerance=1e-4), a, b, streams={}))
    told = findings(videos)
    assert "L2 norm" in told[0] and "in 2 of 3 videos looked into" in told[0]
    assert "its first clip" in told[1] and "in 1 of 3 videos looked into" in told[1]
    assert findings([compare_video("v", features(), features(), tolerance=0)]) == []


def test_agreement_against_a_slow_loop() -> None:
    rng = np.random.default_rng(0)
    y, x = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    rest = sum((y[i, j] - x[i, j]) ** 2 for i in range(5) for j in range(3))
    around = sum((y[i, j] - sum(y[:, j]) / 5) ** 2 for i in range(5) for j in range(3))
    assert agreement(x, y) == pytest.approx(1 - rest / around)
