"""Where `vadlab score` writes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadlab.verbs.score import _names


@pytest.mark.parametrize(
    ("videos", "names"),
    [
        (["a/v.mp4", "a/w.mp4"], ["v", "w"]),
        (["a/v.mp4", "b/v.mp4"], ["a-v", "b-v"]),
        (["x/a/v.mp4", "y/a/v.mp4"], ["a-v", "a-v-2"]),
        (["a/v.mp4", "a/v.avi"], ["a-v", "a-v-2"]),
        (["a/v.mp4", "a/v.mp4"], ["a-v", "a-v-2"]),
        (["c/a-v.mp4", "a/v.mp4", "b/v.mp4"], ["a-v", "a-v-2", "b-v"]),
    ],
)
def test_names(videos: list[str], names: list[str]) -> None:
    assert _names([Path(v) for v in videos]) == names


def test_the_folder_one_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert _names([Path()]) == [tmp_path.name]


PART = st.sampled_from(["a", "b", "a-a", "a-2", "a-a-2"])


@given(st.lists(st.tuples(PART, PART, st.sampled_from([".mp4", ".avi"])), max_size=12))
def test_no_result_overwrites_another(parts: list[tuple[str, str, str]]) -> None:
    names = _names([Path(folder) / (stem + suffix) for folder, stem, suffix in parts])
    assert len(set(names)) == len(parts)
