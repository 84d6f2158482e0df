import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vadlab.annotations.consensus import consensus
from vadlab.datasets import synth
from vadlab.datasets._protocol import video_counts
from vadlab.datasets.synth import Synth, generate
from vadlab.errors import DataError, UsageError
from vadlab.synthesis.scenes import CATEGORIES
from vadlab.types import Supervision
from vadlab.video.decode import probe

SMALL: dict[str, Any] = {"size": (32, 24), "categories": ("Crash", "Falling")}


@dataclass
class Flicker:
    """A scene that is drawn at once: grey, bright within its event."""

    events: tuple[tuple[int, int], ...]
    seed: int
    size: tuple[int, int]
    n_frames: int = 12
    fps: Fraction = Fraction(25)

    def frames(self) -> Iterator[NDArray[np.uint8]]:
        width, height = self.size
        for index in range(self.n_frames):
            bright = any(start <= index < stop for start, stop in self.events)
            yield np.full((height, width, 3), 200 if bright else self.seed % 90, np.uint8)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Replaces the scenes by Flicker; the list holds the frames' drawings, in order."""
    asked: list[dict[str, Any]] = []

    def scene(category: str, *, abnormal: bool, seed: int, size: tuple[int, int]) -> Flicker:
        asked.append({"category": category, "abnormal": abnormal, "seed": seed})
        return Flicker(((3, 8),) if abnormal else (), seed, size)

    monkeypatch.setattr(synth, "scene", scene)
    return asked


def contents(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_set_has_the_wanted_videos_of_every_category(drawn: list, tmp_path: Path) -> None:
    dataset = generate(tmp_path / "set", train=3, test=1, **SMALL)
    assert dataset.categories == ("Crash", "Falling")
    found = video_counts(dataset.entries())
    assert found == {
        "videos": 16,
        "normal": 8,
        "abnormal": 8,
        "train": 12,
        "train_normal": 6,
        "train_abnormal": 6,
        "test": 4,
        "test_normal": 2,
        "test_abnormal": 2,
    }
    assert len({ask["seed"] for ask in drawn}) == 16


def test_names_tell_normal_from_abnormal_as_in_lad(drawn: list, tmp_path: Path) -> None:
    for entry in generate(tmp_path / "set", **SMALL).entries():
        assert (entry.id.split("_")[-3] == "a") == entry.abnormal
        assert entry.id.split("/")[0] == entry.category


def test_tables_tell_what_the_files_hold(drawn: list, tmp_path: Path) -> None:
    dataset = generate(tmp_path / "set", **SMALL)
    for entry in dataset.entries():
        video = probe(entry.path, id=entry.id)
        assert (video.n_frames, video.fps, video.size) == (12, 25, (32, 24))
        labels = dataset.labels(entry, video.n_frames)
        assert labels.intervals.tolist() == ([[3, 8]] if entry.abnormal else [])
        assert len(dataset.annotators()[entry.id]) == 5


def test_running_again_draws_only_what_is_missing(drawn: list, tmp_path: Path) -> None:
    root = tmp_path / "set"
    entries = generate(root, **SMALL).entries()
    before = contents(root)
    times = {entry.path: entry.path.stat().st_mtime_ns for entry in entries}
    lost = entries[3].path
    lost.unlink()
    (root / "annotations.csv").unlink()
    generate(root, **SMALL)
    assert contents(root) == before
    assert [path for path, time in times.items() if path.stat().st_mtime_ns != time] == [lost]


def test_a_stopped_run_leaves_no_set_but_can_go_on(drawn: list, tmp_path: Path) -> None:
    def stop(done: float, total: float, text: str) -> None:
        if done == 5:
            raise KeyboardInterrupt

    root = tmp_path / "set"
    with pytest.raises(KeyboardInterrupt):
        generate(root, progress=stop, **SMALL)
    assert len(list(root.rglob("*.mp4"))) == 5
    with pytest.raises(DataError, match=r"no annotations\.csv"):
        Synth(root)
    generate(root, **SMALL)
    generate(tmp_path / "at once", **SMALL)
    assert contents(root) == contents(tmp_path / "at once")


def test_more_videos_leave_the_others_seeds_as_they_are(drawn: list, tmp_path: Path) -> None:
    def seeds(name: str, **settings: Any) -> set[int]:
        drawn.clear()
        generate(tmp_path / name, **(SMALL | settings))
        return {ask["seed"] for ask in drawn}

    few = seeds("few")
    assert few < seeds("more", test=3)
    assert few < seeds("another category", categories=("Falling", "Fire", "Crash"))
    assert not few & seeds("other", seed=1)


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"size": (64, 48)}, {"categories": ("Crash",)}, {"train": 3}]
)
def test_a_set_of_other_settings_is_refused_with_the_difference(
    drawn: list, tmp_path: Path, change: dict[str, Any]
) -> None:
    root = tmp_path / "set"
    generate(root, **SMALL)
    before = contents(root)
    with pytest.raises(DataError, match="other settings") as caught:
        generate(root, **(SMALL | change))
    assert caught.value.expected.keys() == caught.value.found.keys() == change.keys()
    assert contents(root) == before


def test_the_order_of_the_categories_makes_no_difference(drawn: list, tmp_path: Path) -> None:
    generate(tmp_path / "set", **SMALL)
    before = contents(tmp_path / "set")
    generate(tmp_path / "set", **(SMALL | {"categories": ("Falling", "Crash")}))
    assert contents(tmp_path / "set") == before


def test_a_folder_of_other_things_is_left_alone(drawn: list, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(DataError, match="not empty") as caught:
        generate(tmp_path, **SMALL)
    assert "thesis.txt" in caught.value.found
    assert contents(tmp_path).keys() == {"thesis.txt"}


@pytest.mark.parametrize(
    "change",
    [
        {"categories": ("Crash", "Dancing")},
        {"categories": ()},
        {"categories": ("Crash", "Crash")},
        {"seed": -1},
        {"train": -1, "test": 2},
        {"train": 0, "test": 0},
    ],
)
def test_impossible_requests_are_refused_before_anything_is_written(
    drawn: list, tmp_path: Path, change: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match="cannot generate"):
        generate(tmp_path / "set", **(SMALL | change))
    assert not (tmp_path / "set").exists()


def test_a_size_that_no_scene_has_room_in_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="too small"):
        generate(tmp_path / "set", **SMALL)
    assert not (tmp_path / "set").exists()


def test_the_categories_are_those_of_lad() -> None:
    from vadlab.datasets.lad import LAD

    assert tuple(CATEGORIES) == LAD.categories


def test_real_scenes_are_the_same_from_one_process_and_from_two(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"categories": ("Falling",), "train": 1, "test": 0, "size": (64, 48)}
    one = generate(tmp_path / "one", **settings)
    generate(tmp_path / "two", workers=2, **settings)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    normal, abnormal = sorted(one.entries(), key=lambda entry: entry.abnormal)
    n_frames = probe(abnormal.path, id="x").n_frames
    truth = one.labels(abnormal, n_frames)
    assert truth.abnormal
    assert not one.labels(normal, probe(normal.path, id="x").n_frames).abnormal
    # The five annotators' consensus is the truth but for a few frames about each end.
    agreed = consensus(one.annotators()[abnormal.id], n_frames)
    both = (agreed.mask() & truth.mask()).sum() / (agreed.mask() | truth.mask()).sum()
    assert both > 0.7
    assert one.split(Supervision.UNSUPERVISED).train == (normal,)
