"""The results as tables in docs/performance.md, and the sums of docs/scale.md, between their markers.

    python benchmarks/tables.py

A table for each file in `results/`; a file that is not there leaves its table as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import scale

RESULTS = Path(__file__).parent / "results"
DOCS = Path(__file__).parents[1] / "docs"

Result = dict[str, Any]


def main() -> None:
    """Rewrite the pages."""
    for name, table in TABLES.items():
        file = RESULTS / f"{name}.json"
        if file.exists():
            result = json.loads(file.read_text(encoding="utf-8"))
            _put(DOCS / "performance.md", name, f"{table(result)}\n\n{_machine(result)}")
    if all((RESULTS / f"{name}.json").exists() for name in ("end_to_end", "tvl1")):
        _put(DOCS / "scale.md", "sums", scale.sums(scale.parser().parse_args([])))


def _put(page: Path, name: str, block: str) -> None:
    """Replace what stands between a page's markers."""
    text, n = re.subn(
        rf"<!-- {name} -->.*?<!-- end -->",
        lambda _: f"<!-- {name} -->\n{block}\n<!-- end -->",
        page.read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )
    if n != 1:
        raise SystemExit(f"{page} has {n} places for {name}")
    page.write_text(text, encoding="utf-8")


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join(lines + ["| " + " | ".join(_shown(cell) for cell in row) + " |" for row in rows])


def _shown(cell: object) -> str:
    if not isinstance(cell, float):
        return str(cell)
    return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.3g}"


def _range(low: float, high: float) -> str:
    return f"{_shown(float(low))} to {_shown(float(high))}"


def _machine(result: Result) -> str:
    facts = result.get("machine") or result["machine_before"]
    features = ", ".join(facts["features"])
    load, day = facts["load_average"][0], facts["date"][:10]
    return f"*{facts['cpu']}, {facts['cores']} cores ({features}), load {load} at the start, {day}.*"


def _tvl1(result: Result) -> str:
    known, real = result["known motions"], result["real pairs"]
    rows = [
        (
            name,
            known[name]["ms_a_pair"],
            known[name]["times_opencv"],
            _range(*known[name]["times_opencv_range"]),
            known[name]["endpoint_error_px"],
            known[name]["endpoint_error_median_px"],
            real[name]["ms_a_pair"],
            real[name]["times_opencv"],
            _range(*real[name]["times_opencv_range"]),
            real[name]["difference_from_opencv_px"],
        )
        for name in known
    ]
    columns = ("method", "known motions: ms a pair", "x OpenCV", "least to most", "endpoint error, px")
    columns += ("median, px", "real pairs: ms a pair", "x OpenCV", "least to most", "from OpenCV, px")
    return _markdown(columns, rows)


def _i3d(result: Result) -> str:
    rows = []
    for network, found in result["networks"].items():
        for name, row in found["variants"].items():
            rows.append(
                (
                    network,
                    name,
                    row["ms_per_clip"],
                    row["times_eager"],
                    _range(*row["times_eager_range"]),
                    row["gflops"],
                    f"{row['share_of_bf16_gemm']:.0%}",
                    f"{row['least_cosine']:.5f}",
                )
            )
    gemm = result["gemm_gflops"]
    columns = ("network", "engine", "ms a clip", "x eager", "least to most", "GFLOP/s", "of the bf16 GEMM")
    return (
        _markdown((*columns, "least cosine"), rows)
        + f"\n\nGEMM on this machine: {gemm['fp32']:.0f} GFLOP/s fp32, {gemm['bf16']:.0f} bf16."
    )


def _end_to_end(result: Result) -> str:
    peer = [
        (name, row["times_real_time"], row["times_usual"], _range(*row["times_usual_range"]))
        for name, row in result["against the peer"].items()
    ]
    alone = [
        (name, 60 / row["times_real_time"], row["times_real_time"])
        for name, row in result["by itself"].items()
    ]
    return (
        _markdown(("on 8 clips, in turns", "x real time", "x usual", "least to most"), peer)
        + "\n\n"
        + _markdown(("on one minute", "s a minute of video", "x real time"), alone)
    )


