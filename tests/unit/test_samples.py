"""Who sees which label."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vadlab.features.store import Store
from vadlab.samples import blindfold, reader, samples
from vadlab.types import Entry, Features, FrameLabels, Sample, Supervision, Video, VideoLabel

ENTRIES = [
    Entry(name, Path(name), "Fire", abnormal=name == "a", source=name, part="train") for name in ("n", "a")
]


class Sealed:
    def labels(self, entry: Entry, n_frames: int) -> FrameLabels:
        raise AssertionError(f"the labels of {entry.id} were asked for")


class Open:
    def labels(self, entry: Entry, n_frames: int) -> FrameLabels:
        return FrameLabels.from_spans([(3, n_frames)] if entry.abnormal else [], n_frames)


def read(entry: Entry) -> Sample[Any, None]:
    video = Video(entry.id, entry.path, 20, Fraction(25), (4, 4))
    return Sample(video, np.array([[0, 16]]), Features(np.full((1, 2), ord(entry.id), np.float32)), None)


def test_weak_and_no_supervision_never_open_the_labels() -> None:
    assert [s.y for s in samples(Sealed(), ENTRIES, read, Supervision.UNSUPERVISED)] == [None, None]
    weak = samples(Sealed(), ENTRIES, read, Supervision.WEAK)
    assert [s.y for s in weak] == [VideoLabel(False, "Fire"), VideoLabel(True, "Fire")]


def test_full_supervision_asks_for_the_decoded_length() -> None:
    normal, abnormal = samples(Open(), ENTRIES, read, Supervision.FULL)
    assert normal.y.intervals.tolist() == [] and abnormal.y.intervals.tolist() == [[3, 20]]
    assert normal.video.id == "n" and abnormal.x.values[0, 0] == ord("a")


@pytest.mark.parametrize("mode", list(Supervision))
def test_blindfold_hides_labels_that_are_at_hand(mode: Supervision) -> None:
    labels = Open().labels(ENTRIES[1], 20)
    seen = blindfold(labels, ENTRIES[1], mode)
    expected = {"unsupervised": None, "weak": VideoLabel(True, "Fire"), "full": labels}[mode.value]
    assert seen is expected or seen == expected


def test_reader_gives_the_streams_asked_for(tmp_path: Path) -> None:
    store = Store.create(tmp_path, {"streams": {"rgb": 1, "flow": 1}})
    blind = read(ENTRIES[0])
    store.write(
        Sample(blind.video, blind.spans, Features(np.array([[1, 2]], np.float32)), None), source_hash=""
    )
    found = reader("features", store=store, streams=("flow",))(ENTRIES[0])
    assert found.x.values.tolist() == [[2]] and found.y is None
    with pytest.raises(ValueError, match="needs a store"):
        reader("features", store=None)
