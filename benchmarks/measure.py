"""How the benchmarks measure: variants take turns in one process, and figures are ratios of what they took.

On a shared machine a figure in seconds says little; a ratio of variants that took turns says how they
compare, whatever else the machine was doing. Every result says which machine it was, and how busy.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

__all__ = ["interleaved", "machine", "median", "ratio", "save", "table"]

PACKAGES = (
    "numpy",
    "torch",
    "openvino",
    "opencv-contrib-python-headless",
    "numba",
    "av",
    "scikit-learn",
    "ray",
)
FEATURES = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "avx_vnni", "amx_tile", "amx_bf16", "amx_int8")


def machine() -> dict[str, Any]:
    """What a figure depends on: processor, cores, memory, load, versions; plain JSON values."""
    info = _cpuinfo()
    flags = set(info.get("flags", "").split())
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": info.get("model name") or platform.processor() or platform.machine(),
        "cpu_family_model": [info.get("cpu family"), info.get("model")],
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "features": [name for name in FEATURES if name in flags],
        "memory_gib": _memory_gib(),
        "load_average": [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": _versions(),
    }


def interleaved(
    variants: Mapping[str, Callable[[], object]],
    rounds: int,
    *,
    warm_up: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Run every variant once a round, each round beginning with another one.

    Args:
        variants: What to time, by name.
        rounds: At least 1.
        warm_up: Calls of each variant before the first round, not timed.
        clock: Seconds; `time.process_time` counts the processor's work instead of the time that passes.

    Returns:
        Seconds of each variant, one a round, in the order of the rounds.
    """
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, not {rounds}")
    for call in variants.values():
        for _ in range(warm_up):
            call()
    names = list(variants)
    times: dict[str, list[float]] = {name: [] for name in names}
    for i in range(rounds):
        start = i % max(len(names), 1)
        for name in names[start:] + names[:start]:
            before = clock()
            variants[name]()
            times[name].append(clock() - before)
    return times


def median(seconds: Sequence[float]) -> float:
    """The median of a variant's times."""
    return statistics.median(seconds)


def ratio(times: Mapping[str, Sequence[float]], peer: str, name: str) -> tuple[float, float, float]:
    """How many times faster `name` is than `peer`: the median, least and largest of the rounds' own ratios.

    Both took turns within a round, so what slows the machine for a while slows both.
    """
    ratios = [p / t for p, t in zip(times[peer], times[name], strict=True)]
    return statistics.median(ratios), min(ratios), max(ratios)


def save(path: Path, result: Mapping[str, Any]) -> None:
    """Write a result as indented JSON; NaN and infinity are refused."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table on stdout: the first column to the left, figures to the right.

    Floats are shown with three significant digits; format them beforehand where that does not do.
    """
    shown = Table(title=title, title_justify="left")
    for i, column in enumerate(columns):
        shown.add_column(column, justify="left" if i == 0 else "right", no_wrap=True)
    for row in rows:
        shown.add_row(*(f"{value:.3g}" if isinstance(value, float) else str(value) for value in row))
    # Into a file or a pipe rich would fold the table at 80 columns.
    console = Console()
    Console(width=None if console.is_terminal else 200).print(shown)


def _cpuinfo() -> dict[str, str]:
    """The first processor's lines of Linux's /proc/cpuinfo; empty elsewhere."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return {}
    lines = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in lines}


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
