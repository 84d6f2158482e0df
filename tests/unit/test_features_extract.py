"""Which frames and which flow fields go into which clip."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recording_backbone import LevelDifference, M, Recorder, frames, level

from vadlab.errors import DataError, UsageError, WeightsError
from vadlab.features.extract import Extractor, make_extractor, remake_extractor
from vadlab.spans import completed, windows


def make(**changes: Any) -> Extractor:
    return Extractor(Recorder(), **({"flow": LevelDifference()} | changes))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.sampled_from(["drop", "pad", "shift"]), st.integers(1, 5))
def test_clips_against_their_definition(n: int, tail: Any, batch: int) -> None:
    features, spans, n_frames = make(tail=tail, batch=batch).run(frames(n))
    assert n_frames == n
    np.testing.assert_array_equal(spans, windows(n, M, M, tail=tail))
    # Field i goes from frame i to the next; after the last frame there is none, so the one before stands in.
    fields = [level(i + 1) - level(i) for i in range(n - 1)]
    fields.append(fields[-1] if fields else 0)
    expected = []
    for start, stop in spans.tolist():
        rgb = [level(i) for i in completed((start, stop), M)]
        flow = fields[start:stop] + [0] * (M - (stop - start))  # repeated frames do not move
        expected.append(rgb + flow)
    np.testing.assert_array_equal(features.values, np.array(expected, np.float32))


def test_sixteen_frames_are_one_clip_whatever_the_tail() -> None:
    """Written out: 4 frames of a video of 4, and of one of 5."""
    alone = make().run(frames(4))[0].values
    assert alone.tolist() == [[0, 1, 4, 9, 1, 3, 5, 5]]
    longer = make().run(frames(5))[0].values
    assert longer.tolist() == [[0, 1, 4, 9, 1, 3, 5, 7]]
    assert make().run(frames(2))[0].values.tolist() == [[0, 1, 1, 1, 1, 1, 0, 0]]


def test_without_flow() -> None:
    features, _, _ = make(flow=None).run(frames(9))
    assert features.values.tolist() == [[0, 1, 4, 9], [16, 25, 36, 49]]


def test_clips_go_through_the_backbone_in_batches() -> None:
    extractor = make(batch=3)
    told: list[int] = []
    extractor.run(frames(4 * 8), progress=told.append)
    assert extractor.backbone.batches == [3, 3, 2]  # type: ignore[attr-defined]
    assert told == [3, 6, 8]


@pytest.mark.parametrize("tail", ["drop", "shift"])
def test_memory_does_not_grow_with_length(tail: Any) -> None:
    batch, alive, most = 2, 0, 0

    def died(_: Any) -> None:
        nonlocal alive
        alive -= 1

    def watched() -> Iterator[np.ndarray]:
        nonlocal alive, most
        for frame in frames(M * 100):
            alive += 1
            refs.append(weakref.ref(frame, died))
            most = max(most, alive)
            yield frame

    refs: list[Any] = []
    make(batch=batch, tail=tail).run(watched())
    assert len(refs) == M * 100 and M < most <= (batch + 2) * M


def test_no_frames() -> None:
    with pytest.raises(DataError, match="no frames"):
        make().run(iter(()))


def test_an_unknown_tail_is_refused_before_any_work() -> None:
    with pytest.raises(UsageError, match=r"drop \| pad \| shift"):
        make(tail="keep")


def test_names_and_settings() -> None:
    with pytest.raises(UsageError, match="opencv_tvl1"):
        make_extractor("pooled_pixels")
    with pytest.raises(UsageError, match="no setting"):
        make_extractor("pooled_pixels", flow="dis", settings={"colour": True})
    assert make_extractor("pooled_pixels", flow="dis", settings={"streams": ["rgb"]}).flow is None


@pytest.mark.parametrize(("streams", "flow"), [(["rgb"], None), (["rgb", "flow"], "dis")])
def test_remade_from_its_manifest(streams: list[str], flow: str | None) -> None:
    flow_settings = {"preset": "fast"} if flow else None
    made = make_extractor(
        "pooled_pixels", flow=flow, tail="shift", settings={"streams": streams}, flow_settings=flow_settings
    )
    manifest = made.facts()
    remade = remake_extractor(manifest)
    assert remade == made and remade.facts() == manifest
    assert manifest["clip_length"] == manifest["clip_stride"] == 16 and manifest["tail"] == "shift"
    rng = np.random.default_rng(0)
    clips = rng.integers(0, 255, (40, 64, 64, 3), dtype=np.uint8)
    np.testing.assert_array_equal(made.run(clips)[0].values, remade.run(clips)[0].values)


def test_the_device_is_asked_for_and_not_recorded() -> None:
    settings = {"streams": ["rgb"], "rgb_weights": "random", "precision": "fp32"}
    manifests = []
    for device in ("auto", "cpu"):
        made = make_extractor("i3d", settings=settings, device=device)
        assert made.backbone.device == device  # type: ignore[attr-defined]
        manifests.append(made.facts())
        remade = remake_extractor(manifests[-1], device="cpu")
        assert remade.backbone.device == "cpu"  # type: ignore[attr-defined]
    assert manifests[0] == manifests[1]
    make_extractor("pooled_pixels", settings={"streams": ["rgb"]}, device="cpu")  # has no choice


def test_other_weights_are_refused() -> None:
    manifest = make_extractor("pooled_pixels", settings={"streams": ["rgb"]}).facts()
    manifest["backbone"]["facts"] = manifest["backbone"]["facts"] | {"weights": {"sha256": "00"}}
    with pytest.raises(WeightsError, match="not the one that the detector was trained on"):
        remake_extractor(manifest)
