"""Which frames foreign rows cover: exact fits, causes of misfits, remedies."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadlab.errors import DataError, UsageError
from vadlab.features.foreign.frame_counts import DEFAULT_RATE, video_facts
from vadlab.features.foreign.placing import Grid, parse_align, place
from vadlab.features.store import Store
from vadlab.spans import windows
from vadlab.types import Entry, Features, Sample, Video


@given(st.integers(1, 500), st.integers(1, 40))
def test_rows_of_our_own_tail_rules_fit(n_frames: int, stride: int) -> None:
    """As many rows as `drop` or `pad` give lie on the frames that these rules say."""
    for tail in ("drop", "pad"):
        expected = windows(n_frames, stride, stride, tail=tail)  # type: ignore[arg-type]
        placed = place(len(expected), n_frames, Grid(stride))
        np.testing.assert_array_equal(placed.spans, expected)
        assert placed.note is None


@given(st.integers(1, 40), st.integers(1, 2000))
def test_segments_cover_every_frame_once(segments: int, n_frames: int) -> None:
    if segments > n_frames:
        with pytest.raises(DataError, match="cannot be spread"):
            place(segments, n_frames, Grid(segments=segments))
        return
    spans = place(segments, n_frames, Grid(segments=segments)).spans
    assert spans[0, 0] == 0 and spans[-1, 1] == n_frames and (spans[1:, 0] == spans[:-1, 1]).all()
    lengths = spans[:, 1] - spans[:, 0]
    assert lengths.min() >= 1 and lengths.max() - lengths.min() <= 1


@pytest.mark.parametrize(
    ("rows", "n_frames", "told"),
    [
        (9, 165, "one clip short: .*--align drop|one clip short.*--align drop"),
        (9, 160, "flow of N frames has N - 1 images.*--align drop"),
        (12, 165, "one clip more.*--align cut"),
        (32, 3000, "32 segments, as in DeepMIL.*--segments 32"),
        (20, 1280, "one row for 64 frames.*--stride 64"),
        (1280, 1280, "one row for 1 frames.*--stride 1"),
        (120, 1600, "1.2 times as many.*another frame rate.*--align stretch"),
        (7, 1600, "0.07 times as many.*same video"),
    ],
)
def test_misfits_name_cause_and_remedy(rows: int, n_frames: int, told: str) -> None:
    with pytest.raises(DataError, match=f"(?s){told}") as caught:
        place(rows, n_frames, Grid())
    assert f"found: {rows} rows" in str(caught.value)


def test_remedies() -> None:
    drop, cut = place(9, 165, Grid(align=parse_align("drop"))), place(12, 165, Grid(align=parse_align("cut")))
    assert drop.spans[-1].tolist() == [128, 144] and drop.note == "the last 21 frames have no row"
    assert cut.spans[-1].tolist() == [160, 165] and len(cut.spans) == 11
    assert cut.note == "rows beyond the end cut: 1"
    stretch = place(120, 1600, Grid(align=parse_align("stretch")))
    assert stretch.spans[-1, 1] == 1600 and stretch.note == "120 rows spread over 1600 frames"
    for rows in (2, 30):  # of something else
        with pytest.raises(DataError):
            place(rows, 165, Grid(align=parse_align("drop,cut")))
    with pytest.raises(DataError, match="no such segments"):
        place(31, 3000, Grid(segments=32, align=parse_align("drop")))


def test_unknown_remedies_and_numbers() -> None:
    for text in ("hold", "stretch,cut"):
        with pytest.raises(UsageError, match=r"exact \| drop"):
            parse_align(text)
    assert parse_align("exact") == frozenset()
    for grid in ({"stride": 0}, {"segments": 0}):
        with pytest.raises(UsageError, match="1 or more"):
            Grid(**grid)


ENTRY = Entry("Fire/v1", Path("Fire/v1.mp4"), "Fire", abnormal=True, source="s", part="test")


def test_frame_counts_of_a_table(tmp_path: Path) -> None:
    table = tmp_path / "frames.csv"
    table.write_text("fps,video,n_frames\n25,Fire/v1,70\n")
    video = video_facts(table)(ENTRY)
    assert (video.n_frames, video.fps, video.path) == (70, Fraction(25), ENTRY.path)
    table.write_text("video,n_frames\nFire/v1,70\n")
    assert video_facts(table)(ENTRY).fps == DEFAULT_RATE
    table.write_text("video,n_frames\nFire/v2,70\n")
    with pytest.raises(DataError, match="a line Fire/v1,N"):
        video_facts(table)(ENTRY)
    table.write_text("video,n_frames,fps\nFire/v1,0,\nFire/v1,7,x\nFire/v1,,\n")
    with pytest.raises(DataError, match=r"(?s)4 cells.*line 2.*line 3.*line 4.*each video once"):
        video_facts(table)


def test_frame_counts_of_a_store(tmp_path: Path) -> None:
    store = Store.create(tmp_path, {"streams": {"rgb": 2}})
    video = Video("Fire/v1", Path("x"), 33, Fraction(24), (4, 4))
    store.write(
        Sample(video, np.array([[0, 16]]), Features(np.ones((1, 2), np.float32)), None), source_hash=""
    )
    assert video_facts(tmp_path)(ENTRY) == video
    other = Entry("Fire/v2", Path("v2"), None, abnormal=False, source="s", part="test")
    with pytest.raises(DataError, match="--frames out"):
        video_facts(tmp_path)(other)
