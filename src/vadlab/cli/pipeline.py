"""From videos to a report: `vadlab extract | train | evaluate | score`, and `demo`, which does it all."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from vadlab import catalog
from vadlab.cli.findings import print_finding
from vadlab.cli.options import DatasetName, Device, Engine, Json, Recipe, Root, Seed, Settings, read_settings
from vadlab.cli.printing import complain, counted, out, percent, print_json

__all__ = ["demo", "evaluate", "extract", "score", "train"]

DEFAULT_FLOW = "tvl1"


def demo(
    folder: Annotated[Path, typer.Option("--out", help="Where everything goes.")] = Path("demo"),
    seed: Seed = 0,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Run the paper's whole method on generated videos: build, extract, train, evaluate, report."""
    from vadlab.verbs.demo import demo as run_demo

    done = run_demo(folder, seed=seed, device=device)
    if as_json:
        print_json(done.to_json())
        return
    table = Table(title=f"The generated set's test part, full supervision, rules strict, seed {seed}")
    for heading in ("detector", "frame-level AUC, %", "category accuracy (videos), %", "minutes"):
        table.add_column(heading)
    for name, finding in done.findings.items():
        metrics = finding.evaluation.metrics
        table.add_row(
            name,
            percent(metrics["auc"]),
            percent(metrics.get("accuracy_videos")),
            f"{done.minutes[name]:.1f}",
        )
    out.print(table)
    out.print(", ".join(f"{stage} {minutes:.1f} min" for stage, minutes in done.minutes.items()))
    for name, finding in done.findings.items():
        out.print(f"report of {name}: {finding.page.resolve()}", soft_wrap=True)


