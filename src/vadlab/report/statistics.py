"""The paper's Table 1 and Fig. 3 for any dataset: its row; anomaly by category, by video, and lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vadlab.report.style import BLUE, INK, VERMILION, add_legend, new_figure, plain, style_axes
from vadlab.types import Entry, Video

__all__ = ["TABLE_1", "VideoFacts", "by_category", "figure_3", "summary", "table_1_row"]

TABLE_1: dict[str, dict[str, Any]] = {
    "ped1": {"database": "UCSD Ped1", "year": 2014, "videos": 70, "scenes": 1},
    "ped2": {"database": "UCSD Ped2", "year": 2014, "videos": 28, "scenes": 1},
    "avenue": {"database": "Avenue", "year": 2013, "videos": 37, "scenes": 1},
    "avenue_ranges": {"database": "Avenue", "year": 2013, "videos": 37, "scenes": 1},
    "lv": {"database": "LV", "year": 2017, "videos": 28, "scenes": 28},
    "shanghaitech": {"database": "ShanghaiTech", "year": 2017, "videos": 437, "scenes": 13},
    "ucf_crime": {"database": "UCF-Crime", "year": 2018, "videos": 1900, "categories": 13},
    "lad": {
        "database": "LAD",
        "videos": 2000,
        "scenes": 1895,
        "supervision": "Video- and frame-level",
        "categories": 14,
    },
}
"""By dataset, the row of the LAD paper's Table 1, as far as it gives one; all but LAD are "Video-level"."""


@dataclass(frozen=True)
class VideoFacts:
    """One video in numbers.

    Args:
        id, category, abnormal, part: As the dataset lists it.
        n_frames: As decoding yields.
        seconds: Length.
        n_abnormal: Abnormal frames, or None where frames are not labelled.
    """

    id: str
    category: str | None
    abnormal: bool
    part: str
    n_frames: int
    seconds: float
    n_abnormal: int | None

    @classmethod
    def of(cls, entry: Entry, video: Video, n_abnormal: int | None) -> VideoFacts:
        """From an entry and what decoding it showed."""
        seconds = video.seconds(video.n_frames)
        return cls(entry.id, entry.category, entry.abnormal, entry.part, video.n_frames, seconds, n_abnormal)

    @property
    def share(self) -> float | None:
        """Share of abnormal frames, or None where frames are not labelled."""
        return None if self.n_abnormal is None else self.n_abnormal / self.n_frames


def table_1_row(name: str, facts: Sequence[VideoFacts]) -> dict[str, dict[str, Any]]:
    """The set's row of Table 1, `published` and `measured`; what cannot be measured is left out.

    Supervision is what the *training* videos teach of anomalies: "Video- and frame-level" where abnormal
    ones are labelled by frames, as in LAD; else "Video-level". Categories are those of abnormal videos,
    "not specified" where there is but one.
    """
    kinds = {f.category for f in facts if f.abnormal and f.category}
    training = [f for f in facts if f.abnormal and f.part == "train"]
    frames = bool(training) and all(f.n_abnormal is not None for f in training)
    measured = {
        "videos": len(facts),
        "supervision": "Video- and frame-level" if frames else "Video-level",
        "categories": len(kinds) if len(kinds) > 1 else "not specified",
    }
    published = {"supervision": "Video-level", "categories": "not specified"} | TABLE_1.get(name, {})
    return {"measured": measured, "published": published if name in TABLE_1 else {}}


def by_category(facts: Sequence[VideoFacts]) -> dict[str, dict[str, Any]]:
    """Per category its videos and frames: the numbers of Fig. 3a.

    `share` is that of abnormal frames among all frames of labelled videos, `share_in_abnormal` among those
    of labelled abnormal videos; both are None where no frame is labelled.
    """
    rows: dict[str, dict[str, Any]] = {}
    for name in sorted({f.category for f in facts if f.category}):
        of = [f for f in facts if f.category == name]
        labelled = [f for f in of if f.n_abnormal is not None]
        rows[name] = {
            "videos": len(of),
            "abnormal_videos": sum(f.abnormal for f in of),
            "frames": sum(f.n_frames for f in of),
            "abnormal_frames": sum(f.n_abnormal or 0 for f in labelled),
            "share": _share(labelled),
            "share_in_abnormal": _share([f for f in labelled if f.abnormal]),
        }
    return rows


