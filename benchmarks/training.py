"""Training AED: a step against the straightforward loop, and a LAD-sized training from a measured run.

    python benchmarks/training.py                                # LAD's size: 4.4 GB of generated features
    python benchmarks/training.py --videos 100 --rounds 5        # smaller, quick

The straightforward loop is written below: at each time step one convolution a gate over input and state
side by side, batches put together between the steps from features in memory, float32, Adam as it comes. It
begins with the same parameters, is given the same windows, and must give the same losses.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import machine, median, ratio, save, table
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, smooth_l1_loss

from vadlab import training
from vadlab.clip_windows import Draw, Window
from vadlab.detectors.aed import AED, CLIP_LENGTH
from vadlab.features.store import Store
from vadlab.nets.aed import AEDNet
from vadlab.spans import windows
from vadlab.types import Features, FrameLabels, Sample, Video

LAD_STEPS = 12_000
CATEGORIES = 14
SAME_LOSS = {"vadlab fp32": 1e-4, "vadlab bf16": 1e-2}  # relative, of any step of a round
Labelled = Sample[Features, FrameLabels]


class PlainNetwork(nn.Module):
    """The network of AED as its equations read: four convolutions of input and state side by side."""

    def __init__(self, like: AEDNet):
        super().__init__()
        self.layers = nn.ModuleList()
        for layer in like.recurrent:
            kernels = torch.cat([layer.input_conv.weight, layer.hidden_conv.weight], dim=1).detach()
            gates = nn.ModuleList()
            for kernel, bias in zip(kernels.chunk(4), layer.input_conv.bias.detach().chunk(4), strict=True):
                gate = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3, padding=1)
                gate.load_state_dict({"weight": kernel.clone(), "bias": bias.clone()})
                gates.append(gate)
            self.layers.append(gates)
        self.shared, self.score, self.category = like.shared, like.score, like.category

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Frame scores and logits."""
        b, k, d = x.shape
        maps = x.view(b, k, d // 16, 4, 4)
        hidden = [torch.zeros(b, layer[0].out_channels, 4, 4) for layer in self.layers]
        cell = [torch.zeros_like(h) for h in hidden]
        for t in range(k):
            below = maps[:, t]
            for n, (to_input, to_forget, to_output, to_candidate) in enumerate(self.layers):
                both = torch.cat([below, hidden[n]], dim=1)
                kept = torch.sigmoid(to_forget(both)) * cell[n]
                cell[n] = kept + torch.sigmoid(to_input(both)) * torch.tanh(to_candidate(both))
                below = hidden[n] = torch.sigmoid(to_output(both)) * torch.tanh(cell[n])
        shared = torch.relu(self.shared(hidden[-1].flatten(1)))
        return torch.sigmoid(self.score(shared)), self.category(shared)


def plain_batch(samples: Sequence[Labelled], names: Sequence[str], chosen: Sequence[Window], k: int) -> Any:
    """A batch, window by window and clip by clip."""
    x, labels, categories = [], [], []
    for window in chosen:
        sample = samples[window.video]
        clips = range(window.start, window.start + k)
        x.append(np.stack([sample.x.values[clip] for clip in clips]))
        mask = sample.y.mask().astype(np.float32)
        labels.append(np.concatenate([mask[slice(*sample.spans[clip])] for clip in clips]))
        categories.append(names.index(sample.y.category))
    return torch.from_numpy(np.stack(x)), torch.from_numpy(np.stack(labels)), torch.tensor(categories)


def plain_loop(samples: Sequence[Labelled], steps: int) -> tuple[list[float], list[float]]:
    """Seconds and loss of each step of the straightforward loop."""
    like = AED()
    names = sorted({s.y.category for s in samples})
    with training.seeded(like.seed):
        network = PlainNetwork(
            AEDNet(samples[0].x.values.shape[1], k=like.k, clip_length=CLIP_LENGTH, n_categories=len(names))
        )
    optimiser = torch.optim.Adam(network.parameters(), lr=like.learning_rate, weight_decay=like.weight_decay)
    draw = Draw(like._windows(samples), abnormal=like.abnormal_per_batch, normal=like.normal_per_batch)
    seconds, losses = [], []
    for step in range(steps):
        started = time.perf_counter()
        chosen = draw(training.generator(like.seed, step))
        x, labels, categories = plain_batch(samples, names, chosen, like.k)
        scores, logits = network(x)
        loss = like.lambda_score * smooth_l1_loss(scores, labels)
        loss = loss + like.lambda_category * cross_entropy(logits, categories)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
        seconds.append(time.perf_counter() - started)
    return seconds, losses


def our_loop(samples: Sequence[Labelled], steps: int, **settings: Any) -> tuple[list[float], list[float]]:
    """Seconds and loss of each step of AED.fit."""
    times, losses = [time.perf_counter()], []

    def stamp(_done: int, _total: int, row: dict[str, float]) -> None:
        times.append(time.perf_counter())
        losses.append(row["loss"])

    with training.runtime(training.Runtime(progress=stamp)):
        AED(steps=steps, **settings).fit(samples)
    return np.diff(times).tolist(), losses


def compare(samples: Sequence[Labelled], *, rounds: int, steps: int) -> dict[str, Any]:
    """Steps of the variants in turn; a variant's figure of a round is the median of its steps after two."""
    # The straightforward loop has its features in memory.
    held = [Sample(s.video, s.spans, Features(np.array(s.x.values)), s.y) for s in samples]
    variants = {
        "straightforward": lambda: plain_loop(held, steps),
        "vadlab fp32": lambda: our_loop(samples, steps, precision="fp32"),
        "vadlab bf16": lambda: our_loop(samples, steps, precision="bf16"),
    }
    times: dict[str, list[float]] = {name: [] for name in variants}
    losses: dict[str, list[float]] = {}
    names = list(variants)
    for i in range(rounds):
        for name in names[i % len(names) :] + names[: i % len(names)]:
            seconds, losses[name] = variants[name]()
            times[name].append(median(seconds[2:]))
    differences = {}
    for name, most in SAME_LOSS.items():
        differences[name] = float(np.max(np.abs(np.divide(losses[name], losses["straightforward"]) - 1)))
        if differences[name] > most:
            raise SystemExit(f"{name} trains something else: losses differ by {differences[name]:.1e}")
    table(
        f"a step of AED, batch 60, K = 5, {samples[0].x.values.shape[1]} features a clip",
        ("variant", "ms", "times faster", "of the rounds", "losses differ by"),
        [
            (
                name,
                f"{1000 * median(times[name]):.0f}",
                "{:.2f}".format(ratio(times, "straightforward", name)[0]),
                "{1:.2f} - {2:.2f}".format(*ratio(times, "straightforward", name)),
                f"{differences[name]:.0e}" if name in differences else "",
            )
            for name in names
        ],
    )
    return {
        "seconds": times,
        "ratios": {name: ratio(times, "straightforward", name) for name in names[1:]},
        "loss_differences": differences,
    }


def whole_training(store: Store, ids: Sequence[str], *, steps: int, precision: str) -> dict[str, Any]:
    """Some steps on the whole store, and what LAD_STEPS of them would take."""
    before = memory()
    started = time.perf_counter()
    samples = labelled(store, ids)
    reading = time.perf_counter() - started
    peak = memory()

    times = [time.perf_counter()]

    def stamp(*_: object) -> None:
        nonlocal peak
        times.append(time.perf_counter())
        peak = {key: max(value, peak[key]) for key, value in memory().items()}

    detector = AED(steps=steps, precision=precision)  # type: ignore[arg-type]
    with training.runtime(training.Runtime(progress=stamp)):
        detector.fit(samples)
    step = median(np.diff(times)[2:].tolist())
    held = detector._windows(samples)
    draw = Draw(held, abnormal=detector.abnormal_per_batch, normal=detector.normal_per_batch)
    assembling = []
    for number in range(steps, 2 * steps):  # windows that were not read before
        started = time.perf_counter()
        held.stack(draw(training.generator(detector.seed, number)))
        assembling.append(time.perf_counter() - started)
    size = sum(s.x.values.nbytes for s in samples)
    result = {
        "videos": len(samples),
        "gigabytes": size / 1e9,
        "steps_measured": steps,
        "precision": precision,
        "reading_s": reading,
        "step_s": step,
        "assembling_s": median(assembling),
        "estimate_minutes": (reading + LAD_STEPS * step) / 60,
        "own_memory_mb": {"before": before["RssAnon"], "peak": peak["RssAnon"]},
        "mapped_memory_mb": {"before": before["RssFile"], "peak": peak["RssFile"]},
    }
    table(
        f"{LAD_STEPS:,} steps on {len(samples):,} videos, {size / 1e9:.1f} GB of features, {precision}",
        ("part", "figure"),
        [
            ("opening and checking every file, once", f"{reading:.1f} s"),
            (f"a step, median of {steps}", f"{1000 * step:.0f} ms"),
            ("putting a batch together, while a step runs", f"{1000 * median(assembling):.1f} ms"),
            (f"estimate of {LAD_STEPS:,} steps", f"{result['estimate_minutes']:.0f} min"),
            ("own memory, before and peak", f"{before['RssAnon']:.0f} -> {peak['RssAnon']:.0f} MB"),
            ("mapped files in memory, peak", f"{peak['RssFile']:.0f} MB, free to the system"),
        ],
    )
    return result


def memory() -> dict[str, float]:
    """Megabytes that are this process's own, and those of mapped files, from Linux's /proc; else 0."""
    found = {"RssAnon": 0.0, "RssFile": 0.0}
    status = Path("/proc/self/status")
    for line in status.read_text().splitlines() if status.exists() else ():
        key, _, value = line.partition(":")
        if key in found:
            found[key] = int(value.split()[0]) / 1024
    return found


def generate(root: Path, *, videos: int, clips: int, dim: int) -> Store:
    """A store of random features, as many abnormal videos as normal ones."""
    store = Store.create(root, {"streams": {"rgb": dim}, "backbone": "generated features"})
    for i, name in enumerate(ids_of(videos)):
        if store.missing([name]):
            values = np.random.default_rng(i).random((clips, dim), dtype=np.float32)
            video = Video(name, Path(name), CLIP_LENGTH * clips, Fraction(25), (320, 240))
            spans = windows(video.n_frames, CLIP_LENGTH, CLIP_LENGTH)
            store.write(Sample(video, spans, Features(values), None), source_hash="")
    return store


def ids_of(videos: int) -> list[str]:
    """Names of so many videos."""
    return [f"{i:05d}" for i in range(videos)]


def labelled(store: Store, ids: Sequence[str]) -> list[Labelled]:
    """Every other video abnormal, in a third of its frames."""
    made = []
    for i, name in enumerate(ids):
        sample = store.read(name)
        n = sample.video.n_frames
        spans = [(n // 3, 2 * n // 3)] if i % 2 else []
        labels = FrameLabels.from_spans(spans, n, category=f"category {i // 2 % CATEGORIES:02d}")
        made.append(Sample(sample.video, sample.spans, sample.x, labels))
    return made


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--videos", type=int, default=1440, help="in the store (LAD trains on 1,440)")
    parser.add_argument("--clips", type=int, default=375, help="of 16 frames a video (LAD: about 375)")
    parser.add_argument("--dim", type=int, default=2048, help="features a clip")
    parser.add_argument("--steps", type=int, default=30, help="measured on the whole store")
    parser.add_argument("--rounds", type=int, default=7, help="of the comparison")
    parser.add_argument("--round-steps", type=int, default=8, help="of each variant in a round")
    parser.add_argument("--compared", type=int, default=60, help="videos of the comparison, held in memory")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--store", type=Path, help="keep the generated features here; made where absent")
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    root = options.store or Path(tempfile.mkdtemp(prefix="vadlab-training-"))
    try:
        ids = ids_of(options.videos)
        store = generate(root, videos=options.videos, clips=options.clips, dim=options.dim)
        result = {
            "machine": machine(),
            "threads": options.threads,
            "training": [
                whole_training(store, ids, steps=options.steps, precision=precision)
                for precision in ("fp32", "bf16")
            ],
            "step": compare(
                labelled(store, ids[: options.compared]), rounds=options.rounds, steps=options.round_steps
            ),
        }
    finally:
        if options.store is None:
            shutil.rmtree(root)
    if options.json is not None:
        save(options.json, result)


if __name__ == "__main__":
    main()
