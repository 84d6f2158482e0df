"""From a video to frame scores, events and categories, with a trained run that stays loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from vadlab import checkpoint, devices, training
from vadlab.detector import Detector
from vadlab.evaluation.events import Alarm
from vadlab.evaluation.frames import to_frames
from vadlab.evaluation.rules import get
from vadlab.exported import extractor_by
from vadlab.features.extract import Extractor
from vadlab.features.pipeline import extract_video
from vadlab.features.store import select_streams
from vadlab.samples import frames_of
from vadlab.types import Event, Features, FloatArray, Sample, Scores

__all__ = ["Pipeline", "Scored", "Wishes"]


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
    """One video's answer, and the files that hold it, if any were written.

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
    files: tuple[Path, ...] = ()

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


@dataclass(frozen=True)
class Pipeline:
    """A trained run, ready for any video: `Pipeline.load("RUN")("video.mp4").events`.

    Args:
        detector: The trained detector.
        extractor: What makes its features; None where it reads frames.
        streams: Those of the features that it reads; None for all.
        alarm: What makes events of scores.
        place: Where it runs.
    """

    detector: Detector
    extractor: Extractor | None
    streams: tuple[str, ...] | None
    alarm: Alarm
    place: training.Runtime

    @classmethod
    def load(
        cls,
        run: str | Path,
        *,
        wishes: Wishes | None = None,
        engine: str | None = None,
        device: str = "auto",
    ) -> Self:
        """The pipeline of a run folder.

        Args:
            run: A folder of `train`.
            wishes: Of alarms; None takes the run's own threshold.
            engine: Another engine for the features than the training's, or a folder of `export`.
            device: "auto", "cpu", "cuda", "cuda:N".

        Raises:
            StoreError: If the run is unfinished, or the export is of another backbone.
            WeightsError: If the backbone's weights are not here.
            UsageError: If the engine is unknown or not installed.
        """
        detector, facts = checkpoint.restore(Path(run))
        extractor = None
        if facts["features"]:
            extractor = extractor_by(engine, facts["features"], device=device, workers=devices.cores())
        return cls(
            detector,
            extractor,
            tuple(facts["streams"]) if facts["streams"] else None,
            (wishes or Wishes()).alarm(detector, facts["calibration"]),
            training.Runtime(device=devices.pick(device)),
        )

    def __call__(self, video: str | Path, *, progress: Callable[[int], None] | None = None) -> Scored:
        """Score a video file or a folder of images.

        Args:
            video: Its path.
            progress: Called with the number of clips done so far, where the detector reads features.

        Raises:
            DataError: If it cannot be read.
        """
        with training.runtime(self.place):
            sample = self._sample(Path(video), progress)
            scores = self.detector.score(sample)
        frame_scores, _ = to_frames(scores, get("strict"))
        known = sample.video
        events = self.alarm.events(
            frame_scores, source=str(known.path), fps=known.fps, categories=scores.categories
        )
        return Scored(scores, frame_scores, events, self.alarm.on)

    def _sample(self, path: Path, progress: Callable[[int], None] | None) -> Sample[Any, None]:
        if self.extractor is None:
            return frames_of(path, id=path.stem)
        sample = extract_video(path, self.extractor, id=path.stem, progress=progress)
        values = select_streams(sample.x.values, self.extractor.backbone.dims(), self.streams)
        return replace(sample, x=Features(values))
