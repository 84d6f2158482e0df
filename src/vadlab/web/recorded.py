"""A run's recorded scores of its test videos, joined with the labels and videos of its dataset."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from vadlab.errors import VadlabError
from vadlab.evaluation.places import METRICS, SCORES, scores_name
from vadlab.evaluation.result import Evaluation, Judged
from vadlab.evaluation.rules import from_dict
from vadlab.report.findings import Miss, worst
from vadlab.timeline import Timeline, read_timeline
from vadlab.types import FrameLabels, Scores, Video
from vadlab.video.container import promised
from vadlab.web import run_files
from vadlab.web.contained import contained
from vadlab.web.dataset_videos import DatasetVideos
from vadlab.web.site import MissingError

__all__ = ["FPS_UNKNOWN", "Errors", "Recorded"]

FPS_UNKNOWN = Fraction(25)
N_MISSES = 12  # of each kind
N_KEPT = 8  # lists of errors


@dataclass(frozen=True)
class Errors:
    """The worst of a run under some rules, and the range of its scores.

    Args:
        low, high: The lowest and the highest frame score of all videos.
        false_alarms, missed: See `vadlab.report.findings.worst`.
    """

    low: float
    high: float
    false_alarms: list[Miss]
    missed: list[Miss]


class Recorded:
    """Reads what `vadlab evaluate` or `import-scores` left in run folders."""

    def __init__(self, datasets: DatasetVideos) -> None:
        self._datasets = datasets
        self._errors: OrderedDict[tuple[Path, str, int], Errors] = OrderedDict()
        self._lock = threading.Lock()

    def timeline(self, run: Path, rules: str | None, video: str) -> Timeline:
        """One test video's timeline; what its file lacks comes from the dataset, as far as that is there.

        Raises:
            MissingError: If the run has no such test video, or was not evaluated under these rules.
        """
        name, found = run_files.finding(run, rules)
        if all(row["id"] != video for row in found["videos"]):
            raise MissingError(f"the run has no test video {video!r}")
        return self._completed(run, read_timeline(_scores(run, name, video), video))

    def errors(self, run: Path, rules: str | None) -> Errors:
        """The worst errors over all test videos.

        Raises:
            MissingError: If the run was not evaluated under these rules.
        """
        name, found = run_files.finding(run, rules)
        key = run, name, (run / METRICS).stat().st_mtime_ns
        with self._lock:  # one at a time: it reads the scores of every video
            if key not in self._errors:
                self._errors[key] = self._find_errors(run, name, found)
                while len(self._errors) > N_KEPT:
                    self._errors.popitem(last=False)
            return self._errors[key]

    def _find_errors(self, run: Path, rules: str, found: dict[str, Any]) -> Errors:
        judged, low, high = [], np.inf, -np.inf
        for row in found["videos"]:
            read = read_timeline(_scores(run, rules, row["id"]), row["id"])
            timeline = self._completed(run, read, probe_fps=False)
            low = min(low, float(timeline.frame_scores.min()))
            high = max(high, float(timeline.frame_scores.max()))
            if timeline.labelled is not None:
                judged.append(_judged(timeline))
        evaluation = Evaluation(from_dict(found["rules"]), {}, {}, tuple(judged), (np.empty(0), np.empty(0)))
        false_alarms, missed = worst(evaluation, n=N_MISSES)
        return Errors(low, high, false_alarms, missed)

    def _completed(self, run: Path, timeline: Timeline, *, probe_fps: bool = True) -> Timeline:
        labelled = timeline.labelled
        if labelled is None:
            truth = self._datasets.labels(run, timeline.video, len(timeline.frame_scores))
            labelled = None if truth is None else truth.intervals
        fps = timeline.fps
        if fps is None and probe_fps:
            fps = self.fps(run, timeline.video)
        return replace(timeline, labelled=labelled, fps=fps)

    def fps(self, run: Path, video: str) -> Fraction | None:
        """The frame rate by the video's header; None where it is not at hand."""
        try:
            entry = self._datasets.entry(run, video)
            header = promised(entry.path, id=video, fps=entry.fps)
        except VadlabError:
            return None
        return None if header is None else header.fps


def _scores(run: Path, rules: str, video: str) -> Path:
    file = contained(run / SCORES, scores_name(rules, video))
    if not file.is_file():
        raise MissingError(f"there are no scores of the video {video!r}")
    return file


def _judged(timeline: Timeline) -> Judged:
    """The form in which the report looks for errors."""
    n_frames = len(timeline.frame_scores)
    video = Video(timeline.video, Path(timeline.video), n_frames, timeline.fps or FPS_UNKNOWN, (0, 0))
    frames = np.arange(n_frames, dtype=np.int64)
    scores = Scores(video, np.stack([frames, frames + 1], axis=1), timeline.frame_scores)
    assert timeline.labelled is not None
    labels = FrameLabels(n_frames, timeline.labelled)
    return Judged(labels, scores, timeline.frame_scores, timeline.counted)