def extract(
    dataset: DatasetName,
    root: Root,
    store: Annotated[Path, typer.Option("--out", metavar="STORE", help="Feature store; made if absent.")],
    backbone: Annotated[str, typer.Option(help="A name of `vadlab list backbones`.")] = "i3d",
    streams: Annotated[str, typer.Option(help="rgb | flow | rgb,flow")] = "rgb,flow",
    flow: Annotated[str, typer.Option(help="A name of `vadlab list flows`.")] = DEFAULT_FLOW,
    engine: Annotated[
        str, typer.Option(help="A name of `vadlab list engines`, or auto: the fastest here; see below.")
    ] = "auto",
    tail: Annotated[
        str, typer.Option(help="Frames after the last full clip: drop (as the paper) | pad | shift.")
    ] = "drop",
    workers: Annotated[
        int | None,
        typer.Option(help="Clips at a time, a core each; with --ray, processes. Default: all.", min=1),
    ] = None,
    shard: Annotated[
        str, typer.Option(help="i/n: the i-th of n parts; run them anywhere, into one STORE.")
    ] = "1/1",
    ray: Annotated[
        str | None,
        typer.Option(help="Use a Ray cluster: auto (this machine belongs to it) | local | HOST:PORT."),
    ] = None,
    settings: Settings = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Extract clip features of a dataset's videos; only what STORE lacks, so it can be stopped and run again.

    A video that fails does not stop the others; it is named at the end, and the exit code is 1.

    Engine auto measures, once on a machine, which engine is fastest while its features keep a cosine of 0.999
    with plain fp32 (`vadlab engines` shows the figures); a STORE that exists keeps its own.

    Settings of the backbone, such as i3d's: `--set raw_pixels=true` (the LAD authors' unscaled input), and of
    the flow method: `--set flow.preset=quality`.
    """
    from typing import cast

    from vadlab import devices
    from vadlab.distributed.ray import Cluster
    from vadlab.features.extract import make_extractor
    from vadlab.spans import Tail
    from vadlab.verbs.data import open_dataset
    from vadlab.verbs.extract import extract as run_extract
    from vadlab.verbs.extract import parse_shard, settings_of_store

    chosen = {"streams": streams.split(","), "engine": engine} | read_settings(None, settings)
    flow_settings = {k.removeprefix("flow."): v for k, v in chosen.items() if k.startswith("flow.")}
    known = set(catalog.load("backbones", backbone).__dataclass_fields__)
    own = {k: v for k, v in chosen.items() if k not in ("streams", "engine") or k in known}
    extractor = make_extractor(
        backbone,
        flow=flow,
        tail=cast(Tail, tail),
        settings=settings_of_store(
            store, backbone, {k: v for k, v in own.items() if not k.startswith("flow.")}
        ),
        flow_settings=flow_settings,
        device=device,
        workers=workers or devices.cores(),
    )
    done = run_extract(
        open_dataset(dataset, root).entries(),
        store,
        extractor,
        shard=parse_shard(shard),
        cluster=None if ray is None else Cluster(ray, device, workers),
    )
    if as_json:
        print_json(
            {
                "store": str(store),
                "done": list(done.done),
                "kept": done.kept,
                "failed": [{"id": name, "reason": reason} for name, reason in done.failed],
                "clips": done.n_clips,
                "seconds": round(done.seconds, 1),
            }
        )
    else:
        out.print(
            f"{len(done.done)} videos ({done.n_clips} clips) in {done.seconds:.0f} s, "
            f"{done.kept} there before, {len(done.failed)} failed"
        )
        for name, reason in done.failed:
            complain(name, reason)
    if done.failed:
        raise typer.Exit(1)


def train(
    dataset: DatasetName,
    root: Root,
    detector: Annotated[str, typer.Argument(metavar="DETECTOR", help="A name of `vadlab list detectors`.")],
    run: Annotated[Path, typer.Option("--out", metavar="RUN", help="The run's folder; made if absent.")],
    features: Annotated[Path | None, typer.Option(metavar="STORE", help="From `vadlab extract`.")] = None,
    streams: Annotated[str | None, typer.Option(help="Streams of STORE to use; all by default.")] = None,
    split: Annotated[
        str, typer.Option(help="paper: the LAD paper's splits (Table 2) | official: the dataset's own.")
    ] = "paper",
    split_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A split of `vadlab data split`, instead of these.")
    ] = None,
    val: Annotated[float, typer.Option(help="Share of the training videos that validates.")] = 0.0,
    recipe: Recipe = None,
    settings: Settings = None,
    seed: Seed = 0,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Train a detector on the dataset's training part; a stopped training continues to the same result.

    Settings of a detector: `vadlab train DATASET ROOT aed --out RUN --set k=10 --set steps=500`.

    Several processes, here or on more machines, train one detector to the same result:
    `torchrun --nproc-per-node 2 -m vadlab train DATASET ROOT aed --features STORE --out RUN`.
    """
    from vadlab import ranks
    from vadlab.verbs.train import Plan
    from vadlab.verbs.train import train as run_train

    plan = Plan(
        dataset,
        root,
        detector,
        read_settings(recipe, settings),
        features=features,
        streams=None if streams is None else tuple(streams.split(",")),
        seed=seed,
        val=val,
        protocol=split,
        split_file=split_file,
        device=device,
    )
    facts = run_train(plan, run)
    if not ranks.first():
        return
    if as_json:
        print_json(facts)
    else:
        sizes = ", ".join(f"{len(facts['split'][part])} {part}" for part in ("train", "val", "test"))
        out.print(
            f"trained {detector} in {facts['seconds']:.0f} s on {facts['split']['name']} ({sizes} videos)"
        )
        following = f"evaluate {run}" if facts["split"]["test"] else f"score {run} VIDEO"  # none to judge by
        out.print(f"next: vadlab {following}", soft_wrap=True)


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A folder of `vadlab train`.")],
    rules: Annotated[
        str, typer.Option(help="A name of `vadlab list rules`, or several with commas.")
    ] = "strict",
    root: Annotated[Path | None, typer.Option(help="The dataset's folder, if it has moved.")] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Score the test part, and write metrics.json, scores, figures and one HTML report.

    Every figure holds under its rules only. `strict` counts every frame and changes no score; `lad-paper`
    and `lad-code` follow the LAD paper's text and its authors' release; see `vadlab list rules`.
    """
    from vadlab.evaluation.rules import get
    from vadlab.verbs.evaluate import evaluate_under

    chosen = [get(name) for name in rules.split(",")]
    findings = evaluate_under(run, chosen, root=root, device=device)
    found = {rule.name: finding for rule, finding in zip(chosen, findings, strict=True)}
    if as_json:
        print_json({name: finding.metrics for name, finding in found.items()})
        return
    for finding in found.values():
        print_finding(finding)


def score(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A folder of `vadlab train`.")],
    videos: Annotated[
        list[Path], typer.Argument(metavar="VIDEO...", help="Video files, or folders of images.")
    ],
    folder: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where NAME.json and NAME.png go.")
    ] = Path("scores"),
    overlay: Annotated[
        bool, typer.Option("--overlay", help="Also write NAME.mp4 with scores and events.")
    ] = False,
    on: Annotated[
        float | None, typer.Option(help="Score that starts an event; default: the detector's own threshold.")
    ] = None,
    off: Annotated[float | None, typer.Option(help="Score that ends it.")] = None,
    min_length: Annotated[float, typer.Option(help="Seconds; shorter events are dropped.")] = 0.4,
    merge_gap: Annotated[float, typer.Option(help="Seconds; closer events become one.")] = 1.0,
    engine: Engine = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Score any video file or image folder: frame scores, events with start, end and category.

    An event starts where the score reaches --on, and lasts while it stays at --off or above. Features are
    made as they were for the training, or the command refuses; only the engine may be another, which changes
    their last digits.
    """
    from vadlab.verbs.score import Wishes, score_videos

    wishes = Wishes(on, off, min_length_s=min_length, merge_gap_s=merge_gap)
    scored, failed = score_videos(
        run, videos, out=folder, wishes=wishes, overlay=overlay, engine=engine, device=device
    )
    if as_json:
        print_json(
            {
                "videos": [one.to_json() for one in scored],
                "failed": [{"path": str(path), "reason": reason} for path, reason in failed],
            }
        )
    else:
        for one in scored:
            video = one.scores.video
            found = counted(len(one.events), "event")
            out.print(f"[bold]{video.path.name}[/]: {found} at threshold {one.threshold:g}")
            for event in one.events:
                label = "" if event.category is None else f", {event.category} {event.probability:.0%}"
                out.print(
                    f"  {video.seconds(event.start):.2f} - {video.seconds(event.stop):.2f} s, "
                    f"score {event.score:.3f}{label}"
                )
            for path in one.files:
                out.print(f"  {path}", soft_wrap=True)
        for _, reason in failed:
            complain("failed", reason)
    if failed:
        raise typer.Exit(1)
