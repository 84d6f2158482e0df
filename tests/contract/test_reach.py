"""What `live.reach` says of each detector: rows within its reach give the scores of the whole video."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from test_detectors import NAMES, blind, fitted

from vadlab.detector import Detector
from vadlab.evaluation.frames import to_frames
from vadlab.evaluation.rules import get
from vadlab.live.reach import _REACHES, Reach, reach_of
from vadlab.live.rolling import FrameScores, Rolling, Timing
from vadlab.spans import Tail, windows
from vadlab.types import Features, Sample, Video

# Settings that make a detector one that can be followed, and others that do not.
LOCAL = {"mnad": [{"update_below": 0.0}, {"task": "reconstruction", "use_memory": False}]}
LOCAL |= {"sparse": [{"stride": 2, "dictionaries": "global"}, {"stride": 5, "dictionaries": "global"}]}
LOCAL |= {"conv_ae": [{}, {"frame_error": "first"}]}
WHOLE = {
    "rtfm": [{}],
    "deep_mil": [{}],
    "stacked_rnn": [{}],
    "ur_dmu": [{}],
    "gmm": [{}],
    "mlep": [{"authors_alignment": True}],
    "mnad": [{}, {"update_below": 0.0, "scale": "video"}],
}
WHOLE |= {"aed": [{"scrambled_windows": True}]}
FOLLOWED = [name for name in NAMES if name in _REACHES]
CASES = [(name, settings) for name in FOLLOWED for settings in LOCAL.get(name, [{}])]
CASES.append(("aed", {"k": 3}))


def mask(n: int) -> np.ndarray:
    return np.arange(n) // 24 % 3 == 1


def offline(detector: Detector, sample: Sample[Any, None]) -> np.ndarray:
    return to_frames(detector.score(sample), get("strict"))[0]


def cut(sample: Sample[Any, None], n_rows: int, n_frames: int) -> Sample[Any, None]:
    """The sample, had its video ended after so many rows and frames."""
    old = sample.video
    video = Video(old.id, old.path, n_frames, old.fps, old.size)
    x = Features(sample.x.values[:n_rows]) if isinstance(sample.x, Features) else list(sample.x)[:n_rows]
    return Sample(video, sample.spans[:n_rows], x, None)


def rolled(
    detector: Detector, reach: Reach, sample: Sample[Any, None], *, at_once: int, timing: Timing = "settled"
) -> list[FrameScores]:
    rows = sample.x.values if isinstance(sample.x, Features) else list(sample.x)
    rolling = Rolling(detector, reach, timing=timing)
    told = [
        rolling.add(rows[i : i + at_once], sample.spans[i : i + at_once])
        for i in range(0, len(rows), at_once)
    ]
    told.append(rolling.end(sample.video.n_frames))
    return [one for one in told if one is not None]


def joined(told: list[FrameScores]) -> np.ndarray:
    assert [one.start for one in told] == [0, *(one.stop for one in told[:-1])]
    return np.concatenate([one.values for one in told])


@pytest.fixture(scope="module", params=CASES, ids=str)
def local(request: pytest.FixtureRequest) -> tuple[Detector, Reach]:
    name, settings = request.param
    detector = fitted(name, **settings)
    reach = reach_of(name, detector)
    assert reach is not None
    return detector, reach


@pytest.mark.parametrize(("n", "at_once"), [(3, 2), (20, 1), (131, 16)])
def test_settled_scores_are_those_of_the_whole_video(
    local: tuple[Detector, Reach], n: int, at_once: int
) -> None:
    detector, reach = local
    sample = blind(detector.reads, "v", mask(n), "Fire", 5)
    whole = offline(detector, sample)
    told = rolled(detector, reach, sample, at_once=at_once)
    np.testing.assert_allclose(joined(told), whole, rtol=1e-4, atol=1e-5)


def test_causal_scores_are_those_of_a_video_that_ends_there(local: tuple[Detector, Reach]) -> None:
    detector, reach = local
    at_once = 1 if detector.reads == "features" else 16
    sample = blind(detector.reads, "v", mask(99), "Fire", 6)
    told = rolled(detector, reach, sample, at_once=at_once, timing="causal")
    assert len(joined(told)) == 99
    n_rows = np.searchsorted(sample.spans[:, 1], [one.stop for one in told], side="right")
    for one, rows in zip(told, n_rows.tolist(), strict=True):
        ended = offline(detector, cut(sample, rows, one.stop))
        np.testing.assert_allclose(one.values, ended[one.start :], rtol=1e-4, atol=1e-5)


def test_memory_does_not_grow(local: tuple[Detector, Reach]) -> None:
    detector, reach = local
    at_once = 1 if detector.reads == "features" else 16
    sample = blind(detector.reads, "v", mask(250), "Fire", 6)
    rows = sample.x.values if isinstance(sample.x, Features) else list(sample.x)
    rolling = Rolling(detector, reach)
    for i in range(0, len(rows), at_once):
        rolling.add(rows[i : i + at_once], sample.spans[i : i + at_once])
        bound = reach.before + reach.after + reach.every + at_once
        assert len(rolling._rows) == len(rolling._spans) <= bound


@pytest.mark.parametrize(("name", "settings"), [(n, s) for n, several in WHOLE.items() for s in several])
def test_detectors_that_need_the_whole_video_are_known(name: str, settings: dict[str, Any]) -> None:
    assert reach_of(name, fitted(name, **settings)) is None


def test_of_a_stranger_nothing_is_known() -> None:
    assert reach_of("package.module:Detector", fitted("knn")) is None


def features(n: int, tail: Tail) -> Sample[Any, None]:
    whole = blind("features", "v", mask(n), "Fire", 7)
    spans = windows(n, 16, 16, tail=tail)
    rng = np.random.default_rng(n)
    values = rng.normal(size=(len(spans), whole.x.values.shape[1])).astype(np.float32)
    return Sample(whole.video, spans, Features(values), None)


@pytest.mark.parametrize("name", ["aed", "knn"])
@pytest.mark.parametrize("tail", get_args(Tail))
@pytest.mark.parametrize("n", [10, 100, 112])
def test_every_tail_rule(name: str, tail: Tail, n: int) -> None:
    detector = fitted(name)
    reach = reach_of(name, detector, tail=tail)
    assert reach is not None
    sample = features(n, tail)
    told = rolled(detector, reach, sample, at_once=1)
    np.testing.assert_allclose(joined(told), offline(detector, sample), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "piece"), [("rtfm", 3), ("deep_mil", 4), ("mnad", 40), ("aed", 2)])
def test_pieces_are_videos_of_their_own(name: str, piece: int) -> None:
    detector = fitted(name)
    sample = blind(detector.reads, "v", mask(150), "Fire", 8)
    rows = sample.x.values if isinstance(sample.x, Features) else list(sample.x)
    at_once = 1 if detector.reads == "features" else piece
    rolling = Rolling(detector, None, piece=piece)
    parts = [slice(i, i + at_once) for i in range(0, len(rows), at_once)]
    told = [rolling.add(rows[part], sample.spans[part]) for part in parts]
    told.append(rolling.end(150))
    found = joined([one for one in told if one is not None])

    wanted = []
    for i in range(0, len(rows), piece):
        spans = sample.spans[i : i + piece]
        last = i + piece >= len(rows)
        n_frames = (150 if last else int(spans[-1, 1])) - int(spans[0, 0])
        part = rows[i : i + piece]
        x = Features(part) if detector.reads == "features" else part
        video = Video("v", sample.video.path, n_frames, sample.video.fps, (32, 24))
        wanted.append(offline(detector, Sample(video, spans - spans[0, 0], x, None)))
    np.testing.assert_allclose(found, np.concatenate(wanted), rtol=1e-4, atol=1e-5)


def test_the_tail_after_a_full_piece_holds_its_score() -> None:
    detector = fitted("aed")
    sample = blind("features", "v", mask(100), "Fire", 8)  # six clips, and four frames
    rolling = Rolling(detector, None, piece=3)
    told = [rolling.add(sample.x.values[i : i + 1], sample.spans[i : i + 1]) for i in range(6)]
    last = told[-1]
    end = rolling.end(100)
    assert last is not None and end is not None
    assert (end.start, end.stop) == (96, 100)
    assert set(end.values) == {last.values[-1]}
    assert end.probabilities is not None and end.probabilities.shape == (4, 2)


def test_probabilities_are_the_mean_over_the_windows_that_hold_a_frame() -> None:
    detector = fitted("aed")
    sample = blind("features", "v", mask(160), "Fighting", 9)
    reach = reach_of("aed", detector)
    assert reach is not None
    categories = detector.score(sample).categories
    assert categories is not None
    for one in rolled(detector, reach, sample, at_once=1):
        assert one.probabilities is not None and one.categories == categories.names
        for frame, row in zip(range(one.start, one.stop), one.probabilities, strict=True):
            touching = (categories.spans[:, 0] <= frame) & (categories.spans[:, 1] > frame)
            np.testing.assert_allclose(row, categories.probabilities[touching].mean(axis=0), atol=1e-5)
