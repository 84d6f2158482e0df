"""What each detector says of its reach: rows within it give the scores of the whole video."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from test_detectors import NAMES, blind, fitted, make

from vadlab import catalog
from vadlab.detector import Detector, Reach
from vadlab.errors import UsageError
from vadlab.evaluation.frames import to_frames
from vadlab.evaluation.rules import get
from vadlab.live.networks import Networks
from vadlab.live.rolling import FrameScores, Rolling, Timing, reach_of
from vadlab.spans import Tail, windows
from vadlab.types import Features, Sample, Video

# Settings besides the defaults that decide how far a detector looks.
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "aed": [{"k": 3}, {"scrambled_windows": True}],
    "conv_ae": [{"frame_error": "first"}],
    "mlep": [{"authors_alignment": True}],
    "mnad": [
        {"update_below": 0.0},
        {"task": "reconstruction", "use_memory": False},
        {"update_below": 0.0, "scale": "video"},
    ],
    "sparse": [{"stride": 2, "dictionaries": "global"}, {"stride": 5, "dictionaries": "global"}],
}
CASES = [(name, settings) for name in NAMES for settings in ({}, *SETTINGS.get(name, ()))]
FOLLOWED = [case for case in CASES if reach_of(make(case[0], **case[1])) is not None]


def mask(n: int) -> np.ndarray:
    return np.arange(n) // 24 % 3 == 1


def offline(detector: Detector, sample: Sample[Any, None]) -> np.ndarray:
    return to_frames(detector.score(sample), get("strict"))[0]


def cut(sample: Sample[Any, None], n_rows: int, n_frames: int) -> Sample[Any, None]:
    """The sample, had its video ended after so many rows and frames."""
    return part(sample, slice(n_rows), n_frames)


def part(sample: Sample[Any, None], rows: slice, stop: int) -> Sample[Any, None]:
    """These rows as a video of their own, which ends before the frame `stop`."""
    old, spans = sample.video, sample.spans[rows]
    video = Video(old.id, old.path, stop - int(spans[0, 0]), old.fps, old.size)
    x = Features(sample.x.values[rows]) if isinstance(sample.x, Features) else list(sample.x)[rows]
    return Sample(video, spans - spans[0, 0], x, None)


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


@pytest.fixture(scope="module", params=FOLLOWED, ids=str)
def local(request: pytest.FixtureRequest) -> tuple[Detector, Reach]:
    name, settings = request.param
    detector = fitted(name, **settings)
    reach = reach_of(detector)
    assert reach is not None
    return detector, reach


def long(detector: Detector) -> Sample[Any, None]:
    """Twenty clips and a rest, or 131 frames; of the frames each is another."""
    return blind(detector.reads, "v", mask(323 if detector.reads == "features" else 131), "Fire", 4)


def test_before_a_cut_scores_are_those_of_the_whole_video(local: tuple[Detector, Reach]) -> None:
    detector, reach = local
    sample = long(detector)
    whole = offline(detector, sample)
    n_rows = len(sample.spans)
    # At every clip, for a window that is missing need not have had the highest score; frames take long.
    step = 1 if detector.reads == "features" else 50
    for n in range(reach.before + reach.after + 1, n_rows, step):
        ended = offline(detector, cut(sample, n, int(sample.spans[n - 1, 1])))
        upto = int(sample.spans[n - reach.after - 1, 1])
        np.testing.assert_allclose(ended[:upto], whole[:upto], rtol=1e-4, atol=1e-5, err_msg=f"cut at {n}")


def test_a_video_that_begins_later_has_the_scores_of_the_whole(local: tuple[Detector, Reach]) -> None:
    detector, reach = local
    sample = long(detector)
    n_frames = sample.video.n_frames
    whole = offline(detector, sample)
    for begin in (reach.every, (len(sample.spans) - reach.before) // 2 // reach.every * reach.every):
        begun = offline(detector, part(sample, slice(begin, None), n_frames))
        origin, start = int(sample.spans[begin, 0]), int(sample.spans[begin + reach.before, 0])
        np.testing.assert_allclose(
            begun[start - origin :], whole[start:], rtol=1e-4, atol=1e-5, err_msg=f"begun at {begin}"
        )


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


@pytest.mark.parametrize("name", NAMES)
def test_every_detector_says_how_far_it_looks(name: str) -> None:
    assert hasattr(catalog.load("detectors", name), "reach")


@pytest.mark.parametrize(
    ("name", "settings"),
    [("aed", {"scrambled_windows": True}), ("mlep", {"authors_alignment": True}), ("rtfm", {})],
)
def test_scores_that_the_end_of_a_video_decides_have_no_reach(name: str, settings: dict[str, Any]) -> None:
    detector = fitted(name, **settings)
    assert reach_of(detector) is None
    sample = long(detector)
    n = len(sample.spans) // 2
    upto = int(sample.spans[n - 1, 1])
    ended, whole = offline(detector, cut(sample, n, upto)), offline(detector, sample)
    assert not np.allclose(ended[:upto], whole[:upto], rtol=1e-6, atol=0)


def test_scores_that_the_begin_of_a_video_decides_have_no_reach() -> None:
    detector = fitted("mnad", update_below=1e9)  # every frame changes the memory
    assert reach_of(detector) is None
    sample = long(detector)
    begun = offline(detector, part(sample, slice(40, None), sample.video.n_frames))
    assert not np.allclose(begun[-80:], offline(detector, sample)[-80:], rtol=1e-6, atol=0)


def test_of_a_detector_that_says_nothing_the_whole_video_is_needed() -> None:
    class Silent:
        reads = "frames"

    silent: Any = Silent()
    assert reach_of(silent) is None
    with pytest.raises(UsageError, match=r"has no `reach`[\s\S]*--piece"):
        Networks(silent, {"detector": {"name": "package.module:Silent"}, "streams": None}, None)


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
    reach = reach_of(detector, tail=tail)
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
    reach = reach_of(detector)
    assert reach is not None
    categories = detector.score(sample).categories
    assert categories is not None
    for one in rolled(detector, reach, sample, at_once=1):
        assert one.probabilities is not None and one.categories == categories.names
        for frame, row in zip(range(one.start, one.stop), one.probabilities, strict=True):
            touching = (categories.spans[:, 0] <= frame) & (categories.spans[:, 1] > frame)
            np.testing.assert_allclose(row, categories.probabilities[touching].mean(axis=0), atol=1e-5)
