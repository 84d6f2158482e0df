"""`vadlab export`, and scoring with what it wrote, as a user types it."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import vadlab as package
from vadlab.datasets.folder import Folder
from vadlab.exported import EXPORT
from vadlab.verbs import export as export_verb

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from small_networks import WHERE

FORMATS = {"onnx": ("onnxruntime", "onnxscript"), "openvino": ("openvino",)}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four image folders: a spot that drifts, and in two of them jumps about for a while."""
    root = tmp_path_factory.mktemp("set")
    rows = ["path,split,category,abnormal,events,fps"]
    for number in range(4):
        abnormal, folder = number % 2, root / f"v{number}"
        folder.mkdir()
        rng = np.random.default_rng(number)
        for t in range(80):
            frame = np.full((32, 32, 3), 40, np.uint8)
            x, y = rng.integers(4, 28, 2) if abnormal and t >= 40 else (4 + t // 4, 16)
            cv2.circle(frame, (int(x), int(y)), 4, (220, 180, 90), -1)
            cv2.imwrite(str(folder / f"{t:03d}.png"), frame)
        part = "train" if number < 2 else "test"
        rows.append(
            f"v{number},{part},{'Jump' if abnormal else ''},{abnormal},{'40-80' if abnormal else ''},25"
        )
    (root / "annotations.csv").write_text("\n".join(rows) + "\n")
    return root


@pytest.fixture(scope="module")
def run(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from vadlab.features.extract import make_extractor
    from vadlab.verbs.extract import extract
    from vadlab.verbs.train import Plan, train

    folder = tmp_path_factory.mktemp("run")
    extract(Folder(videos).entries(), folder / "store", make_extractor(WHERE, flow="dis"))
    settings = {"steps": 4, "hidden": 8, "k": 2, "standardise": True, "precision": "fp32"}
    settings |= {"abnormal_per_batch": 2, "normal_per_batch": 2}
    train(Plan("folder", videos, "aed", settings, features=folder / "store"), folder / "run")
    return folder / "run"


@pytest.fixture(scope="module", params=FORMATS)
def exported(request: pytest.FixtureRequest, run: Path) -> Path:
    from vadlab.verbs.export import export_run

    for module in FORMATS[request.param]:
        pytest.importorskip(module, reason=f"needs {module}")
    folder = run.parent / f"export-{request.param}"
    export_run(run, to=request.param, out=folder)
    return folder


def test_files_say_what_they_are_and_answer_as_the_run_does(exported: Path, run: Path, videos: Path) -> None:
    facts = json.loads((exported / EXPORT).read_text())
    assert facts["networks"]["rgb"]["input"] == {"shape": [1, 16, 32, 32, 3], "dtype": "uint8"}
    assert facts["networks"]["flow"]["input"] == {"shape": [1, 16, 32, 32, 2], "dtype": "float32"}
    assert facts["networks"]["head"]["outputs"] == {"scores": [1, 32], "probabilities": [1, 1]}
    assert facts["categories"] == ["Jump"] and facts["threshold"] == 0.5
    assert {part["network"] for part in facts["parity"]["outputs"]} == {"rgb", "flow", "head"}
    assert all(part["max_relative"] < 1e-4 for part in facts["parity"]["outputs"])

    own = package.Pipeline.load(run)
    theirs = package.Pipeline.load(run, engine=str(exported))
    assert theirs.extractor is not None
    assert "export" in theirs.extractor.backbone.facts()["engine"]
    a, b = own(videos / "v3"), theirs(videos / "v3")
    np.testing.assert_allclose(b.frame_scores, a.frame_scores, atol=1e-5)
    assert len(a.frame_scores) == 80 and [e.category for e in a.events] == [e.category for e in b.events]


def test_the_head_takes_raw_features_to_the_scores_of_a_window(exported: Path, run: Path) -> None:
    from vadlab import checkpoint
    from vadlab.exported import Exported
    from vadlab.features.store import Store

    detector, facts = checkpoint.restore(run)
    sample = Store.open(Path(facts["features"]["store"])).read("v3")
    scores, probabilities = Exported.open(exported).network("head")(sample.x.values[None, :2])
    # The first clip is in the first window alone.
    np.testing.assert_allclose(scores[0, :16], detector.score(sample).values[:16], rtol=1e-4)
    assert probabilities.sum() == pytest.approx(1)


def test_a_watch_makes_its_features_with_the_export(
    exported: Path, run: Path, videos: Path, tmp_path: Path
) -> None:
    from vadlab.live.networks import load_networks
    from vadlab.live.scorer import Told
    from vadlab.verbs.watch import Watch, WatchPlan

    told: list[Told] = []
    film, engine = str(videos / "v3"), str(exported)
    with Watch(WatchPlan(run, (film,), tmp_path / "watch", engine=engine), on_scores=told.append) as watching:
        assert watching.run(threading.Event()) == []
    found = np.concatenate([one.scores.values for one in told])
    np.testing.assert_allclose(found, package.Pipeline.load(run)(film).frame_scores, atol=1e-5)
    networks = load_networks(run, engine=engine)
    networks.close()
    assert networks.extractor is not None and "export" in networks.extractor.backbone.facts()["engine"]


def test_another_backbone_or_a_changed_file_is_refused(
    exported: Path, run: Path, videos: Path, tmp_path: Path, vadlab: Any
) -> None:
    copy = shutil.copytree(exported, tmp_path / "copy")
    network = copy / next(iter(json.loads((copy / EXPORT).read_text())["networks"]["rgb"]["files"]))
    network.write_bytes(network.read_bytes() + b" ")
    score = ("score", run, videos / "v3", "--out", tmp_path / "scores", "--engine", copy)
    code, _, err = vadlab(*score)
    assert code == 1 and "not as it was written" in err and network.name in err
    facts = json.loads((copy / EXPORT).read_text())
    facts["backbone"]["facts"]["weights"] = {"rgb": 7, "flow": 7}
    (copy / EXPORT).write_text(json.dumps(facts))
    code, _, err = vadlab(*score)
    assert code == 1 and "another backbone" in err
    code, _, err = vadlab("watch", run, videos / "v3", "--out", tmp_path / "watch", "--engine", copy)
    assert code == 1 and "another backbone" in err


def test_answers_that_differ_are_an_error(
    run: Path, tmp_path: Path, vadlab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openvino", reason="needs openvino")
    monkeypatch.setattr(export_verb, "TOLERANCE", 0.0)
    code, _, err = vadlab("export", run, "--to", "openvino", "--out", tmp_path / "out")
    assert code == 1 and "do not answer as PyTorch's do" in err
    assert (tmp_path / "out" / "head.xml").exists() and not (tmp_path / "out" / EXPORT).exists()


def test_wrong_usage(run: Path, videos: Path, tmp_path: Path, vadlab: Any) -> None:
    from vadlab.verbs.train import Plan, train

    code, _, err = vadlab("export", run, "--to", "tflite")
    assert code == 2 and "onnx | openvino" in err
    train(Plan("folder", videos, "linear_probe", features=run.parent / "store"), tmp_path / "probe")
    code, _, err = vadlab("export", tmp_path / "probe", "--to", "openvino")
    assert code == 2 and "no network of its own" in err and "aed" in err


def test_a_pipeline_stays_loaded_and_importing_the_package_is_light(run: Path, videos: Path) -> None:
    pipeline = package.Pipeline.load(str(run))
    first, again = pipeline(videos / "v2"), pipeline(str(videos / "v2"))
    np.testing.assert_array_equal(first.frame_scores, again.frame_scores)
    assert first.files == () and first.to_json()["video"]["n_frames"] == 80
    with pytest.raises(AttributeError, match="Pipelin"):
        package.Pipelin  # noqa: B018