def summary(facts: Sequence[VideoFacts]) -> dict[str, Any]:
    """The set in numbers, and its categories."""
    frames = np.array([f.n_frames for f in facts])
    labelled = [f for f in facts if f.n_abnormal is not None]
    return {
        "videos": len(facts),
        "normal_videos": sum(not f.abnormal for f in facts),
        "abnormal_videos": sum(f.abnormal for f in facts),
        "frames": int(frames.sum()),
        "abnormal_frames": sum(f.n_abnormal or 0 for f in labelled),
        "videos_with_frame_labels": len(labelled),
        "minutes_of_video": round(sum(f.seconds for f in facts) / 60, 2),
        "mean_frames": round(float(frames.mean()), 1),
        "shortest_frames": int(frames.min()),
        "longest_frames": int(frames.max()),
        "categories": by_category(facts),
    }


def figure_3(facts: Sequence[VideoFacts]) -> Figure:
    """Three panels: share of abnormal frames by category, the same by video, frames by video."""
    figure = new_figure(13, 4.2)
    panels = figure.subplots(1, 3, width_ratios=[1.5, 1, 1])
    _draw_categories(panels[0], facts)
    _draw_shares(panels[1], facts)
    _draw_lengths(panels[2], facts)
    return figure


def _draw_categories(axes: Axes, facts: Sequence[VideoFacts]) -> None:
    style_axes(axes, title="(a) anomaly by category")
    # A category of normal videos alone, such as "Normal", has no anomaly to show.
    rows = {n: row for n, row in by_category(facts).items() if row["share_in_abnormal"] is not None}
    places = range(len(rows))
    bars = axes.bar(places, [100 * row["share"] for row in rows.values()], color=VERMILION)
    within = [100 * row["share_in_abnormal"] for row in rows.values()]
    dots = axes.scatter(places, within, s=26, color=INK, zorder=3)
    axes.set_xticks(list(places), [plain(name) for name in rows])
    if len(rows) > 4:  # short rows stay level
        for label in axes.get_xticklabels():
            label.set(rotation=40, ha="right", rotation_mode="anchor")
    # Few bars stay slim.
    margin = 0.7 + max(0, 4 - len(rows)) / 2
    axes.set(ylabel="abnormal frames, %", ylim=(0, 105), xlim=(-margin, len(rows) - 1 + margin))
    axes.set_yticks(range(0, 101, 20))
    if rows:
        bars.set_label("of all videos")
        dots.set_label("of abnormal videos")
    add_legend(axes)


def _draw_shares(axes: Axes, facts: Sequence[VideoFacts]) -> None:
    shares = [100 * f.share for f in facts if f.abnormal and f.share is not None]
    note = f"median {np.median(shares):.0f} %" if shares else ""
    style_axes(axes, title="(b) anomaly by video", note=note)
    axes.hist(shares, bins=np.linspace(0, 100, 21).tolist(), color=VERMILION)
    axes.set(xlabel="abnormal frames of the video, %", ylabel="abnormal videos", xlim=(0, 100))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))


def _draw_lengths(axes: Axes, facts: Sequence[VideoFacts]) -> None:
    kinds = {"normal": False, "abnormal": True}
    lengths = [[f.n_frames for f in facts if f.abnormal is flag] for flag in kinds.values()]
    style_axes(axes, title="(c) length")
    longest = max(f.n_frames for f in facts)
    axes.hist(lengths, bins=30, range=(0, longest), stacked=True, color=[BLUE, VERMILION], label=list(kinds))
    axes.set(xlabel="frames of the video", ylabel="videos", xlim=(0, None))
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    add_legend(axes)


def _share(facts: Sequence[VideoFacts]) -> float | None:
    frames = sum(f.n_frames for f in facts)
    return sum(f.n_abnormal or 0 for f in facts) / frames if frames else None
