"""vadlab data check: what is wrong with a dataset's folder, and what can be done with it as it is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from typing import Any, get_args

from vadlab import progress
from vadlab.csv_table import listed
from vadlab.datasets._protocol import Dataset, category_counts, video_counts
from vadlab.errors import UsageError, VadlabError
from vadlab.layouts.listed import VideosAbsentError
from vadlab.report.statistics import VideoFacts
from vadlab.splits import TABLE_2, Protocol
from vadlab.types import Entry, Supervision
from vadlab.video.container import promised
from vadlab.video.decode import probe

__all__ = ["Check", "Finding", "check", "measure"]


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    Args:
        subject: The video, part or count concerned.
        message: What is wrong.
        expected, found: What should be and what is, or "".
        remedy: What the user can do.
    """

    subject: str
    message: str
    expected: str = ""
    found: str = ""
    remedy: str = ""

    @classmethod
    def of(cls, subject: str, error: VadlabError, *, remedy: str) -> Finding:
        """From an error; `remedy` is taken where the error has none."""
        file = "" if error.file is None else f"{error.file}: "
        expected, found = ("" if part is None else str(part) for part in (error.expected, error.found))
        return cls(subject, f"{file}{error.message}", expected, found, error.remedy or remedy)

    def text(self) -> str:
        """Message, expected, found and remedy, a line each."""
        parts = {"expected": self.expected, "found": self.found, "remedy": self.remedy}
        return "\n  ".join([self.message, *(f"{key}: {value}" for key, value in parts.items() if value)])


@dataclass(frozen=True)
class Check:
    """What a check found.

    Args:
        counts: Numbers of videos and frames; frames only where every video of the part was counted.
        published: The official set's numbers, as far as there are any.
        splits: By protocol and kind of supervision, the numbers of train, val and test videos of the splits
            that can be had.
        findings: What is wrong; empty if nothing is.
        notes: What is worth knowing and is not wrong.
    """

    counts: dict[str, int]
    published: dict[str, int]
    splits: dict[str, dict[str, dict[str, int]]]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """For JSON; a finding's message is its whole text."""
        findings = [asdict(finding) | {"message": finding.text()} for finding in self.findings]
        return asdict(self) | {"findings": findings}


def check(name: str, dataset: Dataset, *, decode: bool = True) -> Check:
    """Compare a folder with what the dataset should be.

    Args:
        name: Catalogue name of the dataset.
        dataset: The dataset in its folder.
        decode: Whether to decode every video, which is the only way to know its number of frames and
            whether the labels fit it. Otherwise the containers' headers are believed.
    """
    entries = dataset.entries()
    counts = video_counts(entries) | category_counts(entries)
    findings = _absent(dataset)
    notes: list[str] = []
    facts, troubles, unknown = measure(dataset, decode=decode)
    findings += troubles
    if unknown:
        notes.append(f"{len(unknown)} videos do not state their number of frames; decode them to know it")
    for part in ("train", "val", "test"):
        _count_frames(counts, part, [f for f in facts if f.part == part], entries)
    findings += _against_published(counts, dataset.published, dataset.home)
    splits, troubles = _splits(name, dataset)
    findings += troubles
    weak = sum(not dataset.has_frame_labels(entry) for entry in entries)
    if weak:
        notes.append(f"{weak} videos have no frame labels of their own")
    notes += _usable(entries, dataset.absent, splits)
    return Check(counts, dict(dataset.published), splits, tuple(findings), tuple(notes))


def measure(
    dataset: Dataset, *, decode: bool = True, workers: int | None = None
) -> tuple[list[VideoFacts], list[Finding], list[str]]:
    """Count the frames of every video and of its anomalies, several videos at a time.

    Returns:
        The facts, by id; what is wrong; and the ids of videos whose length is not known without decoding.
    """
    entries = dataset.entries()
    facts: list[VideoFacts] = []
    findings: list[Finding] = []
    unknown: list[str] = []
    # Threads: decoding and reading images run outside of Python's lock.
    with (
        progress.bar("decode" if decode else "read headers") as report,
        ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool,
    ):
        jobs = {pool.submit(_measure, dataset, entry, decode=decode): entry for entry in entries}
        try:
            for number, job in enumerate(as_completed(jobs), start=1):
                fact, wrong = job.result()
                findings += wrong
                if fact is not None:
                    facts.append(fact)
                elif not wrong:
                    unknown.append(jobs[job].id)
                report(number, len(entries), jobs[job].id)
        finally:
            # After Ctrl-C no new video is begun.
            pool.shutdown(cancel_futures=True)
    facts.sort(key=lambda fact: fact.id)
    return facts, sorted(findings, key=lambda finding: finding.subject), sorted(unknown)


