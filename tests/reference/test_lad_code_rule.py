"""The preset `lad-code` against the LAD authors' evaluation, written out frame by frame.

What their release does, in words: a video of N clips of 16 frames is completed to a multiple of K clips by
its last clip. Each window of K clips, at a stride of one clip, scores the 16 K frames from its first clip
on. A frame's score is the highest of those that cover it, none being below 0. If anything was completed,
the last group of K clips is not evaluated; a video of fewer than K clips is not evaluated at all. The AUC
is that of all evaluated frames in one list; false alarms are scores from 0.5 on; the category is judged
window by window, completed ones included.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from vadlab.evaluation.evaluate import evaluate
from vadlab.evaluation.rules import get
from vadlab.types import Categories, FrameLabels, Scores, Video

M = 16
NAMES = ("Crash", "Fire", "Panic")


def authors_frames(windows: list[list[float]], n_clips: int, k: int) -> list[float]:
    """The scores that are evaluated, from (windows, 16 K) scores."""
    completed = n_clips if n_clips % k == 0 else n_clips + k - n_clips % k
    frames = [0.0] * (completed * M)
    for index, window in enumerate(windows):
        for offset, score in enumerate(window):
            frame = index * M + offset
            if score > frames[frame]:
                frames[frame] = score
    if completed != n_clips:
        frames = frames[: (completed - k) * M]
    return frames


def count_pairs(labels: list[int], scores: list[float]) -> float:
    """The AUC by walking through the scores from the lowest, counting normal frames passed."""
    order = sorted(range(len(scores)), key=lambda i: scores[i])
    below, right, index = 0, 0.0, 0
    while index < len(order):
        tied = [i for i in order[index:] if scores[i] == scores[order[index]]]
        n_normal = sum(1 - labels[i] for i in tied)
        right += (len(tied) - n_normal) * (below + n_normal / 2)
        below += n_normal
        index += len(tied)
    return right / (sum(labels) * (len(labels) - sum(labels)))


def video(
    rng: np.random.Generator, name: str, n_frames: int, k: int, *, decimals: int
) -> tuple[Scores, FrameLabels, list[list[float]]]:
    """Random scores of every window as a detector hands them over, and as they were."""
    n_clips = n_frames // M
    completed = -(-n_clips // k) * k
    windows = rng.random((completed - k + 1, k * M)).round(decimals).astype(np.float32)
    spans, values = [], []
    for index in range(len(windows)):
        for offset in range(k * M):
            if index * M + offset < n_clips * M:
                spans.append((index * M + offset, index * M + offset + 1))
                values.append(windows[index, offset])
    share = rng.random((len(windows), len(NAMES)))
    share = (share / share.sum(axis=1, keepdims=True)).astype(np.float32)
    window_spans = [(min(i, n_clips - 1) * M, min(i + k, n_clips) * M) for i in range(len(windows))]
    mask = np.zeros(n_frames)
    if rng.random() < 0.7:
        start = rng.integers(0, n_frames - 1)
        mask[start : start + rng.integers(1, n_frames)] = 1
    scores = Scores(
        Video(name, Path(name), n_frames, Fraction(25), (4, 4)),
        np.array(spans),
        np.array(values, dtype=np.float32),
        Categories(np.array(window_spans), share, NAMES),
    )
    category = NAMES[int(rng.integers(len(NAMES)))]
    return scores, FrameLabels.from_mask(mask, category=category), windows.tolist()


@pytest.mark.parametrize("k", [1, 2, 5, 10])
@pytest.mark.parametrize("decimals", [1, 9])
@pytest.mark.parametrize("seed", range(3))
def test_random_scores_of_many_lengths(k: int, decimals: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    lengths = [*rng.integers(M, 12 * M, size=10), k * M, k * M + 15, 2 * k * M - 1, M, 3 * k * M + 1]
    videos = [video(rng, f"v{i}", int(n), k, decimals=decimals) for i, n in enumerate(lengths)]
    found = evaluate([(scores, labels) for scores, labels, _ in videos], get("lad-code"), group=k * M)

    labels_all: list[int] = []
    scores_all: list[float] = []
    labels_abnormal: list[int] = []
    scores_abnormal: list[float] = []
    normal_videos: list[float] = []
    abnormal_videos: list[float] = []
    n_windows = n_right = 0
    for scores, labels, windows in videos:
        frames = authors_frames(windows, scores.video.n_frames // M, k)
        truth = labels.mask().astype(int).tolist()[: len(frames)]
        labels_all += truth
        scores_all += frames
        if labels.abnormal:
            labels_abnormal += truth
            scores_abnormal += frames
        false = [score for score, label in zip(frames, truth, strict=True) if not label]
        (abnormal_videos if labels.abnormal else normal_videos).extend(false)
        assert scores.categories is not None
        for row in scores.categories.probabilities.tolist():
            n_windows += 1
            n_right += NAMES[row.index(max(row))] == labels.category

    def far(scores: list[float]) -> float:
        return sum(score >= 0.5 for score in scores) / len(scores)

    assert found.metrics["n_frames"] == len(scores_all)
    assert found.metrics["auc"] == pytest.approx(count_pairs(labels_all, scores_all), abs=1e-12)
    expected = count_pairs(labels_abnormal, scores_abnormal)
    assert found.metrics["auc_abnormal_only"] == pytest.approx(expected, abs=1e-12)
    assert found.metrics["far_normal_videos"] == pytest.approx(far(normal_videos), abs=1e-12)
    assert found.metrics["far_abnormal_videos"] == pytest.approx(far(abnormal_videos), abs=1e-12)
    assert found.metrics["far_all"] == pytest.approx(far(normal_videos + abnormal_videos), abs=1e-12)
    assert found.metrics["accuracy_windows"] == pytest.approx(n_right / n_windows, abs=1e-12)
