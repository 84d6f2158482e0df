from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from vadlab import clip_networks, engine_choice
from vadlab.clip_networks import ClipNetworks
from vadlab.engine import ClipModel, Form
from vadlab.errors import UsageError


class Sums(nn.Module):
    """(b, t, h, w, c) to (b, 1): `times` the sum of a clip."""

    def __init__(self, times: float) -> None:
        super().__init__()
        self.times = nn.Parameter(torch.tensor(times), requires_grad=False)

    def forward(self, clips: Tensor) -> Tensor:
        return (self.times * clips.float().sum(dim=(1, 2, 3, 4)))[:, None]


@dataclass
class Backbone:
    streams: tuple[str, ...] = ("flow", "rgb")
    engine: str = "eager"
    precision: str = "fp32"
    device: str = "cpu"
    workers: int = 1
    source: Any = None

    def clip_model(self, stream: str) -> ClipModel:
        def make(form: Form) -> nn.Module:
            return Sums({"rgb": 1.0, "flow": -2.0}[stream]).eval()

        return ClipModel(make, clip=(2, 3, 3, 1), dtype="float32", dim=1, key=f"sums {stream}")

    def weights_of(self, stream: str) -> dict[str, Any]:
        return self.source or {"name": "known", "sha256": "00"}


def test_features_stand_in_the_order_of_the_streams_whatever_that_of_the_clips() -> None:
    clips = {name: np.full((4, 2, 3, 3, 1), value, np.float32) for name, value in (("rgb", 1), ("flow", 10))}
    np.testing.assert_array_equal(ClipNetworks(Backbone())(clips), np.tile([-2 * 180.0, 18.0], (4, 1)))


@pytest.mark.parametrize(
    "source", [{"name": "random", "seed": 0}, {"name": "rgb-inflated", "from": {"name": "random", "seed": 0}}]
)
def test_random_weights_are_not_worth_a_measurement(
    source: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[object] = []

    def measure(models: object, *, device: object) -> tuple[engine_choice.Candidate, ...]:
        measured.append(models)
        return (engine_choice.Candidate("eager", "fp32", ms=1.0, cosine=1.0),)

    monkeypatch.setattr(engine_choice, "measured", measure)
    free = {"engine": "auto", "precision": "auto"}
    assert ClipNetworks(Backbone(**free, source=source)).chosen[0] == "torch_tuned" and not measured
    assert ClipNetworks(Backbone(**free)).chosen == ("eager", "fp32") and len(measured) == 1


@pytest.mark.parametrize("wrong", [{"engine": "nope"}, {"precision": "fp8"}, {"workers": 0}])
def test_what_no_engine_can_do_is_refused(wrong: dict[str, Any]) -> None:
    clip_networks.check_settings(engine="auto", precision="auto", workers=1)
    with pytest.raises(UsageError):
        clip_networks.check_settings(**{"engine": "auto", "precision": "auto", "workers": 1, **wrong})
