"""Shards, and what stops an extraction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from numbered_video import write

from vadlab.errors import StoreError, UsageError
from vadlab.features.extract import make_extractor
from vadlab.features.store import Store
from vadlab.types import Entry
from vadlab.verbs.extract import extract, parse_shard


def test_shard() -> None:
    assert parse_shard("2/4") == (2, 4) and parse_shard("1/1") == (1, 1)
    for text in ("", "2", "/", "0/2", "3/2", "-1/2", "1/2/3", "a/b", "1.0/2", " 1/2", "²/3"):
        with pytest.raises(UsageError, match="i/n"):
            parse_shard(text)


@pytest.fixture
def entries(tmp_path: Path) -> list[Entry]:
    """Two files that are no videos, in the folder of the store."""
    made = []
    for name in "ab":
        path = tmp_path / f"{name}.mp4"
        path.write_text("no video")
        made.append(Entry(name, path, None, abnormal=False, source=name, part="train"))
    return made


def test_a_bad_video_within_the_stores_folder_does_not_stop_the_others(
    entries: list[Entry], tmp_path: Path
) -> None:
    done = extract(entries, tmp_path, make_extractor("pooled_pixels", settings={"streams": ["rgb"]}))
    assert [name for name, _ in done.failed] == ["a", "b"] and done.done == ()


def test_a_full_disk_stops_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Any] = []

    def full(*_: Any, **__: Any) -> None:
        written.append(1)
        raise StoreError("the disk is full", file="elsewhere")

    monkeypatch.setattr(Store, "write", full)
    paths = [write(tmp_path / f"{name}.mp4", 20) for name in "abc"]
    entries = [Entry(p.stem, p, None, abnormal=False, source=p.stem, part="train") for p in paths]
    with pytest.raises(StoreError, match="disk is full"):
        extract(entries, tmp_path / "store", make_extractor("pooled_pixels", settings={"streams": ["rgb"]}))
    assert len(written) == 1
