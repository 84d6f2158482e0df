"""Judge frame scores that you have as an array, under rules with a name; no detector and no files.

python examples/judge_scores.py
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from vadlab.evaluation.evaluate import evaluate
from vadlab.evaluation.result import Evaluation
from vadlab.evaluation.rules import get
from vadlab.types import FrameLabels, Scores, Video


def judge(values: np.ndarray, spans: list[tuple[int, int]], *, rules: str = "strict") -> Evaluation:
    """One score a frame against abnormal spans (half-open, 0-based)."""
    n = len(values)
    video = Video("a", Path("a.mp4"), n, Fraction(25), (320, 240))
    frames = np.arange(n)
    scores = Scores(video, np.stack([frames, frames + 1], axis=1), values.astype(np.float32))
    return evaluate([(scores, FrameLabels.from_spans(spans, n))], get(rules))


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    values = rng.random(200)
    values[80:120] += 0.4
    found = judge(values, [(80, 120)])
    for name, value in found.metrics.items():
        print(name, "undefined: " + found.reasons[name] if np.isnan(value) else f"{value:.4f}")
