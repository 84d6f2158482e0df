"""One uploaded video scored in a process of its own: `python -m vadlab.web.score_job RUN VIDEO OUT`.

A process can be ended in the middle of anything, and takes its memory with it. Progress goes to stdout, a
JSON object a line: {"share": 0..1 or null, "text": ...}; of a failure the last line is {"error": ...}.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from vadlab.errors import VadlabError
from vadlab.files import write_json
from vadlab.pipeline import Pipeline, Scored
from vadlab.timeline import Timeline, write_timeline
from vadlab.video.container import promised
from vadlab.web.jobs import RESULT, TIMELINE

__all__ = ["main"]

SHARE_OF_FEATURES = 0.98  # they take nearly all of the time; the detector's part comes after them


def main() -> int:
    """Score as `vadlab score` does, write TIMELINE and RESULT, and return the exit code."""
    run, video, out = (Path(argument) for argument in sys.argv[1:4])
    try:
        pipeline = Pipeline.load(run)
        _write(pipeline, pipeline(video, progress=_progress(pipeline, video)), out)
    except VadlabError as error:
        _say({"error": str(error)})
        return 1
    return 0


def _progress(pipeline: Pipeline, video: Path) -> Callable[[int], None]:
    """Tells how many clips are done, and which share of all, where the file's header says its length."""
    header = promised(video, id=video.stem)
    n_clips = None
    if header is not None and pipeline.extractor is not None:
        n_clips = max(1, header.n_frames // pipeline.extractor.backbone.clip_length)

    def tell(clips: int) -> None:
        share = None if n_clips is None else min(SHARE_OF_FEATURES, clips / n_clips)
        _say({"share": share, "text": f"{clips} clips"})

    return tell


def _write(pipeline: Pipeline, one: Scored, out: Path) -> None:
    scores = one.scores
    line = Timeline(
        scores.video.id,
        one.frame_scores,
        np.ones(len(one.frame_scores), dtype=bool),
        fps=scores.video.fps,
        categories=scores.categories,
    )
    write_timeline(out / TIMELINE, line)
    write_json(
        out / RESULT,
        {
            "n_frames": scores.video.n_frames,
            "fps": str(scores.video.fps),
            "n_events": len(one.events),
            "top_score": float(one.frame_scores.max()),
            "alarm": asdict(pipeline.alarm),
        },
    )  # last, for its being there means that the job is done


def _say(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
