"""The paper's Fig. 3 for any dataset: anomaly by category, anomaly by video, frames by video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from vadlab.report.style import BLUE, VERMILION, new_figure, plain, style_axes
from vadlab.types import Entry, Video

__all__ = ["VideoFacts", "figure_3"]


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


def figure_3(facts: Sequence[VideoFacts]) -> Figure:
    """Three panels: share of abnormal frames by category, the same by video, frames by video."""
    figure = new_figure(13, 3.8)
    by_category, by_video, lengths = figure.subplots(1, 3, width_ratios=[1.5, 1, 1])
    style_axes(by_category, title="(a) anomaly by category")
    style_axes(by_video, title="(b) anomaly by video")
    style_axes(lengths, title="(c) length")
    labelled = [f for f in facts if f.n_abnormal is not None]
    names = sorted({f.category for f in labelled if f.category})
    totals = [
        (
            sum(f.n_abnormal or 0 for f in labelled if f.category == name),
            sum(f.n_frames for f in labelled if f.category == name),
        )
        for name in names
    ]
    by_category.bar(range(len(names)), [100 * a / n for a, n in totals], color=VERMILION)
    labels = [plain(name) for name in names]
    by_category.set_xticks(range(len(names)), labels, rotation=40, ha="right", rotation_mode="anchor")
    by_category.set_ylabel("abnormal frames, %")
    shares = [100 * (f.n_abnormal or 0) / f.n_frames for f in labelled if f.abnormal]
    by_video.hist(shares, bins=np.linspace(0, 100, 21).tolist(), color=VERMILION)
    by_video.set(xlabel="abnormal frames of the video, %", ylabel="abnormal videos")
    lengths.hist([f.n_frames for f in facts], bins=30, color=BLUE)
    lengths.set(xlabel="frames of the video", ylabel="videos")
    return figure
