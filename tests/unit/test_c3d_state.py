from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from vadlab import weights
from vadlab.errors import WeightsError
from vadlab.nets.c3d import C3D
from vadlab.pretrained import c3d_state

FILE = Path("some.file")
State = dict[str, NDArray[np.float32]]
LAYERS = ("conv1a", "conv2a", "conv3a", "conv3b", "conv4a", "conv4b", "conv5a", "conv5b", "fc6", "fc7")
NUMBERS = ("0", "3", "6", "8", "11", "13", "16", "18")


def zeros(*shape: int) -> NDArray[np.float32]:
    """An array of that shape that takes no memory."""
    return np.broadcast_to(np.float32(0), shape)


@pytest.fixture(scope="module")
def state() -> State:
    with torch.device("meta"):
        found = {key: zeros(*value.shape) for key, value in C3D("fc7").state_dict().items()}
    assert tuple(dict.fromkeys(key.partition(".")[0] for key in found)) == LAYERS
    return found


def renamed(state: State, names: dict[str, str]) -> State:
    return {f"{names[layer]}.{leaf}": v for key, v in state.items() for layer, leaf in [key.split(".")]}


@pytest.mark.parametrize(
    "names",
    [
        {layer: layer for layer in LAYERS},
        # OpenMMLab's convolutions are modules of their own.
        {layer: f"{layer}.conv" if layer.startswith("conv") else layer for layer in LAYERS},
        {layer: f"backbone.{layer}.conv" if layer[0] == "c" else f"backbone.{layer}" for layer in LAYERS},
        {layer: {"conv1a": "conv1", "conv2a": "conv2"}.get(layer, layer) for layer in LAYERS},
        dict(zip(LAYERS, [f"features.{n}" for n in NUMBERS] + ["classifier.0", "classifier.3"], strict=True)),
    ],
    ids=["authors", "openmmlab", "whole", "short", "numbered"],
)
def test_names_of_ports_become_the_authors(state: State, names: dict[str, str]) -> None:
    tree = renamed(state, names)
    assert c3d_state.is_c3d(tree) and not c3d_state.is_mean(tree)
    found = c3d_state.from_tree(tree, FILE)
    assert {key: value.shape for key, value in found.items()} == {k: v.shape for k, v in state.items()}


def test_a_head_of_any_size_may_come(state: State) -> None:
    tree = {**state, "fc8.weight": zeros(13, 4096), "fc8.bias": zeros(13)}
    assert c3d_state.from_tree(tree, FILE).keys() == tree.keys()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"conv4b.bias": None}, r"missing \['conv4b\.bias'\]"),
        ({"fc9.bias": zeros(3)}, r"unknown \['fc9\.bias'\]"),
        ({"fc6.weight": zeros(4096, 4608)}, r"fc6\.weight \(4096, 4608\) in place of \(4096, 8192\)"),
        ({"conv3a.bias": np.full(256, np.nan, np.float32)}, r"NaN(.|\n)*conv3a\.bias"),
        ({"comment": "trained on Tuesday"}, "'comment' of type str"),
    ],
)
def test_what_is_not_exactly_a_c3d_is_refused(changes: dict[str, Any], message: str, state: State) -> None:
    tree = {key: value for key, value in {**state, **changes}.items() if value is not None}
    with pytest.raises(WeightsError, match=message) as error:
        c3d_state.from_tree(tree, FILE)
    assert str(FILE) in str(error.value)


def test_other_things_are_no_c3d() -> None:
    for tree in ({}, [1], None, {"Conv3d_1a_7x7.conv3d.weight": zeros(64, 3, 7, 7, 7)}):
        assert not c3d_state.is_c3d(tree)
        with pytest.raises(WeightsError, match=r"not those of a C3D|not hold the weights of a C3D"):
            c3d_state.from_tree(tree, FILE)


def test_a_mean_clip_is_imported_from_an_array(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VADLAB_CACHE", str(tmp_path / "cache"))
    mean = np.random.default_rng(0).uniform(60, 180, c3d_state.MEAN_SHAPE).astype(np.float32)
    path = tmp_path / "mean.npy"
    for form in (mean, mean[None], mean.astype(np.float64)):
        np.save(path, form)
        weights.import_file(path, "sports1m-mean")
        np.testing.assert_array_equal(weights.load("sports1m-mean", network="c3d-mean")["mean"], mean)
    with pytest.raises(WeightsError, match="not those of a C3D"):
        weights.load("sports1m-mean", network="c3d")
    with pytest.raises(WeightsError, match="weights of an I3D"):
        weights.load("sports1m-mean")
    for wrong in (mean[:, :8], mean - 100, mean * np.nan, mean * 1j):
        np.save(path, wrong)
        with pytest.raises(WeightsError, match="mean clip"):
            weights.import_file(path, "another")
    path.write_bytes(b"no array")
    with pytest.raises(WeightsError, match="cannot be read"):
        weights.import_file(path, "another")
    assert weights.installed() == ("sports1m-mean",)
