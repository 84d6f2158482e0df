"""The command line: thin verbs, each calling one function of `vadlab.verbs`.

Heavy modules are imported inside the verbs, so that `--help` and `list` answer at once.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vadlab import __version__, catalog, config
from vadlab.errors import UsageError, VadlabError

__all__ = ["app", "main"]

app = typer.Typer(
    name="vadlab",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    help="""Video anomaly detection: from a folder of videos to frame scores, categories and a report.

The way through, with your own videos in `VIDEOS/annotations.csv`:

    vadlab data check folder VIDEOS
    vadlab extract folder VIDEOS --out FEATURES
    vadlab train folder VIDEOS aed --features FEATURES --out RUN
    vadlab evaluate RUN
    vadlab score RUN some.mp4 --overlay

`vadlab demo` does it all on videos that it generates. Every verb reads and writes plain files and can be
stopped and run again. Exit codes: 0 done, 1 data or a run failed, 2 wrong usage.""",
)
data_app = typer.Typer(no_args_is_help=True, help="Look at a dataset's folder, or generate one.")
weights_app = typer.Typer(no_args_is_help=True, help="Pretrained weights: list, fetch, import.")
app.add_typer(data_app, name="data")
app.add_typer(weights_app, name="weights")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout; bars stay on stderr.")]
Device = Annotated[str, typer.Option(help="auto | cpu | cuda | cuda:N")]
Seed = Annotated[int, typer.Option(help="Of random draws: splits, initialisation, batches.")]
DatasetName = Annotated[str, typer.Argument(metavar="DATASET", help="A name of `vadlab list datasets`.")]
Root = Annotated[Path, typer.Argument(metavar="ROOT", help="The dataset's folder.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting that differs from its default; repeatable."),
]
Recipe = Annotated[
    Path | None, typer.Option("--recipe", help="TOML file of settings; --set wins over it.", metavar="FILE")
]

INTERRUPTED = 130  # the exit code that typer gives to Ctrl-C

out = Console()
err = Console(stderr=True)


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, allow_nan=False))  # noqa: T201


def _settings(recipe: Path | None, assignments: list[str] | None) -> dict[str, Any]:
    return (config.read_recipe(recipe) if recipe else {}) | config.parse_assignments(assignments or [])


def _complain(subject: str, message: str) -> None:
    """One failure on stderr; never wrapped, so that paths and commands can be copied."""
    err.print(Text.assemble((subject, "bold red"), " ", message), soft_wrap=True)


def _counted(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _percent(value: float | None) -> str:
    return "-" if value is None or value != value else f"{100 * value:.2f}"


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    if version:
        print(__version__)  # noqa: T201
        raise typer.Exit


@app.command("list")
def list_(
    what: Annotated[
        str, typer.Argument(metavar="WHAT", help="detectors | backbones | datasets | flows | rules")
    ],
    as_json: Json = False,
) -> None:
    """List what there is, one line each."""
    families = {"detectors": "detectors", "backbones": "backbones", "datasets": "datasets", "flows": "flow"}
    if what == "rules":
        from vadlab.evaluation.rules import PRESETS, describe

        lines = {name: describe(rules) for name, rules in PRESETS.items()}
    elif what in families:
        lines = {name: catalog.describe(families[what], name) for name in catalog.names(families[what])}
    else:
        raise UsageError(f"cannot list {what!r}", expected=" | ".join([*families, "rules"]))
    if as_json:
        _print_json(lines)
        return
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, line in lines.items():
        table.add_row(f"[bold]{name}", line)
    out.print(table)


@app.command()
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
        _print_json(done.to_json())
        return
    table = Table(title=f"The generated set's test part, full supervision, rules strict, seed {seed}")
    for heading in ("detector", "frame-level AUC, %", "category accuracy (videos), %", "minutes"):
        table.add_column(heading)
    for name, finding in done.findings.items():
        metrics = finding.evaluation.metrics
        table.add_row(
            name,
            _percent(metrics["auc"]),
            _percent(metrics.get("accuracy_videos")),
            f"{done.minutes[name]:.1f}",
        )
    out.print(table)
    out.print(", ".join(f"{stage} {minutes:.1f} min" for stage, minutes in done.minutes.items()))
    for name, finding in done.findings.items():
        out.print(f"report of {name}: {finding.page.resolve()}", soft_wrap=True)


@data_app.command("check")
def data_check(
    dataset: DatasetName,
    root: Root,
    decode: Annotated[
        bool, typer.Option(help="Decode every video: the only way to know its frame count.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Compare a folder with what the dataset should be; say what is wrong and how to mend it."""
    from vadlab.verbs.data import check

    found = check(dataset, root, decode=decode)
    if as_json:
        _print_json(found.to_json())
    else:
        table = Table("count", "found", "published")
        for key, value in found.counts.items():
            expected = found.published.get(key)
            table.add_row(key, f"{value:,}", "" if expected is None else f"{expected:,}")
        out.print(table)
        for name, sizes in found.splits.items():
            out.print(f"split {name}: " + ", ".join(f"{n} {part}" for part, n in sizes.items()))
        for finding in found.findings:
            _complain(finding.subject, finding.message)
        out.print("nothing is wrong" if not found.findings else f"{len(found.findings)} findings")
    if found.findings:
        raise typer.Exit(1)


