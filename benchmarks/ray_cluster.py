"""Extraction by Ray actors on this machine against one process with as many workers, same videos.

    python benchmarks/ray_cluster.py --videos FOLDER --json FILE

Ray's start and the actors' (imports, networks) are reported apart: they are paid once, whatever the number of
videos. The ratio compares clips a second once every worker has had its first video.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from measure import machine, median, save, table
from sample_video import FPS, make

from vadlab import devices
from vadlab.distributed.ray import Cluster, extract_on_cluster
from vadlab.features.extract import make_extractor
from vadlab.features.pipeline import Done, Job, fill
from vadlab.features.store import Store


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--videos", type=Path, help="folder of real videos to cut the test video from")
    parser.add_argument("--n", type=int, default=12, help="videos (12)")
    parser.add_argument("--seconds", type=float, default=12, help="length of each (12)")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    cores = devices.cores()
    settings = {"streams": ["rgb", "flow"], "engine": args.engine}
    extractor = make_extractor("i3d", flow="tvl1", settings=settings, device="cpu", workers=cores)
    found: dict[str, list[tuple[float, float, float]]] = {"one process": [], "Ray": []}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        video = make(folder / "v.mp4", int(args.seconds * FPS), videos=args.videos)
        jobs = [Job(str(i), video) for i in range(args.n)]
        for number in range(args.rounds):
            for name in sorted(found, reverse=bool(number % 2)):
                store = Store.create(folder / f"{name}-{number}", extractor.facts())
                cluster = Cluster("local", device="cpu")
                alone = name == "one process"
                work = fill(store, jobs, extractor) if alone else extract_on_cluster(jobs, store, cluster)
                found[name].append(_timed(work, workers=cores))
    ratios = [ray[1] / alone[1] for ray, alone in zip(found["Ray"], found["one process"], strict=True)]
    table(
        f"{args.n} videos of {args.seconds:g} s, {cores} cores, medians of {args.rounds} rounds in turn",
        ("", f"s to {cores} videos", "clips/s from then on", "s in all"),
        [(name, *(median([r[i] for r in rounds]) for i in range(3))) for name, rounds in found.items()],
    )
    print(f"Ray's speed, one process = 1: {median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})")
    if args.json:
        result: dict[str, Any] = {"machine": machine(), "ratio": median(ratios), "ratios": ratios}
        save(args.json, result | {"rounds": dict(found)})


def _timed(work: Iterable[Done], *, workers: int) -> tuple[float, float, float]:
    """Seconds until each worker may have done a video, clips a second from then on, seconds in all.

    Actors finish their first videos together: counting from the very first would give them one for nothing.
    """
    started = last = time.perf_counter()
    begun, clips = 0.0, 0
    for number, done in enumerate(work, start=1):
        assert done.error is None, done.error
        last = time.perf_counter()
        if number == workers:
            begun = last
        elif number > workers:
            clips += done.n_clips
    return begun - started, clips / (last - begun), time.perf_counter() - started


if __name__ == "__main__":
    main()
