"""Which engine is fastest on this machine while its features stay those of the fp32 reference.

Every installed engine runs the real networks in every precision that the processor has, on a few generated
clips: as many callers at once as there are cores, in turns, and against eager fp32. The result is kept in
the cache and read the next time, so that the choice is the same from run to run; it is made anew where the
processor, the number of cores, the weights, the preprocessing, or the version of PyTorch or OpenVINO is
another.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import json
import platform
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray

from vadlab import cache, catalog, files, progress
from vadlab.engine import PRECISIONS, ClipModel, Engine, Precision, fast_bf16
from vadlab.errors import StoreError, UsageError
from vadlab.types import FloatArray

__all__ = ["TOLERANCE", "Candidate", "choose", "generated_clips", "measured", "table"]

TOLERANCE = 0.999
"""Least cosine between the features of a clip and those of eager fp32."""

Name = tuple[str, Precision]
REFERENCE: Name = ("eager", "fp32")
N_CLIPS = 4
ROUNDS = 5
BEHIND = 1.5  # times the fastest's time: not timed again after the first round
FORMAT = 1  # of the kept file and of the way of measuring

_kept: dict[Path, tuple[Candidate, ...]] = {}  # where the cache cannot be written


@dataclass(frozen=True)
class Candidate:
    """An engine in a precision, as it was found on this machine.

    Args:
        engine, precision: Its names.
        ms: Milliseconds a clip, all networks together, with all cores busy; the median of the rounds.
        cosine: Of its features and eager fp32's: the least of all clips and networks.
        max_relative: Largest difference of a feature from eager fp32's, in units of the largest feature.
        failure: Why it cannot be used; then the figures are None.
    """

    engine: str
    precision: Precision
    ms: float | None = None
    cosine: float | None = None
    max_relative: float | None = None
    failure: str | None = None

    @property
    def usable(self) -> bool:
        """Whether it runs and keeps to the tolerance."""
        return self.cosine is not None and self.cosine >= TOLERANCE


def choose(
    models: Sequence[ClipModel], *, engine: str = "auto", precision: str = "auto", device: torch.device
) -> tuple[str, Precision]:
    """The fastest engine and precision within the tolerance; what is named outright is kept.

    Args:
        models: The networks that will be run, in any order.
        engine: A name in `engines/`, "package.module:Class", or "auto".
        precision: "fp32", "bf16" or "auto".
        device: Where they will run.

    Raises:
        UsageError: If a name is unknown, or the engine has not that precision.
        WeightsError: If weights are missing.
    """
    if precision not in ("auto", *PRECISIONS):
        raise UsageError("unknown precision", expected="auto | fp32 | bf16", found=precision)
    offered: tuple[Precision, ...] = PRECISIONS
    if engine != "auto":
        offered = catalog.load("engines", engine).precisions
    wanted = tuple(p for p in offered if precision in ("auto", p))
    if not wanted:
        raise UsageError(
            f"the engine {engine} does not calculate in {precision}", expected=" | ".join(offered)
        )
    if engine != "auto" and (len(wanted) == 1 or ":" in engine):
        return engine, wanted[0]
    found = [
        c
        for c in measured(models, device=device)
        if c.failure is None and c.precision in wanted and engine in ("auto", c.engine)
    ]
    # A precision that was asked for by name is used even where it misses the tolerance.
    best = [c for c in found if c.usable] or found
    if not best:
        return (engine if engine != "auto" else "torch_tuned"), wanted[0]
    fastest = min(best, key=_ms)
    return fastest.engine, fastest.precision


def measured(models: Sequence[ClipModel], *, device: torch.device) -> tuple[Candidate, ...]:
    """All engines in all precisions: from the cache, or measured now, with progress on stderr.

    Only one process measures; others wait for its result.

    Raises:
        WeightsError: If weights are missing.
    """
    facts = _facts(models, device)
    name = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
    path = cache.folder() / "engines" / f"{name}.json"
    with _locked(path):
        found = _kept.get(path) or _read(path)
        if found is None:
            found = _measure(models, device)
            fastest = min((c for c in found if c.usable), key=_ms)
            try:
                files.write_json(
                    path,
                    {
                        **facts,
                        "tolerance": TOLERANCE,
                        "fastest": [fastest.engine, fastest.precision],
                        "candidates": [dataclasses.asdict(c) for c in found],
                    },
                )
            except StoreError:
                _kept[path] = found
    return found


def table(candidates: Sequence[Candidate]) -> str:
    """The candidates as lines of text, the fastest usable one first."""
    lines = [f"{'engine':12} {'precision':9} {'ms/clip':>8} {'x eager':>8} {'cosine':>9} {'max error':>9}"]
    eager = next((c.ms for c in candidates if (c.engine, c.precision) == REFERENCE), None)
    for c in sorted(candidates, key=lambda c: (not c.usable, _ms(c))):
        line = f"{c.engine:12} {c.precision:9} "
        if c.ms is None or c.cosine is None or c.max_relative is None:
            lines.append(line + str(c.failure))
            continue
        faster = eager / c.ms if eager else float("nan")
        line += f"{c.ms:8.1f} {faster:8.2f} {c.cosine:9.6f} {c.max_relative:9.1e}"
        lines.append(line if c.usable else f"{line}  cosine below {TOLERANCE}")
    return "\n".join(lines)


def generated_clips(model: ClipModel, n: int = N_CLIPS) -> NDArray[Any]:
    """Clips (n, *model.clip) that look like the real thing to a network: the same every time.

    uint8: textures with the spectrum of photographs, which shift from frame to frame, each clip at another
    speed and contrast. float32: smooth fields of motion, pixels per frame, over a part of the frame.
    """
    t, height, width, channels = model.clip
    rng = np.random.default_rng(0)
    clips = np.empty((n, *model.clip), dtype=model.dtype)
    for i in range(n):
        steps = np.arange(t) * i  # pixels; the first clip stands still
        if model.dtype == "uint8":
            texture = _texture(rng, (height, width), channels, slope=1.2)
            moved = np.stack([np.roll(texture, (step, -2 * step), (0, 1)) for step in steps])
            noise = rng.normal(0, 2, moved.shape)
            clips[i] = np.clip(128 + 60 * moved / (1 + i % 2) + noise, 0, 255).round()
        else:
            field = _texture(rng, (height, width), channels, slope=2.0) * (1 + 2 * i)
            moving = _texture(rng, (height, width), 1, slope=2.0) > 0.5
            field = np.where(moving, field, 0.02 * field)
            clips[i] = np.stack([np.roll(field, (step, -2 * step), (0, 1)) for step in steps])
    return clips


def _texture(
    rng: np.random.Generator, size: tuple[int, int], channels: int, *, slope: float
) -> NDArray[np.float64]:
    """(h, w, channels) of mean 0 and deviation 1 whose amplitude falls as frequency^-slope; it tiles."""
    height, width = size
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = np.inf
    planes = [
        np.fft.irfft2(np.fft.rfft2(rng.normal(size=size)) * frequency**-slope, s=size)
        for _ in range(channels)
    ]
    return np.stack([plane / plane.std() for plane in planes], axis=-1)


def _measure(models: Sequence[ClipModel], device: torch.device) -> tuple[Candidate, ...]:
    """Network by network, for all engines of one are held at once."""
    with progress.bar("comparing engines, once on this machine", counted=False) as report:
        parts = []
        for i, model in enumerate(models):
            report(i, len(models), f"network {i + 1} of {len(models)}")
            parts.append(_measure_one(model, device))
        found = tuple(_together(same) for same in zip(*parts, strict=True))
        fastest = min((c for c in found if c.usable), key=_ms)
        report(len(models), len(models), f"-> {fastest.engine} {fastest.precision}")
    return found


def _together(parts: Sequence[Candidate]) -> Candidate:
    """What several networks say of one candidate."""
    failure = next((c.failure for c in parts if c.failure is not None), None)
    if failure is not None:
        return Candidate(parts[0].engine, parts[0].precision, failure=failure)
    return dataclasses.replace(
        parts[0],
        ms=sum(c.ms or 0.0 for c in parts),
        cosine=min(c.cosine or 0.0 for c in parts),
        max_relative=max(c.max_relative or 0.0 for c in parts),
    )


def _measure_one(model: ClipModel, device: torch.device) -> list[Candidate]:
    """One network: every candidate's features first, then their times in turns."""
    workers = torch.get_num_threads() if device.type == "cpu" else 1
    clips = [clip[None] for clip in generated_clips(model)]
    ready: dict[Name, Engine] = {}
    rows: dict[Name, FloatArray] = {}
    failures: dict[Name, str] = {}
    names = _names()
    with ThreadPoolExecutor(workers) as pool:
        for name in names:
            failure = _unfit(name, device)
            try:
                if failure is None:
                    made = catalog.load("engines", name[0])(
                        model, precision=name[1], device=device, workers=workers
                    )
                    rows[name] = np.concatenate(list(pool.map(made, clips)))
                    ready[name] = made
            except Exception as error:
                if name == REFERENCE:  # such as missing weights
                    raise
                failure = " ".join(str(error).split()) or type(error).__name__
            if failure is not None:
                failures[name] = failure
        times = _times(ready, pool, [clips[i % len(clips)] for i in range(workers)])
    reference = rows[REFERENCE]
    return [
        Candidate(*name, failure=failures[name])
        if name in failures
        else Candidate(
            *name,
            ms=round(1000 * times[name], 3),
            cosine=_cosine(rows[name], reference),
            max_relative=float(np.abs(rows[name] - reference).max() / np.abs(reference).max()),
        )
        for name in names
    ]


