import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from vadlab import engine_choice
from vadlab.engine import ClipModel, Form, fast_bf16
from vadlab.engine_choice import Candidate, choose, generated_clips, measured, table
from vadlab.engines.eager import Eager
from vadlab.engines.openvino import OpenVINO
from vadlab.engines.torch_tuned import TorchTuned
from vadlab.errors import UsageError, WeightsError

CPU = torch.device("cpu")
REFERENCE = Candidate("eager", "fp32", 300.0, 1.0, 0.0)
FOUND = (
    REFERENCE,
    Candidate("torch_tuned", "fp32", 200.0, 1.0, 1e-6),
    Candidate("torch_tuned", "bf16", 60.0, 0.9995, 1e-2),
    Candidate("openvino", "fp32", 150.0, 1.0, 1e-6),
    Candidate("openvino", "bf16", 50.0, 0.99, 1e-1),
)


class Mean(nn.Module):
    """A network that is done in no time."""

    def forward(self, clips: Tensor) -> Tensor:
        return clips.float().mean(dim=(1, 2)).flatten(1)


def model(key: str = "mean") -> ClipModel:
    return ClipModel(lambda form: Mean(), (4, 12, 12, 3), "uint8", 36, key)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VADLAB_CACHE", str(tmp_path))
    return tmp_path / "engines"