def _measure(dataset: Dataset, entry: Entry, *, decode: bool) -> tuple[VideoFacts | None, list[Finding]]:
    remedy = f"compare with {dataset.home}"
    try:
        look = probe if decode else promised
        video = look(entry.path, id=entry.id, fps=entry.fps)
    except VadlabError as error:
        return None, [Finding.of(entry.id, error, remedy=remedy)]
    if video is None:
        return None, []
    if not dataset.has_frame_labels(entry):
        return VideoFacts.of(entry, video, None), []
    try:
        n_abnormal = int(dataset.labels(entry, video.n_frames).mask().sum())
    except VadlabError as error:
        return VideoFacts.of(entry, video, None), [Finding.of(entry.id, error, remedy=remedy)]
    wrong = []
    if bool(n_abnormal) != entry.abnormal:
        wrong.append(
            Finding(
                entry.id,
                "list and labels contradict each other",
                f"{'some' if entry.abnormal else 'no'} abnormal frames, as it is listed",
                f"{n_abnormal} abnormal frames",
                f"mend the list or the labels; {remedy}",
            )
        )
    return VideoFacts.of(entry, video, n_abnormal), wrong


def _count_frames(
    counts: dict[str, int], part: str, facts: Sequence[VideoFacts], entries: Sequence[Entry]
) -> None:
    """Add a part's frames, unless a video of it is not counted: a partial sum would be read as the whole."""
    if facts and len(facts) == sum(entry.part == part for entry in entries):
        counts[f"{part}_frames"] = sum(fact.n_frames for fact in facts)
        known = [fact.n_abnormal for fact in facts if fact.n_abnormal is not None]
        if len(known) == len(facts):
            counts[f"{part}_abnormal_frames"] = sum(known)


def _absent(dataset: Dataset) -> list[Finding]:
    findings = []
    for part in ("train", "val", "test"):
        ids = [entry.id for entry in dataset.absent if entry.part == part]
        if ids:
            size = len(ids) + sum(entry.part == part for entry in dataset.entries())
            findings.append(
                Finding(
                    f"{part} part",
                    f"{len(ids):,} of its {size:,} videos are absent",
                    "all videos that the lists name",
                    listed(ids),
                    f"finish the download from {dataset.home}",
                )
            )
    return findings


def _against_published(counts: Mapping[str, int], published: Mapping[str, int], home: str) -> list[Finding]:
    """All counts that differ as one finding, and all of categories as another."""
    differing = [
        (key, expected, counts.get(key, 0))
        for key, expected in published.items()
        # Frames that were not counted are not judged; a category without videos has none.
        if counts.get(key, expected if key.endswith("_frames") else 0) != expected
    ]
    findings = []
    for subject, of_categories in (("counts", False), ("categories", True)):
        told = [f"{key}: {n:,}, published {wanted:,}" for key, wanted, n in differing
                if (" " in key) is of_categories]  # fmt: skip
        if told:
            findings.append(
                Finding(
                    subject,
                    f"{len(told)} are not the published ones",
                    found=listed(told),
                    remedy=f"compare with {home}",
                )
            )
    return findings


def _splits(name: str, dataset: Dataset) -> tuple[dict[str, dict[str, dict[str, int]]], list[Finding]]:
    """Sizes of the splits that can be had; those that should be had and cannot, or have other sizes."""
    splits: dict[str, dict[str, dict[str, int]]] = {}
    findings: list[Finding] = []
    for protocol in get_args(Protocol):
        for supervision in Supervision:
            subject = f"split {supervision}, {protocol}"
            try:
                split = dataset.split(supervision, protocol=protocol)
            except (UsageError, VideosAbsentError):
                continue  # the set has no such split; what is absent is a finding already
            except VadlabError as error:
                findings.append(Finding.of(subject, error, remedy=f"compare with {dataset.home}"))
                continue
            sizes = {part: len(getattr(split, part)) for part in ("train", "val", "test")}
            splits.setdefault(protocol, {})[str(supervision)] = sizes
            if protocol == "paper" and name in TABLE_2:
                normal, every, test = TABLE_2[name]
                wanted = (normal if supervision is Supervision.UNSUPERVISED else every, test)
                if (sizes["train"], sizes["test"]) != wanted:
                    findings.append(
                        Finding(
                            subject,
                            "the split has not the size of the LAD paper's Table 2",
                            f"{wanted[0]:,} train, {wanted[1]:,} test",
                            f"{sizes['train']:,} train, {sizes['test']:,} test",
                            f"complete the set from {dataset.home}",
                        )
                    )
    return splits, findings


def _usable(
    entries: Sequence[Entry], absent: Sequence[Entry], splits: Mapping[str, Mapping[str, object]]
) -> list[str]:
    """What can be done with a set that is not whole."""
    if not absent:
        return []
    whole = [f"{mode} ({protocol})" for protocol, modes in splits.items() for mode in modes]
    notes = [f"as it is, the {len(entries):,} videos that are there can be extracted and scored"]
    return [*notes, f"whole splits: {', '.join(whole) or 'none'}"]