def _names() -> list[Name]:
    """Every engine in every precision it has, the reference first."""
    found = [(name, p) for name in catalog.names("engines") for p in catalog.load("engines", name).precisions]
    return sorted(found, key=lambda name: name != REFERENCE)


def _unfit(name: Name, device: torch.device) -> str | None:
    """Why a candidate need not be tried."""
    if device.type not in catalog.load("engines", name[0]).devices:
        return f"does not run on {device.type}"
    if name[1] == "bf16" and not fast_bf16(device):
        return "the processor has no bf16 in hardware"
    return None


def _times(
    ready: dict[Name, Engine], pool: ThreadPoolExecutor, clips: list[NDArray[Any]]
) -> dict[Name, float]:
    """Seconds a clip when as many threads as there are clips call at once; medians of the rounds."""
    rounds: dict[Name, list[float]] = {name: [] for name in ready}
    racing = list(ready)
    for _ in range(ROUNDS):
        for name in racing:
            before = time.perf_counter()
            list(pool.map(ready[name], clips))
            rounds[name].append((time.perf_counter() - before) / len(clips))
        best = min(statistics.median(rounds[name]) for name in racing)
        racing = [name for name in racing if statistics.median(rounds[name]) <= BEHIND * best]
    return {name: statistics.median(seconds) for name, seconds in rounds.items()}


