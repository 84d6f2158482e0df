"""The paper's Fig. 3: the bars are read back from the drawing."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from vadlab.report.figures import to_png
from vadlab.report.statistics import VideoFacts, figure_3
from vadlab.types import Entry, Video


def facts(
    category: str | None, n_frames: int, n_abnormal: int | None, *, abnormal: bool = False
) -> VideoFacts:
    return VideoFacts(
        "v", category, abnormal or bool(n_abnormal), "test", n_frames, n_frames / 25, n_abnormal
    )


SET = [
    facts("Fire", 100, 50),
    facts("Fire", 300, 0),
    facts("Falling", 200, 150),
    facts("Falling", 999, None, abnormal=True),  # weak label: in no share
    facts(None, 40, 40),
]


def heights(panel: int, videos: list[VideoFacts]) -> list[float]:
    axes = figure_3(videos).axes[panel]
    return [p.get_height() for p in axes.patches if isinstance(p, Rectangle)]


def test_of_entry_and_video() -> None:
    entry = Entry("a/b", Path("b"), "Fire", abnormal=True, source="s", part="train")
    video = Video("a/b", Path("b"), 50, Fraction(25, 2), (8, 8))
    assert VideoFacts.of(entry, video, 7) == VideoFacts("a/b", "Fire", True, "train", 50, 4.0, 7)


def test_share_by_category_counts_frames_not_videos() -> None:
    axes = figure_3(SET).axes[0]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["Falling", "Fire"]
    assert heights(0, SET) == [75, 12.5]  # 150 / 200, 50 / 400


def test_share_by_video_of_abnormal_videos_alone() -> None:
    counts = np.array(heights(1, SET))
    assert len(counts) == 20 and counts.sum() == 3
    assert np.flatnonzero(counts).tolist() == [10, 15, 19]  # 50, 75 and 100 %, in bins of 5


def test_lengths_of_all_videos() -> None:
    assert sum(heights(2, SET)) == len(SET)


@pytest.mark.parametrize("videos", [SET[:1], SET[3:4], [facts(None, 10, 0)], SET])
def test_any_set_can_be_drawn(videos: list[VideoFacts]) -> None:
    assert to_png(figure_3(videos)).startswith(b"\x89PNG")
