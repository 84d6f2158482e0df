"""Intervals against evaluating the drawn videos anew."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vadlab.evaluation import bootstrap
from vadlab.evaluation.bootstrap import intervals
from vadlab.evaluation.evaluate import evaluate
from vadlab.evaluation.result import Evaluation
from vadlab.evaluation.rules import Rules, get
from vadlab.types import Categories, FrameLabels, Scores, Video

N = 60


def inputs(*, distinct: int, n_videos: int = 8) -> tuple[list[tuple[Scores, FrameLabels]], dict[str, Any]]:
    """Videos of 60 frames with categories and annotators' means; every third is normal."""
    rng = np.random.default_rng(5)
    names = ("Crash", "Fire")
    pairs, means = [], {}
    for index in range(n_videos):
        mask = np.zeros(N)
        if index % 3:
            mask[10 : 20 + 3 * index] = 1
        smooth = np.repeat(rng.random(N // 10), 10) * 0.6
        values = np.floor((smooth + 0.4 * mask) * distinct) / distinct
        spans = np.stack([np.arange(N), np.arange(N) + 1], axis=1)
        share = rng.random((4, 1))
        categories = Categories(
            spans[:60:15] * [1, 15], np.hstack([share, 1 - share]).astype(np.float32), names
        )
        video = Video(f"v{index}", Path("v"), N, Fraction(5), (4, 4))
        pairs.append(
            (
                Scores(video, spans, values.astype(np.float32), categories),
                FrameLabels.from_mask(mask, category=names[index % 2]),
            )
        )
        means[video.id] = mask * rng.integers(3, 6) / 5
    return pairs, means


def drawn_metrics(
    pairs: list[tuple[Scores, FrameLabels]], means: dict[str, Any], times: np.ndarray, rules: Rules
) -> dict[str, float]:
    """The figures of a draw, each copy of a video as a video of its own."""
    copies, of_copies = [], {}
    for (scores, labels), n in zip(pairs, times, strict=True):
        for copy in range(n):
            video = dataclasses.replace(scores.video, id=f"{scores.video.id}-{copy}")
            copies.append((dataclasses.replace(scores, video=video), labels))
            of_copies[video.id] = means[scores.video.id]
    return evaluate(copies, rules, group=20, probabilities=of_copies).metrics


@pytest.mark.parametrize(
    "rules",
    [
        get("strict"),
        get("lad-code"),
        get("macro-pad"),
        Rules(average="macro", frames="abnormal-videos"),
        get("ffp"),
    ],
)
@pytest.mark.parametrize("distinct", [4, 1000])
def test_every_interval_equals_evaluating_the_drawn_videos(distinct: int, rules: Rules) -> None:
    pairs, means = inputs(distinct=distinct)
    found = evaluate(pairs, rules, group=20, probabilities=means)
    draws = np.random.default_rng(7).multinomial(8, np.full(8, 1 / 8), size=40)
    each = [drawn_metrics(pairs, means, times, rules) for times in draws]
    bounds = intervals(found, n=40, seed=7, level=0.8)
    expected = [name for name in found.metrics if not name.startswith("n_") and name not in found.reasons]
    assert list(bounds) == expected
    for name, bound in bounds.items():
        if name == "map@0.1:0.5":
            continue  # below: a draw may lack a category
        values = np.array([metrics[name] for metrics in each])
        values = values[~np.isnan(values)]
        assert bound == pytest.approx(tuple(np.quantile(values, [0.1, 0.9])), abs=1e-9), name


def test_map_of_draws_is_over_the_categories_that_have_events() -> None:
    pairs, means = inputs(distinct=1000)
    found = evaluate(pairs, get("strict"), probabilities=means)
    draws = np.random.default_rng(7).multinomial(8, np.full(8, 1 / 8), size=40)
    values = [drawn_metrics(pairs, means, times, get("strict"))["map@0.1:0.5"] for times in draws]
    low, high = intervals(found, n=40, seed=7, level=0.8)["map@0.1:0.5"]
    assert (low, high) == pytest.approx(tuple(np.nanquantile(values, [0.1, 0.9])), abs=1e-9)
    assert low < high


def many_scores() -> Evaluation:
    rng = np.random.default_rng(1)
    pairs = []
    for index in range(12):
        mask = np.arange(2000) // 500 == index % 4
        video = Video(f"v{index}", Path("v"), 2000, Fraction(25), (4, 4))
        spans = np.stack([np.arange(2000), np.arange(2000) + 1], axis=1)
        values = (rng.normal(size=2000) + rng.normal() + mask).astype(np.float32)
        pairs.append((Scores(video, spans, values), FrameLabels.from_mask(mask)))
    return evaluate(pairs, get("strict"))


def test_binning_many_scores_hardly_moves_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    found = many_scores()
    binned = intervals(found, n=50)
    monkeypatch.setattr(bootstrap, "_BINS", 10**6)
    exact = intervals(found, n=50)
    for name in ("auc", "ap", "pr_auc", "eer", "auc_abnormal_only"):
        assert binned[name] != exact[name]
        assert binned[name] == pytest.approx(exact[name], abs=5e-4), name


def test_an_interval_repeats_with_its_seed_and_encloses_the_figure() -> None:
    found = many_scores()
    bounds = intervals(found, n=200)
    assert bounds == intervals(found, n=200)
    assert bounds["auc"] != intervals(found, n=200, seed=1)["auc"]
    assert bounds["auc"][0] < found.metrics["auc"] < bounds["auc"][1]


def test_undefined_figures_and_one_video_have_no_interval() -> None:
    pairs, _ = inputs(distinct=10)
    normal = evaluate([pairs[0], pairs[3]], get("strict"))
    assert "auc" not in intervals(normal, n=10)
    assert "far_all" in intervals(normal, n=10)
    assert intervals(evaluate(pairs[:1], get("strict"))) == {}
