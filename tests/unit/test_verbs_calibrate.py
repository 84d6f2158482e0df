"""`vadlab calibrate` on a trained run: the scores are those of `vadlab score`, unfit videos are refused."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numbered_video import write
from typer import Typer
from typer.testing import CliRunner

from vadlab.cli.calibrate import calibrate as command
from vadlab.errors import DataError, StoreError, UsageError
from vadlab.live.calibrate import Calibration, EventLengths, NormalVideo, choose_threshold, scoring_of
from vadlab.verbs.calibrate import calibrate
from vadlab.verbs.score import score_videos
from vadlab.verbs.train import Plan, train

TABLE = """path,split,category,abnormal,events
train.mp4,train,,0,
other.mp4,train,,0,
bad.mp4,test,Fire,1,3-8
calm.mp4,test,,0,
"""


def noisy(i: int, size: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(i).integers(0, 2 + 25 * (i % 7 == 0), (size[1], size[0], 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("little")
    videos = folder / "videos"
    videos.mkdir()
    for number, name in enumerate(("train", "other", "bad", "calm")):
        write(videos / f"{name}.mp4", 30 + number, picture=noisy)
    (videos / "annotations.csv").write_text(TABLE)
    train(Plan("folder", videos, "frame_difference"), folder / "run")
    write(folder / "new.mp4", 70, picture=noisy)
    write(folder / "slow.mp4", 40, picture=noisy, rate=Fraction(10))
    return folder / "run"


def test_the_scores_are_those_of_score(run: Path, tmp_path: Path) -> None:
    videos = [run.parent / "new.mp4", run.parent / "slow.mp4"]
    lengths = EventLengths(min_length_s=0, merge_gap_s=0)
    found, failed = calibrate(run, videos, per_hour=2000, out=tmp_path / "t.json", lengths=lengths)
    scored, _ = score_videos(run, videos, out=tmp_path)
    offline = [
        NormalVideo(one.scores.video.path.stem, one.scores.video.fps, one.frame_scores) for one in scored
    ]
    assert failed == []
    assert found.threshold == choose_threshold(offline, lengths, per_hour=2000)
    assert 0 < found.n_alarms <= 2000 * found.hours
    assert found.hours == pytest.approx((70 / 25 + 40 / 10) / 3600)
    assert (list(found.videos), found.trained_on, found.lengths.close_at) == (["new", "slow"], (), 1.0)
    assert Calibration.read(tmp_path / "t.json") == found
    found.check(scoring_of(run, "frame_difference", timing="settled", piece=None))
    with pytest.raises(StoreError, match="piece None"):
        found.check(scoring_of(run, "frame_difference", timing="settled", piece=4))


def test_test_videos_and_abnormal_ones_are_refused_and_trained_ones_noted(run: Path, tmp_path: Path) -> None:
    videos = run.parent / "videos"
    with pytest.raises(UsageError, match=r"bad \(test\), calm \(test\), bad \(abnormal\)"):
        calibrate(run, [videos / "bad.mp4", videos / "calm.mp4"], per_hour=1, out=tmp_path / "t.json")
    assert not (tmp_path / "t.json").exists()
    found, _ = calibrate(
        run, [videos / "train.mp4", run.parent / "new.mp4"], per_hour=1, out=tmp_path / "t.json"
    )
    assert found.trained_on == ("train",)


def test_videos_that_cannot_be_scored_are_listed_and_the_others_serve(run: Path, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    new = run.parent / "new.mp4"
    found, failed = calibrate(run, [tmp_path / "text.mp4", new], per_hour=1, out=tmp_path / "t.json")
    assert list(found.videos) == ["new"]
    assert [path for path, _ in failed] == [tmp_path / "text.mp4"]
    with pytest.raises(DataError, match=r"text\.mp4"):
        calibrate(run, [tmp_path / "text.mp4"], per_hour=1, out=tmp_path / "u.json")
    assert not (tmp_path / "u.json").exists()


def test_streams_and_unknown_timings_are_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"settled \| causal"):
        calibrate(run, [run.parent / "new.mp4"], per_hour=1, out=tmp_path / "t", timing="soon")  # type: ignore[arg-type]
    app = Typer()
    app.command()(command)
    result = CliRunner().invoke(app, [str(run), "rtsp://127.0.0.1/x", "--false-alarms-per-hour", "1"])
    assert isinstance(result.exception, UsageError)


def test_the_command_prints_what_the_number_is_worth(run: Path, tmp_path: Path) -> None:
    app = Typer()
    app.command()(command)
    out = tmp_path / "t.json"
    (tmp_path / "text.mp4").write_text("no video")
    words = [str(run), str(run.parent / "new.mp4"), "--false-alarms-per-hour", "1", "--out", str(out)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0
    found = Calibration.read(out)
    assert f"threshold {found.threshold:g}" in result.stdout
    assert f"between 0.000 and {-math.log(0.05) / (70 / 25 / 3600):,.3f} per hour" in result.stdout
    assert "3 h without a false alarm would" in result.stdout
    result = CliRunner().invoke(app, [*words, str(tmp_path / "text.mp4"), "--json"])
    assert result.exit_code == 1
    shown = json.loads(result.stdout)
    assert [one["path"] for one in shown.pop("failed")] == [str(tmp_path / "text.mp4")]
    assert shown == json.loads(out.read_text())
