"""One uploaded video scored in a process of its own: `python -m vadlab.web.score_job RUN VIDEO OUT`.

A process can be ended in the middle of anything, and takes its memory with it. Progress goes to stdout, a
JSON object a line: {"share": 0..1 or null, "text": ...}; of a failure the last line is {"error": ...}.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from vadlab import checkpoint, progress
from vadlab.errors import DataError, VadlabError
from vadlab.files import write_json
from vadlab.progress import Report
from vadlab.timeline import Timeline, write_timeline
from vadlab.verbs.score import Scored, Wishes, score_videos
from vadlab.video.container import promised
from vadlab.web.jobs import RESULT, TIMELINE

__all__ = ["main"]

CLIP = 16  # frames, of every backbone here; only the share that is shown depends on it


def main() -> int:
    """Score, write RESULT and TIMELINE beside what `vadlab score` writes, and return the exit code."""
    run, video, out = (Path(argument) for argument in sys.argv[1:4])
    header = promised(video, id=video.stem)
    _report_to_stdout(None if header is None else max(1, header.n_frames // CLIP))
    try:
        scored, failed = score_videos(run, [video], out=out)
        if failed:
            raise DataError(failed[0][1])
        _write(run, scored[0], out)
    except VadlabError as error:
        _say({"error": str(error)})
        return 1
    return 0


def _write(run: Path, one: Scored, out: Path) -> None:
    scores = one.scores
    line = Timeline(
        scores.video.id,
        one.frame_scores,
        np.ones(len(one.frame_scores), dtype=bool),
        fps=scores.video.fps,
        categories=scores.categories,
    )
    write_timeline(out / TIMELINE, line)
    detector, facts = checkpoint.restore(run)
    alarm = Wishes().alarm(detector, facts["calibration"])
    write_json(
        out / RESULT,
        {
            "n_frames": scores.video.n_frames,
            "fps": str(scores.video.fps),
            "n_events": len(one.events),
            "top_score": float(one.frame_scores.max()),
            "alarm": {
                "on": alarm.on,
                "off": alarm.off,
                "min_length_s": alarm.min_length_s,
                "merge_gap_s": alarm.merge_gap_s,
            },
        },
    )  # last, for its being there means that the job is done


def _report_to_stdout(n_clips: int | None) -> None:
    """Let the bar of `score_videos` speak in JSON lines."""

    @contextlib.contextmanager
    def bar(what: str, *, counted: bool = True) -> Iterator[Report]:
        del what, counted

        def report(done: float, total: float, text: str = "") -> None:
            clips = re.search(r"(\d+) clips$", text)
            share = done / total if total else None
            if clips and n_clips:
                # Features take nearly all of the time; the detector's part comes after them.
                share = min(0.98, int(clips[1]) / n_clips)
            _say({"share": share, "text": f"{clips[1]} clips" if clips else ""})

        yield report

    progress.bar = bar


def _say(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
