"""The worst misses and the thinned curves against plain loops."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from report_example import evaluation
from sklearn.metrics import roc_auc_score

from vadlab.evaluation.result import Evaluation, Judged
from vadlab.evaluation.rules import Rules
from vadlab.report.findings import Miss, by_category, predicted, thinned, worst
from vadlab.types import FrameLabels, Scores, Video


def plain(videos: list[tuple[list[int], list[int], list[int]]]) -> Evaluation:
    """Videos of (scores, labels, counted), one number a frame."""
    judged = []
    for i, (values, abnormal, counted) in enumerate(videos):
        n = len(values)
        video = Video(f"v{i}", Path(f"v{i}"), n, Fraction(25), (8, 8))
        scores = np.array(values, dtype=np.float32)
        spans = np.array([[k, k + 1] for k in range(n)], dtype=np.int64)
        labels = FrameLabels.from_mask(np.array(abnormal))
        judged.append(Judged(labels, Scores(video, spans, scores), scores, np.array(counted, dtype=bool)))
    nothing = np.empty(0)
    return Evaluation(Rules(), {}, {}, tuple(judged), (nothing, nothing))


def brute(found: Evaluation, n: int) -> tuple[list[tuple], list[tuple]]:
    """(video, frame, score, event, share) by walking over every frame."""
    alarms, misses = [], []
    normal_scores, abnormal_scores = [], []
    for judged in found.videos:
        for frame in range(judged.labels.n_frames):
            if judged.counted[frame]:
                side = abnormal_scores if judged.labels.mask()[frame] else normal_scores
                side.append(float(judged.frame_scores[frame]))
    for judged in found.videos:
        best = None
        for frame in range(judged.labels.n_frames):
            value = float(judged.frame_scores[frame])
            if (
                judged.counted[frame]
                and not judged.labels.mask()[frame]
                and (best is None or value > best[1])
            ):
                best = (frame, value)
        if best is not None:
            share = (
                sum(s <= best[1] for s in abnormal_scores) / len(abnormal_scores) if abnormal_scores else None
            )
            alarms.append((judged.id, *best, None, share))
        lowest = None
        for start, stop in judged.labels.intervals.tolist():
            peak = None
            for frame in range(start, stop):
                value = float(judged.frame_scores[frame])
                if judged.counted[frame] and (peak is None or value > peak[1]):
                    peak = (frame, value)
            if peak is not None and (lowest is None or peak[1] < lowest[1]):
                lowest = (*peak, (start, stop))
        if lowest is not None:
            share = sum(s >= lowest[1] for s in normal_scores) / len(normal_scores) if normal_scores else None
            misses.append((judged.id, *lowest, share))
    return sorted(alarms, key=lambda a: -a[2])[:n], sorted(misses, key=lambda m: m[2])[:n]


def flat(miss: Miss) -> tuple:
    return miss.video.id, miss.frame, miss.score, miss.event, None if math.isnan(miss.share) else miss.share


@st.composite
def some_video(draw: st.DrawFn) -> tuple[list[int], list[int], list[int]]:
    n = draw(st.integers(1, 12))
    bits = st.lists(st.integers(0, 1), min_size=n, max_size=n)
    return draw(st.lists(st.integers(0, 4), min_size=n, max_size=n)), draw(bits), draw(bits)


@settings(deadline=None)
@given(st.lists(some_video(), max_size=6), st.integers(1, 4))
def test_worst_is_what_a_plain_search_finds(videos: list, n: int) -> None:
    found = plain(videos)
    false_alarms, misses = worst(found, n=n)
    expected_alarms, expected_misses = brute(found, n)
    assert [flat(miss) for miss in false_alarms] == expected_alarms
    assert [flat(miss) for miss in misses] == expected_misses


def test_worst_reads_as_a_person_would() -> None:
    found = plain(
        [
            ([1, 9, 2, 5, 6], [0, 0, 0, 1, 1], [1, 1, 1, 1, 1]),
            ([3, 3, 0, 1, 7], [0, 0, 1, 1, 0], [1, 1, 1, 1, 0]),  # the 7 is not counted
        ]
    )
    false_alarms, misses = worst(found)
    assert [(m.video.id, m.frame, m.score, m.share) for m in false_alarms] == [
        ("v0", 1, 9, 1),
        ("v1", 0, 3, 0.5),
    ]
    assert [(m.video.id, m.frame, m.event) for m in misses] == [("v1", 3, (2, 4)), ("v0", 4, (3, 5))]
    assert [m.share for m in misses] == [1, 1 / 5]


@given(
    st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=400),
    st.integers(4, 60),
)
def test_thinning_keeps_ends_extremes_and_order(values: list[float], n_points: int) -> None:
    row = np.array(values, dtype=np.float32)
    kept = thinned(row, n_points=n_points)
    assert len(kept) <= n_points
    assert (np.diff(kept) > 0).all()
    assert kept[0] == 0 and kept[-1] == len(row) - 1
    assert row[kept].max() == row.max() and row[kept].min() == row.min()
    if len(row) <= n_points:
        assert kept.tolist() == list(range(len(row)))


def test_thinning_keeps_each_narrow_peak() -> None:
    row = np.zeros(100_000, dtype=np.float32)
    peaks = np.arange(500, 100_000, 1000)
    row[peaks] = 1
    assert set(peaks) <= set(thinned(row, n_points=600).tolist())


def test_category_rows_count_what_the_videos_hold() -> None:
    found = evaluation(n=30, names=("Crash", "Fire", "Panic"))
    rows = {row.name: row for row in by_category(found)}
    assert sorted(rows) == ["Crash", "Fire", "Panic"]
    assert sum(row.n_videos for row in rows.values()) == 30
    for name, row in rows.items():
        mine = [video for video in found.videos if video.labels.category == name]
        labels = np.concatenate([video.labels.mask()[video.counted] for video in mine])
        scores = np.concatenate([video.frame_scores[video.counted] for video in mine])
        right = sum(predicted(video)[0] == name for video in mine)
        assert row.n_abnormal_videos == sum(bool(video.labels.mask().any()) for video in mine)
        assert (row.n_frames, row.n_abnormal_frames) == (len(labels), labels.sum())
        if 0 < labels.sum() < len(labels):
            assert (
                row.auc == roc_auc_score(labels, scores)
                or abs(row.auc - roc_auc_score(labels, scores)) < 1e-9
            )
        else:
            assert math.isnan(row.auc) and row.reasons["auc"]
        assert abs(row.accuracy - right / len(mine)) < 1e-9


def test_without_category_probabilities_there_is_no_prediction() -> None:
    found = evaluation(n=3, names=())
    assert [predicted(video) for video in found.videos] == [None, None, None]
    assert by_category(found) == ()
