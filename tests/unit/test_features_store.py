"""The feature store: what goes in comes out, and damage is noticed."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save

from vadlab.errors import DataError, StoreError, UsageError
from vadlab.features.store import Store, select_streams
from vadlab.spans import windows
from vadlab.types import Features, Sample, Video

MANIFEST: dict[str, Any] = {
    "streams": {"rgb": 3, "flow": 2},
    "backbone": {"name": "b", "settings": {"streams": ["rgb", "flow"]}},
    "flow": None,
    "tail": "drop",
}


def sample(name: str = "Fire/a", *, n_frames: int = 70, seed: int = 0) -> Sample[Features, None]:
    spans = windows(n_frames, 16, 16)
    values = np.random.default_rng(seed).normal(size=(len(spans), 5)).astype(np.float32)
    video = Video(name, Path("videos") / f"{name}.mp4", n_frames, Fraction(30000, 1001), (640, 360))
    return Sample(video, spans, Features(values), None)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "store", MANIFEST)


def test_round_trip(store: Store) -> None:
    written = sample("Über/a b.c")
    store.write(written, source_hash="12ab")
    read = Store.open(store.root).read("Über/a b.c")
    assert read.video == written.video
    np.testing.assert_array_equal(read.x.values, written.x.values)
    np.testing.assert_array_equal(read.spans, written.spans)
    assert read.x.values.dtype == np.float32 and read.spans.dtype == np.int64 and read.y is None


@pytest.mark.parametrize("order", ["transposed", "strided", "backwards"])
def test_arrays_of_any_memory_order(store: Store, order: str) -> None:
    """safetensors writes memory as it lies, whatever the strides say."""
    one = sample()
    values = {
        "transposed": np.asfortranarray(one.x.values),
        "strided": np.repeat(one.x.values, 2, axis=1)[:, ::2],
        "backwards": one.x.values[::-1].copy()[::-1],
    }[order]
    store.write(replace(one, x=Features(values), spans=np.asfortranarray(one.spans)), source_hash="")
    read = store.read(one.video.id)
    np.testing.assert_array_equal(read.x.values, one.x.values)
    np.testing.assert_array_equal(read.spans, one.spans)


def test_streams_are_columns_in_the_manifests_order(store: Store) -> None:
    one = sample()
    store.write(one, source_hash="")
    rgb, flow = one.x.values[:, :3], one.x.values[:, 3:]
    for streams, expected in {
        None: one.x.values,
        ("rgb", "flow"): one.x.values,
        ("flow",): flow,
        ("flow", "rgb"): np.hstack([flow, rgb]),
    }.items():
        np.testing.assert_array_equal(store.read("Fire/a", streams=streams).x.values, expected)
    for unknown in (("sound",), ()):
        with pytest.raises(UsageError) as caught:
            select_streams(one.x.values, MANIFEST["streams"], unknown)
        assert caught.value.expected == "rgb, flow"


def test_the_same_way_opens_the_same_store(store: Store) -> None:
    # A tuple is a list in JSON.
    backbone = {"name": "b", "settings": {"streams": ("rgb", "flow")}}
    assert Store.create(store.root, MANIFEST | {"backbone": backbone}).manifest == MANIFEST


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"tail": "pad"}, "tail = pad"),
        (
            {"backbone": {"name": "b", "settings": {"streams": ["rgb"]}}},
            "backbone.settings.streams = ['rgb']",
        ),
        ({"flow": {"name": "dis"}}, "flow = {'name': 'dis'}"),
        ({"new": 1}, "new = 1"),
        ({"streams": {"flow": 2, "rgb": 3}}, "column order = ['flow', 'rgb']"),
    ],
)
def test_another_way_is_refused_with_the_difference(store: Store, change: Any, told: str) -> None:
    for make in (
        lambda: Store.create(store.root, MANIFEST | change),
        lambda: Store.open(store.root, manifest=MANIFEST | change),
    ):
        with pytest.raises(StoreError, match="another way") as caught:
            make()
        assert caught.value.expected == told and str(caught.value.found).startswith(told.split(" = ")[0])
    assert Store.open(store.root).manifest == MANIFEST


def test_no_store(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "none"):
        with pytest.raises(StoreError, match="vadlab extract"):
            Store.open(root)


def test_missing(store: Store) -> None:
    store.write(sample("b"), source_hash="")
    assert store.missing(["c", "b", "a"]) == ["c", "a"]
    with pytest.raises(StoreError, match="no features of 'c'"):
        store.read("c")


def test_streams_that_are_no_neighbours(tmp_path: Path) -> None:
    store = Store.create(tmp_path, MANIFEST | {"streams": {"a": 1, "b": 2, "c": 2}})
    one = sample()
    store.write(one, source_hash="")
    for streams, columns in {("b", "c"): [1, 2, 3, 4], ("a", "c"): [0, 3, 4], ("c", "a"): [3, 4, 0]}.items():
        np.testing.assert_array_equal(
            store.read("Fire/a", streams=streams).x.values, one.x.values[:, columns]
        )


def test_what_does_not_fit_is_not_written(store: Store) -> None:
    one = sample()
    for bad in (
        replace(one, x=Features(one.x.values[:, :4])),
        replace(one, x=Features(one.x.values[1:])),
        replace(one, spans=one.spans[1:]),
    ):
        with pytest.raises(StoreError, match="do not fit"):
            store.write(bad, source_hash="")
    with pytest.raises(DataError, match="NaN"):
        Features(np.full((4, 5), np.nan, np.float32))
    assert store.missing(["Fire/a"]) == ["Fire/a"]


def test_a_file_cut_anywhere_is_missing_and_unreadable(store: Store) -> None:
    store.write(sample(), source_hash="")
    path = store.path("Fire/a")
    whole = path.read_bytes()
    for length in [*range(0, len(whole), 17), len(whole) - 1]:
        path.write_bytes(whole[:length])
        assert store.missing(["Fire/a"]) == ["Fire/a"]
        with pytest.raises(StoreError, match="damaged"):
            store.read("Fire/a")
    path.write_bytes(whole)
    assert store.missing(["Fire/a"]) == []


def test_every_damaged_byte_is_found(store: Store) -> None:
    store.write(sample(), source_hash="")
    path = store.path("Fire/a")
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x80]) + whole[at + 1 :])
        with pytest.raises(StoreError, match="damaged"):
            store.read("Fire/a")
    # The lowest bit too, in the values, where it changes a number by a ten-millionth.
    for at in range(len(whole) - 4 * 5 * 4, len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(StoreError, match="not what was written"):
            store.read("Fire/a")


def test_values_stay_in_the_file(store: Store) -> None:
    """A view of the file, also of some columns; nothing can be written into it."""
    store.write(sample(), source_hash="")
    for streams in (None, ("rgb",), ("flow",)):
        values = store.read("Fire/a", streams=streams).x.values
        assert type(values) is np.ndarray and not values.flags.writeable and not values.flags.owndata
        owner: Any = values
        while isinstance(owner, np.ndarray) and not isinstance(owner, np.memmap):
            owner = owner.base
        assert isinstance(owner, np.memmap)
        assert Path(owner.filename) == store.path("Fire/a")
        with pytest.raises(ValueError, match="read-only"):
            values[0, 0] = 1


def test_a_big_video_takes_no_memory(tmp_path: Path) -> None:
    """Reading 128 MiB of features adds a tenth of it at most to what the process holds."""
    code = """