@data_app.command("stats")
def data_stats(
    dataset: DatasetName,
    root: Root,
    folder: Annotated[Path | None, typer.Option("--out", help="Write fig3.png and videos.csv there.")] = None,
    as_json: Json = False,
) -> None:
    """Count videos, frames and anomalies: the paper's Table 1 row and the panels of its Fig. 3."""
    from vadlab.verbs.data import stats, summary, write_stats

    facts = stats(dataset, root)
    totals = summary(facts)
    written = [] if folder is None else write_stats(facts, folder)
    if as_json:
        _print_json(totals)
        return
    for key, value in totals.items():
        if key != "categories":
            out.print(f"{key.replace('_', ' ')}: {value:,}")
    table = Table("category", "videos", "abnormal", "frames", "abnormal frames, %")
    for name, row in totals["categories"].items():
        share = f"{100 * row['abnormal_frames'] / row['frames']:.1f}"
        table.add_row(name, str(row["videos"]), str(row["abnormal_videos"]), f"{row['frames']:,}", share)
    out.print(table)
    for path in written:
        out.print(f"wrote {path}", soft_wrap=True)


@data_app.command("synth")
def data_synth(
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to make.")],
    train_videos: Annotated[
        int, typer.Option("--train", help="Per category and kind in the training part.")
    ] = 3,
    test_videos: Annotated[int, typer.Option("--test", help="Per category and kind in the test part.")] = 2,
    seed: Seed = 0,
) -> None:
    """Generate the LAD-shaped set: 14 categories, normal and abnormal videos, exact frame labels."""
    from vadlab import progress
    from vadlab.datasets.synth import generate

    with progress.bar("generate") as report:
        generate(
            folder,
            train=train_videos,
            test=test_videos,
            seed=seed,
            workers=os.cpu_count() or 1,
            progress=report,
        )
    out.print(f"wrote {folder / 'annotations.csv'}", soft_wrap=True)


@weights_app.command("list")
def weights_list(as_json: Json = False) -> None:
    """List the known weights, and which of them are installed."""
    from vadlab import weights

    rows = [
        {
            "name": known.name,
            "what": known.what,
            "licence": known.licence,
            "source": known.source,
            "installed": str(weights.locate(known.name) or ""),
        }
        for known in weights.known()
    ]
    if as_json:
        _print_json(rows)
        return
    for row in rows:
        out.print(f"[bold]{row['name']}[/]  {row['what']}", soft_wrap=True)
        out.print(f"  {row['licence']}; from {row['source']}", soft_wrap=True)
        out.print(
            f"  {'installed: ' + row['installed'] if row['installed'] else 'not installed'}", soft_wrap=True
        )


