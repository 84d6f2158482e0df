"""The sums for very much video: time, cost and storage of 1,000 hours, from measured results.

    python benchmarks/scale.py --results benchmarks/results

CPU rows are measured on one machine and scale with cores, since videos do not depend on each other. GPU rows
are arithmetic, not a measurement: the networks' operations over a share of the GPU's peak, with decoding and
flow on the machine's cores as measured here. Prices are options; put in those that you pay.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

FPS, CLIP, COLUMNS = 25, 16, 2048
GFLOP_A_CLIP = (
    55.58 + 51.17
)  # both I3D streams at 16x224x224, 2 x multiply-adds; benchmarks/i3d.py counts them
HOURS = 1000
DECODING = "decoding and resizing alone"


def main() -> None:
    """Print Markdown tables."""
    print(sums(parser().parse_args()))


def parser() -> argparse.ArgumentParser:
    """The options, prices among them."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--results", type=Path, default=Path(__file__).parent / "results")
    options.add_argument("--core-hour", type=float, default=0.045, help="price of a CPU core's hour (0.045)")
    options.add_argument("--gpu-hour", type=float, default=0.70, help="price of a GPU machine's hour (0.70)")
    options.add_argument("--gpu-tflops", type=float, default=121.0, help="its dense bf16 TFLOP/s (121)")
    options.add_argument("--gpu-cores", type=int, default=8, help="its CPU cores (8)")
    options.add_argument("--gpu-share", type=float, default=0.3, help="share of the peak reached (0.3)")
    return options


def sums(args: argparse.Namespace) -> str:
    """The tables as Markdown."""
    lines: list[str] = []
    end = json.loads((args.results / "end_to_end.json").read_text())
    flow = json.loads((args.results / "tvl1.json").read_text())["real pairs"]
    cores, by_itself = end["cores"], end["by itself"]
    lines.append(
        f"| {cores} cores of {end['machine']['cpu']} | x real time | core-hours for {HOURS} h | cost |"
    )
    lines.append("|---|---|---|---|")
    for name, row in by_itself.items():
        core_hours = HOURS / row["times_real_time"] * cores
        cost = core_hours * args.core_hour
        lines.append(f"| {name} | {row['times_real_time']:.1f} | {core_hours:,.0f} | {cost:,.0f} |")
    lines.append("")
    gpu = args.gpu_tflops * args.gpu_share * 1000 / GFLOP_A_CLIP * CLIP / FPS
    decode = by_itself[DECODING]["times_real_time"] / cores  # by one core
    lines.append(f"| GPU machine, {args.gpu_cores} cores | limit, x real time | hours for {HOURS} h | cost |")
    lines.append("|---|---|---|---|")
    lines.append(_row(f"networks, {args.gpu_share:.0%} of {args.gpu_tflops:g} TFLOP/s", gpu, args))
    for name in ("tvl1 quality", "tvl1 balanced", "tvl1 fast"):
        on_cores = args.gpu_cores / (1 / decode + FPS * flow[name]["ms_a_pair"] / 1000)
        lines.append(_row(f"decoding and {name} on the cores", on_cores, args))
    lines.append("")
    clips = HOURS * 3600 * FPS / CLIP
    lines.append("| stored | GB |")
    lines.append("|---|---|")
    lines.append(f"| features, float32, two-stream | {clips * COLUMNS * 4 / 1e9:,.0f} |")
    lines.append(f"| video at 1 Mbit/s | {HOURS * 3600 * 1e6 / 8 / 1e9:,.0f} |")
    jpeg = HOURS * 3600 * FPS * (15e3 + 2 * 5e3) / 1e9
    n_files = HOURS * 3600 * FPS * 3 / 1e6
    lines.append(f"| frames and flow as JPEG, 25 kB a frame in {n_files:,.0f} million files | {jpeg:,.0f} |")
    return "\n".join(lines)


def _row(name: str, times: float, args: argparse.Namespace) -> str:
    return f"| {name} | {times:,.0f} | {HOURS / times:,.1f} | {HOURS / times * args.gpu_hour:,.0f} |"


if __name__ == "__main__":
    main()
