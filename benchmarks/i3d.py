"""I3D inference: every engine, precision and form of the stem against eager fp32, in turns.

    python benchmarks/i3d.py --rounds 5 --threads 2 --json i3d.json

The peer is the plain network in PyTorch fp32, one caller with all threads, as published pipelines run it.
The others are called by as many threads at once as there are cores, one clip each, as the extraction does.
Weights are the pretrained ones where they are installed, else random; flow weights likewise.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import measure
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode

from vadlab import catalog, engine_choice, weights
from vadlab.backbones.i3d import I3D
from vadlab.engine import ClipModel, Engine, Form, Precision, fast_bf16
from vadlab.errors import UsageError

PEER = "eager fp32, one caller"
CPU = torch.device("cpu")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="cores to use")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="cpu: the processor's work")
    parser.add_argument("--json", type=Path, help="where to write the result")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock = time.perf_counter if options.clock == "wall" else time.process_time
    result: dict[str, Any] = {
        "benchmark": "i3d",
        "threads": options.threads,
        "rounds": options.rounds,
        "clock": options.clock,
        "machine_before": measure.machine(),
    }
    roofs = gemm_roofs(options.rounds, clock)
    result["gemm_gflops"] = {name: round(value, 1) for name, value in roofs.items()}
    measure.table("GEMM 4096 x 4096 x 4096", ["precision", "GFLOP/s"], list(result["gemm_gflops"].items()))
    result["networks"] = {
        stream: network(stream, roofs, rounds=options.rounds, threads=options.threads, clock=clock)
        for stream in ("rgb", "flow")
    }
    result["machine_after"] = measure.machine()
    if options.json:
        measure.save(options.json, result)


def gemm_roofs(rounds: int, clock: Callable[[], float]) -> dict[str, float]:
    """GFLOP/s of a large matrix product, by precision: the median."""
    n = 4096
    factors = {"fp32": torch.randn(n, n)}
    if fast_bf16(CPU):
        factors["bf16"] = factors["fp32"].bfloat16()
    calls = {name: lambda a=a: a @ a for name, a in factors.items()}
    times = measure.interleaved(calls, rounds, clock=clock)
    return {name: 2 * n**3 / measure.median(seconds) / 1e9 for name, seconds in times.items()}


def network(
    stream: str, roofs: dict[str, float], *, rounds: int, threads: int, clock: Callable[[], float]
) -> dict[str, Any]:
    """Measure one stream's network in all variants, and print its table."""
    installed = weights.locate("i3d-rgb-kinetics") is not None
    backbone = I3D(streams=(stream,), rgb_weights="i3d-rgb-kinetics" if installed else "random")
    model = backbone.clip_model(stream)
    clips = [clip[None] for clip in engine_choice.generated_clips(model)]
    gflop = gflop_of(model, clips[0])
    made, failures = engines(model, threads)
    rows = {name: np.concatenate([run(clip) for clip in clips]) for name, run in made.items()}
    one_caller = catalog.load("engines", "eager")(model, device=CPU)
    batch = [clips[i % len(clips)] for i in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        calls: dict[str, Callable[[], object]] = {PEER: lambda: [one_caller(clip) for clip in batch]}
        for name, run in made.items():
            calls[name] = lambda run=run: list(pool.map(run, batch))
        times = measure.interleaved(calls, rounds, clock=clock)
    reference = rows["eager fp32"]
    results: dict[str, Any] = {}
    for name, seconds in times.items():
        found = rows.get(name, reference)
        per_clip = measure.median(seconds) / len(batch)
        faster, least, most = measure.ratio(times, PEER, name)
        results[name] = {
            "ms_per_clip": round(1000 * per_clip, 2),
            "rounds_ms": [round(1000 * s / len(batch), 2) for s in seconds],
            "times_eager": round(faster, 3),
            "times_eager_range": [round(least, 3), round(most, 3)],
            "gflops": round(gflop / per_clip, 1),
            "share_of_bf16_gemm": round(gflop / per_clip / roofs["bf16"], 3) if "bf16" in roofs else None,
            "least_cosine": round(least_cosine(found, reference), 7),
            "max_relative_error": float(np.abs(found - reference).max() / np.abs(reference).max()),
        }
    measure.table(
        f"I3D {stream}: {gflop:.2f} GFLOP a clip, {threads} threads",
        ["variant", "ms/clip", "x eager", "range", "GFLOP/s", "of bf16 GEMM", "cosine", "max error"],
        [
            [
                name,
                f"{r['ms_per_clip']:.1f}",
                f"{r['times_eager']:.2f}",
                "{:.2f}-{:.2f}".format(*r["times_eager_range"]),
                f"{r['gflops']:.0f}",
                "-" if r["share_of_bf16_gemm"] is None else f"{r['share_of_bf16_gemm']:.0%}",
                f"{r['least_cosine']:.6f}",
                f"{r['max_relative_error']:.1e}",
            ]
            for name, r in results.items()
        ],
    )
    for name, reason in failures.items():
        print(f"{name}: {reason}")
    return {
        "weights": backbone.weights_of(stream),
        "gflop_per_clip": round(gflop, 3),
        "variants": results,
        "failures": failures,
    }


def engines(model: ClipModel, threads: int) -> tuple[dict[str, Engine], dict[str, str]]:
    """Every engine in every precision, and with every stem where it can be chosen; and what failed, why."""
    made: dict[str, Engine] = {}
    failures: dict[str, str] = {}
    for name in catalog.names("engines"):
        cls = catalog.load("engines", name)
        for precision in cls.precisions:
            if precision == "bf16" and not fast_bf16(CPU):
                failures[f"{name} bf16"] = "the processor has no bf16 in hardware"
                continue
            for label, form in forms(name, precision).items():
                try:
                    made[label] = cls(model, precision=precision, device=CPU, workers=threads, form=form)
                except (UsageError, RuntimeError) as error:
                    failures[label] = str(error)
    return made, failures


def forms(engine: str, precision: Precision) -> dict[str, Form | None]:
    """What to measure of an engine in a precision: its network with the plain and with the packed stem."""
    if engine == "eager":
        return {f"eager {precision}": None}
    return {
        f"{engine} {precision}{', packed stem' if packed else ''}": Form(
            folded=True, packed=packed, pools_by_axis=engine == "torch_tuned"
        )
        for packed in (False, True)
    }


def gflop_of(model: ClipModel, clip: NDArray[Any]) -> float:
    """10^9 multiplications and additions of the plain network for one clip."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        model.make(Form())(torch.from_numpy(clip))
    return counter.get_total_flops() / 1e9


def least_cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """The least cosine of two features of the same clip."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    return float(((x * y).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)).min())


if __name__ == "__main__":
    main()
