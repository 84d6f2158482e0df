"""vadlab score: any video to frame scores, events and categories."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vadlab import files, progress
from vadlab.errors import VadlabError
from vadlab.pipeline import Pipeline, Scored, Wishes
from vadlab.report import figures
from vadlab.report.overlay import annotate
from vadlab.video.container import promised
from vadlab.video.decode import VideoFrames
from vadlab.video.encode import write_video

__all__ = ["Scored", "Wishes", "score_videos"]


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
    with another engine than the training's, or with the networks of a folder of `export`; None keeps it.

    Returns:
        What was scored, and path and reason of each video that failed.

    Raises:
        StoreError: If the run is unfinished.
        WeightsError: If the backbone's weights are not here.
    """
    files.require_writable(out)  # now, and not after an hour's scoring
    pipeline = Pipeline.load(run, wishes=wishes, engine=engine, device=device)
    scored: list[Scored] = []
    failed: list[tuple[Path, str]] = []
    names = _names(videos)
    with progress.bar("score", counted=False) as report:
        for number, (path, name) in enumerate(zip(videos, names, strict=True)):
            expected = _clips_promised(path, pipeline)

            def tick(
                clips: int, *, number: int = number, path: Path = path, expected: int = expected
            ) -> None:
                share = min(clips / expected, 1.0) if expected else 0.0
                report(number + share, len(videos), f"{path.name}, {clips} clips")

            try:
                scored.append(_written(pipeline(path, progress=tick), out / name, overlay=overlay))
            except VadlabError as error:
                failed.append((path, str(error)))
            report(number + 1, len(videos), path.name)
    return scored, failed


def _clips_promised(path: Path, pipeline: Pipeline) -> int:
    """The number of clips by the video's header, for the bar alone; 0 if that is not known."""
    try:
        video = promised(path, id=path.stem)
    except VadlabError:
        return 0  # it is told of when it is decoded
    return 0 if video is None or pipeline.extractor is None else pipeline.extractor.n_clips(video.n_frames)


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


def _written(one: Scored, stem: Path, *, overlay: bool) -> Scored:
    video = one.scores.video
    written = [stem.with_name(stem.name + ".json"), stem.with_name(stem.name + ".png")]
    files.write_json(written[0], one.to_json())
    figure = figures.score_plot(
        video, one.frame_scores, one.events, one.scores.categories, threshold=one.threshold
    )
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
    return replace(one, files=tuple(written))
