"""The paper's Fig. 3: the bars are read back from the drawing."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from vadlab.report.figures import to_png
from vadlab.report.statistics import VideoFacts, by_category, figure_3, summary, table_1_row
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


def test_numbers_by_category() -> None:
    rows = by_category(SET)
    assert rows["Fire"] == {
        "videos": 2, "abnormal_videos": 1, "frames": 400, "abnormal_frames": 50,
        "share": 50 / 400, "share_in_abnormal": 0.5,
    }  # fmt: skip
    assert rows["Falling"] == {
        "videos": 2, "abnormal_videos": 2, "frames": 1199, "abnormal_frames": 150,
        "share": 0.75, "share_in_abnormal": 0.75,  # of the labelled video alone
    }  # fmt: skip
    weak = by_category([facts("Falling", 999, None, abnormal=True)])["Falling"]
    assert (weak["share"], weak["share_in_abnormal"]) == (None, None)


def test_categories_of_normal_videos_alone_are_not_drawn() -> None:
    axes = figure_3([*SET, facts("Normal", 70, 0)]).axes[0]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["Falling", "Fire"]
    assert axes.collections[0].get_offsets()[:, 1].tolist() == [75, 50]


def test_the_row_of_table_1() -> None:
    def train(category: str, n_abnormal: int | None) -> VideoFacts:
        return VideoFacts("v", category, True, "train", 10, 1.0, n_abnormal)

    row = table_1_row("lad", [train("Fire", 3), train("Panic", 2), facts("Crash", 9, 0)])
    assert row["measured"] == {"videos": 3, "supervision": "Video- and frame-level", "categories": 2}
    assert (row["published"]["videos"], row["published"]["scenes"]) == (2000, 1895)
    # As for Ped2: frame labels in the test part alone teach nothing of anomalies.
    row = table_1_row("ped2", [facts("Normal", 9, 0), facts("Abnormal", 9, 3)])
    assert row["measured"] == {"videos": 2, "supervision": "Video-level", "categories": "not specified"}
    assert table_1_row("ucf_crime", [train("Arson", None)])["measured"]["supervision"] == "Video-level"
    assert table_1_row("folder", SET)["published"] == {}


def test_summary() -> None:
    found = summary(SET)
    assert (found["videos"], found["normal_videos"], found["abnormal_videos"]) == (5, 1, 4)
    assert (found["frames"], found["abnormal_frames"], found["videos_with_frame_labels"]) == (1639, 240, 4)
    assert (found["shortest_frames"], found["mean_frames"], found["longest_frames"]) == (40, 327.8, 999)
    assert found["minutes_of_video"] == round(1639 / 25 / 60, 2)
