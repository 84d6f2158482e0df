"""C3D's backbone: preprocessing against NumPy, weights by name, and every engine against eager fp32."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from vadlab import catalog, config, weights
from vadlab.backbones.c3d import C3D
from vadlab.errors import UsageError, WeightsError
from vadlab.features.extract import make_extractor
from vadlab.nets import c3d as net

Clip = NDArray[np.uint8]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VADLAB_CACHE", str(tmp_path))
    return tmp_path / "weights"


@pytest.fixture(scope="module")
def clip() -> Clip:
    """A moving grating, another in each colour, (1, 16, 128, 171, 3)."""
    t, y, x = np.meshgrid(np.arange(16), np.arange(128), np.arange(171), indexing="ij")
    waves = [np.sin((x + 3 * t) / (5 + c)) * np.cos((y - t) / (7 - c)) for c in range(3)]
    return np.round(100 + 40 * np.arange(3) * 0.5 + 60 * np.stack(waves, axis=-1)).astype(np.uint8)[None]


def prepared(backbone: C3D, clip: Clip) -> NDArray[np.float32]:
    """What the network is given, (3, 16, 112, 112)."""
    seen: list[torch.Tensor] = []

    class Looking(net.C3D):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x)
            return torch.zeros(1, 1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(net, "C3D", Looking)
        dataclasses.replace(backbone, engine="eager").embed(clip)
    return seen[0][0].numpy()


def random(**settings: Any) -> C3D:
    return C3D(rgb_weights="random", **{"layer": "pool5", **settings})


def middle(clip: NDArray[Any]) -> NDArray[np.float64]:
    """Rows 8..119 and columns 29..140 of 128 x 171, colours first."""
    return clip[:, 8:120, 29:141].transpose(3, 0, 1, 2).astype(np.float64)


def test_levels_are_subtracted_from_the_middle_blue_first(clip: Clip) -> None:
    levels = np.array([104, 117, 128])[:, None, None, None]
    expected = middle(clip[0])
    np.testing.assert_allclose(prepared(random(), clip), expected[::-1] - levels)
    np.testing.assert_allclose(prepared(random(channels="rgb"), clip), expected - levels)


def test_the_lad_authors_input_is_each_frame_less_its_mean_not_cropped(clip: Clip) -> None:
    backbone = random(mean="frame", crop=False)
    assert backbone.frame_size == (112, 112)
    whole = np.ascontiguousarray(clip[:, :, :112, :112])
    x = whole[0].transpose(3, 0, 1, 2).astype(np.float64)[::-1]
    found = prepared(backbone, whole)
    np.testing.assert_allclose(found, x - x.mean(axis=(2, 3), keepdims=True), atol=1e-4)


@pytest.mark.parametrize("channels", ["bgr", "rgb"])
def test_a_mean_clip_is_subtracted_where_it_belongs(channels: str, clip: Clip, tmp_path: Path) -> None:
    mean = np.random.default_rng(0).uniform(60, 180, (3, 16, 128, 171)).astype(np.float32)  # blue first
    np.save(tmp_path / "mean.npy", mean)
    weights.import_file(tmp_path / "mean.npy", "sports1m-mean")
    backbone = random(mean="sports1m-mean", channels=channels)
    rgb = clip[0].transpose(3, 0, 1, 2).astype(np.float64) - mean[::-1]
    expected = rgb[::-1] if channels == "bgr" else rgb
    found = prepared(backbone, clip)
    np.testing.assert_allclose(found, expected[:, :, 8:120, 29:141], atol=1e-4)
    assert weights.digest("sports1m-mean") in backbone.facts()["preprocessing"]["rgb"]


@pytest.mark.parametrize(
    ("engine", "precision"),
    [(n, p) for n in catalog.names("engines") for p in catalog.load("engines", n).precisions],
)
def test_every_engine_gives_the_networks_features(engine: str, precision: str, clip: Clip) -> None:
    torch.manual_seed(0)
    network = net.C3D("pool5").eval()
    levels = np.array([104, 117, 128])[:, None, None, None]
    x = torch.from_numpy((middle(clip[0])[::-1] - levels)[None].astype(np.float32))
    with torch.inference_mode():
        expected = network(x).numpy()
    try:
        found = random(engine=engine, precision=precision).embed(clip)
    except UsageError as error:
        pytest.skip(str(error))
    assert found.shape == (1, 8192) and expected.std() > 0.01
    error = np.abs(found - expected).max() / expected.max()
    assert error < 2e-5 if precision == "fp32" else 1e-6 < error < 3e-2


def test_missing_weights_are_an_error_never_random(clip: Clip) -> None:
    for ask in (C3D(engine="eager").facts, lambda: C3D(engine="eager").embed(clip)):
        with pytest.raises(WeightsError, match="vadlab weights fetch c3d-sports1m"):
            ask()
    with pytest.raises(UsageError, match="no pinned weights 'mine'"):
        C3D(rgb_weights="mine", engine="eager").facts()


def test_imported_weights_are_those_that_run(clip: Clip, tmp_path: Path) -> None:
    """Another seed's network, imported from a file, under a name of one's own."""
    torch.manual_seed(5)
    network = net.C3D("fc7").eval()
    file = tmp_path / "mine.pt"
    torch.save(network.state_dict(), file)
    path = weights.import_file(file, "mine")
    backbone = C3D(rgb_weights="mine", engine="eager")
    levels = np.array([104, 117, 128])[:, None, None, None]
    x = torch.from_numpy((middle(clip[0])[::-1] - levels)[None].astype(np.float32))
    seen: list[torch.Tensor] = []
    network.get_submodule("fc6").register_forward_hook(lambda _, __, out: seen.append(out.relu()))
    with torch.inference_mode():
        network(x)
    np.testing.assert_allclose(backbone.embed(clip), seen[0].numpy(), rtol=1e-4, atol=1e-5)
    assert path == weights.locate("mine")
    assert backbone.facts()["weights"] == {"rgb": {"name": "mine", "sha256": weights.digest("mine")}}
    for large in (file, path):  # pytest keeps the folders of its last runs
        large.unlink()


def test_random_weights_are_called_so_and_follow_the_seed() -> None:
    backbone = C3D(rgb_weights="random", seed=3)
    assert backbone.facts()["weights"] == {"rgb": {"name": "random", "seed": 3}}
    assert make_extractor("c3d", settings={"rgb_weights": "random"}).flow is None


def test_facts_tell_apart_what_gives_other_features() -> None:
    settings: list[dict[str, Any]] = [
        {},
        {"layer": "fc6"},
        {"layer": "fc7"},
        {"mean": "frame"},
        {"mean": "frame", "crop": False},
        {"channels": "rgb"},
        {"padded_pool5": True},
        {"seed": 1},
        {"engine": "eager"},
    ]
    facts = [random(precision="fp32", **setting).facts() for setting in settings]
    assert all(a != b for i, a in enumerate(facts) for b in facts[:i])
    assert [f["dim"] for f in facts[:3]] == [8192, 4096, 4096]
    again = config.build(C3D, random(mean="frame", crop=False).settings())
    assert again.facts() == random(mean="frame", crop=False).facts()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layer": "fc8"}, "unknown layer"),
        ({"channels": "grey"}, "unknown channels"),
        ({"precision": "fp64"}, "unknown precision"),
        ({"mean": "sports1m-mean", "crop": False}, "cropped"),
        ({"engine": "steam"}, "no engine 'steam'"),
        ({"workers": 0}, "workers"),
    ],
)
def test_unknown_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        C3D(**settings)
