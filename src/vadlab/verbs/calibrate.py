"""vadlab calibrate: the alarm threshold from a rate of false alarms on normal video."""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from vadlab import catalog, progress
from vadlab.errors import DataError, UsageError, VadlabError
from vadlab.live.calibrate import Calibration, EventLengths, NormalVideo, scoring_of
from vadlab.live.capture import Capture
from vadlab.live.health import Health
from vadlab.live.networks import Networks, load_networks
from vadlab.live.rolling import Timing
from vadlab.live.scorer import Done, LostTrack, Scorer, Told
from vadlab.live.source import Source, parse_sources

__all__ = ["calibrate"]


def calibrate(
    run: Path,
    videos: Sequence[Path],
    *,
    per_hour: float,
    out: Path,
    lengths: EventLengths | None = None,
    close_at: float | None = None,
    timing: Timing = "settled",
    piece: int | None = None,
    engine: str | None = None,
    device: str = "auto",
) -> tuple[Calibration, list[tuple[Path, str]]]:
    """Choose a threshold on videos in which nothing happens, scored as `watch` scores them; writes `out`.

    Args:
        run: A finished run.
        videos: Files or folders of images, of the watched cameras if possible.
        per_hour: False alarms allowed for each hour.
        out: The file that `watch --threshold` reads.
        lengths: What makes an event but the threshold; None takes the defaults of `watch`.
        close_at: Wins over that of `lengths`; None takes 0.8 where scores lie in 0..1, else 1, as `watch`.
        timing: As in `watch`.
        piece: As in `watch`.
        engine: Another for the features than the training's, or a folder of `vadlab export`.
        device: Where the networks run.

    Returns:
        The calibration, and path and reason of each video that could not be scored.

    Raises:
        UsageError: If a video is of the run's test part or is known to be abnormal, the rate is negative,
            or the detector cannot follow a stream.
        DataError: If no video could be scored.
        StoreError: If the run is unfinished, or the export is of another backbone.
        WeightsError: If the backbone's weights are not here.
    """
    if timing not in get_args(Timing):
        raise UsageError(f"unknown timing {timing!r}", expected=" | ".join(get_args(Timing)))
    sources = parse_sources([str(video) for video in videos])
    streams = [source.shown for source in sources if source.kind != "file"]
    if streams:
        raise UsageError("a threshold is chosen on recorded video", found=", ".join(streams))
    networks = load_networks(run, engine=engine, device=device, piece=piece)
    try:
        trained_on = _known(networks.facts, sources)
        if close_at is None:
            close_at = EventLengths.usual(networks.detector.threshold).close_at
        lengths = replace(lengths or EventLengths(), close_at=close_at)
        seen, failed = _scored(networks, sources, timing)
    finally:
        networks.close()
    if not seen:
        raise DataError(
            "no video could be scored", found="; ".join(f"{path}: {reason}" for path, reason in failed)
        )
    scoring = scoring_of(run, networks.facts["detector"]["name"], timing=timing, piece=piece)
    found = Calibration.on(
        seen,
        lengths,
        per_hour=per_hour,
        scoring=scoring,
        trained_on=[video.name for video in seen if video.name in trained_on],
    )
    found.write(out)
    return found, failed


def _known(facts: dict[str, Any], sources: Sequence[Source]) -> set[str]:
    """The names of those that the run trained or validated on; test videos and abnormal ones are refused."""
    try:
        dataset = catalog.load("datasets", facts["dataset"]["name"])(Path(facts["dataset"]["root"]))
        entries = {entry.path.resolve(): entry for entry in dataset.entries()}
    except VadlabError:
        return set()  # the dataset is not here any more
    known = {
        source.name: entries[path]
        for source in sources
        if (path := Path(source.address).resolve()) in entries
    }
    parts = {id_: part for part in ("train", "val", "test") for id_ in facts["split"][part]}
    unfit = [f"{entry.id} (test)" for entry in known.values() if parts.get(entry.id) == "test"]
    unfit += [f"{entry.id} (abnormal)" for entry in known.values() if entry.abnormal]
    if unfit:
        raise UsageError(
            "a threshold is not chosen on test videos, nor on abnormal ones",
            expected="normal videos that the run is not evaluated on",
            found=", ".join(unfit),
        )
    return {name for name, entry in known.items() if entry.id in parts}


def _scored(
    networks: Networks, sources: Sequence[Source], timing: Timing
) -> tuple[list[NormalVideo], list[tuple[Path, str]]]:
    seen: list[NormalVideo] = []
    failed: list[tuple[Path, str]] = []
    with progress.bar("calibrate") as report:
        for number, source in enumerate(sources):

            def tick(n_frames: int, *, number: int = number, name: str = source.name) -> None:
                report(number, len(sources), f"{name}, {n_frames} frames")

            parts: list[Told] = []
            error = _listen(networks, source, timing, parts, tick)
            if error is None and parts:
                scores = np.concatenate([told.scores.values for told in parts])
                seen.append(NormalVideo(source.name, parts[0].fps, scores))
            else:
                failed.append((Path(source.address), error or "it has no frame"))
            report(number + 1, len(sources), source.name)
    return seen, failed


def _listen(
    networks: Networks, source: Source, timing: Timing, parts: list[Told], tick: Callable[[int], None]
) -> str | None:
    """Gather what is told of a source until it ends; why it failed, or None."""
    told: queue.Queue[Told | LostTrack | Done] = queue.Queue()
    capture = Capture(source, health=Health(source.name), resize=networks.frame_size)
    ahead = max(2, 2 * networks.workers)
    Scorer(networks, capture, tell=told.put, timing=timing, ahead=ahead).start()
    try:
        while not isinstance(message := told.get(), Done):
            if isinstance(message, Told):
                parts.append(message)
                tick(message.start + len(message.times))
    finally:
        capture.stop()
    return message.error
