"""Scores that do not fit: every known pattern is named with the option that mends it, and the option does."""

from __future__ import annotations

import numpy as np
import pytest

from vadlab.errors import DataError, UsageError
from vadlab.evaluation.alignment import REMEDIES, mended, parse_remedies, place, rules_for
from vadlab.evaluation.foreign_scores import ForeignScores
from vadlab.evaluation.rules import describe, get


def values(m: int) -> ForeignScores:
    return ForeignScores(np.arange(m, dtype=np.float32))


def frames(n: int, m: int, *, stride: int = 1, align: str = "exact") -> list[float]:
    """The score of each frame after placing; -1 where there is none."""
    one = place({"v": values(m)}, {"v": n}, stride=stride, remedies=parse_remedies(align))["v"]
    painted = np.full(n, -1.0)
    for (start, stop), value in zip(one.spans, one.values, strict=True):
        painted[start:stop] = value
    return painted.tolist()


def test_scores_that_fit_are_taken_as_they_are() -> None:
    assert frames(4, 4) == [0, 1, 2, 3]
    assert frames(6, 3, stride=2) == [0, 0, 1, 1, 2, 2]
    assert frames(5, 3, stride=2) == [0, 0, 1, 1, 2]  # the last clip is incomplete
    assert mended(place({"v": values(4)}, {"v": 4})) == []


@pytest.mark.parametrize(
    ("align", "expected"),
    [
        ("hold", [0, 1, 2, 3, 3, 3]),
        ("drop", [0, 1, 2, 3, -1, -1]),
        ("hold-head", [0, 0, 0, 1, 2, 3]),
        ("drop-head", [-1, -1, 0, 1, 2, 3]),
        ("stretch", [0, 0, 1, 2, 3, 3]),
    ],
)
def test_each_remedy_for_too_few(align: str, expected: list[float]) -> None:
    assert frames(6, 4, align=align) == expected
    one = place({"v": values(4)}, {"v": 6}, remedies=parse_remedies(align))
    assert len(mended(one)) == 1


def test_too_many_are_cut() -> None:
    assert frames(4, 6, align="cut") == frames(4, 6, align="hold,cut") == [0, 1, 2, 3]
    assert frames(5, 5, stride=2, align="cut") == [0, 0, 1, 1, 2]


@pytest.mark.parametrize(
    ("n", "m", "cause", "option"),
    [
        (180, 179, "optical flow", "--align hold"),
        (180, 176, "frame prediction", "--align drop-head"),
        (190, 176, "clips of 16, without", "--align hold"),
        (192, 176, "one clip short", "--align hold"),
        (190, 11, "16 frames, without the last", "--stride 16 --align hold"),
        (190, 12, "one score for 16 frames", "--stride 16"),
        (192, 11, "16 frames, one short", "--stride 16 --align hold"),
        (2000, 32, "32 segments", "--align stretch"),
        (800, 10, "one score for 80 frames", "--stride 80"),
        (180, 170, "a few frames short", "--align hold"),
        (180, 182, "2 too many", "--align cut"),
    ],
)
def test_known_patterns_are_named_and_their_option_mends_them(
    n: int, m: int, cause: str, option: str
) -> None:
    with pytest.raises(DataError) as caught:
        place({"v": values(m)}, {"v": n})
    message = str(caught.value)
    assert f"v: expected {n:,} frames, found {m}" in message
    assert cause in message
    assert f"remedy: {option} (fits 1 of them)" in message
    words = option.split()
    stride = int(words[words.index("--stride") + 1]) if "--stride" in words else 1
    align = words[words.index("--align") + 1] if "--align" in words else "exact"
    placed = frames(n, m, stride=stride, align=align)
    assert sorted(set(placed) - {-1}) == list(range(min(m, n)))


def test_another_frame_rate_is_named_but_not_mended() -> None:
    with pytest.raises(DataError, match=r"0\.96 times as many, as with another frame rate") as caught:
        place({"v": values(1440)}, {"v": 1500})
    assert "score these very video files again" in str(caught.value)


def test_with_a_stride_the_incomplete_last_clip_is_named() -> None:
    with pytest.raises(DataError, match="the last 14 frames fill no clip of 16"):
        place({"v": values(11)}, {"v": 190}, stride=16)
    with pytest.raises(DataError, match="one clip of 16 short"):
        place({"v": values(10)}, {"v": 180}, stride=16)


def test_most_of_a_video_is_never_made_up() -> None:
    with pytest.raises(DataError, match="--stride 16"):
        frames(160, 10, align="hold")


def test_all_videos_that_do_not_fit_are_listed_and_the_remedies_counted() -> None:
    given = {"a": values(99), "b": values(100), "c": values(96), "d": values(49)}
    with pytest.raises(DataError) as caught:
        place(given, {"a": 100, "b": 100, "c": 100, "d": 50})
    message = str(caught.value)
    assert "the scores of 3 of 4 videos" in message
    assert "b: expected" not in message
    assert "--align hold (fits 2 of them); or --align drop-head (fits 1 of them)" in message


def test_named_frames_must_lie_within_the_video() -> None:
    spans = np.array([[1, 2], [2, 3], [3, 4]])
    scores = ForeignScores(np.float32([1, 2, 3]), spans)
    with pytest.raises(DataError, match="counted from 1"):
        place({"v": scores}, {"v": 3})
    cut = place({"v": scores}, {"v": 3}, remedies=parse_remedies("cut"))["v"]
    assert (cut.spans.tolist(), cut.values.tolist()) == ([[1, 2], [2, 3]], [1, 2])
    assert place({"v": scores}, {"v": 9})["v"].note is None  # gaps are the rules' business


def test_frames_without_a_score_are_left_out_by_rules_that_say_so() -> None:
    dropped = rules_for(parse_remedies("drop"), get("strict"))
    assert dropped.tail == "drop"
    assert describe(dropped).startswith("strict (changed)")
    assert rules_for(parse_remedies("drop"), get("lad-code")) == get("lad-code")
    assert rules_for(parse_remedies("drop-head"), get("strict")).head == "drop"
    for align in ("exact", "hold", "hold-head", "cut", "stretch"):
        assert rules_for(parse_remedies(align), get("strict")) == get("strict")


def test_remedies_are_read_from_text() -> None:
    assert parse_remedies("exact") == parse_remedies("") == frozenset()
    assert all(parse_remedies(name) == {name} for name in REMEDIES)
    for wrong in ("guess", "hold,drop", "stretch,cut"):
        with pytest.raises(UsageError, match="cannot align"):
            parse_remedies(wrong)
