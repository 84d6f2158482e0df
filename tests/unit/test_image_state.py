from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from vadlab.errors import WeightsError
from vadlab.nets.efficientnet_lite import EfficientNetLite0
from vadlab.nets.resnet import ResNet
from vadlab.pretrained import image_state

FILE = Path("some.file")


def zeros(network: nn.Module) -> dict[str, Any]:
    return {key: np.zeros(value.shape, np.float32) for key, value in network.state_dict().items()}


@pytest.fixture(scope="module")
def lite() -> dict[str, Any]:
    with torch.device("meta"):
        return zeros(EfficientNetLite0(7))


def test_names_of_the_pinned_file_lose_their_underscores(lite: dict[str, Any]) -> None:
    def theirs(name: str) -> str:
        *modules, leaf = name.split(".")
        return ".".join([*(part if part.isdigit() else f"_{part}" for part in modules), leaf])

    tree = {theirs(name): value for name, value in lite.items()}
    assert "_blocks.3._depthwise_conv.weight" in tree
    state = image_state.from_tree(tree, FILE)
    assert set(state) == {name for name in lite if "num_batches" not in name}
    network = image_state.network_of(state)
    assert isinstance(network, EfficientNetLite0) and network.fc.out_features == 7


@pytest.mark.parametrize("depth", [50, 101, 152])
def test_a_resnet_is_known_by_its_blocks(depth: int) -> None:
    with torch.device("meta"):
        state = image_state.from_tree(zeros(ResNet(depth, 101)), FILE)
        network = image_state.network_of(state, caffe=True)
    assert isinstance(network, ResNet) and network.caffe
    assert {k: tuple(v.shape) for k, v in network.state_dict().items() if v.ndim} == {
        k: v.shape for k, v in state.items()
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"blocks.3.bn2.bias": None}, r"missing \['blocks\.3\.bn2\.bias'\]"),
        ({"blocks.99.bn2.bias": np.zeros(3)}, r"unknown \['blocks\.99\.bn2\.bias'\]"),
        ({"bn0.bias": np.zeros(3)}, r"bn0\.bias \(3,\) in place of \(32,\)"),
        ({"bn0.bias": np.full(32, np.nan)}, r"NaN(.|\n)*bn0\.bias"),
        ({"comment": "trained on Tuesday"}, "'comment' of type str"),
        ({"conv_stem.weight": None}, "does not hold the weights of an image network"),
    ],
)
def test_what_is_not_exactly_such_a_network_is_refused(
    changes: dict[str, Any], message: str, lite: dict[str, Any]
) -> None:
    tree = {key: value for key, value in {**lite, **changes}.items() if value is not None}
    with pytest.raises(WeightsError, match=message) as error:
        image_state.from_tree(tree, FILE)
    assert str(FILE) in str(error.value)


@pytest.mark.parametrize("tree", [{}, [1], None, {"fc6.weight": np.zeros(3)}])
def test_other_things_are_refused(tree: object) -> None:
    assert not image_state.is_image_network(tree)
    with pytest.raises(WeightsError, match="does not hold"):
        image_state.from_tree(tree, FILE)
