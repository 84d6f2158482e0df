"""`vadlab data`: exit codes, what goes to which stream, files."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vadlab.cli.data import app
from vadlab.errors import DataError
from vadlab.miniatures.drawn_video import N_FRAMES

RUN = CliRunner()


def vadlab_data(*arguments: object):
    return RUN.invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def ped2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("example") / "ped2"
    done = vadlab_data("example", "ped2", root)
    assert done.exit_code == 0
    assert f"vadlab data check ped2 {root}" in done.stdout
    return root


def test_check_tells_findings_and_fails(ped2: Path) -> None:
    done = vadlab_data("check", "ped2", ped2)
    assert done.exit_code == 1
    assert "split weak: 14 train, 0 val, 14 test (paper)" in done.stdout
    assert "1 findings" in done.stdout
    # A miniature has fewer frames, and nothing else is wrong with it.
    assert f"test_frames: {12 * N_FRAMES}, published 2,010" in done.stderr
    assert "remedy: compare with http" in done.stderr


def test_check_as_json(ped2: Path) -> None:
    done = vadlab_data("check", "ped2", ped2, "--json", "--no-decode")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert found["counts"]["videos"] == found["published"]["videos"] == 28
    assert [finding["subject"] for finding in found["findings"]] == ["counts"]
    assert all(finding["remedy"] for finding in found["findings"])


def test_nothing_is_wrong_with_a_whole_folder(tmp_path: Path) -> None:
    vadlab_data("example", "folder", tmp_path / "own")
    done = vadlab_data("check", "folder", tmp_path / "own")
    assert done.exit_code == 0
    assert "nothing is wrong" in done.stdout
    assert "published" not in done.stdout.partition("category")[0]


def test_stats_prints_and_writes(ped2: Path, tmp_path: Path) -> None:
    done = vadlab_data("stats", "ped2", ped2, "--out", tmp_path / "stats")
    assert done.exit_code == 0
    assert "UCSD Ped2" in done.stdout
    assert f"abnormal frames: {12 * 8}" in done.stdout
    written = sorted(path.name for path in (tmp_path / "stats").iterdir())
    assert written == ["categories.csv", "fig3.png", "videos.csv"]
    told = json.loads(vadlab_data("stats", "ped2", ped2, "--json").stdout)
    assert told["table_1"]["published"]["year"] == 2014
    assert told["categories"]["Abnormal"]["share"] == pytest.approx(8 / N_FRAMES)


def test_splits_and_folds(ped2: Path, tmp_path: Path) -> None:
    done = vadlab_data(
        "split", "ped2", ped2, "--kind", "unsupervised", "--seed", 2, "--out", tmp_path / "s.json"
    )
    assert done.exit_code == 0
    assert "8 train, 0 val, 14 test" in done.stdout
    written = json.loads((tmp_path / "s.json").read_text())
    assert (written["seed"], written["supervision"], len(written["test"])) == (2, "unsupervised", 14)
    done = vadlab_data("folds", "ped2", ped2, "--protocol", "mlep", "--folds", 4, "--out", tmp_path / "folds")
    assert done.exit_code == 0
    assert len(list((tmp_path / "folds").iterdir())) == 4


def test_errors_reach_the_command_line(tmp_path: Path) -> None:
    done = vadlab_data("check", "ped2", tmp_path / "nowhere")
    assert isinstance(done.exception, DataError)
    assert "no such folder" in str(done.exception)
