"""Watching: memory and speed over long video, and how late a score is in real time.

    python benchmarks/live.py --json FILE                # an hour as fast as it goes, then in real time
    python benchmarks/live.py --minutes 5 --seconds 20   # quick

A small `aed` on the features of pooled_pixels is trained on generated scenes, so that what is measured is
watching, not a network: `vadlab watch` in a process of its own, asked once a second what it does and holds.
Late is what `status.json` calls lag: from the arrival of the newest scored frame until its score is known;
the frames before it in its clip of 16 came up to 0.6 s earlier.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from measure import machine, save, table
from sample_video import FPS, make, repeat

from vadlab.datasets.synth import Synth, generate
from vadlab.features.extract import make_extractor
from vadlab.verbs.extract import extract
from vadlab.verbs.train import Plan, train

SIZE = (320, 240)
PIECE_S = 60  # seconds of the video that a longer one repeats
BETWEEN_S = 1.0
SETTINGS = {"steps": 50, "hidden": 16, "abnormal_per_batch": 4, "normal_per_batch": 4, "standardise": True}


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60, help="of video, as fast as it goes (60)")
    parser.add_argument(
        "--seconds", type=float, default=60, help="of video in real time, for each timing (60)"
    )
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    result: dict[str, Any] = {"machine": machine(), "size": SIZE, "fps": FPS}
    with tempfile.TemporaryDirectory() as folder:
        run, piece = _run(Path(folder)), make(Path(folder) / "piece.mp4", PIECE_S * FPS, size=SIZE)
        times = max(1, round(args.minutes * 60 / PIECE_S))
        long = repeat(piece, Path(folder) / "long.mp4", times)
        result["long"] = _long(_watched(run, long, Path(folder) / "fast"), times * PIECE_S)
        short = make(Path(folder) / "short.mp4", round(args.seconds * FPS), size=SIZE)
        result["real time"] = {
            timing: _late(_watched(run, short, Path(folder) / timing, "--real-time", "--timing", timing))
            for timing in ("settled", "causal")
        }
    _print(result)
    if args.json:
        save(args.json, result)


def _run(folder: Path) -> Path:
    videos = generate(folder / "set", train=1, test=1, categories=("Falling", "Fire"), size=SIZE)
    store, run = folder / "store", folder / "run"
    extract(videos.entries(), store, make_extractor("pooled_pixels", flow="dis"))
    train(Plan(Synth.name, folder / "set", "aed", SETTINGS, features=store), run)
    return run


def _watched(run: Path, video: Path, out: Path, *options: str) -> list[dict[str, Any]]:
    """What a watch did and held, once a second until its end."""
    command = [sys.executable, "-m", "vadlab", "watch", str(run), f"cam={video}", "--out", str(out), *options]
    seen: list[dict[str, Any]] = []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            time.sleep(BETWEEN_S)
            row = _now(out, process.pid)
            if row is not None:
                seen.append(row)
    if process.returncode != 0:
        raise SystemExit(f"vadlab watch failed: {' '.join(command)}")
    return seen


def _now(out: Path, pid: int) -> dict[str, Any] | None:
    try:
        status = json.loads((out / "status.json").read_text(encoding="utf-8"))
        memory = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except (OSError, ValueError):
        return None  # not begun, or ended
    (source,) = status["sources"]
    kib = next((int(line.split()[1]) for line in memory.splitlines() if line.startswith("VmRSS:")), None)
    if kib is None or not source["scored"]:
        return None
    keys = ("fps", "lag_s", "frames", "scored", "dropped")
    return {"time": status["time"], "rss_mb": kib / 1024, **{key: source[key] for key in keys}}


def _long(seen: Sequence[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """Memory at four times, in equal parts of the frames, and the speed between the first and the last."""
    first, last = seen[0], seen[-1]
    marks = {}
    for quarter in (1, 2, 3, 4):
        wanted = seconds * FPS * quarter / 4
        marks[quarter] = min(seen, key=lambda row: abs(row["scored"] - wanted))["rss_mb"]
    return {
        "seconds": seconds,
        "rss_mb_by_quarter": [marks[quarter] for quarter in (1, 2, 3, 4)],
        "frames_a_second": (last["scored"] - first["scored"]) / (last["time"] - first["time"]),
        "dropped": last["dropped"],
    }


def _late(seen: Sequence[dict[str, Any]]) -> dict[str, Any]:
    lags = [row["lag_s"] for row in seen]
    return {"median_s": statistics.median(lags), "most_s": max(lags), "dropped": seen[-1]["dropped"]}


def _print(result: dict[str, Any]) -> None:
    long = result["long"]
    table(
        f"{long['seconds'] / 60:.3g} minutes of video at {long['frames_a_second']:.0f} frames a second, "
        f"{long['dropped']} dropped",
        ("memory after", "MB"),
        [(f"{quarter}/4", mb) for quarter, mb in enumerate(long["rss_mb_by_quarter"], start=1)],
    )
    table(
        "one camera's speed: from a frame to its score",
        ("timing", "s, median", "s, most", "dropped"),
        [(name, row["median_s"], row["most_s"], row["dropped"]) for name, row in result["real time"].items()],
    )


if __name__ == "__main__":
    main()
