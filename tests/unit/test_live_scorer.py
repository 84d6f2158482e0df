"""A stream's scores are those that the same frames get offline."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_example import networks, offline
from numbered_video import write

from vadlab.errors import UsageError
from vadlab.features.extract import Extractor
from vadlab.live.capture import Capture, Patience
from vadlab.live.health import Health
from vadlab.live.networks import Networks
from vadlab.live.scorer import Done, LostTrack, Scorer, Told
from vadlab.live.source import Source


def scored(of: Networks, source: Source, **settings: Any) -> tuple[list[Any], Health]:
    """All that a scorer tells of a source that ends."""
    health, told = Health(source.name), queue.Queue[Any]()
    patience = Patience(first_wait_s=0.05, give_up_s=0.1)
    capture = Capture(source, health=health, resize=of.frame_size, patience=patience)
    scorer = Scorer(of, capture, tell=told.put, **settings)
    scorer.start()
    messages = list(_until_done(told))
    assert scorer.join(5)
    return messages, health


def _until_done(told: queue.Queue[Any]) -> Iterator[Any]:
    while True:
        message = told.get(timeout=60)
        yield message
        if isinstance(message, Done):
            return


def values(messages: list[Any]) -> np.ndarray:
    parts = [one for one in messages if isinstance(one, Told)]
    assert [one.start for one in parts] == [0, *(one.start + len(one.times) for one in parts[:-1])]
    return np.concatenate([one.scores.values for one in parts])


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source("v", str(write(tmp_path / "v.mp4", 150)), "file")


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("aed", {}),
        ("aed", {"tail": "pad"}),
        ("aed", {"tail": "shift"}),
        ("knn", {}),
        ("frame_difference", {}),
    ],
)
def test_the_same_numbers_as_offline(source: Source, name: str, settings: dict[str, Any]) -> None:
    of = networks(name, **settings)
    messages, health = scored(of, source)
    assert messages[-1] == Done("v")
    np.testing.assert_allclose(values(messages), offline(of, Path(source.address)), rtol=1e-5, atol=1e-6)
    now = health.now()
    assert (now.frames, now.scored, now.dropped, now.state) == (150, 150, 0, "ended")
    of.close()


@pytest.mark.parametrize("n", [1, 16, 17, 49])
@pytest.mark.parametrize("name", ["aed", "frame_difference"])
def test_short_videos(tmp_path: Path, n: int, name: str) -> None:
    of = networks(name)
    source = Source("v", str(write(tmp_path / "short.mp4", n)), "file")
    messages, _ = scored(of, source)
    np.testing.assert_allclose(values(messages), offline(of, Path(source.address)), rtol=1e-5, atol=1e-6)
    of.close()


def test_times_and_categories_come_along(source: Source) -> None:
    of = networks("aed")
    messages, _ = scored(of, source)
    told = [one for one in messages if isinstance(one, Told)]
    times = [time for one in told for time in one.times]
    np.testing.assert_allclose(np.diff(times), 0.04, atol=1e-4)
    assert all(one.fps == 25 and one.scores.categories == ("Fall", "Fire") for one in told)
    of.close()


def test_causal_scores_come_sooner(source: Source) -> None:
    of = networks("aed")
    settled, causal = (scored(of, source, timing=timing)[0] for timing in ("settled", "causal"))
    # Nine clips, three in a window: settled, clip 0 is told of when clip 2 is in, the last two at the end.
    assert [len(one.times) for one in settled[:-1]] == [16] * 7 + [38]
    assert [len(one.times) for one in causal[:-1]] == [48] + [16] * 6 + [6]
    assert len(values(causal)) == 150
    of.close()


def test_a_lost_connection_ends_the_stretch() -> None:
    of = networks("knn")
    source = Source("cam", "lavfi:testsrc=size=64x48:rate=20:duration=1", "device")
    health, told = Health("cam"), queue.Queue[Any]()
    capture = Capture(source, health=health, resize=of.frame_size, patience=Patience(first_wait_s=0.05))
    scorer = Scorer(of, capture, tell=told.put)
    scorer.start()
    messages = [told.get(timeout=60) for _ in range(6)]
    capture.stop()
    # A clip of 16 frames, the four after it that hold its score, and the loss; then again.
    kinds = [type(one) for one in messages]
    assert kinds == [Told, Told, LostTrack] * 2
    assert [one.start for one in messages if isinstance(one, Told)] == [0, 16, 20, 36]
    np.testing.assert_array_equal(messages[0].scores.values, messages[3].scores.values)
    list(_until_done(told))
    assert scorer.join(5)
    of.close()


def test_a_source_whose_clips_fail_is_done_with_the_reason(
    source: Source, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    of = networks("aed")

    def fail(self: Extractor, clips: Any) -> Any:
        raise ZeroDivisionError("so it goes")

    monkeypatch.setattr(Extractor, "embed", fail)
    messages, _ = scored(of, source)
    assert messages == [Done("v", "so it goes")]
    assert "ZeroDivisionError" in caplog.text
    of.close()


def test_a_file_that_is_none_is_done_with_the_reason(tmp_path: Path) -> None:
    of = networks("knn")
    (tmp_path / "v.mp4").write_bytes(b"no video")
    messages, health = scored(of, Source("v", str(tmp_path / "v.mp4"), "file"))
    assert len(messages) == 1 and "cannot be opened" in messages[0].error
    assert health.now().state == "failed"
    of.close()


def test_a_detector_that_needs_the_whole_video_is_refused() -> None:
    with pytest.raises(UsageError, match="--piece"):
        networks("aed", scrambled_windows=True)
    networks("aed", scrambled_windows=True, piece=4).close()
    with pytest.raises(UsageError, match="one clip or more"):
        networks("aed", piece=0)


@pytest.mark.parametrize("name", ["aed", "frame_difference"])
def test_pieces(source: Source, tmp_path: Path, name: str) -> None:
    of = networks(name, piece=4)
    messages, _ = scored(of, source)
    found = values(messages)
    assert len(found) == 150
    assert [len(one.times) for one in messages[:-1]] == [64, 64, 22]
    of.close()
