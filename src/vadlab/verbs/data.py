"""vadlab data check | stats: what is wrong with a dataset's folder, and what is in it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from vadlab import catalog, files, progress
from vadlab.datasets._protocol import Dataset, video_counts
from vadlab.errors import DataError, VadlabError
from vadlab.report.figures import to_png
from vadlab.report.statistics import VideoFacts, figure_3
from vadlab.types import Supervision
from vadlab.video.decode import probe

__all__ = ["Check", "Finding", "check", "open_dataset", "stats", "summary", "write_stats"]


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    Args:
        subject: The video or part concerned.
        message: What was expected and found, and the remedy.
    """

    subject: str
    message: str


@dataclass(frozen=True)
class Check:
    """What a check found.

    Args:
        counts: Numbers of videos and frames.
        published: The official set's numbers, as far as there are any.
        splits: Train, val and test videos for each kind of supervision.
        findings: What is wrong; empty if nothing is.
    """

    counts: dict[str, int]
    published: dict[str, int]
    splits: dict[str, dict[str, int]]
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def open_dataset(name: str, root: Path) -> Dataset:
    """A dataset by its catalogue name and folder."""
    dataset: Dataset = catalog.load("datasets", name)(root)
    return dataset


def check(name: str, root: Path, *, decode: bool = True) -> Check:
    """Compare a folder with what the dataset should be.

    Args:
        name: Catalogue name of the dataset.
        root: Its folder.
        decode: Whether to decode every video, which is the only way to know its number of frames and
            whether the labels fit it.
    """
    dataset = open_dataset(name, root)
    entries = dataset.entries()
    counts = video_counts(entries)
    findings: list[Finding] = []
    if decode:
        facts = _facts(dataset, findings)
        for part in ("train", "test"):
            of_part = [f for f in facts if f.part == part]
            counts[f"{part}_frames"] = sum(f.n_frames for f in of_part)
            known = [f for f in of_part if f.n_abnormal is not None]
            if len(known) == len(of_part):
                counts[f"{part}_abnormal_frames"] = sum(f.n_abnormal or 0 for f in known)
    findings += _against_published(counts, dataset.published, dataset.home)
    splits: dict[str, dict[str, int]] = {}
    for supervision in Supervision:
        try:
            split = dataset.split(supervision)
        except VadlabError as error:
            findings.append(Finding(f"split {supervision}", str(error)))
            continue
        splits[str(supervision)] = {part: len(getattr(split, part)) for part in ("train", "val", "test")}
    return Check(counts, dict(dataset.published), splits, tuple(findings))


def stats(name: str, root: Path) -> list[VideoFacts]:
    """Frames, abnormal frames and category of every video, for the paper's Table 1 and Fig. 3.

    Raises:
        DataError: If a video does not decode or its labels do not fit.
    """
    findings: list[Finding] = []
    facts = _facts(open_dataset(name, root), findings)
    if findings:
        raise DataError(
            f"{len(findings)} videos cannot be counted, the first is {findings[0].subject}",
            found=findings[0].message,
            remedy=f"vadlab data check {name} {root}",
        )
    return facts


def _facts(dataset: Dataset, findings: list[Finding]) -> list[VideoFacts]:
    entries = dataset.entries()
    facts: list[VideoFacts] = []
    with progress.bar("decode") as report:
        for number, entry in enumerate(entries, start=1):
            try:
                video = probe(entry.path, id=entry.id, fps=entry.fps)
                n_abnormal = None
                if dataset.has_frame_labels(entry):
                    n_abnormal = int(dataset.labels(entry, video.n_frames).mask().sum())
                    if bool(n_abnormal) != entry.abnormal:
                        findings.append(
                            Finding(
                                entry.id, f"listed as abnormal={entry.abnormal}, has {n_abnormal} such frames"
                            )
                        )
                facts.append(VideoFacts.of(entry, video, n_abnormal))
            except VadlabError as error:
                findings.append(Finding(entry.id, str(error)))
            report(number, len(entries), entry.id)
    return facts


def _against_published(counts: Mapping[str, int], published: Mapping[str, int], home: str) -> list[Finding]:
    return [
        Finding(
            key,
            f"expected: {expected:,} as published\n  found: {counts[key]:,}\n  remedy: compare with {home}",
        )
        for key, expected in published.items()
        if key in counts and counts[key] != expected
    ]


def summary(facts: list[VideoFacts]) -> dict[str, Any]:
    """The set's row of the paper's Table 1, and per category what Fig. 3a shows."""
    frames = np.array([f.n_frames for f in facts])
    seconds = sum(f.seconds for f in facts)
    labelled = [f for f in facts if f.n_abnormal is not None]
    by_category = {
        category: {
            "videos": len(of),
            "abnormal_videos": sum(f.abnormal for f in of),
            "frames": sum(f.n_frames for f in of),
            "abnormal_frames": sum(f.n_abnormal or 0 for f in of),
        }
        for category in sorted({f.category for f in facts if f.category})
        for of in [[f for f in facts if f.category == category]]
    }
    return {
        "videos": len(facts),
        "normal_videos": sum(not f.abnormal for f in facts),
        "abnormal_videos": sum(f.abnormal for f in facts),
        "frames": int(frames.sum()),
        "abnormal_frames": sum(f.n_abnormal or 0 for f in labelled),
        "videos_with_frame_labels": len(labelled),
        "minutes_of_video": round(seconds / 60, 2),
        "mean_frames": round(float(frames.mean()), 1),
        "shortest_frames": int(frames.min()),
        "longest_frames": int(frames.max()),
        "categories": by_category,
    }


def write_stats(facts: list[VideoFacts], folder: Path) -> list[Path]:
    """Write videos.csv, a line a video, and fig3.png; the paths."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [f.name for f in fields(VideoFacts)])
    writer.writeheader()
    writer.writerows(asdict(f) for f in facts)
    written = [folder / "videos.csv", folder / "fig3.png"]
    files.write_whole(written[0], text.getvalue().encode())
    files.write_whole(written[1], to_png(figure_3(facts)))
    return written
