"""vadlab score: any video to frame scores, events and categories."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from vadlab import checkpoint, devices, files, progress, training
from vadlab.detector import Detector
from vadlab.errors import VadlabError
from vadlab.evaluation.events import Alarm
from vadlab.evaluation.frames import to_frames
from vadlab.evaluation.rules import get
from vadlab.features.extract import Extractor, remake_extractor
from vadlab.features.pipeline import extract_video
from vadlab.features.store import select_streams
from vadlab.report import figures
from vadlab.report.overlay import annotate
from vadlab.samples import frames_of
from vadlab.types import Event, Features, FloatArray, Sample, Scores
from vadlab.video.decode import VideoFrames
from vadlab.video.encode import write_video

__all__ = ["Scored", "Wishes", "score_videos"]


@dataclass(frozen=True)
class Wishes:
    """What the user says of alarms; what is left open is the run's own.

    Args:
        on: An event needs a frame that scores at least this; None takes the detector's own threshold
            (0.5 where scores lie in 0..1, as the paper binarises; else a quantile of normal training frames).
        off: It reaches both ways while frames score at least this; None takes 0.8 of `on` for scores in
            0..1, else `on`.
        min_length_s: Shorter events are dropped, seconds.
        merge_gap_s: Events closer than this become one, seconds.
    """

    on: float | None = None
    off: float | None = None
    min_length_s: float = 0.4
    merge_gap_s: float = 1.0

    def alarm(self, detector: Detector, calibration: Mapping[str, float]) -> Alarm:
        """The alarm for scores of this detector."""
        natural = detector.threshold
        on = self.on
        if on is None:
            on = natural if natural is not None else calibration["high"]
        off = Alarm.at(on, scale_from_0=natural is not None).off if self.off is None else min(self.off, on)
        return Alarm(on, off, self.min_length_s, self.merge_gap_s)


@dataclass(frozen=True)
class Scored:
    """One video's answer, and the files that hold it.

    Args:
        scores: The detector's answer.
        frame_scores: (n_frames,) under the rules `strict`.
        events: Found events, in order.
        threshold: The `on` threshold that found them.
        files: Files written.
    """

    scores: Scores
    frame_scores: FloatArray
    events: tuple[Event, ...]
    threshold: float
    files: tuple[Path, ...]

    def to_json(self) -> dict[str, Any]:
        """For JSON: the video, its events in frames and seconds, categories and every frame's score."""
        video, categories = self.scores.video, self.scores.categories
        return {
            "video": {
                "path": str(video.path),
                "n_frames": video.n_frames,
                "fps": str(video.fps),
                "seconds": video.seconds(video.n_frames),
                "size": list(video.size),
            },
            "threshold": self.threshold,
            "events": [
                asdict(event)
                | {"start_time_s": video.seconds(event.start), "stop_time_s": video.seconds(event.stop)}
                for event in self.events
            ],
            "categories": None
            if categories is None
            else dict(zip(categories.names, categories.video_level().round(4).tolist(), strict=True)),
            "frame_scores": self.frame_scores.astype(float).round(5).tolist(),
        }


def score_videos(
    run: Path,
    videos: Sequence[Path],
    *,
    out: Path,
    wishes: Wishes | None = None,
    overlay: bool = False,
    engine: str | None = None,
    device: str = "auto",
) -> tuple[list[Scored], list[tuple[Path, str]]]:
    """Score video files or image folders with a trained run.

    For each video, `out` gets NAME.json, NAME.png and, with `overlay`, NAME.mp4. `engine` makes the features
    with another engine than the training's; None keeps it.

    Returns:
        What was scored, and path and reason of each video that failed.

    Raises:
        StoreError: If the run is unfinished.
        WeightsError: If the backbone's weights are not here.
    """
    detector, facts = checkpoint.restore(run)
    extractor = _extractor(facts, engine, device)
    streams = tuple(facts["streams"]) if facts["streams"] else None
    scored: list[Scored] = []
    failed: list[tuple[Path, str]] = []
    names = _names(videos)
    alarm = (wishes or Wishes()).alarm(detector, facts["calibration"])
    place = training.Runtime(device=devices.pick(device))
    with progress.bar("score", counted=False) as report, training.runtime(place):
        for number, (path, name) in enumerate(zip(videos, names, strict=True)):

            def tick(clips: int, *, number: int = number, path: Path = path) -> None:
                report(number, len(videos), f"{path.name}, {clips} clips")

            try:
                sample = _sample(path, extractor, streams, tick)
                one = _score_one(detector, sample, alarm)
                scored.append(_written(one, out / name, overlay=overlay))
            except VadlabError as error:
                failed.append((path, str(error)))
            report(number + 1, len(videos), path.name)
    return scored, failed


def _extractor(facts: dict[str, Any], engine: str | None, device: str) -> Extractor | None:
    if not facts["features"]:
        return None
    return remake_extractor(facts["features"], engine=engine, device=device, workers=devices.cores())


def _names(videos: Sequence[Path]) -> list[str]:
    """An output name for each video, no two the same.

    It is the video's stem; with its folder's name before it where stems collide, and with a number
    behind it where that is not enough.
    """
    paths = [path.resolve() for path in videos]
    count = Counter(path.stem for path in paths)
    names: list[str] = []
    for path in paths:
        wanted = path.stem if count[path.stem] == 1 else f"{path.parent.name}-{path.stem}"
        numbered = (f"{wanted}-{number}" for number in itertools.count(2))
        names.append(next(name for name in itertools.chain([wanted], numbered) if name not in names))
    return names


def _sample(
    path: Path, extractor: Extractor | None, streams: tuple[str, ...] | None, tick: Callable[[int], None]
) -> Sample[Any, None]:
    if extractor is None:
        return frames_of(path, id=path.stem)
    sample = extract_video(path, extractor, id=path.stem, progress=tick)
    values = select_streams(sample.x.values, extractor.backbone.dims(), streams)
    return replace(sample, x=Features(values))


def _score_one(detector: Detector, sample: Sample[Any, None], alarm: Alarm) -> Scored:
    scores = detector.score(sample)
    frame_scores, _ = to_frames(scores, get("strict"))
    video = sample.video
    events = alarm.events(frame_scores, source=str(video.path), fps=video.fps, categories=scores.categories)
    return Scored(scores, frame_scores, events, alarm.on, ())


def _written(one: Scored, stem: Path, *, overlay: bool) -> Scored:
    video = one.scores.video
    written = [stem.with_name(stem.name + ".json"), stem.with_name(stem.name + ".png")]
    files.write_json(written[0], one.to_json())
    figure = figures.score_plot(video, one.frame_scores, one.events, one.scores.categories)
    files.write_whole(written[1], figures.to_png(figure))
    if overlay:
        written.append(stem.with_name(stem.name + ".mp4"))
        frames = annotate(
            VideoFrames(video.path),
            one.frame_scores,
            one.events,
            fps=video.fps,
            categories=one.scores.categories,
        )
        write_video(written[2], frames, fps=video.fps)
    return Scored(one.scores, one.frame_scores, one.events, one.threshold, tuple(written))
