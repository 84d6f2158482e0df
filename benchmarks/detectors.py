"""Detectors: frames a second of `sparse`, clips a second of those that read features.

    python benchmarks/detectors.py --videos FOLDER --json FILE

`sparse`, at its defaults, takes decoded frames of 160x120 in memory to scores; the paper claims 150 frames a
second at that size, in MATLAB. Its test step alone is measured against the paper's projectors
R = S (S^T S)^-1 S^T - I, one combination after the other; `knn`, with a full memory, against all distances by
SciPy. The others are networks at their defaults after one step of training, and have no peer.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import time
from collections import deque
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from measure import interleaved, machine, median, ratio, save, table
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_limits

from vadlab import catalog
from vadlab.combination_learning import errors, span
from vadlab.detectors.knn import KNN
from vadlab.detectors.sparse import Sparse
from vadlab.spans import windows
from vadlab.synthesis.scenes import CATEGORIES, scene
from vadlab.types import Features, FrameLabels, Sample, Supervision, Video, VideoLabel
from vadlab.video.cubes import CubeForm, moving_cubes
from vadlab.video.decode import VideoFrames

SIZE = (160, 120)
VIDEOS, IMAGES = (".mp4", ".avi", ".mkv"), (".jpg", ".png", ".tif")
DIM = 2048  # of two-stream clip features

Frame = NDArray[np.uint8]


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--videos", type=Path, help="folder of videos or image folders (generated scenes)")
    parser.add_argument("--frames", type=int, default=1000, help="to train sparse on, and to score (1000)")
    parser.add_argument("--clips", type=int, default=50_000, help="to train knn on (50,000)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    cv2.setNumThreads(args.threads)
    result: dict[str, Any] = {"machine": machine(), "threads": args.threads, "size": SIZE}
    with threadpool_limits(args.threads):
        result["sparse"] = _sparse(list(islice(_frames(args.videos), 2 * args.frames)), args.rounds)
        result["test step"] = _test_step(args.rounds)
        result["knn"] = _knn(args.clips, args.rounds)
        result["networks"] = _networks(args.rounds)
    _print(result, args.rounds)
    if args.json:
        save(args.json, result)


def _frames(videos: Path | None) -> Iterator[Frame]:
    """Frames of all videos or scenes, one after the other."""
    if videos is None:
        made = (scene(c, abnormal=False, seed=seed, size=SIZE) for seed in range(99) for c in CATEGORIES)
        return chain.from_iterable(video.frames() for video in made)
    files = {p for p in videos.rglob("*") if p.suffix in VIDEOS}
    folders = {p.parent for p in videos.rglob("*") if p.suffix in IMAGES}
    return chain.from_iterable(VideoFrames(path, resize=SIZE) for path in sorted(files | folders))


def _video(x: Any, n_frames: int, spans: NDArray[np.int64]) -> Sample[Any, None]:
    return Sample(Video("v", Path("v"), n_frames, Fraction(25), SIZE), spans, x, None)


def _sparse(frames: Sequence[Frame], rounds: int) -> dict[str, Any]:
    half = len(frames) // 2
    train, new = (_video(part, half, windows(half, 1, 1)) for part in (frames[:half], frames[half:]))
    started = time.perf_counter()
    detector = Sparse().fit([train])
    training_s = time.perf_counter() - started
    n_moving = sum(len(cubes.place) for cubes in moving_cubes(new.x, CubeForm()))
    counts = detector.state()["counts"]
    times = interleaved(
        {
            "frames to scores": lambda: detector.score(new),
            "frames to moving cubes": lambda: deque(moving_cubes(new.x, CubeForm()), maxlen=0),
        },
        rounds,
    )
    return {
        "frames": half,
        "training_s": training_s,
        "moving_cubes_a_frame": n_moving / half,
        "combinations_a_region": float(counts[counts > 0].mean()) if counts.any() else 0.0,
        "frames_a_second": {name: half / median(seconds) for name, seconds in times.items()},
        "rounds_s": times,
    }


def _test_step(rounds: int, n: int = 2000, k: int = 10, dim: int = 100, s: int = 20) -> dict[str, Any]:
    """Errors of n cubes of one region, with combinations of the paper's size and number."""
    rng = np.random.default_rng(0)
    bases = rng.normal(size=(k, dim, s)).astype(np.float32)
    x = rng.normal(size=(n, dim)).astype(np.float32)
    combinations = np.stack([span(b, s) for b in bases])
    identity = np.eye(dim, dtype=np.float32)
    projectors = [b @ np.linalg.inv(b.T @ b) @ b.T - identity for b in bases]

    def papers() -> NDArray[np.float32]:
        return np.min([((x @ r) ** 2).sum(axis=1) for r in projectors], axis=0)  # each r is symmetric

    np.testing.assert_allclose(errors(x, combinations), papers(), rtol=1e-3)
    times = interleaved({"paper's projectors": papers, "vadlab": lambda: errors(x, combinations)}, rounds)
    return _rates(times, "paper's projectors", n)


