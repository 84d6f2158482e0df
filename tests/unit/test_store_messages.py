"""What a feature store says of videos that it lacks, and of another way of making features."""

from __future__ import annotations

from pathlib import Path

import pytest

from vadlab.errors import StoreError
from vadlab.features.store import Store, differences


def manifest(backbone: str, **settings: int) -> dict[str, object]:
    return {"streams": {"rgb": 2}, "backbone": {"name": backbone, "settings": settings}, "flow": None}


def test_all_videos_without_features_are_named_at_once(tmp_path: Path) -> None:
    store = Store.create(tmp_path, manifest("a"))
    store.path("there").parent.mkdir()
    store.path("there").touch()
    with pytest.raises(StoreError, match="2 of the 3 videos") as caught:
        store.require(["one", "there", "two"])
    assert str(caught.value.found).split() == ["one", "two"]
    store.require(["there"])


def test_another_backbone_is_told_by_its_name_alone(tmp_path: Path) -> None:
    Store.create(tmp_path, manifest("a", grid=4))
    with pytest.raises(StoreError) as caught:
        Store.create(tmp_path, manifest("b", depth=3))
    assert (caught.value.expected, caught.value.found) == ("backbone.name = b", "backbone.name = a")


def test_settings_of_the_same_backbone_are_told_one_by_one(tmp_path: Path) -> None:
    Store.create(tmp_path, manifest("a", grid=4))
    with pytest.raises(StoreError) as caught:
        Store.create(tmp_path, manifest("a", grid=5))
    assert caught.value.expected == "backbone.settings.grid = 5"


def test_differences_are_of_nested_keys_too() -> None:
    found = list(differences({"a": {"b": 1, "c": 2}, "d": 0}, {"a": {"b": 1, "c": 3}, "e": 4}))
    assert found == [("a.c", 2, 3), ("d", 0, "absent"), ("e", "absent", 4)]
