"""vadlab import-scores: evaluate anyone's scores under any rules, as if a detector here had made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadlab import progress, splits
from vadlab.annotation_table import Spans, read_annotators
from vadlab.annotations.consensus import agreement_mean
from vadlab.csv_table import listed
from vadlab.datasets._protocol import Dataset
from vadlab.errors import DataError, UsageError
from vadlab.evaluation.alignment import mended, place, rules_for
from vadlab.evaluation.evaluate import evaluate
from vadlab.evaluation.events import Alarm
from vadlab.evaluation.foreign_scores import matched, read_categories, read_scores
from vadlab.evaluation.region_tables import read_detections, read_true_regions
from vadlab.evaluation.regions import Detections, TrueRegions
from vadlab.evaluation.rules import Rules
from vadlab.features.store import Store
from vadlab.types import Categories, Entry, FrameLabels, Scores, Video
from vadlab.verbs.data import open_dataset
from vadlab.verbs.evaluate import PAPER_WINDOW, Finding, write_finding
from vadlab.video.decode import probe

__all__ = ["Imported", "Source", "import_scores"]


@dataclass(frozen=True)
class Source:
    """Where scores come from and how they lie on the frames.

    Args:
        files: Score files; see `foreign_scores`.
        method: What to call whatever made them.
        stride: Frames that each score covers, where the files name no frames.
        remedies: What to do with scores that do not fit; see `alignment`.
        lower_is_abnormal: Whether low scores mean abnormal, as PSNR and regularity do; they are negated.
        threshold: Scores from here on are alarms (or down from here); None takes the rules' 0.5.
        group: Frames in a group for the rules that drop the last incomplete one: the method's window.
        categories: Table of `video,category[,probability]`, or None.
        annotators: `annotators.csv` of several people, for probabilistic labels, or None.
        true_regions: Table of true boxes, and
        found_regions: table of found ones, for RBDC and TBDC; see `region_tables`. Both or neither.
    """

    files: tuple[Path, ...]
    method: str = "imported scores"
    stride: int = 1
    remedies: frozenset[str] = frozenset()
    lower_is_abnormal: bool = False
    threshold: float | None = None
    group: int = PAPER_WINDOW
    categories: Path | None = None
    annotators: Path | None = None
    true_regions: Path | None = None
    found_regions: Path | None = None


@dataclass(frozen=True)
class Imported:
    """What was found, and what was done to the scores before.

    Args:
        findings: Rules' name to the evaluation under them.
        notes: Everything that is not plain one-to-one use of the files, a line each.
    """

    findings: dict[str, Finding]
    notes: tuple[str, ...]


def import_scores(
    source: Source,
    dataset: str,
    root: Path,
    *,
    rules: Sequence[Rules],
    out: Path,
    split: Path | None = None,
    features: Path | None = None,
) -> Imported:
    """Evaluate scores of the test videos; writes metrics.json, scores/, figures/ and report.html to `out`.

    Args:
        source: The scores.
        dataset: Catalogue name of the dataset.
        root: Its folder.
        rules: The protocols.
        out: Where everything goes.
        split: A split file whose test part is meant; None takes the dataset's own.
        features: A feature store of these videos, for their frame counts; None decodes every video.

    Raises:
        DataError: If a test video has no scores, scores do not fit their video, or a file is malformed.
        UsageError: If the stride or the group is below 1.
    """
    if source.stride < 1 or source.group < 1:
        raise UsageError(
            "not a number of frames",
            expected="1 or more",
            found=f"stride {source.stride}, group {source.group}",
        )
    opened = open_dataset(dataset, root)
    entries, split_facts = _test_entries(opened, split)
    given = read_scores(source.files)
    pairs, without, unused = matched(given, [entry.id for entry in entries])
    if without:
        raise DataError(
            f"{len(without)} of {len(entries)} test videos have no scores",
            expected="scores for every test video, named by its id",
            found=listed(without),
            remedy=f"the files' names are such as {', '.join(list(given)[:3])}; "
            "name them as the dataset does, or name a split file with --split",
        )
    videos = _videos(entries, features)
    placed = place(
        {name: given[theirs] for name, theirs in pairs.items()},
        {name: video.n_frames for name, video in videos.items()},
        stride=source.stride,
        remedies=source.remedies,
    )
    notes = [f"{ours}: from {theirs}" for ours, theirs in pairs.items() if ours != theirs]
    notes += mended(placed)
    notes += [f"{len(unused)} videos of the files are not in the test part"] if unused else []
    notes += ["scores negated: low ones mean abnormal"] if source.lower_is_abnormal else []
    sign = np.float32(-1 if source.lower_is_abnormal else 1)
    categories = _categories(source.categories, videos)
    judged: list[tuple[Scores, FrameLabels]] = []
    for entry in entries:
        one, video = placed[entry.id], videos[entry.id]
        scores = Scores(video, one.spans, sign * one.values, categories.get(entry.id))
        judged.append((scores, opened.labels(entry, video.n_frames)))
    shown = _shown(source, dataset, split_facts, notes)
    paths = {entry.id: entry.path for entry in entries}
    probabilities = _annotators(source.annotators, videos)
    regions = _regions(source, videos)
    findings = {}
    for rule in rules:
        evaluation = evaluate(
            judged,
            _rules(source, rule),
            group=source.group,
            alarm=_alarm(source),
            probabilities=probabilities,
            regions=regions,
        )
        findings[rule.name] = write_finding(out, evaluation, shown=shown, paths=paths)
    return Imported(findings, tuple(notes))


def _test_entries(dataset: Dataset, split: Path | None) -> tuple[tuple[Entry, ...], dict[str, Any]]:
    entries = dataset.entries()
    if split is not None:
        read = splits.read_split(split, entries)
        return read.test, {"name": read.name, "seed": read.seed, "sizes": {"test": len(read.test)}}
    test = splits.by_part(entries)[2]
    return test, {"name": "official test part", "seed": None, "sizes": {"test": len(test)}}


def _videos(entries: Sequence[Entry], features: Path | None) -> dict[str, Video]:
    """Each video as decoding finds it, or as a store noted when it was decoded."""
    if features is not None:
        store = Store.open(features)
        return {entry.id: store.read(entry.id).video for entry in entries}
    videos = {}
    with progress.bar("decode") as report:
        for number, entry in enumerate(entries, start=1):
            videos[entry.id] = probe(entry.path, id=entry.id, fps=entry.fps)
            report(number, len(entries), entry.id)
    return videos


def _rules(source: Source, rules: Rules) -> Rules:
    """The rules with the given threshold and remedies; their name says where that changes them."""
    if source.threshold is not None:
        sign = -1 if source.lower_is_abnormal else 1
        rules = replace(rules, far_threshold=float(sign * source.threshold))
    return rules_for(source.remedies, rules)


def _alarm(source: Source) -> Alarm | None:
    """The alarm at the given threshold; it may be of any scale, so it ends where it begins."""
    if source.threshold is None:
        return None
    return Alarm.at(-source.threshold if source.lower_is_abnormal else source.threshold, scale_from_0=False)


def _categories(file: Path | None, videos: Mapping[str, Video]) -> dict[str, Categories]:
    if file is None:
        return {}
    names, rows = read_categories(file)
    pairs, without, _ = matched(rows, videos)
    if without:
        raise DataError(f"{len(without)} test videos have no category", file=file, found=listed(without))
    return {
        ours: Categories(np.array([[0, videos[ours].n_frames]]), rows[theirs][None], names)
        for ours, theirs in pairs.items()
    }


def _annotators(file: Path | None, videos: Mapping[str, Video]) -> dict[str, NDArray[np.float64]] | None:
    """Each video's share of annotators by frame; a video that nobody annotated is left out."""
    if file is None:
        return None
    marks: dict[str, list[Spans]] = {}
    for mark in read_annotators(file):
        for name in (mark.path, str(PurePosixPath(mark.path).with_suffix(""))):
            if name in videos:
                marks.setdefault(name, []).append(mark.events)
                break
    return {name: agreement_mean(spans, videos[name].n_frames) for name, spans in marks.items()}


def _regions(source: Source, videos: Mapping[str, Video]) -> tuple[TrueRegions, Detections] | None:
    true, found = source.true_regions, source.found_regions
    if true is None and found is None:
        return None
    if true is None or found is None:
        raise UsageError(
            "RBDC and TBDC compare two tables",
            expected="--true-regions and --found-regions",
            found="one of them",
        )
    n_frames = {name: video.n_frames for name, video in videos.items()}
    return read_true_regions(true, n_frames), read_detections(found, n_frames)


def _shown(source: Source, dataset: str, split: Mapping[str, Any], notes: Sequence[str]) -> dict[str, Any]:
    return {
        "dataset": dataset,
        "detector": source.method,
        "settings": {
            "files": [str(file) for file in source.files],
            "stride": source.stride,
            "align": sorted(source.remedies) or ["exact"],
            "lower is abnormal": source.lower_is_abnormal,
            "threshold": source.threshold,
            "group": source.group,
        },
        "split": split,
        "notes": list(notes),
    }