def _cosine(a: FloatArray, b: FloatArray) -> float:
    """The least of the rows'."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    norms = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    return float(((x * y).sum(axis=1) / norms).min()) if norms.all() else 0.0


def _ms(candidate: Candidate) -> float:
    return float("inf") if candidate.ms is None else candidate.ms


def _facts(models: Sequence[ClipModel], device: torch.device) -> dict[str, Any]:
    """All that a measurement depends on; plain JSON values."""
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # since PyTorch 2.10
    name = capabilities.get("cpu_name") or platform.processor() or platform.machine()
    on_gpu = device.type == "cuda"
    return {
        "format": FORMAT,
        "processor": torch.cuda.get_device_name(device) if on_gpu else name,
        "cores": torch.get_num_threads(),
        "features": sorted(k for k, v in capabilities.items() if v is True and k.startswith(("avx", "amx"))),
        "versions": {package: _version(package) for package in ("torch", "openvino")},
        "networks": sorted(f"{model.key} {model.clip}" for model in models),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _read(path: Path) -> tuple[Candidate, ...] | None:
    """What is kept; None where there is nothing, or nothing that can be read."""
    try:
        return tuple(Candidate(**entry) for entry in files.read_json(path)["candidates"])
    except (StoreError, KeyError, TypeError):
        return None


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes waiting; not where the cache cannot be written."""
    lock = FileLock(path.with_suffix(".lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except (OSError, NotImplementedError):
        yield
        return
    try:
        yield
    finally:
        lock.release()
