"""The four losses against loops and closed forms, who is moved by which, and the scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from frame_videos import moving_bar, noise, sample
from torch import Tensor

from vadlab import config, training
from vadlab.detectors.unet_prediction import (
    Batch,
    UNetPrediction,
    deceit,
    flow_difference,
    gradient_difference,
    misjudgement,
)
from vadlab.errors import UsageError
from vadlab.nets.unet import PatchDiscriminator

RECIPES = Path(__file__).parents[2] / "recipes"
SMALL = {"size": 16, "channels": 4, "flow": "dis", "steps": 3}
TRAIN = [noise(0, 9), noise(1, 7)]


def pictures(seed: int) -> Tensor:
    made = torch.rand(2, 3, 5, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return made * 2 - 1


def test_gradient_loss_is_that_of_plain_loops() -> None:
    made, real = pictures(0), pictures(1)

    def along(image: np.ndarray, y: int, x: int) -> np.ndarray:
        out = np.zeros_like(image)
        for c, i, j in np.ndindex(image.shape):
            inside = i + y < image.shape[1] and j + x < image.shape[2]
            out[c, i, j] = abs((image[c, i + y, j + x] if inside else 0) - image[c, i, j])
        return out

    for b in range(2):
        a, g = made[b].numpy(), real[b].numpy()
        wanted = sum(np.abs(along(a, *d) - along(g, *d)).mean() for d in ((0, 1), (1, 0)))
        assert float(gradient_difference(made, real)[b]) == pytest.approx(wanted)


def test_gradient_loss_does_not_see_the_sign() -> None:
    """Absolute differences are compared, so a negative image has the same gradients."""
    assert not gradient_difference(-pictures(0), pictures(0)).any()


def colour_waves(dx: float) -> Tensor:
    y, x = np.mgrid[:48, :48].astype(float)
    level = 0.4 * np.sin(0.35 * (x - dx) + 0.1 * y) + 0.4 * np.cos(0.3 * y - 0.12 * (x - dx))
    return torch.from_numpy(level).expand(1, 3, 48, 48)


def test_flow_loss_is_the_motion_from_the_real_frame_to_the_made_one() -> None:
    flow = torch.full((1, 2, 48, 48), 1.5, dtype=torch.float64)
    assert not flow_difference(colour_waves(0), colour_waves(0), flow).any()
    for dx in (0.2, -0.4):
        # Of x and y alone x differs, by |dx|.
        found = float(flow_difference(colour_waves(dx), colour_waves(0), flow)[0])
        assert found == pytest.approx(abs(dx) / 2, rel=0.25)


def test_flow_loss_moves_the_made_frame_alone() -> None:
    made, real = colour_waves(0.3).clone().requires_grad_(), colour_waves(0)
    flow_difference(made, real, torch.zeros(1, 2, 48, 48, dtype=torch.float64)).sum().backward()
    closer = made.detach() - 0.005 * made.grad / made.grad.abs().max()  # a step against the gradient
    flow = torch.zeros(1, 2, 48, 48, dtype=torch.float64)
    assert flow_difference(closer, real, flow) < flow_difference(made.detach(), real, flow)


def judge_of(seed: int = 0) -> PatchDiscriminator:
    with training.seeded(seed):
        return PatchDiscriminator(channels=4).double()


def test_least_squares_of_the_two_players() -> None:
    judge = judge_of()
    made, real = torch.rand(2, 2, 3, 16, 16, generator=torch.Generator().manual_seed(0)).double()
    on_made, on_real = judge(made).detach().numpy(), judge(real).detach().numpy()
    for b in range(2):
        assert deceit(judge, made)[b].item() == pytest.approx(((on_made[b] - 1) ** 2).mean() / 2)
        wanted = ((on_real[b] - 1) ** 2).mean() / 2 + (on_made[b] ** 2).mean() / 2
        assert misjudgement(judge, made, real)[b].item() == pytest.approx(wanted)


def test_one_sum_of_losses_moves_each_player_by_its_own() -> None:
    """Gradients of the sum, against those that two separate trainings would take."""
    detector = UNetPrediction(**SMALL)
    with training.seeded(1):
        network = detector._build()
    judge = judge_of().float()
    batch = Batch(np.stack([v[:5] for v in TRAIN]).transpose(0, 1, 4, 2, 3), None)
    detector._losses(network, judge, batch, torch.device("cpu"))["loss"].backward()
    summed = [[p.grad.clone() for p in player.parameters()] for player in (network, judge)]

    x, real = detector._inputs(batch.windows, torch.device("cpu"))
    network.zero_grad(), judge.zero_grad()
    made = network(x)
    own = ((made - real) ** 2).mean() + gradient_difference(made, real).mean()
    (own + 0.05 * ((judge(made) - 1) ** 2).mean() / 2).backward()
    for found, parameter in zip(summed[0], network.parameters(), strict=True):
        torch.testing.assert_close(found, parameter.grad)
    judge.zero_grad()
    with torch.no_grad():
        made = network(x)
    (((judge(real) - 1) ** 2).mean() / 2 + (judge(made) ** 2).mean() / 2).backward()
    for found, parameter in zip(summed[1], judge.parameters(), strict=True):
        torch.testing.assert_close(found, parameter.grad)


@pytest.mark.parametrize("flow", ["dis", "tvl1"])
def test_losses_are_logged_and_weighed(flow: str) -> None:
    rows: list[dict[str, float]] = []
    weights = {"intensity": 0.7, "gradient": 0.6, "flow": 0.5, "adversarial": 0.4}
    settings = SMALL | {f"lambda_{name}": weight for name, weight in weights.items()} | {"flow": flow}
    with training.runtime(training.Runtime(progress=lambda done, steps, losses: rows.append(losses))):
        UNetPrediction(**settings).fit([sample(v) for v in TRAIN])
    assert len(rows) == 3
    for row in rows:
        wanted = sum(weight * row[name] for name, weight in weights.items()) + row["judge"]
        assert row["loss"] == pytest.approx(wanted, rel=1e-5)


def test_parts_with_no_weight_are_left_out() -> None:
    rows: list[dict[str, float]] = []
    settings = SMALL | {"lambda_flow": 0.0, "lambda_adversarial": 0.0}
    with training.runtime(training.Runtime(progress=lambda done, steps, losses: rows.append(losses))):
        UNetPrediction(**settings).fit([sample(v) for v in TRAIN])
    assert set(rows[0]) == {"loss", "intensity", "gradient"}


def test_score_is_the_psnr_with_its_sign_turned() -> None:
    detector, new = UNetPrediction(**SMALL).fit([sample(v) for v in TRAIN]), noise(2, 11)
    scores = detector.score(sample(new))
    x = torch.from_numpy(new).permute(0, 3, 1, 2).float() / 127.5 - 1
    for (start, stop), value in zip(scores.spans.tolist(), scores.values, strict=True):
        assert stop == start + 1
        with torch.no_grad():
            made = detector.network_(x[start - 4 : start].reshape(1, 12, 16, 16))[0]
        squared = (((made + 1) / 2 - (x[start] + 1) / 2).double() ** 2).mean()
        assert value == pytest.approx(-10 * np.log10(1 / float(squared)), rel=1e-4)
    assert scores.spans[:, 0].tolist() == list(range(4, 11))


def test_rates_drop_to_a_tenth() -> None:
    trained = [
        UNetPrediction(**(SMALL | {"steps": 4, "drop_after": after})).fit([sample(v) for v in TRAIN]).state()
        for after in (2, 4)
    ]
    half = UNetPrediction(**(SMALL | {"steps": 2})).fit([sample(v) for v in TRAIN]).state()
    moved = [sum(np.abs(s[k] - half[k]).sum() for k in half) for s in trained]
    assert 0.05 < moved[0] / moved[1] < 0.2


def test_time_has_a_direction() -> None:
    """A bar that goes right is predicted better than one that goes left."""
    settings = SMALL | {"steps": 150, "channels": 8, "learning_rate": 2e-3}
    detector = UNetPrediction(**settings).fit([sample(moving_bar(s, 20)) for s in (0, 3)])
    right, left = moving_bar(1, 20), moving_bar(1, 20)[::-1]
    assert detector.score(sample(left)).values.min() > detector.score(sample(right)).values.max()


@pytest.mark.parametrize("wrong", [{"size": 8}, {"size": 20}, {"context": 0}, {"batch": 0}])
def test_refusals(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="unet_prediction cannot work"):
        UNetPrediction(**(SMALL | wrong))


@pytest.mark.parametrize("path", sorted(RECIPES.glob("unet_prediction*.toml")), ids=lambda path: path.stem)
def test_recipes_keep_to_the_published_numbers(path: Path) -> None:
    settings = config.build(UNetPrediction, config.read_recipe(path))
    grey = "ped" in path.name
    assert settings.learning_rate == (1e-4 if grey else 2e-4)
    assert settings.discriminator_rate == (1e-5 if grey else 2e-5)
