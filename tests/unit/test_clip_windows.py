"""Windows of clips: which are drawn, and what they hold, against loops over frames."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from vadlab.clip_windows import ClipWindows, Draw, Window
from vadlab.errors import UsageError
from vadlab.spans import Tail, windows
from vadlab.types import Features, FrameLabels, Sample, Video

M = 16


def sample(
    n_frames: int,
    abnormal: tuple[int, int] | None = None,
    *,
    name: str = "v",
    category: str | None = "Fire",
    tail: Tail = "drop",
) -> Sample[Features, FrameLabels]:
    """Row j of the features holds the clip's number, from 1, so that windows can be recognised."""
    spans = windows(n_frames, M, M, tail=tail)
    values = np.repeat(np.arange(1, len(spans) + 1, dtype=np.float32)[:, None], 3, axis=1)
    video = Video(name, Path(name), n_frames, Fraction(25), (8, 8))
    labels = FrameLabels.from_spans([abnormal] if abnormal else [], n_frames, category=category)
    return Sample(video, spans, Features(values), labels)


def cut(*samples: Sample[Features, FrameLabels], k: int = 5, zero_padded: bool = False) -> ClipWindows:
    return ClipWindows(samples, k=k, clip_length=M, categories=("Fire", "Smoke"), zero_padded=zero_padded)


@pytest.mark.parametrize("tail", ["drop", "pad", "shift"])
@pytest.mark.parametrize("n_frames", [9, 16, 40, 87, 123])
def test_labels_are_those_of_the_frames(tail: Tail, n_frames: int) -> None:
    one = sample(n_frames, (5, n_frames - 3), tail=tail)
    found = cut(one)
    mask = one.y.mask()
    chosen = found.all()
    assert [w.start for w in chosen] == list(range(max(1, len(one.spans) - 5 + 1)))
    batch = found.stack(chosen)
    for window, x, labels, weights in zip(chosen, batch.features, batch.labels, batch.weights, strict=True):
        for step in range(5):
            row = window.start + step
            clip = min(row, len(one.spans) - 1)
            assert (x[step] == clip + 1).all()
            for frame in range(M):
                at = int(one.spans[clip, 0]) + frame
                exists = row < len(one.spans) and at < one.spans[clip, 1]
                assert weights[M * step + frame] == exists
                assert labels[M * step + frame] == (exists and mask[at])


def test_absent_clips_of_the_authors_are_zeros_and_normal() -> None:
    short = sample(40, (20, 40))  # two clips
    batch = cut(short, zero_padded=True).stack([Window(0, 0, 0)])
    assert batch.features[0, :, 0].tolist() == [1, 2, 0, 0, 0]
    assert batch.labels[0].tolist() == [0.0] * 20 + [1.0] * 12 + [0.0] * 48
    assert batch.weights.all()


def test_absent_clips_are_zeros_after_what_is_done_to_features() -> None:
    found = ClipWindows([sample(40)], k=5, clip_length=M, zero_padded=True, prepare=lambda x: x + 100).stack(
        [Window(0, 0, 0)]
    )
    assert found.features[0, :, 0].tolist() == [101, 102, 0, 0, 0]


def test_categories() -> None:
    videos = [sample(80, category=c) for c in ("Smoke", None, "Fire", "Unheard")]
    chosen = [Window(i, 0, 0) for i in (2, 0, 1, 3)]
    assert cut(*videos).stack(chosen).categories.tolist() == [0, 1, -1, -1]


def test_features_stay_where_they_are_until_stacked() -> None:
    """Two videos of which one is drawn: the other's values are never looked at."""
    seen, unseen = sample(200), sample(200)
    found = cut(seen, unseen)
    unseen.x.values[:] = np.nan
    assert np.isfinite(found.stack([Window(0, 2, 2)]).features).all()


def test_abnormal_windows_hit_the_event() -> None:
    event = sample(800, (320, 330))  # clip 20 of 50
    draw = Draw(cut(sample(200), event), abnormal=40, normal=1)
    batch = draw(np.random.default_rng(0))
    assert {w.start for w in batch if w.video == 1} == {16, 17, 18, 19, 20}


def test_an_event_that_no_clip_holds() -> None:
    """The last frames are dropped, and the event with them: then every window is as good."""
    draw = Draw(cut(sample(200), sample(170, (162, 168))), abnormal=100, normal=1)
    batch = draw(np.random.default_rng(0))
    assert {w.start for w in batch if w.video == 1} == set(range(6))


@pytest.mark.parametrize("authors", [False, True])
def test_the_last_window_is_drawn_but_not_by_the_release(authors: bool) -> None:
    draw = Draw(cut(sample(7 * M), sample(200, (16, 90))), abnormal=1, normal=200, authors=authors)
    starts = {w.start for w in draw(np.random.default_rng(0)) if w.video == 0}
    assert starts == ({0, 1} if authors else {0, 1, 2})


def test_redrawn_windows_of_the_release_have_other_labels() -> None:
    found = cut(sample(200), sample(800, (0, 16)), zero_padded=True)  # only windows at clip 0 hit
    draw = Draw(found, abnormal=200, normal=1, authors=True)
    elsewhere = [w for w in draw(np.random.default_rng(0)) if w.video == 1 and w.start > 0]
    assert elsewhere
    batch = found.stack(elsewhere)
    assert batch.labels[:, :16].all() and not batch.labels[:, 16:].any()  # of the video's first window
    assert batch.features[:, 0, 0].tolist() == [w.start + 1 for w in elsewhere]


def test_every_video_comes_once_before_any_comes_twice() -> None:
    videos = [sample(200, name=f"n{i}") for i in range(7)] + [sample(200, (16, 90))]
    batch = Draw(cut(*videos), abnormal=3, normal=21)(np.random.default_rng(0))
    assert np.bincount([w.video for w in batch]).tolist() == [3] * 8


def test_all_starts_are_equally_likely() -> None:
    draw = Draw(cut(sample(8 * M), sample(200, (16, 90))), abnormal=1, normal=8000)
    counts = np.bincount([w.start for w in draw(np.random.default_rng(1)) if w.video == 0])
    assert len(counts) == 4
    np.testing.assert_allclose(counts, 2000, atol=5 * np.sqrt(1500))


def test_rows_that_stand_for_more_than_a_clip_are_refused() -> None:
    video = Video("v", Path("v"), 640, Fraction(25), (8, 8))
    spans = np.array([[0, 320], [320, 640]])
    bag = Sample(video, spans, Features(np.zeros((2, 3), np.float32)), FrameLabels.from_spans([], 640))
    with pytest.raises(UsageError, match="clips of 16 frames"):
        ClipWindows([bag], k=2, clip_length=16)
