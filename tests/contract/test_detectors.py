"""What every detector must do; a new file in `detectors/` is tested by being there."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vadlab import catalog, checkpoint, config, training
from vadlab.detector import Detector
from vadlab.evaluation.frames import to_frames
from vadlab.evaluation.metrics import roc_auc
from vadlab.evaluation.rules import get
from vadlab.samples import samples
from vadlab.spans import windows
from vadlab.types import Entry, Features, FrameLabels, Sample, Supervision, Video

NAMES = catalog.names("detectors")
DIM = 32
CATEGORIES = ("Fighting", "Fire")

# Enough to learn something in a second; names of settings that any detector may have.
SMALL = {"steps": 30, "hidden": 32, "abnormal_per_batch": 8, "normal_per_batch": 8}
# The papers' rates are for thousands of steps.
FASTER = {"ar_net": {"learning_rate": 0.03}, "deep_mil": {"learning_rate": 0.03}}

# And their frames are too large.
FRAMES: dict[str, Any] = {"size": 24, "channels": 4, "batch": 4}
FASTER |= {
    "conv_ae": FRAMES,
    "mlep": FRAMES | {"learning_rate": 1e-3, "tune_rate": 1e-3, "tune_steps": 30},
    "mnad": FRAMES,
    "unet_prediction": FRAMES | {"learning_rate": 3e-3},
}
FASTER["tcnn"] = {"learning_rate": 0.01}
# Its patches are of one level all over, so that mainly their moving tells.
FASTER["ognet"] = {"patch": 24, "channels": 4, "batch": 16, "motion": 2.0, "iterations": 20}
FASTER["ur_dmu"] = {"learning_rate": 3e-3, "segments": 16, "items": 8}
# The image network's weights need not be here.
FASTER["stacked_rnn"] = {"image_weights": "random", "size": 32, "learning_rate": 0.01}
# A background must learn that it varies little, before it tells this world's flicker from noise.
FASTER["gmm"] = {"width": 60, "height": 40, "noise": 5.0, "warm_up": 500}
# The world is grey all over: its cubes have few dimensions, and more bases would explain whatever moves.
FASTER["sparse"] = {"bases": 1, "alternations": 5}


def make(name: str, **settings: Any) -> Detector:
    cls = catalog.load("detectors", name)
    known = {field.name for field in dataclasses.fields(cls) if field.init}
    chosen = {k: v for k, v in (SMALL | FASTER.get(name, {}) | settings).items() if k in known}
    detector: Detector = config.build(cls, chosen)
    return detector


def video(name: str, n_frames: int) -> Video:
    return Video(name, Path(f"{name}.mp4"), n_frames, Fraction(25), (32, 24))


class MemoryFrames:
    """Frames that need no file."""

    def __init__(self, frames: Sequence[np.ndarray]):
        self.frames = frames

    def __iter__(self) -> Any:
        return iter(self.frames)


def blind(reads: str, name: str, mask: np.ndarray, category: str, seed: int) -> Sample[Any, None]:
    """A video whose abnormal clips and frames differ plainly from its normal ones."""
    rng = np.random.default_rng([seed, len(mask)])
    n = len(mask)
    if reads == "features":
        spans = windows(n, 16, 16)
        values = rng.normal(size=(len(spans), DIM))
        values[:, 0] += 6 * np.array([mask[a:b].mean() for a, b in spans])
        values[:, 1] += 3 * CATEGORIES.index(category)
        return Sample(video(name, n), spans, Features(values.astype(np.float32)), None)
    level = rng.normal(0, 1, n) + np.where(mask, 25 * (-1.0) ** np.arange(n), 0)
    frames = [np.full((24, 32, 3), np.clip(100 + v, 0, 255), dtype=np.uint8) for v in level]
    starts = np.arange(n)
    return Sample(video(name, n), np.stack([starts, starts + 1], axis=1), MemoryFrames(frames), None)


@dataclasses.dataclass
class World:
    """A little dataset in memory: entries, truth and reader."""

    reads: str
    seed: int = 0
    n_frames: int = 120

    def __post_init__(self) -> None:
        self.entries = [
            Entry(f"{kind}{i}", Path(f"{kind}{i}.mp4"), CATEGORIES[i % 2], kind == "a", f"{kind}{i}", "train")
            for kind in ("n", "a")
            for i in range(6)
        ]

    def mask(self, entry: Entry, n_frames: int | None = None) -> np.ndarray:
        mask = np.zeros(n_frames or self.n_frames, dtype=bool)
        if entry.abnormal:
            start = 16 * (1 + hash_of(entry.id) % 3)
            mask[start : start + 48] = True
        return mask

    def labels(self, entry: Entry, n_frames: int) -> FrameLabels:
        return FrameLabels.from_mask(self.mask(entry, n_frames), category=entry.category)

    def read(self, entry: Entry) -> Sample[Any, None]:
        assert entry.category is not None
        return blind(self.reads, entry.id, self.mask(entry), entry.category, hash_of(entry.id) + self.seed)

    def train(self, supervision: Supervision) -> list[Sample[Any, Any]]:
        chosen = [e for e in self.entries if supervision is not Supervision.UNSUPERVISED or not e.abnormal]
        return samples(self, chosen, self.read, supervision)


def hash_of(text: str) -> int:
    return sum(text.encode())  # unlike hash(), the same in every process


def fitted(name: str, **settings: Any) -> Detector:
    detector = make(name, **settings)
    return detector.fit(World(detector.reads).train(detector.supervision))


def same(a: dict[str, Any], b: dict[str, Any]) -> None:
    assert a.keys() == b.keys()
    for key in a:
        np.testing.assert_array_equal(a[key], b[key], err_msg=key)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_learns_what_is_plain(name: str, seed: int) -> None:
    detector = fitted(name, seed=seed, steps=150)
    world = World(detector.reads, seed=100)
    labels, scores = [], []
    for entry in world.entries:
        labels.append(world.mask(entry))
        scores.append(to_frames(detector.score(world.read(entry)), get("strict"))[0])
    assert roc_auc(np.concatenate(labels), np.concatenate(scores)) > 0.75


@pytest.mark.parametrize("name", NAMES)
def test_is_deterministic(name: str) -> None:
    same(fitted(name).state(), fitted(name).state())


@pytest.mark.parametrize("name", NAMES)
def test_second_fit_forgets_the_first(name: str) -> None:
    detector = make(name)
    detector.fit(World(detector.reads, seed=7).train(detector.supervision))
    detector.fit(World(detector.reads).train(detector.supervision))
    same(detector.state(), fitted(name).state())


@pytest.mark.parametrize("name", NAMES)
def test_save_and_restore(name: str, tmp_path: Path) -> None:
    detector = fitted(name)
    checkpoint.save_state(tmp_path, detector)
    settings = checkpoint.settings_of(detector)
    checkpoint.write_run(tmp_path, {"detector": {"name": name, "settings": settings}})
    restored, _ = checkpoint.restore(tmp_path)
    assert checkpoint.settings_of(restored) == settings
    same(restored.state(), detector.state())
    sample = World(detector.reads).read(World(detector.reads).entries[-1])
    before, after = detector.score(sample), restored.score(sample)
    np.testing.assert_array_equal(before.values, after.values)
    np.testing.assert_array_equal(before.spans, after.spans)
    if before.categories is not None:
        assert after.categories is not None and before.categories.names == after.categories.names
        np.testing.assert_array_equal(before.categories.probabilities, after.categories.probabilities)


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_fit_resumes_to_the_same_result(name: str, tmp_path: Path) -> None:
    class KilledError(Exception):
        pass

    def kill(done: int, total: int, losses: dict[str, float]) -> None:
        if done == total // 2:
            raise KilledError

    detector = make(name)
    train = World(detector.reads).train(detector.supervision)
    killed = training.Runtime(folder=tmp_path, snapshot_every_s=0.0, progress=kill)
    with training.runtime(killed):
        try:
            make(name).fit(train)
        except KilledError:
            # A fit of seconds may start over; one that makes gradient steps goes on.
            assert (tmp_path / training.SNAPSHOT).exists() or not hasattr(detector, "steps")
    with training.runtime(training.Runtime(folder=tmp_path)):
        resumed = make(name).fit(train)
    same(resumed.state(), make(name).fit(train).state())


@pytest.mark.parametrize("name", NAMES)
def test_sees_no_more_than_its_supervision_allows(name: str) -> None:
    detector = make(name)
    world, other = World(detector.reads), World(detector.reads)
    if detector.supervision is Supervision.UNSUPERVISED:
        # Other categories, and truth that calls normal frames abnormal.
        flip = {"Fighting": "Fire", "Fire": "Fighting", None: None}
        relabelled = [
            dataclasses.replace(e, category=flip[e.category]) for e in world.entries if not e.abnormal
        ]
    else:
        relabelled = list(world.entries)
    truth = other.labels
    if detector.supervision is not Supervision.FULL:
        other.labels = lambda entry, n: FrameLabels.from_mask(~truth(entry, n).mask())  # type: ignore[method-assign]
    by_id = {e.id: e for e in world.entries}
    changed = samples(other, relabelled, lambda e: world.read(by_id[e.id]), detector.supervision)
    same(make(name).fit(changed).state(), make(name).fit(world.train(detector.supervision)).state())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n_frames", [1, 7, 15, 16, 17, 79, 80, 81, 160, 161])
def test_any_length(name: str, n_frames: int) -> None:
    detector = fitted(name)
    sample = blind(detector.reads, "v", np.zeros(n_frames, dtype=bool), "Fire", 3)
    scores = detector.score(sample)
    frame_scores, counted = to_frames(scores, get("strict"))
    assert frame_scores.shape == counted.shape == (n_frames,)
    assert counted.all()


@pytest.mark.parametrize("name", NAMES)
def test_one_frame_more_changes_only_the_end(name: str) -> None:
    detector = fitted(name)
    mask = np.zeros(161, dtype=bool)
    longer = blind(detector.reads, "v", mask, "Fire", 3)
    shorter = dataclasses.replace(longer, video=video("v", 160))
    if detector.reads == "frames":
        shorter = dataclasses.replace(
            shorter, spans=longer.spans[:160], x=MemoryFrames(longer.x.frames[:160])
        )
    a = to_frames(detector.score(shorter), get("strict"))[0]
    b = to_frames(detector.score(longer), get("strict"))[0]
    # Frames near the end may be in windows that only the longer video has.
    n = 160 if detector.reads == "features" else 161 - getattr(detector, "window_frames", 1)
    np.testing.assert_allclose(a[:n], b[:n], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_constant_video(name: str) -> None:
    detector = fitted(name)
    sample = blind(detector.reads, "v", np.zeros(96, dtype=bool), "Fire", 3)
    if detector.reads == "features":
        x: Any = Features(np.zeros((6, DIM), dtype=np.float32))
    else:
        x = MemoryFrames([np.full((24, 32, 3), 90, dtype=np.uint8)] * 96)
    scores = detector.score(dataclasses.replace(sample, x=x))
    assert np.isfinite(scores.values).all()


@pytest.mark.parametrize("name", NAMES)
def test_unfitted_detector_says_so(name: str) -> None:
    detector = make(name)
    sample = blind(detector.reads, "v", np.zeros(96, dtype=bool), "Fire", 3)
    with pytest.raises(Exception, match="has not been trained"):
        detector.score(sample)


@pytest.mark.parametrize("name", NAMES)
def test_threshold_is_a_score_or_none(name: str) -> None:
    threshold = make(name).threshold
    assert threshold is None or np.isfinite(threshold)
    if threshold is not None:  # then scores have a scale, on which plain normal and abnormal clips differ
        detector = fitted(name, steps=150)
        world = World(detector.reads, seed=100)
        scores = {e.id: detector.score(world.read(e)).values.max() for e in world.entries}
        assert max(scores.values()) >= threshold > min(scores.values())


@pytest.mark.parametrize("name", NAMES)
def test_settings_are_plain_and_documented(name: str) -> None:
    cls = catalog.load("detectors", name)
    documented = cls.__doc__ or ""
    for key, value in checkpoint.settings_of(make(name)).items():
        assert isinstance(value, int | float | str | bool | tuple), key
        assert f"        {key}:" in documented, f"{key} is not in the docstring of {name}"