import resource, sys
from pathlib import Path
from vadlab.features.store import Store
store = Store.open(Path(sys.argv[1]))
store.read("small")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
read = store.read("big")
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) / 1024, read.x.values[-1].sum())
"""
    store = Store.create(tmp_path, MANIFEST | {"streams": {"rgb": 4096}})
    for name, n in (("small", 4), ("big", 8192)):
        values = np.full((n, 4096), 2, np.float32)
        video = Video(name, Path("v"), 16 * n, Fraction(25), (8, 8))
        store.write(Sample(video, windows(16 * n, 16, 16), Features(values), None), source_hash="")
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    grown, total = map(float, run.stdout.split())
    assert total == 8192 and grown < 13


def test_a_file_of_before_there_were_checksums(store: Store) -> None:
    one = sample()
    store.write(one, source_hash="")
    path = store.path("Fire/a")
    with safe_open(path, framework="numpy") as file:
        facts = json.loads(file.metadata()["video"])
    del facts["crc32"]
    arrays = {"features": one.x.values.copy(), "spans": one.spans}
    path.write_bytes(save(arrays, {"video": json.dumps(facts)}))
    np.testing.assert_array_equal(store.read("Fire/a").x.values, one.x.values)
    arrays["features"][2, 3] = np.inf
    path.write_bytes(save(arrays, {"video": json.dumps(facts)}))
    with pytest.raises(StoreError, match="damaged") as caught:
        store.read("Fire/a")
    assert "NaN or infinity" in str(caught.value.found)


def test_the_same_video_makes_the_same_file(store: Store) -> None:
    contents = set()
    for _ in range(20):
        store.write(sample(), source_hash="12ab")
        contents.add(store.path("Fire/a").read_bytes())
    assert len(contents) == 1


@pytest.mark.parametrize(
    ("change", "metadata"),
    [
        ({"features": np.full((4, 5), np.nan, np.float32)}, {}),
        ({"features": np.zeros((4, 5))}, {}),
        ({"features": np.zeros((4, 6), np.float32)}, {}),
        ({"features": np.zeros(4, np.float32)}, {}),
        ({"spans": np.zeros((3, 2), np.int64)}, {}),
        ({}, {"video": "not JSON"}),
        ({}, {"video": "{}"}),
        ({}, {"size": []}),
        ({}, {"fps": "fast"}),
        ({}, None),
    ],
)
def test_a_file_that_someone_else_made(store: Store, change: Any, metadata: Any) -> None:
    facts = {"id": "x", "path": "x", "n_frames": 70, "fps": "25", "size": [8, 8]}
    arrays = {"features": np.zeros((4, 5), np.float32), "spans": windows(70, 16, 16)}
    path = store.path("x")
    path.parent.mkdir()
    path.write_bytes(save(arrays, {"video": json.dumps(facts)}))
    assert store.read("x").video.n_frames == 70
    if metadata is not None:
        metadata = {"video": metadata.get("video", json.dumps(facts | metadata))}
    path.write_bytes(save(arrays | change, metadata))
    with pytest.raises(StoreError, match="delete it and run the same vadlab extract"):
        store.read("x")


def test_several_writers(store: Store) -> None:
    """All write all videos into one store at once, each opening it for itself."""
    samples = [sample(f"v{i}", seed=i) for i in range(8)]
    errors: list[Exception] = []

    def work() -> None:
        try:
            mine = Store.create(store.root, MANIFEST)
            for one in samples:
                mine.write(one, source_hash="")
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    for one in samples:
        np.testing.assert_array_equal(store.read(one.video.id).x.values, one.x.values)
    assert not list(store.root.rglob("*.part"))
