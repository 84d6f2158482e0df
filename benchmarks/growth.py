"""How extraction grows with a video's length, its resolution, the number of videos and of workers.

    python benchmarks/growth.py --videos FOLDER --json FILE

Each figure comes from a process of its own, so that its peak memory is its own; the variants take turns.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

from measure import interleaved, machine, median, save, table
from sample_video import FPS, make, repeat

from vadlab import devices
from vadlab.features.extract import make_extractor
from vadlab.features.pipeline import Job, extract_videos
from vadlab.video.decode import VideoFrames

BASE_S = 20  # seconds of the video that longer ones repeat
LENGTHS_S = (20, 60, 180)
SIZES = ((320, 180), (640, 360), (1280, 720), (1920, 1080))
NUMBERS = (1, 4, 16)
PIECE_S = 5  # seconds of each of several videos


def main() -> None:
    """Measure, print, save; or, as a child, one measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--videos", type=Path, help="folder of real videos to cut the test videos from")
    parser.add_argument("--streams", default="rgb,flow")
    parser.add_argument("--flow", default="tvl1")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--minutes", type=float, help="only one video of this length, once")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)  # workers, then videos
    args = parser.parse_args()
    if args.child:
        _child(args, int(args.child[0]), [Path(name) for name in args.child[1:]])
        return
    result: dict[str, Any] = {"machine": machine(), "streams": args.streams, "flow": args.flow}
    with tempfile.TemporaryDirectory() as folder:
        cases = _long(args, Path(folder)) if args.minutes else _cases(args, Path(folder))
        answers: dict[str, list[dict[str, float]]] = {name: [] for name in cases}
        variants = {
            name: (lambda n=name, c=case: answers[n].append(_measured(args, *c)))
            for name, case in cases.items()
        }
        interleaved(variants, 1 if args.minutes else args.rounds, warm_up=0)
    rows = {}
    for name, found in answers.items():
        seconds, video_s = median([one["seconds"] for one in found]), found[0]["video_s"]
        rows[name] = {
            "x_real_time": video_s / seconds,
            "peak_mb": max(one["peak_mb"] for one in found),
            "rounds_s": [one["seconds"] for one in found],
        }
    result["cases"] = rows
    table(
        f"Growth: {args.streams}, {args.flow}, medians of {args.rounds} rounds",
        ("case", "x real time", "peak memory MB"),
        [(name, row["x_real_time"], f"{row['peak_mb']:.0f}") for name, row in rows.items()],
    )
    if args.json:
        save(args.json, result)


def _cases(args: argparse.Namespace, folder: Path) -> dict[str, tuple[int, list[Path]]]:
    cores = devices.cores()
    cases: dict[str, tuple[int, list[Path]]] = {}
    base = make(folder / "base.mp4", BASE_S * FPS, videos=args.videos)
    for seconds in LENGTHS_S:
        video = repeat(base, folder / f"{seconds}.mp4", seconds // BASE_S)
        cases[f"{seconds} s of 640x360"] = (cores, [video])
    for width, height in SIZES:
        name = f"{width}x{height}"
        video = make(folder / f"{name}.mp4", BASE_S * FPS, videos=args.videos, size=(width, height))
        cases[f"{name}, {BASE_S} s"] = (cores, [video])
    piece = make(folder / "piece.mp4", PIECE_S * FPS, videos=args.videos)
    for number in NUMBERS:
        cases[f"{number} videos of {PIECE_S} s"] = (cores, [piece] * number)
    for workers in range(1, cores + 1):
        cases[f"{workers} workers, {BASE_S} s"] = (workers, [base])
    return cases


def _long(args: argparse.Namespace, folder: Path) -> dict[str, tuple[int, list[Path]]]:
    base = make(folder / "base.mp4", 60 * FPS, videos=args.videos)
    video = repeat(base, folder / "long.mp4", round(args.minutes))
    return {f"{round(args.minutes)} min of 640x360": (devices.cores(), [video])}


def _measured(args: argparse.Namespace, workers: int, videos: list[Path]) -> dict[str, float]:
    """One extraction in a fresh process, its start left out of the time."""
    command = [sys.executable, __file__, "--streams", args.streams, "--flow", args.flow]
    command += ["--engine", args.engine, "--child", str(workers), *map(str, videos)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


def _child(args: argparse.Namespace, workers: int, videos: list[Path]) -> None:
    settings = {"streams": args.streams.split(","), "engine": args.engine}
    extractor = make_extractor("i3d", flow=args.flow, settings=settings, device="cpu", workers=workers)
    extractor.run(
        islice(VideoFrames(videos[0], resize=extractor.backbone.frame_size), 17)
    )  # makes the networks
    started, n_frames = time.perf_counter(), 0
    for outcome in extract_videos([Job(str(i), video) for i, video in enumerate(videos)], extractor):
        assert outcome.sample is not None, outcome.error
        n_frames += outcome.sample.video.n_frames
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "video_s": n_frames / FPS, "peak_mb": peak}))


if __name__ == "__main__":
    main()
