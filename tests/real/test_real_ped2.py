"""The whole way on real video: Ped2's frames to an AUC, recomputed by other means."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from sklearn.metrics import average_precision_score, roc_auc_score


def run(*arguments: object) -> str:
    command = [sys.executable, "-m", "vadlab", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def abnormal_frames(shared: Path, video: str, n_frames: int) -> np.ndarray:
    """Straight from the official file: 1-based, inclusive ranges, one line a test clip."""
    label = np.zeros(n_frames, dtype=bool)
    if video.startswith("Test"):
        lines = re.findall(r"gt_frame = \[(.*?)\]", (shared / "data/ped2/UCSDped2.m").read_text())
        for first, last in re.findall(r"(\d+):(\d+)", lines[int(video[4:]) - 1]):
            label[int(first) - 1 : int(last)] = True
    return label


@pytest.fixture(scope="module")
def finished(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = shared / "data" / "ped2"
    folder = tmp_path_factory.mktemp("ped2")
    run("extract", "ped2", root, "--out", folder / "store", "--backbone", "pooled_pixels", "--flow", "dis")
    run(
        "train",
        "ped2",
        root,
        "linear_probe",
        "--features",
        folder / "store",
        "--out",
        folder / "run",
        "--seed",
        3,
    )
    run("evaluate", folder / "run", "--rules", "strict,lad-paper")
    return folder / "run"


@pytest.mark.parametrize("rules", ["strict", "lad-paper"])
def test_metrics_are_scikit_learns_on_the_official_labels(shared: Path, finished: Path, rules: str) -> None:
    facts = json.loads((finished / "run.json").read_text())
    labels, scores = [], []
    for video in facts["split"]["test"]:
        saved = load_file(finished / "scores" / rules / f"{video}.safetensors")
        counted = saved["counted"].astype(bool)
        frames = shared / "data/ped2" / ("testing" if video.startswith("Test") else "training") / "frames"
        n_frames = len(list((frames / f"{int(video[-3:]):02d}").glob("*.jpg")))
        assert len(counted) == n_frames
        if rules == "lad-paper":  # whole clips only
            assert counted.tolist() == [i < n_frames // 16 * 16 for i in range(n_frames)]
        else:
            assert counted.all()
        labels.append(abnormal_frames(shared, video, n_frames)[counted])
        scores.append(saved["frame_scores"][counted])
    y, s = np.concatenate(labels), np.concatenate(scores)
    metrics = json.loads((finished / "metrics.json").read_text())[rules]["metrics"]
    assert metrics["auc"] == pytest.approx(roc_auc_score(y, s), abs=1e-9)
    assert metrics["ap"] == pytest.approx(average_precision_score(y, s), abs=1e-9)
    assert metrics["n_abnormal_frames"] == y.sum() and metrics["n_frames"] == len(y)
    # Bicycles and carts are faster than walkers: even block statistics see that.
    assert metrics["auc"] > 0.6


def test_the_split_is_table_2s(finished: Path) -> None:
    split = json.loads((finished / "run.json").read_text())["split"]
    kinds = {part: [v.startswith("Test") for v in split[part]] for part in ("train", "test")}
    assert {part: (sum(v), len(v)) for part, v in kinds.items()} == {"train": (6, 14), "test": (6, 14)}
