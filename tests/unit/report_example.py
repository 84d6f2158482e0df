"""An evaluation made up for the report's tests: LAD's 14 categories, every score drawn from a seed."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from vadlab.evaluation.evaluate import evaluate
from vadlab.evaluation.result import Evaluation
from vadlab.evaluation.rules import Rules
from vadlab.spans import windows as spans_of
from vadlab.types import Categories, FrameLabels, Scores, Video

NAMES = (
    "Crash", "Crowd", "Destroy", "Drop", "FallIntoWater", "Falling", "Fighting",
    "Fire", "Hurt", "Loitering", "Panic", "Thiefing", "Trampled", "Violence",
)  # fmt: skip
LAD_CODE = Rules(name="lad-code", tail="drop-group", group=80)


def video(
    rng: np.random.Generator,
    index: int,
    *,
    names: tuple[str, ...] = NAMES,
    abnormal: bool = True,
    video_id: str | None = None,
    n_frames: int | None = None,
) -> tuple[Scores, FrameLabels]:
    """One answer with its labels: scores rise over most events, with a false alarm now and then."""
    n = n_frames or int(rng.integers(150, 1500))
    category = names[index % len(names)] if names else None
    name = video_id or f"{category or 'scene'}/{'abnormal' if abnormal else 'normal'}_{index:03d}"
    film = Video(name, Path(f"{name}.mp4"), n, Fraction(30000, 1001), (320, 240))
    spans = []
    if abnormal:
        starts = np.sort(rng.integers(n // 8, 7 * n // 8, size=int(rng.integers(1, 3))))
        spans = [(int(s), int(min(n, s + max(8, n // 9)))) for s in starts]
    labels = FrameLabels.from_spans(spans, n, category=category)
    knots = rng.normal(0.2, 0.09, size=n // 40 + 2)
    values = np.interp(np.arange(n), np.linspace(0, n, len(knots)), knots) + rng.normal(0, 0.015, n)
    for start, stop in labels.intervals:
        height = rng.choice([0.55, 0.4, 0.02], p=[0.6, 0.25, 0.15])
        middle, width = (start + stop) / 2, (stop - start) / 1.9
        values += height * np.exp(-(((np.arange(n) - middle) / width) ** 4))
    if rng.random() < 0.3:
        values += 0.45 * np.exp(-(((np.arange(n) - rng.integers(n)) / (n / 30)) ** 2))
    frame_scores = np.clip(values, 0.01, 0.99).astype(np.float32)
    windows = spans_of(n, 80, 80, tail="pad")
    categories = None
    if names:
        logits = rng.normal(0, 1, (len(windows), len(names)))
        logits[:, index % len(names)] += rng.choice([3.0, 0.5])
        exp = np.exp(logits)
        categories = Categories(windows, (exp / exp.sum(1, keepdims=True)).astype(np.float32), names)
    every = spans_of(n, 1, 1)
    return Scores(film, every, frame_scores, categories), labels


def evaluation(
    *,
    n: int = 20,
    seed: int = 7,
    names: tuple[str, ...] = NAMES,
    normal_only: bool = False,
    rules: Rules = LAD_CODE,
    ids: dict[int, str] | None = None,
) -> Evaluation:
    """`n` videos, every third of them normal; the last frames that fill no group of 80 are not counted."""
    rng = np.random.default_rng(seed)
    ids = ids or {}
    pairs = []
    for i in range(n):
        abnormal = not normal_only and i % 3 != 2
        pairs.append(video(rng, i, names=names, abnormal=abnormal, video_id=ids.get(i)))
    return evaluate(pairs, rules)
