"""From an mp4 to two-stream features: vadlab against the usual research pipeline, same frames, same cores.

    python benchmarks/end_to_end.py --videos FOLDER --json FILE

The usual pipeline, written here as the peer: all frames to JPEG files; OpenCV's TV-L1 at its defaults on each
pair, clipped to +-20 pixels, as two 8-bit JPEG files; then the plain I3D in fp32, a clip at a time, reading
the files back. It uses as many cores, by OpenCV's and PyTorch's own threads. Ours is what `vadlab extract`
runs, in this process. Conversion and compilation (once a machine) are left out on our side, imports on both.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from measure import interleaved, machine, median, ratio, save, table
from numpy.typing import NDArray
from sample_video import FPS, make

from vadlab import devices, weights
from vadlab.backbones.i3d import I3D
from vadlab.features.extract import Extractor, make_extractor
from vadlab.features.pipeline import extract_video
from vadlab.nets import i3d as net
from vadlab.video.decode import VideoFrames

CLIP = 16
PEER = "usual, two-stream"
PEER_RGB = "usual, RGB"
DECODING = "decoding and resizing alone"
VARIANTS: dict[str, tuple[list[str], str | None, dict[str, Any]]] = {
    "two-stream, tvl1 quality": (["rgb", "flow"], "tvl1", {"preset": "quality"}),
    "two-stream, tvl1 balanced": (["rgb", "flow"], "tvl1", {"preset": "balanced"}),
    "two-stream, tvl1 fast": (["rgb", "flow"], "tvl1", {"preset": "fast"}),
    "two-stream, dis": (["rgb", "flow"], "dis", {}),
    "RGB": (["rgb"], None, {}),
}


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--videos", type=Path, help="folder of real videos to cut the test video from")
    parser.add_argument("--clips", type=int, default=8, help="clips of the comparison with the peer (8)")
    parser.add_argument("--minutes", type=float, default=1.0, help="length of our own longer run (1)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cores", type=int, default=devices.cores(), help="cores for both sides (all)")
    parser.add_argument("--engine", default="auto", help="I3D engine of our side (auto)")
    parser.add_argument("--no-peer", action="store_true", help="only our own longer run")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(args.cores)
    extractors = {name: _extractor(name, args.engine, args.cores) for name in VARIANTS}
    result: dict[str, Any] = {"machine": machine(), "cores": args.cores, "engine": args.engine}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        short = make(folder / "short.mp4", args.clips * CLIP, videos=args.videos)
        long = make(folder / "long.mp4", int(args.minutes * 60 * FPS), videos=args.videos)
        if not args.no_peer:
            result["against the peer"] = _against_peer(short, extractors, args, folder)
        result["by itself"] = _by_itself(long, extractors, args)
    if args.json:
        save(args.json, result)


def _extractor(name: str, engine: str, cores: int) -> Extractor:
    streams, flow, settings = VARIANTS[name]
    return make_extractor(
        "i3d",
        flow=flow,
        settings={"streams": streams, "engine": engine},
        flow_settings=settings,
        device="cpu",
        workers=cores,
    )


def _against_peer(
    video: Path, extractors: dict[str, Extractor], args: argparse.Namespace, folder: Path
) -> dict[str, Any]:
    networks = [_plain("rgb"), _plain("flow")]
    variants: dict[str, Callable[[], object]] = {
        PEER: lambda: _usual(video, networks, folder / "jpeg", args.cores),
        PEER_RGB: lambda: _usual(video, networks[:1], folder / "jpeg-rgb", args.cores),
        **{n: (lambda e=e: extract_video(video, e, id="v")) for n, e in extractors.items()},
    }
    times = interleaved(variants, args.rounds)
    seconds = args.clips * CLIP / FPS
    found = {}
    for name in variants:
        peer = PEER_RGB if "RGB" in name else PEER
        middle, low, high = ratio(times, peer, name)
        found[name] = {
            "times_real_time": seconds / median(times[name]),
            "times_usual": middle,
            "times_usual_range": [low, high],
            "rounds_s": times[name],
        }
    table(
        f"{args.clips} clips of 640x360 video, {args.cores} core(s), medians of {args.rounds} rounds in turn",
        ("pipeline", "s", "x real time", "x usual", "least..most"),
        [
            (
                name,
                median(times[name]),
                row["times_real_time"],
                row["times_usual"],
                "{:.3g}..{:.3g}".format(*row["times_usual_range"]),
            )
            for name, row in found.items()
        ],
    )
    return found


def _by_itself(video: Path, extractors: dict[str, Extractor], args: argparse.Namespace) -> dict[str, Any]:
    variants: dict[str, Callable[[], object]] = {
        DECODING: lambda: sum(1 for _ in VideoFrames(video, resize=I3D.frame_size)),
        **{n: (lambda e=e: extract_video(video, e, id="v")) for n, e in extractors.items()},
    }
    times = interleaved(variants, args.rounds)
    seconds = int(args.minutes * 60 * FPS) / FPS
    found = {
        n: {"times_real_time": seconds / median(values), "rounds_s": values} for n, values in times.items()
    }
    table(
        f"{args.minutes:g} min of 640x360 video, {args.cores} core(s), medians of {args.rounds} rounds",
        ("pipeline", "s a minute of video", "x real time", "least..most"),
        [
            (
                name,
                60 / row["times_real_time"],
                row["times_real_time"],
                f"{seconds / max(times[name]):.3g}..{seconds / min(times[name]):.3g}",
            )
            for name, row in found.items()
        ],
    )
    return found


def _plain(stream: str) -> net.I3D:
    """The network as research code has it: fp32, normalisation apart, no layout chosen."""
    network = net.I3D(3 if stream == "rgb" else 2)
    if stream == "rgb" and weights.locate("i3d-rgb-kinetics"):
        state = weights.load("i3d-rgb-kinetics")
        network.load_state_dict({key: torch.from_numpy(value) for key, value in state.items()})
    return network.eval()


def _usual(video: Path, networks: list[net.I3D], folder: Path, cores: int) -> NDArray[np.float32]:
    """Frames to JPEG, flow to JPEG, networks reading them back."""
    cv2.setNumThreads(cores)
    folder.mkdir(exist_ok=True)
    capture, n = cv2.VideoCapture(str(video)), 0
    while True:
        there, frame = capture.read()
        if not there:
            break
        cv2.imwrite(str(folder / f"img_{n:05d}.jpg"), cv2.resize(frame, I3D.frame_size))
        n += 1
    if len(networks) > 1:
        _usual_flow(folder, n)
    rows = []
    with torch.inference_mode():
        for start in range(0, n - CLIP + 1, CLIP):
            x = np.stack([cv2.imread(str(folder / f"img_{i:05d}.jpg")) for i in range(start, start + CLIP)])
            clips = [x[..., ::-1].astype(np.float32) / 127.5 - 1]
            if len(networks) > 1:
                clips.append(_read_flow(folder, range(start, start + CLIP), n))
            inputs = [torch.from_numpy(np.ascontiguousarray(c.transpose(3, 0, 1, 2)))[None] for c in clips]
            rows.append(
                torch.cat(
                    [network.features(i) for network, i in zip(networks, inputs, strict=True)], 1
                ).numpy()
            )
    cv2.setNumThreads(1)
    return np.concatenate(rows)


def _usual_flow(folder: Path, n: int) -> None:
    method = cv2.optflow.DualTVL1OpticalFlow.create()
    grey = [cv2.imread(str(folder / f"img_{i:05d}.jpg"), cv2.IMREAD_GRAYSCALE) for i in range(n)]
    for i in range(n - 1):
        flow = method.calc(grey[i], grey[i + 1], None)
        levels = np.rint((np.clip(flow, -20, 20) + 20) * (255 / 40)).astype(np.uint8)
        for axis, name in enumerate("xy"):
            cv2.imwrite(str(folder / f"flow_{name}_{i:05d}.jpg"), levels[..., axis])


def _read_flow(folder: Path, frames: range, n: int) -> NDArray[np.float32]:
    indices = [min(i, n - 2) for i in frames]
    both = [
        np.stack([cv2.imread(str(folder / f"flow_{a}_{i:05d}.jpg"), cv2.IMREAD_GRAYSCALE) for i in indices])
        for a in "xy"
    ]
    return np.stack(both, axis=-1).astype(np.float32) / 127.5 - 1


if __name__ == "__main__":
    started = time.perf_counter()
    main()
    print(f"{time.perf_counter() - started:.0f} s in all")
