"""Counts, rates and orders of real files against their published or listed values."""

from __future__ import annotations

import csv
from fractions import Fraction

import cv2
import numpy as np
import pytest

from vadlab.video.decode import VideoFrames, probe, read_frame


def test_surveillance_clips_have_the_listed_counts(shared):
    folder = shared / "data" / "cctv-mini"
    with (folder / "annotations.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    # Every rate and both sources are among these.
    by_rate = {row["fps"]: row for row in rows}
    for row in [*rows[::25], *by_rate.values()]:
        video = probe(folder / row["path"], id=row["path"])
        assert video.n_frames == int(row["n_frames"]), row["path"]
        # Some phone clips vary: 30 is listed, the nominal rate, and 29.2 is their mean.
        assert float(video.fps) == pytest.approx(float(Fraction(row["fps"])), rel=0.03), row["path"]


def test_a_clip_agrees_with_opencv(shared):
    path = shared / "data" / "cctv-mini" / "Fighting" / "fi001.mp4"
    capture = cv2.VideoCapture(str(path))
    n_frames = 0
    for frame in VideoFrames(path):
        found, expected = capture.read()
        assert found
        assert np.abs(frame.astype(int) - expected[..., ::-1]).mean() < 2
        n_frames += 1
    assert not capture.read()[0]
    assert n_frames == probe(path, id="v").n_frames == 53


def test_resizing_while_decoding_agrees_on_real_frames(shared):
    for name in ("Fighting/fi001.mp4", "Falling/s1_adl_10.mp4"):
        path = shared / "data" / "cctv-mini" / name
        whole, resized = iter(VideoFrames(path)), iter(VideoFrames(path, resize=(224, 224)))
        for _ in range(8):
            expected = cv2.resize(next(whole), (224, 224), interpolation=cv2.INTER_AREA)
            assert np.abs(next(resized).astype(int) - expected).mean() < 1.5


def test_ped2_has_its_published_counts(shared):
    folder = shared / "data" / "ped2"
    test = [probe(p, id=p.name, fps=Fraction(10)) for p in sorted((folder / "testing/frames").iterdir())]
    train = [probe(p, id=p.name) for p in sorted((folder / "training/frames").iterdir())]
    assert (len(test), sum(v.n_frames for v in test)) == (12, 2010)
    assert (len(train), sum(v.n_frames for v in train)) == (16, 2550)
    assert {v.size for v in test + train} == {(360, 240)}
    assert {v.fps for v in test} == {10}
    first = folder / "testing/frames/01"
    frames = list(VideoFrames(first))
    assert len(frames) == test[0].n_frames == 180
    np.testing.assert_array_equal(read_frame(first, 179), frames[179])
    assert np.ptp(frames[0], axis=2).max() == 0
