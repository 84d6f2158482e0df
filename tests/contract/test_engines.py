"""What every engine must do; a new file in `engines/` is tested by being there.

The network is not I3D but a small one of its own, for an engine must run any.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vadlab import catalog
from vadlab.engine import PRECISIONS, ClipModel, Engine, Form, Precision
from vadlab.errors import UsageError

CPU = torch.device("cpu")
ALL = [(n, p) for n in catalog.names("engines") for p in catalog.load("engines", n).precisions]


class Small(nn.Module):
    """Two convolutions and a mean; the input is uint8, its scaling part of the network."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv3d(3, 16, (3, 3, 3), padding=1, stride=(1, 2, 2))
        self.second = nn.Conv3d(16, 24, (3, 3, 3), padding=1)

    def forward(self, clips: Tensor) -> Tensor:
        x = (clips.float() / 127.5 - 1).to(self.first.weight.dtype).permute(0, 4, 1, 2, 3)
        y = torch.relu(self.second(torch.relu(self.first(x))))
        return y.mean(dim=(3, 4)).flatten(1).float()


def small(form: Form | None = None) -> nn.Module:
    torch.manual_seed(0)
    return Small().eval().requires_grad_(requires_grad=False)


MODEL = ClipModel(small, (6, 20, 24, 3), "uint8", 24 * 6, "small")


def make(name: str, precision: Precision, *, workers: int = 1) -> Engine:
    try:
        made: Engine = catalog.load("engines", name)(MODEL, precision=precision, device=CPU, workers=workers)
    except UsageError as error:
        pytest.skip(str(error))
    return made


@pytest.fixture(scope="module", params=ALL, ids="-".join)
def case(request: pytest.FixtureRequest) -> tuple[str, Precision]:
    name, precision = request.param
    return name, precision


@pytest.fixture(scope="module")
def engine(case: tuple[str, Precision]) -> Engine:
    return make(*case)


@pytest.fixture(scope="module")
def clips() -> NDArray[np.uint8]:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (5, 6, 5, 6, 3))
    return coarse.repeat(4, axis=2).repeat(4, axis=3).astype(np.uint8)


def test_there_are_engines_with_a_line_of_description() -> None:
    assert {"eager", "torch_tuned", "openvino"} <= set(catalog.names("engines"))
    assert all(len(catalog.describe("engines", name)) > 20 for name in catalog.names("engines"))
    assert ("eager", "fp32") in ALL and {p for _, p in ALL} <= set(PRECISIONS)
    assert all("cpu" in catalog.load("engines", name).devices for name in catalog.names("engines"))


def test_the_features_are_the_networks(
    engine: Engine, clips: NDArray[np.uint8], case: tuple[str, str]
) -> None:
    with torch.inference_mode():
        expected = small()(torch.from_numpy(clips)).numpy()
    found = engine(clips)
    assert found.shape == (5, MODEL.dim) and found.dtype == np.float32
    error = np.abs(found - expected).max() / np.abs(expected).max()
    assert error < 5e-6 if case[1] == "fp32" else 1e-6 < error < 2e-2
    assert expected.std() > 0.01 and np.abs(expected[0] - expected[1]).max() > 0.05 * expected.max()


def test_a_row_depends_on_its_clip_alone(engine: Engine, clips: NDArray[np.uint8]) -> None:
    together = engine(clips)
    for order in ([3], [4, 0], [2, 2, 1]):
        np.testing.assert_allclose(engine(clips[order]), together[order], rtol=1e-5, atol=1e-6)


def test_no_clips_give_no_rows(engine: Engine, clips: NDArray[np.uint8]) -> None:
    assert engine(clips[:0]).shape == (0, MODEL.dim)


def test_any_array_is_read_and_none_is_written(engine: Engine, clips: NDArray[np.uint8]) -> None:
    expected = engine(clips[:2])
    fixed = clips[:2].copy()
    fixed.flags.writeable = False
    turned = np.asfortranarray(clips[:2])
    backwards = clips[:2, :, :, ::-1].copy()[:, :, :, ::-1]
    for array in (fixed, turned, backwards):
        np.testing.assert_allclose(engine(array), expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(array, clips[:2])


def test_several_callers_at_once(
    case: tuple[str, Precision], engine: Engine, clips: NDArray[np.uint8]
) -> None:
    """Every worker gets the rows that one alone gets, and no thread's number of threads is changed."""
    expected, shared = engine(clips), make(*case, workers=2)
    threads, start = torch.get_num_threads(), threading.Barrier(3)

    def work(seed: int) -> list[bool]:
        before = torch.get_num_threads()
        start.wait()
        rows = np.random.default_rng(seed).integers(0, 5, 12)
        same = [np.allclose(shared(clips[i][None])[0], expected[i], rtol=1e-5, atol=1e-6) for i in rows]
        return [*same, torch.get_num_threads() == before]

    with ThreadPoolExecutor(3) as pool:
        assert all(all(found) for found in pool.map(work, range(3)))
    assert torch.get_num_threads() == threads


def test_versions_are_named(case: tuple[str, Precision], engine: Engine) -> None:
    assert engine.versions()["torch"] == torch.__version__
