"""The commands as a user types them: on good input, on bad input, and after being killed."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from vadlab import checkpoint, cli
from vadlab.datasets.synth import generate
from vadlab.training import SNAPSHOT

STORE_OPTIONS = ("--backbone", "pooled_pixels", "--flow", "dis")


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated set of two categories, 16 videos."""
    root = tmp_path_factory.mktemp("set") / "videos"
    generate(root, train=2, test=2, categories=("Falling", "Fire"), size=(96, 72))
    return root


@pytest.fixture(scope="module")
def store(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its features, by the backbone that needs no weights."""
    store = tmp_path_factory.mktemp("features") / "store"
    command = ["extract", "synth", str(videos), "--out", str(store), *STORE_OPTIONS]
    subprocess.run([sys.executable, "-m", "vadlab", *command], check=True)
    return store


@pytest.fixture
def folder(videos: Path, tmp_path: Path) -> Path:
    """Three of the videos as a user's own folder."""
    root = tmp_path / "own"
    root.mkdir()
    with (videos / "annotations.csv").open() as file:
        rows = [r for r in csv.DictReader(file) if r["category"] == "Fire"][:3]
    for row in rows:
        shutil.copy(videos / row["path"], root / Path(row["path"]).name)
        row["path"] = Path(row["path"]).name
    with (root / "annotations.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return root


def test_from_videos_to_report(videos: Path, store: Path, tmp_path: Path, vadlab: Any) -> None:
    run = tmp_path / "run"
    trained = vadlab(
        *("train", "synth", videos, "aed", "--features", store, "--out", run, "--json"),
        *("--set", "steps=30", "--set", "hidden=16", "--set", "standardise=true"),
    )
    assert trained.code == 0, trained.err
    facts = trained.json()
    assert facts["detector"]["settings"]["steps"] == 30
    assert len(facts["split"]["train"]) == 8 and len(facts["split"]["test"]) == 8
    assert not set(facts["split"]["train"]) & set(facts["split"]["test"])

    evaluated = vadlab("evaluate", run, "--rules", "strict,lad-code", "--json")
    assert evaluated.code == 0, evaluated.err
    metrics = evaluated.json()
    assert metrics == json.loads((run / "metrics.json").read_text())
    assert metrics["strict"]["rules"]["tail"] == "hold"
    told = metrics["strict"]["run"]
    assert (told["dataset"], told["detector"], told["seed"]) == ("synth", "aed", 0)
    assert told["split"]["sizes"] == {"train": 8, "val": 0, "test": 8}
    assert metrics["lad-code"]["rules"]["scrambled_windows"] is True
    assert 0 <= metrics["strict"]["metrics"]["auc"] <= 1
    # The authors' rule counts whole groups of 80 frames only.
    n_strict, n_code = (metrics[name]["metrics"]["n_frames"] for name in ("strict", "lad-code"))
    lengths = [v["n_frames"] for v in metrics["strict"]["videos"]]
    assert n_strict == sum(lengths) and n_code == sum(n // 80 * 80 for n in lengths)
    page = (run / "report.html").read_text()
    assert "strict" in page and facts["split"]["test"][0] in page
    for name in facts["split"]["test"]:
        assert load_file(run / "scores" / "strict" / f"{name}.safetensors")["frame_scores"].ndim == 1

    video = next((videos / "Fire").glob("*.mp4"))
    scored = vadlab("score", run, video, "--out", tmp_path / "scored", "--overlay", "--json")
    assert scored.code == 0, scored.err
    answer = scored.json()["videos"][0]
    assert len(answer["frame_scores"]) == answer["video"]["n_frames"]
    assert sum(answer["categories"].values()) == pytest.approx(1, abs=1e-3)
    for suffix in (".json", ".png", ".mp4"):
        assert (tmp_path / "scored" / (video.stem + suffix)).stat().st_size > 0
    # A video outside the store is scored as the store's own features say.
    kept = load_file(store / "videos" / "Fire" / f"{video.stem}.safetensors")["features"]
    detector, _ = checkpoint.restore(run)
    from vadlab.features.store import Store

    inside = detector.score(Store.open(store).read(f"Fire/{video.stem}"))
    assert len(kept) == answer["video"]["n_frames"] // 16
    assert max(answer["frame_scores"]) == pytest.approx(float(inside.values.max()), abs=1e-4)


def test_frames_detector_needs_no_features(videos: Path, tmp_path: Path, vadlab: Any) -> None:
    run = tmp_path / "run"
    assert vadlab("train", "synth", videos, "frame_difference", "--out", run).code == 0
    evaluated = vadlab("evaluate", run, "--json")
    assert evaluated.code == 0, evaluated.err
    assert np.isfinite(evaluated.json()["strict"]["metrics"]["auc"])


def test_streams_of_one_store(videos: Path, store: Path, tmp_path: Path, vadlab: Any) -> None:
    aucs = {}
    for streams in ("rgb", "flow", "rgb,flow"):
        run = tmp_path / streams
        trained = vadlab(
            "train", "synth", videos, "linear_probe", "--features", store, "--out", run, "--streams", streams
        )
        assert trained.code == 0, trained.err
        aucs[streams] = vadlab("evaluate", run, "--json").json()["strict"]["metrics"]["auc"]
        told = json.loads((run / "metrics.json").read_text())["strict"]["run"]
        assert told["features"]["streams"] == streams.split(",")
        assert told["features"]["flow method"] == ("dis" if "flow" in streams else None)
    assert len(set(aucs.values())) == 3
    unknown = vadlab(
        "train",
        "synth",
        videos,
        "linear_probe",
        "--features",
        store,
        "--out",
        tmp_path / "x",
        "--streams",
        "sound",
    )
    assert unknown.code == 2 and "rgb, flow" in unknown.err


def test_extract_does_only_what_is_missing(videos: Path, store: Path, tmp_path: Path, vadlab: Any) -> None:
    copy = tmp_path / "store"
    shutil.copytree(store, copy)
    files = sorted(copy.rglob("*.safetensors"))
    files[0].unlink()
    half = files[1].read_bytes()
    files[1].write_bytes(half[: len(half) // 2])
    done = vadlab("extract", "synth", videos, "--out", copy, *STORE_OPTIONS, "--json").json()
    assert len(done["done"]) == 2 and done["kept"] == 14 and not done["failed"]
    assert files[1].read_bytes() == half


def test_shards_make_the_same_store(videos: Path, store: Path, tmp_path: Path, vadlab: Any) -> None:
    sharded = tmp_path / "store"
    counts = [
        len(
            vadlab(
                "extract", "synth", videos, "--out", sharded, *STORE_OPTIONS, "--shard", f"{i}/3", "--json"
            ).json()["done"]
        )
        for i in (1, 2, 3)
    ]
    assert sum(counts) == 16 and max(counts) - min(counts) <= 1
    for file in store.rglob("*.safetensors"):
        assert (sharded / file.relative_to(store)).read_bytes() == file.read_bytes()


def test_a_store_made_in_another_way_is_refused(videos: Path, store: Path, vadlab: Any) -> None:
    other = vadlab("extract", "synth", videos, "--out", store, "--backbone", "pooled_pixels", "--tail", "pad",
                   "--flow", "dis")  # fmt: skip
    assert other.code == 1
    assert "tail = pad" in other.err and "tail = drop" in other.err and "another --out" in other.err


def test_a_run_with_other_settings_is_refused(videos: Path, store: Path, tmp_path: Path, vadlab: Any) -> None:
    command = ("train", "synth", videos, "linear_probe", "--features", store, "--out", tmp_path / "run")
    assert vadlab(*command).code == 0
    before = (tmp_path / "run" / "state.safetensors").read_bytes()
    assert vadlab(*command).code == 0  # the same again: nothing to do
    refused = vadlab(*command, "--set", "c=0.5")
    assert refused.code == 1 and "another detector" in refused.err
    assert (tmp_path / "run" / "state.safetensors").read_bytes() == before


@pytest.mark.parametrize("workers", ["0", "-3"])
def test_so_many_workers_are_wrong_usage(videos: Path, tmp_path: Path, vadlab: Any, workers: str) -> None:
    refused = vadlab("extract", "synth", videos, "--out", tmp_path / "store", "--workers", workers)
    assert refused.code == 2 and "--workers" in refused.err
    assert not (tmp_path / "store").exists()


def test_where_scores_cannot_be_written_is_told_before_scoring(
    videos: Path, store: Path, tmp_path: Path, vadlab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert vadlab("train", "synth", videos, "knn", "--features", store, "--out", tmp_path / "run").code == 0
    monkeypatch.setattr("vadlab.verbs.score.Pipeline", None)  # what would score
    (tmp_path / "file").write_text("kept")
    video = next(videos.rglob("*.mp4"))
    refused = vadlab("score", tmp_path / "run", video, "--out", tmp_path / "file")
    assert refused.code == 1 and str(tmp_path / "file") in refused.err


def test_a_fit_that_failed_before_it_learned_leaves_its_folder_free(
    folder: Path, tmp_path: Path, vadlab: Any
) -> None:
    """Normal videos alone teach no weakly supervised detector; the next is trained into the same folder."""
    table = folder / "annotations.csv"
    with table.open() as file:
        rows = [row | {"split": "train", "abnormal": "0", "events": ""} for row in csv.DictReader(file)]
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    own, run = tmp_path / "store", tmp_path / "run"
    assert vadlab("extract", "folder", folder, "--out", own, *STORE_OPTIONS).code == 0
    failed = vadlab("train", "folder", folder, "rtfm", "--features", own, "--out", run)
    assert failed.code == 2 and "0 abnormal" in failed.err and "knn" in failed.err
    assert vadlab("train", "folder", folder, "knn", "--features", own, "--out", run).code == 0


def spoil(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif how == "text":
        path.write_text("this is not a video\n")
    else:
        path.write_bytes(b"")


@pytest.mark.parametrize("how", ["truncated", "text", "empty"])
def test_a_bad_video_does_not_stop_the_others(folder: Path, tmp_path: Path, how: str, vadlab: Any) -> None:
    bad = sorted(folder.glob("*.mp4"))[1]
    spoil(bad, how)
    done = vadlab("extract", "folder", folder, "--out", tmp_path / "store", *STORE_OPTIONS)
    assert done.code == 1
    assert "2 videos" in done.out and "1 failed" in done.out
    assert bad.name in done.err and "remedy" in done.err and "Traceback" not in done.err
    checked = vadlab("data", "check", "folder", folder)
    assert checked.code == 1 and bad.name in checked.err


def test_a_label_one_frame_too_long(folder: Path, tmp_path: Path, vadlab: Any) -> None:
    table = folder / "annotations.csv"
    with table.open() as file:
        rows = list(csv.DictReader(file))
    row = next(r for r in rows if r["abnormal"] == "1")
    row["events"], row["n_frames"] = f"5-{int(row['n_frames']) + 1}", ""
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    checked = vadlab("data", "check", "folder", folder, "--json")
    assert checked.code == 1
    message = checked.json()["findings"][0]["message"]
    n = int(row["events"].split("-")[1])
    assert str(n) in message and str(n - 1) in message


def test_a_feature_file_cut_in_half(videos: Path, store: Path, tmp_path: Path, vadlab: Any) -> None:
    copy = tmp_path / "store"
    shutil.copytree(store, copy)
    file = sorted(copy.rglob("*.safetensors"))[0]
    file.write_bytes(file.read_bytes()[:500])
    trained = vadlab("train", "synth", videos, "linear_probe", "--features", copy, "--out", tmp_path / "run")
    assert trained.code == 1
    assert "damaged" in trained.err and file.name in trained.err and "vadlab extract" in trained.err


def test_missing_weights_without_network(folder: Path, tmp_path: Path, vadlab: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("VADLAB_CACHE", str(tmp_path / "empty"))
    done = vadlab("extract", "folder", folder, "--out", tmp_path / "store", "--streams", "rgb")
    assert done.code == 1
    assert "vadlab weights fetch i3d-rgb-kinetics" in done.err


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        (("train", "synth", "VIDEOS", "ade", "--out", "x"), "aed"),
        (("train", "synth", "VIDEOS", "aed", "--out", "x", "--set", "stepz=3"), "steps"),
        (("train", "synth", "VIDEOS", "aed", "--out", "x", "--set", "steps=many"), "int"),
        (("train", "synth", "VIDEOS", "aed", "--out", "x"), "--features STORE"),
        (("extract", "sinth", "VIDEOS", "--out", "x"), "synth"),
        (("extract", "synth", "VIDEOS", "--out", "x", "--shard", "3/2"), "i/n"),
        (("list", "detector"), "detectors"),
        (("evaluate", "VIDEOS", "--rules", "lenient"), "strict"),
    ],
)
def test_wrong_usage_exits_2_and_says_what_is_right(
    command: tuple[str, ...], hint: str, videos: Path, tmp_path: Path, vadlab: Any, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    done = vadlab(*(videos if word == "VIDEOS" else word for word in command))
    assert done.code == 2 and hint in done.err and "Traceback" not in done.err


def test_listing_imports_no_torch() -> None:
    code = (
        "import sys; sys.argv = ['vadlab', 'list', 'detectors', '--json']\n"
        "from vadlab import cli\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "assert 'torch' not in sys.modules and 'cv2' not in sys.modules"
    )
    listed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert {"aed", "linear_probe"} <= json.loads(listed.stdout).keys()


def kill_when(command: list[str], ready: Any, *, timeout_s: float = 60) -> None:
    """Start a command and send it SIGKILL as soon as `ready()`."""
    process = subprocess.Popen([sys.executable, "-m", "vadlab", *command], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + timeout_s
    while not ready() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it had ended before it was killed"


def test_a_killed_extraction_goes_on(videos: Path, store: Path, tmp_path: Path, vadlab: Any) -> None:
    out = tmp_path / "store"
    command = ["extract", "synth", str(videos), "--out", str(out), *STORE_OPTIONS]
    kill_when(command, lambda: len(list(out.rglob("*.safetensors"))) >= 3)
    resumed = vadlab(*command, "--json").json()
    assert resumed["kept"] >= 3 and resumed["kept"] + len(resumed["done"]) == 16
    for file in store.rglob("*.safetensors"):
        assert (out / file.relative_to(store)).read_bytes() == file.read_bytes()


def test_a_killed_training_goes_on_to_the_same_result(
    videos: Path, store: Path, tmp_path: Path, vadlab: Any
) -> None:
    runs = {name: tmp_path / name for name in ("killed", "whole")}
    command = {
        name: ["train", "synth", str(videos), "aed", "--features", str(store), "--out", str(run),
               "--set", "steps=400", "--set", "hidden=16"]
        for name, run in runs.items()
    }  # fmt: skip
    kill_when(command["killed"], lambda: (runs["killed"] / SNAPSHOT).exists())
    with safe_open(runs["killed"] / SNAPSHOT, framework="numpy") as snapshot:
        assert 0 < int(snapshot.get_tensor("step")) < 400
    assert not (runs["killed"] / "state.safetensors").exists()
    unfinished = vadlab("evaluate", runs["killed"])
    assert unfinished.code == 1 and "no finished training run" in unfinished.err
    for name in runs:
        assert vadlab(*command[name]).code == 0
    killed, whole = (load_file(run / "state.safetensors") for run in runs.values())
    for key in whole:
        np.testing.assert_array_equal(killed[key], whole[key])
    steps = {
        name: [line.split(",")[0] for line in (run / "training.csv").read_text().split()]
        for name, run in runs.items()
    }
    assert steps["killed"] == steps["whole"]


def test_an_interrupted_command_says_how_to_go_on(videos: Path, store: Path, tmp_path: Path) -> None:
    command = ["train", "synth", str(videos), "aed", "--features", str(store), "--out", str(tmp_path / "run")]
    process = subprocess.Popen(
        [sys.executable, "-m", "vadlab", *command],
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts what runs in the background deaf to Ctrl-C; a user's command is not.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "run" / SNAPSHOT).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == cli.INTERRUPTED
    assert "run the same command again" in said and "Traceback" not in said
