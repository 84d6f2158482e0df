"""What every backbone must do; a new file in `backbones/` is tested by being there."""

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vadlab import catalog, config
from vadlab.errors import UsageError

NAMES = catalog.names("backbones")
Clips = tuple[NDArray[np.uint8], NDArray[np.float32]]


def make(name: str, **settings: Any) -> Any:
    """A backbone at its defaults, with random weights where it has any."""
    cls = catalog.load("backbones", name)
    random = {field.name: "random" for field in dataclasses.fields(cls) if field.name.endswith("_weights")}
    return cls(**random, **settings)


@pytest.fixture(scope="module", params=NAMES)
def backbone(request: pytest.FixtureRequest) -> Any:
    return make(request.param)


@pytest.fixture(scope="module")
def clips(backbone: Any) -> Clips:
    """Two different clips."""
    rng = np.random.default_rng(0)
    width, height = backbone.frame_size
    shape = (2, backbone.clip_length, height, width)
    rgb = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    rgb[1] = rgb[1] // 4 + np.linspace(0, 190, width, dtype=np.uint8)[None, None, :, None]
    flow = rng.normal(0, 1, (*shape, 2)).astype(np.float32)
    flow[1, ..., 0] += 6
    return rgb, flow


@pytest.fixture(scope="module")
def features(backbone: Any, clips: Clips) -> NDArray[np.float32]:
    found: NDArray[np.float32] = backbone.embed(*clips)
    return found


def test_settings_make_the_same_backbone(backbone: Any) -> None:
    settings = json.loads(json.dumps(backbone.settings()))
    assert "auto" not in settings.values() and "device" not in settings
    again = config.build(type(backbone), settings)
    assert again.facts() == backbone.facts() and again.settings() == settings


def test_there_are_backbones_with_a_line_of_description() -> None:
    assert {"c3d", "i3d", "pooled_pixels"} <= set(NAMES)
    assert all(len(catalog.describe("backbones", name)) > 20 for name in NAMES)


def test_features_have_the_promised_form(backbone: Any, features: NDArray[np.float32]) -> None:
    assert features.shape == (2, backbone.dim)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert not np.allclose(features[0], features[1])


def test_facts_are_plain_and_agree(backbone: Any) -> None:
    facts = backbone.facts()
    assert json.loads(json.dumps(facts)) == facts
    assert facts["dim"] == backbone.dim == sum(backbone.dims().values())
    assert list(backbone.dims()) == list(facts["dims"]) == list(backbone.streams)
    assert list(backbone.streams) in (["rgb", "flow"], ["rgb"])
    assert facts["dims"] == backbone.dims()
    assert facts["clip_length"] == backbone.clip_length > 0
    assert facts["frame_size"] == list(backbone.frame_size)
    assert backbone.needs_flow == ("flow" in backbone.streams)
    assert not backbone.needs_flow or backbone.flow_bound == 20.0


def test_a_second_object_gives_the_same_features(
    backbone: Any, clips: Clips, features: NDArray[np.float32], request: pytest.FixtureRequest
) -> None:
    np.testing.assert_allclose(dataclasses.replace(backbone).embed(*clips), features, rtol=1e-5, atol=1e-6)


def test_a_clip_does_not_depend_on_its_neighbours(
    backbone: Any, clips: Clips, features: NDArray[np.float32]
) -> None:
    rgb, flow = clips
    alone = np.concatenate([backbone.embed(rgb[i : i + 1], flow[i : i + 1]) for i in range(2)])
    np.testing.assert_allclose(alone, features, rtol=1e-4, atol=1e-5 * np.abs(features).max())


def test_streams_stand_alone_and_rgb_comes_first(
    backbone: Any, clips: Clips, features: NDArray[np.float32]
) -> None:
    rgb, flow = clips
    if not backbone.needs_flow:
        pytest.skip("it has one stream")
    n_rgb = backbone.dims()["rgb"]
    rgb_only = dataclasses.replace(backbone, streams=("rgb",))
    assert not rgb_only.needs_flow
    assert rgb_only.dim == n_rgb
    tolerance = {"rtol": 1e-4, "atol": 1e-5 * np.abs(features).max()}
    np.testing.assert_allclose(rgb_only.embed(rgb[:1], None), features[:1, :n_rgb], **tolerance)
    flow_only = dataclasses.replace(backbone, streams=("flow",))
    np.testing.assert_allclose(flow_only.embed(rgb[:1], flow[:1]), features[:1, n_rgb:], **tolerance)


def test_the_input_is_left_alone(backbone: Any, clips: Clips) -> None:
    rgb, flow = clips
    before = rgb[:1].copy(), flow[:1].copy()
    given = rgb[:1].copy(), flow[:1].copy()
    for array in given:
        array.flags.writeable = False
    backbone.embed(*given)
    for now, then in zip(given, before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_no_clips_give_no_rows(backbone: Any, clips: Clips) -> None:
    assert backbone.embed(clips[0][:0], clips[1][:0]).shape == (0, backbone.dim)


def test_wrong_requests_are_refused(backbone: Any, clips: Clips) -> None:
    rgb, flow = clips
    with pytest.raises(UsageError, match="form"):
        backbone.embed(rgb[:, :-1], flow)
    if not backbone.needs_flow:
        return
    with pytest.raises(UsageError, match="flow"):
        backbone.embed(rgb, None)
    with pytest.raises(UsageError, match="form"):
        backbone.embed(rgb, flow[:, :, :-1])
    with pytest.raises(UsageError, match="form"):
        backbone.embed(rgb, flow[:1])
    for streams in ((), ("flow", "rgb"), ("audio",)):
        with pytest.raises(UsageError, match="streams"):
            dataclasses.replace(backbone, streams=streams)
