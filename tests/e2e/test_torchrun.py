"""`torchrun` for real: two processes train what one does, and go on after one was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from vadlab import checkpoint
from vadlab.features.store import Store
from vadlab.files import read_json
from vadlab.spans import windows
from vadlab.training import SNAPSHOT
from vadlab.training_curves import CURVES
from vadlab.types import Features, Sample, Video
from vadlab.verbs.train import Plan, train

CLIPS, DIM = 10, 32
# Three windows from abnormal videos and two from normal ones: the parts of two processes are unequal. Short
# videos, whose windows lack frames, make them unequal in frames too.
SETTINGS = {"hidden": 8, "abnormal_per_batch": 3, "normal_per_batch": 2, "steps": 200, "precision": "fp32"}
SMALL = SETTINGS | {"steps": 2}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of nine videos, and their features in `store`."""
    root = tmp_path_factory.mktemp("torchrun")
    store = Store.create(root / "store", {"streams": {"rgb": DIM}, "backbone": {"facts": {}}, "flow": None})
    rng = np.random.default_rng(0)
    rows = ["path,split,category,abnormal,events"]
    for i in range(9):
        abnormal, n = i % 2, 16 * (3 if i < 4 else CLIPS)
        (root / f"v{i}.mp4").touch()
        rows.append(f"v{i}.mp4,train,{('Fire', 'Falling')[i // 2 % 2]},{abnormal},{'16-40' * abnormal}")
        values = rng.normal(size=(n // 16, DIM)).astype(np.float32)
        values[1:3, 0] += 3 * abnormal
        video = Video(f"v{i}", Path(f"v{i}.mp4"), n, Fraction(25), (8, 8))
        store.write(Sample(video, windows(n, 16, 16), Features(values), None), source_hash="")
    rows.append("v9.mp4,test,Fire,0,")
    (root / "v9.mp4").touch()
    (root / "annotations.csv").write_text("\n".join(rows) + "\n")
    return root


def torchrun(root: Path, run: Path, detector: str, settings: dict[str, object]) -> subprocess.Popen[str]:
    """`torchrun --nproc-per-node 2 -m vadlab train folder ROOT DETECTOR ...`."""
    launcher = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "vadlab", "train"]
    arguments = ["folder", str(root), detector, "--features", str(root / "store"), "--out", str(run)]
    arguments += [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    return subprocess.Popen(
        [sys.executable, "-m", *launcher, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def children(pid: int) -> list[int]:
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for text in lists for child in text.read_text().split()]


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
def test_two_processes_train_what_one_does_also_after_a_kill(root: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    train(Plan("folder", root, "aed", SETTINGS, features=root / "store", device="cpu"), one)

    launcher = torchrun(root, two, "aed", SETTINGS)
    while not (two / SNAPSHOT).exists():
        assert launcher.poll() is None, launcher.communicate()
        time.sleep(0.02)
    os.kill(children(launcher.pid)[1], signal.SIGKILL)
    _, told = launcher.communicate(timeout=180)
    assert launcher.returncode == 1
    assert "another process of this training has ended" in told
    assert not (two / checkpoint.STATE).exists()

    resumed = torchrun(root, two, "aed", SETTINGS)
    _, told = resumed.communicate(timeout=180)
    assert resumed.returncode == 0, told
    a, b = load_file(one / checkpoint.STATE), load_file(two / checkpoint.STATE)
    assert a.keys() == b.keys()
    for key in a:
        # Sums in another order, which Adam's division blows up where a gradient is next to nothing.
        assert np.linalg.norm(a[key] - b[key]) < 1e-3 * np.linalg.norm(a[key]), key
    curves = [np.genfromtxt(run / CURVES, delimiter=",", names=True) for run in (one, two)]
    assert curves[1]["step"].tolist() == list(range(1, SETTINGS["steps"] + 1))  # type: ignore[operator]
    np.testing.assert_allclose(curves[0]["loss"][:20], curves[1]["loss"][:20], rtol=2e-6)
    np.testing.assert_allclose(curves[0]["loss"], curves[1]["loss"], rtol=1e-3)
    low, high = (read_json(run / "run.json")["calibration"]["median"] for run in (one, two))
    assert low == pytest.approx(high, rel=1e-3)


def test_an_error_is_told_once(root: Path, tmp_path: Path) -> None:
    settings = SMALL | {"abnormal_per_batch": 1, "normal_per_batch": 0}
    launcher = torchrun(root, tmp_path / "run", "aed", settings)
    _, told = launcher.communicate(timeout=180)
    assert launcher.returncode == 1
    assert told.count("a batch is smaller than the number of processes") == 1


def test_a_detector_without_gradient_steps_is_the_first_processes(root: Path, tmp_path: Path) -> None:
    launcher = torchrun(root, tmp_path / "run", "linear_probe", {})
    _, told = launcher.communicate(timeout=180)
    assert launcher.returncode == 0, told
    assert (tmp_path / "run" / checkpoint.STATE).exists()