def _knn(n: int, rounds: int, n_new: int = 500) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    known, new = (rng.normal(size=(m, DIM)).astype(np.float32) for m in (n, n_new))
    clips = [_video(Features(x), 16 * len(x), windows(16 * len(x), 16, 16)) for x in (known, new)]
    KNN(memory=2).fit([_video(Features(new[:3]), 48, windows(48, 16, 16))])  # compiles
    started = time.perf_counter()
    detector = KNN().fit(clips[:1])
    training_s = time.perf_counter() - started
    memory = detector.state()["memory"]
    scaled = (new - detector.state()["moments"][0]) / detector.state()["moments"][1]

    def peer() -> NDArray[np.float64]:
        nearest = np.partition(cdist(scaled, memory), detector.k - 1, axis=1)
        mean: NDArray[np.float64] = nearest[:, : detector.k].mean(axis=1)
        return mean

    np.testing.assert_allclose(detector.score(clips[1]).values, peer(), rtol=1e-4)
    times = interleaved({"SciPy": peer, "vadlab": lambda: detector.score(clips[1])}, rounds)
    rates = _rates(times, "SciPy", n_new)
    return {"clips": n, "memory": len(memory), "dim": DIM, "training_s": training_s, **rates}


def _networks(rounds: int, n_new: int = 2000) -> dict[str, Any]:
    """Clips a second of each detector that learns by gradient steps on features."""
    rng = np.random.default_rng(0)

    def sample(n: int, name: str, y: Any) -> Sample[Any, Any]:
        x = Features(rng.normal(size=(n, DIM)).astype(np.float32))
        video = Video(name, Path(name), 16 * n, Fraction(25), SIZE)
        return Sample(video, windows(16 * n, 16, 16), x, y)

    new = sample(n_new, "new", None)
    scored = {}
    for name in catalog.names("detectors"):
        cls = catalog.load("detectors", name)
        if cls.reads != "features" or "steps" not in {f.name for f in dataclasses.fields(cls)}:
            continue
        train = []
        for i in range(4):
            frames = FrameLabels.from_spans([(0, 160)] if i % 2 else [], 16 * 64, category="Fire")
            weak = VideoLabel(bool(i % 2), "Fire" if i % 2 else None)
            y = {Supervision.FULL: frames, Supervision.WEAK: weak}.get(cls.supervision)
            train.append(sample(64, f"train{i}", y))
        detector = cls(steps=1).fit(train)
        scored[name] = functools.partial(detector.score, new)
    times = interleaved(scored, rounds)
    return {
        "clips": n_new,
        "dim": DIM,
        "a_second": {name: n_new / median(seconds) for name, seconds in times.items()},
        "rounds_s": times,
    }


def _rates(times: dict[str, list[float]], peer: str, n: int) -> dict[str, Any]:
    """Things a second, and how many times the peer's speed that is."""
    middle, low, high = ratio(times, peer, "vadlab")
    rates = {name: n / median(seconds) for name, seconds in times.items()}
    return {"a_second": rates, "times_peer": middle, "times_peer_range": [low, high], "rounds_s": times}


def _print(result: dict[str, Any], rounds: int) -> None:
    sparse, knn = result["sparse"], result["knn"]
    medians = f"{result['threads']} thread(s), medians of {rounds} rounds"
    table(
        f"sparse at 160x120: {medians}; trained on {sparse['frames']} frames in "
        f"{sparse['training_s']:.1f} s; {sparse['moving_cubes_a_frame']:.1f} of 208 cubes move",
        ("stage", "frames a second", "the paper's claim"),
        [(name, rate, 150) for name, rate in sparse["frames_a_second"].items()],
    )
    for name, unit, found in (("test step of sparse", "cubes", result["test step"]), ("knn", "clips", knn)):
        low, high = found["times_peer_range"]
        table(
            f"{name}: {medians}; {found['times_peer']:.3g} ({low:.3g}..{high:.3g}) times the peer's speed",
            ("way", f"{unit} a second"),
            list(found["a_second"].items()),
        )
    table(
        f"networks on features: {medians}",
        ("detector", "clips a second"),
        list(result["networks"]["a_second"].items()),
    )
    print(f"knn: {knn['clips']} clips to a memory of {knn['memory']} in {knn['training_s']:.1f} s")


if __name__ == "__main__":
    main()
