"""TV-L1 flow against OpenCV's: how much faster on one core, and how far each is from the truth.

    python benchmarks/tvl1.py --videos FOLDER --json FILE

Known motions are generated (`known_motion.py`); real pairs are the middle two frames of a folder's videos.
Each round computes all pairs with each method in turn, on one thread (or several, with pairs spread over
them), and the figure is the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from known_motion import MOTIONS, Pair, pairs
from measure import interleaved, machine, median, ratio, save, table
from numpy.typing import NDArray

from vadlab.flow.dis import DIS
from vadlab.flow.opencv_tvl1 import OpenCVTVL1
from vadlab.flow.tvl1 import TVL1
from vadlab.video.decode import VideoFrames, probe
from vadlab.video.transform import to_grey

Frames = NDArray[np.uint8]
Flow = NDArray[np.float32]

PEER = "opencv_tvl1"
METHODS: dict[str, Callable[[Frames], Flow]] = {
    PEER: OpenCVTVL1(),
    "tvl1 quality": TVL1(preset="quality"),
    "tvl1 balanced": TVL1(preset="balanced"),
    "tvl1 fast": TVL1(preset="fast"),
    "dis medium": DIS(),
}


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--videos", type=Path, help="folder of videos for the real pairs, searched in depth")
    parser.add_argument("--n", type=int, default=12, help="real pairs (12)")
    parser.add_argument("--size", type=int, nargs=2, default=(224, 224), metavar=("W", "H"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="pairs at a time (1)")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    size = tuple(args.size)
    result: dict[str, Any] = {"machine": machine(), "size": size, "threads": args.threads}
    known = list(pairs(size))
    result["known motions"] = _measured([pair.frames for pair in known], args.rounds, args.threads)
    for name, method in METHODS.items():
        result["known motions"][name] |= _errors([method(pair.frames)[0] for pair in known], known)
    _print_known(result["known motions"], len(known), args)
    if args.videos:
        real = list(_real_pairs(args.videos, args.n, size))
        result["real pairs"] = _measured(real, args.rounds, args.threads)
        flows = {name: np.stack([method(pair)[0] for pair in real]) for name, method in METHODS.items()}
        for name, flow in flows.items():
            result["real pairs"][name] |= _agreement(flow, flows[PEER])
        _print_real(result["real pairs"], len(real), args)
    if args.json:
        save(args.json, result)


def _measured(frames: Sequence[Frames], rounds: int, threads: int) -> dict[str, dict[str, Any]]:
    """Milliseconds a pair, and how many times the peer's speed that is."""
    with ThreadPoolExecutor(threads) as pool:
        variants = {n: (lambda m=m: list(pool.map(m, frames))) for n, m in METHODS.items()}  # type: ignore[misc]
        times = interleaved(variants, rounds)
    found: dict[str, dict[str, Any]] = {}
    for name in METHODS:
        middle, low, high = ratio(times, PEER, name)
        found[name] = {
            "ms_a_pair": 1e3 * median(times[name]) / len(frames),
            "times_opencv": middle,
            "times_opencv_range": [low, high],
            "rounds_s": times[name],
        }
    return found


def _errors(found: Sequence[Flow], known: Sequence[Pair]) -> dict[str, Any]:
    """Endpoint errors in pixels: the mean over a pair's valid pixels, then over pairs."""
    errors = [
        float(np.linalg.norm(f - p.flow, axis=-1)[p.valid].mean()) for f, p in zip(found, known, strict=True)
    ]
    by_motion = {
        motion: float(np.mean([e for e, p in zip(errors, known, strict=True) if p.motion == motion]))
        for motion in MOTIONS
    }
    return {
        "endpoint_error_px": float(np.mean(errors)),
        "endpoint_error_median_px": float(np.median(errors)),
        "by_motion_px": by_motion,
    }


def _agreement(flow: Flow, peer: Flow) -> dict[str, float]:
    return {
        "mean_flow_px": float(np.linalg.norm(flow, axis=-1).mean()),
        "difference_from_opencv_px": float(np.linalg.norm(flow - peer, axis=-1).mean()),
        "difference_from_opencv_median_px": float(np.median(np.linalg.norm(flow - peer, axis=-1))),
    }


def _real_pairs(folder: Path, n: int, size: tuple[int, int]) -> Sequence[Frames]:
    """The middle two frames of n videos, spread evenly over the folder's list."""
    videos = sorted(path for path in folder.rglob("*") if path.suffix in (".mp4", ".avi", ".mkv"))
    chosen = [videos[i] for i in np.linspace(0, len(videos) - 1, min(n, len(videos))).astype(int)]
    found = []
    for path in chosen:
        middle = probe(path, id=path.stem).n_frames // 2
        two = list(islice(VideoFrames(path, resize=size), middle, middle + 2))
        found.append(np.stack([to_grey(frame) for frame in two]))
    return found


def _print_known(found: dict[str, dict[str, Any]], n: int, args: argparse.Namespace) -> None:
    table(
        f"Known motions: {n} pairs of {args.size[0]}x{args.size[1]}, {args.threads} thread(s), "
        f"medians of {args.rounds} rounds",
        ("method", "ms a pair", "x OpenCV", "least..most", "endpoint error px", "median px", *MOTIONS),
        [
            (
                *_times(name, row),
                row["endpoint_error_px"],
                row["endpoint_error_median_px"],
                *(row["by_motion_px"][motion] for motion in MOTIONS),
            )
            for name, row in found.items()
        ],
    )


def _print_real(found: dict[str, dict[str, Any]], n: int, args: argparse.Namespace) -> None:
    table(
        f"Real pairs: {n} of {args.size[0]}x{args.size[1]}, {args.threads} thread(s), "
        f"medians of {args.rounds} rounds",
        ("method", "ms a pair", "x OpenCV", "least..most", "mean flow px", "from OpenCV px", "median px"),
        [
            (
                *_times(name, row),
                row["mean_flow_px"],
                row["difference_from_opencv_px"],
                row["difference_from_opencv_median_px"],
            )
            for name, row in found.items()
        ],
    )


def _times(name: str, row: dict[str, Any]) -> tuple[object, ...]:
    low, high = row["times_opencv_range"]
    return name, row["ms_a_pair"], row["times_opencv"], f"{low:.3g}..{high:.3g}"


if __name__ == "__main__":
    main()