@weights_app.command("fetch")
def weights_fetch(name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Download weights, check their hash, and convert them to safetensors in the cache."""
    from vadlab import progress, weights

    with progress.bar(f"fetch {name}", counted=False) as report:
        path = weights.fetch(name, progress=lambda done, total: report(done, total or 0, ""))
    out.print(f"installed {path}", soft_wrap=True)


@weights_app.command("import")
def weights_import(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help=".pt, .pth, .safetensors or the pinned archive")
    ],
    name: Annotated[str, typer.Argument(metavar="NAME")],
) -> None:
    """Install weights from a file, for machines without network and for your own weights."""
    from vadlab import weights

    out.print(f"installed {weights.import_file(file, name)}", soft_wrap=True)


@app.command()
def extract(
    dataset: DatasetName,
    root: Root,
    store: Annotated[Path, typer.Option("--out", metavar="STORE", help="Feature store; made if absent.")],
    backbone: Annotated[str, typer.Option(help="A name of `vadlab list backbones`.")] = "i3d",
    streams: Annotated[str, typer.Option(help="rgb | flow | rgb,flow")] = "rgb,flow",
    flow: Annotated[
        str,
        typer.Option(
            help="opencv_tvl1 is the paper's method, 0.6 s a frame and core; dis is a hundred times faster."
        ),
    ] = "opencv_tvl1",
    tail: Annotated[
        str, typer.Option(help="Frames after the last full clip: drop (as the paper) | pad | shift.")
    ] = "drop",
    shard: Annotated[
        str, typer.Option(help="i/n: the i-th of n parts; run them anywhere, into one STORE.")
    ] = "1/1",
    settings: Settings = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Extract clip features of a dataset's videos; only what STORE lacks, so it can be stopped and run again.

    A video that fails does not stop the others; it is named at the end, and the exit code is 1.

    Settings of the backbone, such as i3d's: `--set precision=fp32` (bf16 is used where the processor
    multiplies it in hardware), `--set raw_pixels=true` (the LAD authors' unscaled input).
    """
    from typing import cast

    from vadlab.features.extract import make_extractor
    from vadlab.spans import Tail
    from vadlab.verbs.data import open_dataset
    from vadlab.verbs.extract import extract as run_extract
    from vadlab.verbs.extract import parse_shard

    chosen = {"streams": streams.split(","), "device": device} | _settings(None, settings)
    known = set(catalog.load("backbones", backbone).__dataclass_fields__)
    extractor = make_extractor(
        backbone,
        flow=flow,
        tail=cast(Tail, tail),
        settings={k: v for k, v in chosen.items() if k in known or k not in ("streams", "device")},
    )
    entries = open_dataset(dataset, root).entries()
    done = run_extract(entries, store, extractor, shard=parse_shard(shard))
    if as_json:
        _print_json(
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
            _complain(name, reason)
    if done.failed:
        raise typer.Exit(1)


@app.command()
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
    val: Annotated[float, typer.Option(help="Share of the training videos that validates.")] = 0.0,
    recipe: Recipe = None,
    settings: Settings = None,
    seed: Seed = 0,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Train a detector on the dataset's training part; a stopped training continues to the same result.

    Settings of a detector: `vadlab train DATASET ROOT aed --out RUN --set k=10 --set steps=500`.
    """
    from vadlab.verbs.train import Plan
    from vadlab.verbs.train import train as run_train

    plan = Plan(
        dataset,
        root,
        detector,
        _settings(recipe, settings),
        features=features,
        streams=None if streams is None else tuple(streams.split(",")),
        seed=seed,
        val=val,
        protocol=split,
        device=device,
    )
    facts = run_train(plan, run)
    if as_json:
        _print_json(facts)
    else:
        sizes = ", ".join(f"{len(facts['split'][part])} {part}" for part in ("train", "val", "test"))
        out.print(
            f"trained {detector} in {facts['seconds']:.0f} s on {facts['split']['name']} ({sizes} videos)"
        )
        out.print(f"next: vadlab evaluate {run}", soft_wrap=True)


@app.command()
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
    from vadlab.evaluation.rules import describe, get
    from vadlab.verbs.evaluate import evaluate_run

    chosen = [get(name) for name in rules.split(",")]
    found = {rule.name: evaluate_run(run, rule, root=root, device=device) for rule in chosen}
    if as_json:
        _print_json({name: finding.metrics for name, finding in found.items()})
        return
    for rule in chosen:
        finding = found[rule.name]
        out.print(f"[bold]{describe(rule)}", soft_wrap=True)
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
        for name, value in finding.evaluation.metrics.items():
            shown = f"{value:,.0f}" if name.startswith("n_") else f"{value:.4f}"
            reason = finding.evaluation.reasons.get(name, "")
            table.add_row(name, "-" if value != value else shown, reason)
        out.print(table)
        out.print(f"report: {finding.page.resolve()}", soft_wrap=True)


@app.command()
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
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Score any video file or image folder: frame scores, events with start, end and category.

    An event starts where the score reaches --on, and lasts while it stays at --off or above. Features are
    made as they were for the training, or the command refuses.
    """
    from vadlab.verbs.score import Alarm, score_videos

    alarm = Alarm(on, off, min_length_s=min_length, merge_gap_s=merge_gap)
    scored, failed = score_videos(run, videos, out=folder, alarm=alarm, overlay=overlay, device=device)
    if as_json:
        _print_json(
            {
                "videos": [one.to_json() for one in scored],
                "failed": [{"path": str(path), "reason": reason} for path, reason in failed],
            }
        )
    else:
        for one in scored:
            video = one.scores.video
            found = _counted(len(one.events), "event")
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
            _complain("failed", reason)
    if failed:
        raise typer.Exit(1)


def main() -> None:
    """Entry point: errors that a user can mend are printed without a traceback."""
    try:
        app()
    except VadlabError as error:
        _complain("error", str(error))
        sys.exit(error.exit_code)
    except SystemExit as stop:
        if stop.code == INTERRUPTED:
            err.print("stopped; run the same command again to go on")
        raise
