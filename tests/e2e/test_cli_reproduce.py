"""`vadlab reproduce` as a user types it, on a generated set."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from vadlab.datasets.synth import generate
from vadlab.reproduce import cells


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated set of two categories, 8 videos."""
    root = tmp_path_factory.mktemp("set") / "videos"
    generate(root, train=1, test=1, categories=("Falling", "Fire"), size=(96, 72))
    return root


@pytest.fixture(scope="module")
def store(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("features") / "store"
    options = ["--backbone", "pooled_pixels", "--flow", "dis"]
    command = ["extract", "synth", str(videos), "--out", str(store), *options]
    subprocess.run([sys.executable, "-m", "vadlab", *command], check=True)
    return store


def test_tables_of_a_smoke_run_and_the_second_call(
    videos: Path, store: Path, tmp_path: Path, vadlab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = ("table2", "table3", "table4", "table6", "fig3", "fig7")
    recipe = tmp_path / "small.toml"
    recipe.write_text("hidden = 8\n")
    command = [
        *("reproduce", *tables, "--quick", "--json", "--dataset", f"synth={videos}"),
        *("--features", f"synth={store}", "--out", tmp_path, "--rules", "strict"),
        *("--detectors", "aed,linear_probe,mlep_of_the_future", "--recipe", f"aed={recipe}"),
        *("--seeds", "5", "--seeds", "aed=3"),
    ]
    code, out, err = vadlab(*command)
    assert code == 0, err
    found = json.loads(out)
    assert list(found) == list(tables)
    for name, table in found.items():
        suffixes = {Path(path).suffix for path in table["files"] if Path(path).stat().st_size}
        assert suffixes == {".md", ".csv", ".tex", ".html", ".png"}
        assert ("QUICK" in table["warning"]) == (name not in ("table2", "fig3"))
        assert ("QUICK" in (tmp_path / f"{name}.html").read_text()) == bool(table["warning"])

    aed, probe, future = found["table3"]["rows"]
    heads = [column["heading"] for column in found["table3"]["columns"]]
    ours = heads.index("synth AUC, ours, strict")
    assert aed[heads.index("LAD AUC, paper")]["text"] == "86.28"
    assert [row[heads.index("Supervision")]["text"] for row in (aed, probe, future)] == ["F", "F", ""]
    assert 0 <= aed[ours]["mean"] <= 100 and aed[ours]["n"] == 1
    (run,) = [
        json.loads(path.read_text())["strict"]
        for path in (tmp_path / "runs").glob("*/metrics.json")
        if json.loads(path.read_text())["strict"]["run"]["detector"] == "linear_probe"
    ]
    assert probe[ours]["mean"] == pytest.approx(100 * run["metrics"]["auc"])
    assert "no detector 'mlep_of_the_future'" in future[ours]["notes"][0]
    told = " ".join(found["table3"]["protocol"])
    assert all(part in told for part in ("4/4", "seed 3", "steps 20", "hidden 8", "pooled_pixels", "dis"))

    labels = [row[0]["text"] for row in found["table4"]["rows"]]
    assert labels == ["C3D", "I3D RGB", "I3D flow", "I3D RGB + flow", "pooled_pixels rgb + flow"]
    assert "No i3d features" in found["table4"]["rows"][1][-1]["notes"][0]
    # The same run as Table 3's, in another table.
    assert found["table4"]["rows"][-1][-1]["mean"] == aed[ours]["mean"]

    rows = list(csv.DictReader((tmp_path / "fig7.csv").read_text().splitlines()))
    for category in ("Falling", "Fire"):
        shares = [float(r["mean"]) for r in rows if r["row"] == category and r["column"] != "Windows"]
        assert sum(shares) == pytest.approx(100, abs=0.01)

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("what is there is made again")

    monkeypatch.setattr(cells, "train", never)
    monkeypatch.setattr(cells, "evaluate_under", never)
    code, out, _ = vadlab(*command)
    assert code == 0
    assert json.loads(out) == found


def test_the_terminal_shows_numbers_marks_and_the_warning(
    videos: Path, store: Path, tmp_path: Path, vadlab: Any
) -> None:
    code, out, _ = vadlab(
        *("reproduce", "table5", "--quick", "--dataset", "synth", "--root", videos, "--features", store),
        *("--out", tmp_path, "--rules", "strict", "--set", "aed.hidden=8"),
    )
    assert code == 0
    assert "QUICK" in out and "86.93" in out and "(n=1)" in out and "[1]" in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("table9", "--dataset", "synth=SET"), "table1 | table2"),
        (("table4",), "no dataset is given"),
        (("table4", "--dataset", "synth"), "--dataset NAME=ROOT"),
        (("table4", "--dataset", "synth=SET", "--seeds", "one"), "cannot read the seeds"),
        (("table4", "--dataset", "synth=SET", "--seeds", "1,1"), "seed is given twice"),
        (("table4", "--dataset", "synth=SET", "--seeds", "aedd=1"), "no detector 'aedd'"),
        (("table4", "--dataset", "synth=SET", "--recipe", "aedd=FILE"), "no detector 'aedd'"),
        (("table4", "--dataset", "synth=SET", "--protocol", "mine"), "paper | official"),
        (("table4", "--dataset", "synth=SET", "--rules", "mine"), "no rules 'mine'"),
        (
            ("table4", "--dataset", "synth=SET", "--dataset", "ped2=SET", "--features", "STORE"),
            "whose features are these?",
        ),
        (("fig5", "--dataset", "synth=SET", "--features", "STORE", "--set", "k=3"), "varies it itself"),
        (("table4", "--dataset", "synth=SET", "--features", "STORE", "--set", "stepz=3"), "stepz"),
    ],
)
def test_wrong_usage_is_told(
    arguments: tuple[str, ...], told: str, videos: Path, store: Path, tmp_path: Path, vadlab: Any
) -> None:
    given = [a.replace("SET", str(videos)).replace("STORE", str(store)) for a in arguments]
    code, _, err = vadlab("reproduce", *given, "--out", tmp_path)
    assert code == 2
    assert told in err


def test_a_dataset_that_is_not_there_fails_its_cells_alone(
    videos: Path, store: Path, tmp_path: Path, vadlab: Any
) -> None:
    code, out, err = vadlab(
        *("reproduce", "table2", "--json", "--dataset", f"synth={videos}", "--out", tmp_path),
        *("--dataset", f"ped2={tmp_path / 'nothing'}"),
    )
    assert code == 1
    table = json.loads(out)["table2"]
    heads = [column["heading"] for column in table["columns"]]
    assert table["rows"][5][heads.index("synth, ours")]["text"] == "4"
    assert table["rows"][5][heads.index("ped2, ours")]["notes"]
    assert "nothing" in err