@pytest.fixture
def measurements(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with each measurement, whose result is FOUND."""
    made: list[int] = []

    def measure(models: Any, device: torch.device) -> tuple[Candidate, ...]:
        made.append(len(models))
        return FOUND

    monkeypatch.setattr(engine_choice, "_measure", measure)
    return made


@pytest.mark.parametrize(
    ("engine", "precision", "expected"),
    [
        ("auto", "auto", ("torch_tuned", "bf16")),  # openvino is faster, but misses the tolerance
        ("auto", "fp32", ("openvino", "fp32")),
        ("openvino", "auto", ("openvino", "fp32")),
        ("auto", "bf16", ("torch_tuned", "bf16")),
        ("torch_tuned", "auto", ("torch_tuned", "bf16")),
    ],
)
def test_the_fastest_within_the_tolerance(
    measurements: list[int], engine: str, precision: str, expected: tuple[str, str]
) -> None:
    assert choose([model()], engine=engine, precision=precision, device=CPU) == expected
    assert measurements == [1]


@pytest.mark.parametrize(
    ("engine", "precision"), [("eager", "auto"), ("openvino", "bf16"), ("torch_tuned", "fp32")]
)
def test_what_leaves_no_choice_is_not_measured(measurements: list[int], engine: str, precision: str) -> None:
    found = choose([model()], engine=engine, precision=precision, device=CPU)
    assert found == (engine, "fp32" if precision == "auto" else precision)
    assert not measurements


def test_unknown_names_are_refused() -> None:
    for wanted, message in (
        ({"engine": "steam"}, "no engine 'steam'"),
        ({"precision": "fp64"}, "unknown precision"),
        ({"engine": "eager", "precision": "bf16"}, "does not calculate in bf16"),
    ):
        with pytest.raises(UsageError, match=message):
            choose([model()], device=CPU, **wanted)  # type: ignore[arg-type]


def test_a_measurement_is_kept_until_something_else_is_run(
    measurements: list[int], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        assert measured([model("a"), model("b")], device=CPU) == FOUND
        assert measured([model("b"), model("a")], device=CPU) == FOUND
    assert measurements == [2]
    (file,) = cache.glob("*.json")
    kept = json.loads(file.read_text())
    assert kept["fastest"] == ["torch_tuned", "bf16"] and len(kept["candidates"]) == len(FOUND)
    assert kept["cores"] == torch.get_num_threads() and kept["versions"]["torch"] == torch.__version__
    measured([model("a")], device=CPU)
    monkeypatch.setattr(engine_choice, "_version", lambda package: "99")
    measured([model("a")], device=CPU)
    assert measurements == [2, 1, 1]


@pytest.mark.parametrize("damage", ["", "{}", '{"candidates": [{"engine": 1}]}', '{"candidates": [3]}'])
def test_a_damaged_file_is_made_anew(measurements: list[int], cache: Path, damage: str) -> None:
    measured([model()], device=CPU)
    (file,) = cache.glob("*.json")
    file.write_text(damage)
    assert measured([model()], device=CPU) == FOUND
    assert measurements == [1, 1] and json.loads(file.read_text())["candidates"]


def test_a_cache_that_cannot_be_written_costs_one_measurement(
    measurements: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VADLAB_CACHE", str(tmp_path / "file"))
    assert measured([model()], device=CPU) == measured([model()], device=CPU) == FOUND
    assert measurements == [1]


def test_a_broken_engine_is_noted_and_a_wrong_one_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **settings: Any) -> None:
        raise RuntimeError("the library\nis damaged")

    right: Callable[..., Any] = TorchTuned.__call__
    monkeypatch.setattr(OpenVINO, "__init__", broken)
    monkeypatch.setattr(TorchTuned, "__call__", lambda self, clips: np.roll(right(self, clips), 1, axis=1))
    found = measured([model()], device=CPU)
    assert {c.failure for c in found if c.engine == "openvino" and c.precision == "fp32"} == {
        "the library is damaged"
    }
    wrong = [c for c in found if c.engine == "torch_tuned" and c.failure is None]
    assert wrong and not any(c.usable for c in wrong) and all((c.cosine or 0) < 0.999 for c in wrong)
    assert choose([model()], device=CPU) == ("eager", "fp32")
    lines = table(found).splitlines()
    assert lines[1].startswith("eager") and len(lines) == len(found) + 1
    assert any("the library is damaged" in line for line in lines)
    assert any("cosine below 0.999" in line for line in lines)


def test_figures_are_those_of_the_features(monkeypatch: pytest.MonkeyPatch) -> None:
    right: Callable[..., Any] = Eager.__call__
    first = np.zeros(36, np.float32)
    first[0] = 10
    monkeypatch.setattr(TorchTuned, "__call__", lambda self, clips: right(self, clips) + first)
    found = {(c.engine, c.precision): c for c in measured([model()], device=CPU)}
    a = Eager(model(), device=CPU)(generated_clips(model()))
    b = a + first
    cosines = [x @ y / np.linalg.norm(x) / np.linalg.norm(y) for x, y in zip(a, b, strict=True)]
    tuned = found["torch_tuned", "fp32"]
    assert tuned.cosine == pytest.approx(min(cosines), abs=1e-6)
    assert tuned.max_relative == pytest.approx(10 / np.abs(a).max(), rel=1e-5)
    assert found["eager", "fp32"].cosine == pytest.approx(1)
    assert all(c.ms is None or c.ms > 0 for c in found.values())


def test_bf16_is_left_out_where_the_processor_lacks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_choice, "fast_bf16", lambda device: False)
    found = [c for c in measured([model()], device=CPU) if c.precision == "bf16"]
    assert found and all("no bf16" in (c.failure or "") for c in found)
    assert isinstance(fast_bf16(CPU), bool)


def test_missing_weights_are_the_users_to_mend(cache: Path) -> None:
    def missing(form: Form) -> nn.Module:
        raise WeightsError("not in the cache", remedy="vadlab weights fetch x")

    with pytest.raises(WeightsError, match="vadlab weights fetch"):
        measured([ClipModel(missing, (4, 12, 12, 3), "uint8", 36, "x")], device=CPU)
    assert not list(cache.glob("*.json"))


def test_generated_clips_are_smooth_move_and_repeat() -> None:
    rgb = ClipModel(lambda form: Mean(), (16, 64, 80, 3), "uint8", 1, "")
    flow = ClipModel(lambda form: Mean(), (16, 64, 80, 2), "float32", 1, "")
    for each in (rgb, flow):
        clips = generated_clips(each, 3)
        assert clips.shape == (3, *each.clip) and clips.dtype == each.dtype
        np.testing.assert_array_equal(clips, generated_clips(each, 3))
        x = clips[1:].astype(np.float64)
        x -= x.mean(axis=(2, 3), keepdims=True)
        neighbours = (x[:, :, :, 1:] * x[:, :, :, :-1]).mean() / (x**2).mean()
        assert neighbours > 0.8  # noise has 0
        assert np.abs(x[:, 1:] - x[:, :-1]).mean() > 0.05 * np.abs(x).mean()
    assert np.abs(generated_clips(flow)).max() < 40
    assert generated_clips(rgb).std() > 20
