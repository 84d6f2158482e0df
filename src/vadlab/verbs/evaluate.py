"""vadlab evaluate: score the test part of a run, and say what it is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vadlab import catalog, checkpoint, devices, files, progress, training
from vadlab.detector import Detector
from vadlab.errors import DataError, UsageError
from vadlab.evaluation.bootstrap import intervals
from vadlab.evaluation.evaluate import evaluate
from vadlab.evaluation.places import METRICS, SCORES, figures_folder, report_file, scores_name
from vadlab.evaluation.result import Evaluation
from vadlab.evaluation.rules import Rules
from vadlab.evaluation.summary import to_json
from vadlab.features.store import Store
from vadlab.pipeline import Wishes
from vadlab.report import figures
from vadlab.report.page import write_page
from vadlab.samples import Reader, reader
from vadlab.timeline import Timeline, write_timeline
from vadlab.types import Entry, FrameLabels, Scores
from vadlab.video.decode import read_frame

__all__ = ["PAPER_WINDOW", "Finding", "evaluate_run", "evaluate_under", "write_finding"]

PAPER_WINDOW = 80  # K * m frames; what "drop-group" groups by for a detector that has no windows


@dataclass(frozen=True)
class Finding:
    """An evaluation, and the files that show it.

    Args:
        evaluation: The result.
        metrics: The same for JSON, with the protocol and where the scores come from.
        page: The HTML report.
        protocol: One line to print beside the figures: detector, dataset, split, seed, weights.
    """

    evaluation: Evaluation
    metrics: dict[str, Any]
    page: Path
    protocol: str


def evaluate_run(run: Path, rules: Rules, *, root: Path | None = None, device: str = "auto") -> Finding:
    """Evaluate a trained run under one protocol; see `evaluate_under`."""
    return evaluate_under(run, (rules,), root=root, device=device)[0]


def evaluate_under(
    run: Path, several: Sequence[Rules], *, root: Path | None = None, device: str = "auto"
) -> list[Finding]:
    """Evaluate a trained run; writes metrics.json, scores/, figures/ and a report for each protocol.

    A video is scored once for all protocols, but for those that ask the detector for other windows.

    Args:
        run: The run folder.
        several: The protocols.
        root: The dataset's folder, where it is no longer at the place of the training.
        device: Where the detector runs.

    Raises:
        StoreError: If the run is unfinished, or features are missing or made in another way than those of
            the training.
        DataError: If the test videos are not there or do not fit their labels.
    """
    detector, facts = checkpoint.restore(run)
    dataset = catalog.load("datasets", facts["dataset"]["name"])(root or Path(facts["dataset"]["root"]))
    entries = _test_entries(dataset.entries(), facts)
    store = _store(facts)
    if store is not None:
        store.require([entry.id for entry in entries])
    read = reader(detector.reads, store=store, streams=tuple(facts["streams"]) if facts["streams"] else None)
    calibration = facts["calibration"]
    # The one rule that concerns scoring is the test windows' layout, for a detector that has the setting.
    layout = getattr(detector, "scrambled_windows", None)
    judged: dict[bool, list[tuple[Scores, FrameLabels]]] = {}
    findings = []
    for rules in several:
        scrambled = layout is not None and (layout or rules.scrambled_windows)
        if scrambled not in judged:
            if hasattr(detector, "scrambled_windows"):
                detector.scrambled_windows = scrambled
            with training.runtime(training.Runtime(device=devices.pick(device))):
                judged[scrambled] = _judged(detector, dataset, entries, read)
        evaluation = evaluate(
            judged[scrambled],
            rules,
            group=getattr(detector, "window_frames", PAPER_WINDOW),
            calibration=(calibration["median"], calibration["high"]),
            alarm=Wishes().alarm(detector, calibration),
        )
        paths = {entry.id: entry.path for entry in entries}
        findings.append(write_finding(run, evaluation, shown=_shown(facts), paths=paths))
    return findings


def _judged(
    detector: Detector, dataset: Any, entries: Sequence[Entry], read: Reader
) -> list[tuple[Scores, FrameLabels]]:
    """Scores and labels of the test videos."""
    judged = []
    with progress.bar("score") as report:
        for number, entry in enumerate(entries, start=1):
            scores = detector.score(read(entry))
            judged.append((scores, dataset.labels(entry, scores.video.n_frames)))
            report(number, len(entries), entry.id)
    return judged


def write_finding(
    folder: Path, evaluation: Evaluation, *, shown: Mapping[str, Any], paths: Mapping[str, Path]
) -> Finding:
    """Write metrics.json, scores/, figures/ and the report of one evaluation.

    Args:
        folder: Where they go; other rules' parts of metrics.json stay.
        evaluation: The result.
        shown: Where the scores come from; see `write_page`.
        paths: Video id to its file.
    """
    rules = evaluation.rules
    for result in evaluation.videos:
        line = Timeline(
            result.id,
            result.frame_scores,
            result.counted,
            fps=result.scores.video.fps,
            labelled=result.labels.intervals,
            categories=result.scores.categories,
        )
        write_timeline(folder / SCORES / scores_name(rules.name, result.id), line)
    bounds = intervals(evaluation)
    found = to_json(evaluation) | {
        "intervals_95": {name: list(bound) for name, bound in bounds.items()},
        "run": dict(shown),
    }
    known = files.read_json(folder / METRICS) if (folder / METRICS).exists() else {}
    files.write_json(folder / METRICS, known | {rules.name: found})
    page = report_file(folder, rules.name)
    write_page(
        page,
        evaluation,
        run=dict(shown) | ({"auc_interval": bounds["auc"]} if "auc" in bounds else {}),
        frame=lambda video, frame: _frame(paths[video], frame),
    )
    _figures(figures_folder(folder, rules.name), evaluation)
    return Finding(evaluation, found, page, _line(shown))


def _store(facts: dict[str, Any]) -> Store | None:
    """The store that the run was trained on; None where the detector reads frames."""
    if facts["features"] is None:
        return None
    manifest = {key: value for key, value in facts["features"].items() if key != "store"}
    return Store.open(Path(facts["features"]["store"]), manifest=manifest)


def _test_entries(entries: tuple[Entry, ...], facts: dict[str, Any]) -> list[Entry]:
    by_id = {entry.id: entry for entry in entries}
    missing = [id for id in facts["split"]["test"] if id not in by_id]  # noqa: A001
    if missing:
        raise DataError(
            "test videos of the run are not in the dataset",
            file=facts["dataset"]["root"],
            found=f"{len(missing)} missing, such as {missing[0]}",
            remedy="name the folder that has them with --root",
        )
    if not facts["split"]["test"]:
        raise UsageError("the split has no test videos", remedy="give some videos the split `test`")
    return [by_id[id] for id in facts["split"]["test"]]  # noqa: A001


def _frame(path: Path, frame: int) -> Any:
    try:
        return read_frame(path, frame)
    except DataError:
        return None  # a report without its picture is better than none


def _shown(facts: dict[str, Any]) -> dict[str, Any]:
    """What the report says of a run beside every number."""
    features, split = facts["features"], facts["split"]
    streams = facts["streams"] or list(features["streams"] if features else [])
    return {
        "dataset": facts["dataset"]["name"],
        "detector": facts["detector"]["name"],
        "settings": facts["detector"]["settings"],
        "split": {
            "name": split["name"],
            "seed": split["seed"],
            "sizes": {part: len(split[part]) for part in ("train", "val", "test")},
        },
        "features": features
        and {
            "backbone": features["backbone"]["name"],
            "streams": streams,
            "weights": _weights(features["backbone"]["facts"], streams),
            "precision": features["backbone"]["facts"].get("precision"),
            "flow method": features["flow"]["name"] if "flow" in streams else None,
            "tail": features.get("tail"),
        },
        "versions": facts["versions"],
        "seed": facts["detector"]["settings"].get("seed", split["seed"]),
        "started": facts["started"],
        "minutes": facts["seconds"] / 60,
        "peak_mib": facts.get("peak_mib"),
    }


def _line(shown: Mapping[str, Any]) -> str:
    split, features = shown["split"], shown.get("features")
    parts = [f"{shown['detector']} on {shown['dataset']}", f"split {split['name']}"]
    parts += [] if shown.get("seed") is None else [f"seed {shown['seed']}"]
    if features:
        parts.append(f"{features['backbone']} {' + '.join(features['streams'])}")
        parts += [f"{stream} weights {name}" for stream, name in features["weights"].items()]
        parts += [f"{features['flow method']} flow"] if features["flow method"] else []
    return ", ".join(parts)


def _weights(facts: dict[str, Any], streams: list[str]) -> dict[str, str]:
    """Each stream's weights by name, with the start of their hash."""
    return {
        stream: f"{source['name']} {source.get('sha256', '')[:12]}".strip()
        for stream, source in facts.get("weights", {}).items()
        if stream in streams
    }


def _figures(folder: Path, evaluation: Evaluation) -> None:
    drawn = {
        "roc": figures.roc(evaluation),
        "timelines": figures.timelines(evaluation),
        "histogram": figures.score_histogram(evaluation),
    }
    if evaluation.confusion is not None:
        drawn["confusion"] = figures.confusion(evaluation)
    for name, figure in drawn.items():
        files.write_whole(folder / f"{name}.png", figures.to_png(figure))
