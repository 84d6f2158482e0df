from pathlib import Path
from typing import Any

import numpy as np
import pytest
from weights_example import State, make_flax, make_state, same

from vadlab.errors import WeightsError
from vadlab.pretrained import i3d_state

STEM = "Conv3d_1a_7x7.conv3d.weight"
FILE = Path("some.file")


@pytest.fixture(scope="module")
def rgb() -> State:
    return make_state()


def test_the_state_of_an_i3d_is_taken_as_float32(rgb: State) -> None:
    tree: dict[str, Any] = {**rgb, "logits.bn.num_batches_tracked": np.array(7)}
    tree["logits.conv3d.bias"] = rgb["logits.conv3d.bias"].astype(np.float64)
    found = i3d_state.from_tree(tree, FILE)
    assert same(found, rgb)
    assert {value.dtype for value in found.values()} == {np.dtype(np.float32)}


def test_flax_names_and_axes_become_the_customary_ones(rgb: State) -> None:
    assert same(i3d_state.from_tree(make_flax(rgb), FILE, in_channels=3), rgb)


def test_the_channels_may_be_asked_for(rgb: State) -> None:
    flow = i3d_state.inflate_flow(rgb)
    assert same(i3d_state.from_tree(flow, FILE), flow)
    assert same(i3d_state.from_tree(flow, FILE, in_channels=2), flow)
    with pytest.raises(WeightsError, match="with 3 input channels"):
        i3d_state.from_tree(flow, FILE, in_channels=3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Mixed_4d.b2b.conv3d.weight": None}, r"missing \['Mixed_4d\.b2b\.conv3d\.weight'\]"),
        ({"Mixed_9z.conv3d.weight": np.zeros(3, np.float32)}, r"unknown \['Mixed_9z\.conv3d\.weight'\]"),
        (
            {"Mixed_4d.b2b.bn.bias": np.zeros(3, np.float32)},
            r"Mixed_4d\.b2b\.bn\.bias \(3,\) in place of \(64,\)",
        ),
        (
            {STEM: np.zeros((64, 4, 7, 7, 7), np.float32)},
            r"\(64, 4, 7, 7, 7\) in place of \(64, 3, 7, 7, 7\)",
        ),
        ({STEM: np.zeros(3, np.float32)}, "does not hold the weights of an I3D"),
        ({"Mixed_3b.b0.bn.bias": np.full(64, np.nan, np.float32)}, r"NaN(.|\n)*Mixed_3b\.b0\.bn\.bias"),
        ({"comment": "trained on Tuesday"}, "'comment' of type str"),
        ({"comment": np.array(["text"])}, "'comment' of type ndarray"),
        ({"logits.conv3d.bias": [[1.0], [2.0, 3.0]]}, "'logits.conv3d.bias' of type list"),
        ({7: np.zeros(3, np.float32)}, r"unknown \['7'\]"),
    ],
)
def test_what_is_not_exactly_an_i3d_is_refused(changes: dict[Any, Any], message: str, rgb: State) -> None:
    tree = {key: value for key, value in {**rgb, **changes}.items() if value is not None}
    with pytest.raises(WeightsError, match=message) as error:
        i3d_state.from_tree(tree, FILE)
    assert str(FILE) in str(error.value)


@pytest.mark.parametrize(
    "tree",
    [
        {},
        [1, 2],
        None,
        {"params": {"a": np.ones(1)}},
        {"params": {"a": 1}},
        {"params": {"Mixed_3b": {"Conv_0": {"kernel": np.ones(3)}}}},
        {"params": np.ones(3)},
    ],
)
def test_other_things_are_refused(tree: object) -> None:
    with pytest.raises(WeightsError, match="does not hold the weights of an I3D"):
        i3d_state.from_tree(tree, FILE)


def test_inflated_flow_weights_respond_to_equal_channels_as_the_rgb_ones_do(rgb: State) -> None:
    flow = i3d_state.inflate_flow(rgb)
    assert flow[STEM].shape == (64, 2, 7, 7, 7) and flow[STEM].dtype == np.float32
    np.testing.assert_allclose(flow[STEM].sum(axis=1), rgb[STEM].sum(axis=1), rtol=1e-6)
    np.testing.assert_array_equal(flow[STEM][:, 0], flow[STEM][:, 1])
    assert all(flow[key] is rgb[key] for key in rgb if key != STEM)
    assert rgb[STEM].shape == (64, 3, 7, 7, 7), "the input is left alone"
