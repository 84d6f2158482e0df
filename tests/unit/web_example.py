"""A small site for tests of the web pages: three videos, two evaluated runs, nothing trained."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numbered_video import numbered, write

from vadlab import files
from vadlab.evaluation.evaluate import evaluate
from vadlab.evaluation.events import Alarm
from vadlab.evaluation.result import Evaluation
from vadlab.evaluation.rules import get
from vadlab.evaluation.summary import to_json
from vadlab.timeline import Timeline, write_timeline
from vadlab.types import Categories, FrameLabels, Scores, Video

NAMES = ("Fighting", "Fire")
LENGTHS = {"Fire/a": 60, "Fire/b": 60, "quiet": 60}
TRUTH = {"Fire/a": [(20, 40)], "Fire/b": [(10, 30)], "quiet": []}
SUFFIXES = {"Fire/a": ".mp4", "Fire/b": ".avi", "quiet": ""}
REPORT = "<!DOCTYPE html><title>report</title><script>document.title = 'it ran'</script>"


def make_site(root: Path) -> Path:
    """`root/site` with the runs `runs/first` and `runs/second`; their dataset is in `root/videos`, beside it.

    The first run's files hold truth and categories, those of the second do not.
    """
    videos = root / "videos"
    (videos / "Fire").mkdir(parents=True)
    write(videos / "Fire" / "a.mp4", options={"g": "12", "bf": "3"})
    write(videos / "Fire" / "b.avi", codec="mpeg4")
    (videos / "quiet").mkdir()
    for i in range(LENGTHS["quiet"]):
        cv2.imwrite(str(videos / "quiet" / f"{i:03d}.png"), numbered(i))
    rows = ["path,split,category,abnormal,events,fps"]
    for name, spans in TRUTH.items():
        events = ";".join(f"{start}-{stop}" for start, stop in spans)
        category = "Fire" if spans else "Fighting"
        rows.append(f"{name}{SUFFIXES[name]},test,{category},{int(bool(spans))},{events},25")
    (videos / "annotations.csv").write_text("\n".join(rows) + "\n")
    site = root / "site"
    write_run(site / "runs" / "first", videos, seed=1, complete=True)
    write_run(site / "runs" / "second", videos, seed=2, complete=False)
    (site / "runs" / "first" / "report.html").write_text(REPORT)
    return site


def write_run(run: Path, videos: Path, *, seed: int, complete: bool) -> None:
    """The files of an evaluated run, without the trained state."""
    evaluation = evaluation_of(seed)
    for judged in evaluation.videos:
        line = Timeline(judged.id, judged.frame_scores, judged.counted)
        if complete:
            line = Timeline(
                judged.id,
                judged.frame_scores,
                judged.counted,
                fps=judged.scores.video.fps,
                labelled=judged.labels.intervals,
                categories=judged.scores.categories,
            )
        write_timeline(run / "scores" / "strict" / f"{judged.id}.safetensors", line)
    shown = {"dataset": "folder", "detector": "aed", "split": {"name": "folder full", "seed": seed}}
    files.write_json(run / "metrics.json", {"strict": to_json(evaluation) | {"run": shown}})
    settings = {"name": "aed", "settings": {"seed": seed}}
    files.write_json(
        run / "run.json", {"detector": settings, "dataset": {"name": "folder", "root": str(videos)}}
    )


def evaluation_of(seed: int) -> Evaluation:
    """Scores drawn from a seed, judged by the truth above under the rules `strict`."""
    rng = np.random.default_rng(seed)
    pairs = []
    for name, n in LENGTHS.items():
        labels = FrameLabels.from_spans(TRUTH[name], n, category="Fire" if TRUTH[name] else "Fighting")
        frames = np.arange(n)
        values = np.clip(0.3 + 0.5 * labels.mask() + rng.normal(0, 0.15, n), 0, 1).astype(np.float32)
        windows = np.array([[0, 30], [30, 60]])
        shares = rng.dirichlet([1, 1], 2).astype(np.float32)
        video = Video(name, Path(name), n, Fraction(25), (96, 64))
        scores = Scores(
            video, np.stack([frames, frames + 1], axis=1), values, Categories(windows, shares, NAMES)
        )
        pairs.append((scores, labels))
    return evaluate(pairs, get("strict"), alarm=Alarm.at(0.5, scale_from_0=True))
