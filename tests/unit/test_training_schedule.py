"""Learning rates that change from step to step, also over a killed and resumed training."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from vadlab import training


def schedule(step: int) -> float:
    return (1.0, 0.5, 0.25, 2.0)[step]


def trained(*, steps: int = 4) -> list[float]:
    """Two parameters in two groups, whose gradient is 1 in every step of plain descent."""
    network = nn.ParameterList([nn.Parameter(torch.zeros(())) for _ in range(2)])
    groups = [{"params": [p], "lr": rate} for p, rate in zip(network, (0.1, 0.01), strict=True)]

    def losses(batch: Tensor) -> dict[str, Tensor]:
        return {"loss": network[0] + network[1] + 0 * batch.sum()}

    training.optimise(
        network,
        torch.optim.SGD(groups, lr=1.0),
        draw=lambda step: [step],
        assemble=lambda items: torch.zeros(len(items)),
        losses=losses,
        steps=steps,
        schedule=schedule,
    )
    return [float(p.detach()) for p in network]


def test_each_groups_rate_is_multiplied_anew() -> None:
    assert trained() == pytest.approx([-0.1 * 3.75, -0.01 * 3.75])


def test_a_resumed_training_takes_the_rates_of_its_steps(tmp_path: Path) -> None:
    class KilledError(Exception):
        pass

    def kill(done: int, total: int, losses: dict[str, float]) -> None:
        if done == 3:
            raise KilledError

    killed = training.Runtime(folder=tmp_path, snapshot_every_s=0.0, progress=kill)
    with training.runtime(killed), pytest.raises(KilledError):
        trained()
    with training.runtime(training.Runtime(folder=tmp_path)):
        assert trained() == pytest.approx([-0.1 * 3.75, -0.01 * 3.75])