def _growth(result: Result) -> str:
    rows = [(name, row["x_real_time"], f"{row['peak_mb']:,.0f}") for name, row in result["cases"].items()]
    return _markdown(("case", "x real time", "peak memory, MB"), rows)


def _ray_cluster(result: Result) -> str:
    rows = []
    for name, rounds in result["rounds"].items():
        columns = [sorted(one[i] for one in rounds)[len(rounds) // 2] for i in range(3)]
        rows.append((name, *columns))
    table = _markdown(("", "s to the first two videos", "clips a second from then on", "s in all"), rows)
    low, high = min(result["ratios"]), max(result["ratios"])
    return f"{table}\n\nRay's speed, one process = 1: {result['ratio']:.2f} ({low:.2f} to {high:.2f})."


def _training(result: Result) -> str:
    steps = result["step"]
    rows = [
        (name, sorted(seconds)[len(seconds) // 2], *_ratio(steps["ratios"].get(name)))
        for name, seconds in steps["seconds"].items()
    ]
    whole = [
        (
            row["precision"],
            f"{row['videos']:,}",
            row["gigabytes"],
            row["step_s"],
            row["estimate_minutes"],
            f"{row['own_memory_mb']['peak']:,.0f}",
        )
        for row in result["training"]
    ]
    step = ("step of 60 windows", "s", "x straightforward", "least to most")
    columns = ("precision", "videos", "features, GB", "s a step", "12,000 steps, minutes", "peak memory, MB")
    return _markdown(step, rows) + "\n\n" + _markdown(columns, whole)


def _ratio(found: Sequence[float] | None) -> tuple[float, str]:
    """The middle, and least to most."""
    return (found[0], _range(*found[1:])) if found else (1.0, "")


def _detectors(result: Result) -> str:
    sparse, knn, test_step = result["sparse"], result["knn"], result["test step"]
    rates = [
        ("sparse: frames of 160x120 to scores", sparse["frames_a_second"]["frames to scores"], "frames"),
        ("sparse: its test step", test_step["a_second"]["vadlab"], "cubes"),
        (f"knn, memory of {knn['memory']:,} clips", knn["a_second"]["vadlab"], "clips"),
        *((name, rate, "clips") for name, rate in result["networks"]["a_second"].items()),
    ]
    peers = [
        (name, peer, found["times_peer"], _range(*found["times_peer_range"]))
        for name, peer, found in (
            ("sparse: its test step", "the paper's projectors", test_step),
            ("knn", "all distances by SciPy", knn),
        )
    ]
    return (
        _markdown(("detector", "a second", "of"), rates)
        + "\n\n"
        + _markdown(("", "peer", "x peer", "least to most"), peers)
    )


def _live(result: Result) -> str:
    long = result["long"]
    marks = "; ".join(f"{mb:.0f}" for mb in long["rss_mb_by_quarter"])
    rows = [(name, row["median_s"], row["most_s"]) for name, row in result["real time"].items()]
    return (
        f"{long['seconds'] / 60:.0f} minutes of video at {long['frames_a_second']:,.0f} frames a second, "
        f"{long['dropped']} dropped; memory after each quarter, MB: {marks}.\n\n"
        + _markdown(("in real time, scores", "s late, median", "s late, most"), rows)
    )


TABLES: dict[str, Callable[[Result], str]] = {
    "tvl1": _tvl1,
    "i3d": _i3d,
    "end_to_end": _end_to_end,
    "growth": _growth,
    "long_video": _growth,
    "ray_cluster": _ray_cluster,
    "training": _training,
    "detectors": _detectors,
    "live": _live,
}


if __name__ == "__main__":
    main()
