"""Both phases against losses written out plainly, who is moved by which, when G_old is kept, the scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from frame_videos import noise, sample
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy

from vadlab import config, training
from vadlab.detectors.ognet import OGNet, Players, adversarial, second_phase
from vadlab.errors import UsageError
from vadlab.nets.ognet import Discriminator, Generator
from vadlab.video.patches import PatchForm, moving_patches

RECIPES = Path(__file__).parents[2] / "recipes"
SMALL = {"patch": 17, "patch_stride": 8, "channels": 2, "batch": 8, "patches": 24, "iterations": 2}
TRAIN = [noise(0, 5, side=20), noise(1, 4, side=20)]


def players_of(seed: int = 0) -> Players:
    with training.seeded(seed):
        return Players(lambda: Generator(channels=2), lambda: Discriminator(side=17, channels=2)).double()


def patches_of(seed: int, k: int) -> Tensor:
    made = torch.rand(k, 6, 1, 17, 17, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return made * 2 - 1


def says(judge: nn.Module, x: Tensor, wanted: float) -> Tensor:
    """Binary cross-entropy from probabilities, as the paper writes it."""
    verdict = torch.sigmoid(judge(x))
    return binary_cross_entropy(verdict, torch.full_like(verdict, wanted))


def gradients(network: nn.Module) -> list[Tensor]:
    return [p.grad.clone() for p in network.parameters()]


def test_phase_one_moves_each_player_by_its_own_loss() -> None:
    """Gradients of the one sum, against those that two separate trainings would take; real is 0, made 1."""
    real, disturbance = patches_of(0, 2)
    players = players_of()
    losses = adversarial(players, real, disturbance, share=0.3)
    losses["loss"].backward()
    found = gradients(players.generator), gradients(players.first)

    plain = players_of()
    made = plain.generator((real + disturbance).clamp(-1, 1))
    own = 0.7 * ((made - real) ** 2).mean() + 0.3 * says(plain.first, made, 0)
    own.backward()
    for wanted, gradient in zip(gradients(plain.generator), found[0], strict=True):
        torch.testing.assert_close(gradient, wanted)
    plain.first.zero_grad()
    judging = 0.5 * (says(plain.first, made.detach(), 1) + says(plain.first, real, 0))
    judging.backward()
    for wanted, gradient in zip(gradients(plain.first), found[1], strict=True):
        torch.testing.assert_close(gradient, wanted)
    assert losses["loss"].item() == pytest.approx((own + judging).item())
    assert all(p.grad is None for other in (players.old, players.second) for p in other.parameters())


def test_deceit_leaves_the_discriminators_statistics_alone() -> None:
    players, plain = players_of(), players_of()
    real, disturbance = patches_of(1, 2)
    adversarial(players, real, disturbance, share=0.5)
    with torch.no_grad():
        made = plain.generator((real + disturbance).clamp(-1, 1))
        plain.first(made), plain.first(real)  # its own turn
    for found, wanted in zip(players.first.buffers(), plain.first.buffers(), strict=True):
        torch.testing.assert_close(found, wanted)


def test_phase_two_is_four_cross_entropies_of_the_discriminator_alone() -> None:
    players, plain = players_of(2), players_of(2)
    x, a, b = patches_of(3, 3)
    losses = second_phase(players, torch.stack([x, a, b]), real_share=0.1, old_share=0.001)
    losses["loss"].backward()

    generator, old, judge = plain.generator.eval(), plain.old.eval(), plain.second
    with torch.no_grad():
        good, bad, pseudo = generator(x), old(x), generator((old(a) + old(b)) / 2)
    verdict = torch.sigmoid(judge(torch.cat([x, good, bad, pseudo]))).split(6)
    wanted = -(0.1 * torch.log(1 - verdict[0]).mean() + 0.9 * torch.log(1 - verdict[1]).mean())
    wanted = wanted - (0.001 * torch.log(verdict[2]).mean() + 0.999 * torch.log(verdict[3]).mean())
    assert losses["loss"].item() == pytest.approx(wanted.item())
    wanted.backward()
    for found, gradient in zip(gradients(players.second), gradients(judge), strict=True):
        torch.testing.assert_close(found, gradient)
    for fixed in (players.generator, players.old, players.first):
        assert all(p.grad is None for p in fixed.parameters())


def test_phase_two_leaves_statistics_with_which_evaluation_judges_as_training_did() -> None:
    players, patches = players_of(2), patches_of(3, 3)
    for _ in range(150):  # the running statistics become those of this batch
        losses = second_phase(players, patches, real_share=0.1, old_share=0.001)
    judge = players.second.eval()
    with torch.no_grad():
        rebuilt = players.generator(patches[0])
        assert says(judge, patches[0], 0).item() == pytest.approx(losses["real"].item(), abs=2e-3)
        assert says(judge, rebuilt, 0).item() == pytest.approx(losses["rebuilt"].item(), abs=2e-3)


class Witness:
    """Keeps all players' parameters and statistics before each step, by spying on the losses."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.noisy: list[float] = []
        self.states: list[dict[str, Tensor]] = []
        for name in ("adversarial", "second_phase"):
            monkeypatch.setattr(f"vadlab.detectors.ognet.{name}", self.spy(name))

    def spy(self, name: str):
        real = {"adversarial": adversarial, "second_phase": second_phase}[name]

        def spied(players: Players, *given: Tensor, **settings: float) -> dict[str, Tensor]:
            self.states.append({k: v.clone() for k, v in players.state_dict().items()})
            if name == "adversarial":
                self.noisy.append(float(given[1].std()))
            return real(players, *given, **settings)

        return spied

    def part(self, step: int, name: str) -> dict[str, Tensor]:
        prefix = f"{name}."
        return {k.removeprefix(prefix): v for k, v in self.states[step].items() if k.startswith(prefix)}


def equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_the_old_generator_is_that_after_its_passes_and_phase_two_begins_where_phase_one_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = Witness(monkeypatch)
    settings = SMALL | {"epochs": 3, "old_epochs": 2, "clean_statistics": False}
    detector = OGNet(**settings).fit([sample(v) for v in TRAIN])
    # 24 patches, batches of 8: 3 steps a pass, and 2 in phase two.
    assert len(seen.states) == 3 * 3 + 2 and len(seen.noisy) == 9
    assert not equal(seen.part(5, "old"), seen.part(6, "old"))
    for step in range(6, 11):
        assert equal(seen.part(step, "old"), seen.part(6, "generator"))
    assert equal(seen.part(9, "second"), seen.part(9, "first"))
    assert equal(seen.part(9, "generator"), seen.part(10, "generator"))
    assert equal(seen.part(9, "first"), seen.part(10, "first"))
    assert not equal(seen.part(9, "second"), seen.part(10, "second"))
    assert not equal(seen.part(8, "generator"), seen.part(9, "generator"))
    kept = detector.state()
    for name, value in seen.part(10, "generator").items():
        np.testing.assert_array_equal(kept[f"network.generator.{name}"], value.numpy())


@pytest.mark.parametrize("iterations", [2, 0])
def test_after_phase_one_the_generators_statistics_are_those_of_patches_without_noise(
    monkeypatch: pytest.MonkeyPatch, iterations: int
) -> None:
    """Against the mean and variance of the first layer's output over all patches, worked out plainly."""
    seen = Witness(monkeypatch)
    samples = [sample(v) for v in TRAIN]
    detector = OGNet(**(SMALL | {"iterations": iterations})).fit(samples)
    pool = torch.from_numpy(detector._pool(samples))  # 24 patches: three whole batches
    patches = pool.float()[:, None] / 127.5 - 1
    kept = {name: torch.from_numpy(np.array(value)) for name, value in detector.state().items()}
    judged = [{k.removeprefix("network.generator."): v for k, v in kept.items() if ".generator." in k}]
    if iterations:
        judged += [seen.part(-1, "generator"), seen.part(-1, "old")]
    for generator in judged:
        layer = nn.Conv2d(1, 2, 5)
        layer.load_state_dict({k: generator[f"encoder.0.{k}"] for k in ("weight", "bias")})
        with torch.no_grad():
            out = layer(patches)
        mean, variance = (generator[f"encoder.1.running_{name}"] for name in ("mean", "var"))
        torch.testing.assert_close(mean, out.mean((0, 2, 3)), atol=1e-5, rtol=0)
        torch.testing.assert_close(variance, out.transpose(0, 1).flatten(1).var(1), rtol=0.05, atol=0)


def test_noise_has_the_deviation_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Witness(monkeypatch)
    OGNet(**(SMALL | {"epochs": 1})).fit([sample(v) for v in TRAIN])
    assert np.mean(seen.noisy) == pytest.approx(0.81, rel=0.03)


def test_a_pass_takes_every_patch_once(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Tensor] = []

    def spied(players: Players, real: Tensor, noise: Tensor, *, share: float) -> dict[str, Tensor]:
        taken.append(real)
        return adversarial(players, real, noise, share=share)

    monkeypatch.setattr("vadlab.detectors.ognet.adversarial", spied)
    detector = OGNet(**SMALL)
    detector.fit([sample(v) for v in TRAIN])
    pool = detector._pool([sample(v) for v in TRAIN])
    assert pool.shape == (24, 17, 17) and len(taken) == 12
    wanted = sorted(patch.tobytes() for patch in pool)
    passes = [torch.cat(taken[i : i + 3]) for i in (0, 3)]
    for one in passes:
        levels = ((one[:, 0] + 1) * 127.5).round().to(torch.uint8).numpy()
        assert sorted(patch.tobytes() for patch in levels) == wanted
    assert not torch.equal(*passes)


def test_large_sets_have_short_passes() -> None:
    steps: list[int] = []
    with training.runtime(training.Runtime(progress=lambda done, total, losses: steps.append(total))):
        OGNet(**(SMALL | {"epoch_patches": 9})).fit([sample(v) for v in TRAIN])
    assert set(steps) == {4 * 1 + 2}


def test_score_is_the_worst_patch_rebuilt() -> None:
    detector, video = OGNet(**SMALL).fit([sample(v) for v in TRAIN]), noise(2, 6, side=25)
    video[4] = video[3]
    scores = detector.score(sample(video))
    networks = detector._fitted()
    form = PatchForm(side=17, stride=8, motion=3.0)
    for t, (found, patches) in enumerate(zip(scores.values, moving_patches(video, form), strict=True), 1):
        assert scores.spans[t - 1].tolist() == [t, t + 1]
        if t == 4:
            assert found == 0  # nothing moves
            continue
        assert len(patches) == 4
        with torch.no_grad():
            x = torch.from_numpy(patches[:, None] / np.float32(127.5) - 1)
            each = torch.sigmoid(networks["discriminator"](networks["generator"](x)))
        assert found == pytest.approx(float(each.max()), abs=1e-6)


def stripes(seed: int, *, upright: bool) -> np.ndarray:
    """(20, 48, 48, 3): moving stripes with noise."""
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, 9) + 1.5 * np.arange(20)[:, None, None]
    along = np.arange(48)[None, None, :] if upright else np.arange(48)[None, :, None]
    level = 100 + 60 * np.sin(2 * np.pi * along / 12 + phase) + rng.normal(0, 5, (20, 48, 48))
    return np.repeat(level.clip(0, 255).astype(np.uint8)[..., None], 3, axis=-1)


def test_the_second_phase_tells_other_patches_from_those_of_training() -> None:
    settings = {"patch": 24, "patch_stride": 12, "channels": 4, "batch": 16, "patches": 256}
    detector = OGNet(**settings).fit([sample(stripes(seed, upright=True)) for seed in range(3)])
    normal, other = (detector.score(sample(stripes(9, upright=upright))).values for upright in (True, False))
    assert normal.max() < other.min()


def test_without_the_second_phase_it_is_the_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Witness(monkeypatch)
    whole = OGNet(**SMALL).fit([sample(v) for v in TRAIN])
    baseline = OGNet(**(SMALL | {"iterations": 0})).fit([sample(v) for v in TRAIN]).state()
    for name, value in seen.part(12, "first").items():
        np.testing.assert_array_equal(baseline[f"network.discriminator.{name}"], value.numpy())
    assert any((baseline[k] != v).any() for k, v in whole.state().items())


@pytest.mark.parametrize(
    "wrong", [{"patch": 16}, {"batch": 0}, {"noise": -1.0}, {"old_epochs": 5}, {"old_share": 1.5}]
)
def test_refusals(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="ognet cannot work"):
        OGNet(**(SMALL | wrong))


def test_videos_in_which_nothing_moves_are_refused() -> None:
    still = np.repeat(noise(0, 1, side=20), 5, axis=0)
    with pytest.raises(UsageError, match="something moves"):
        OGNet(**SMALL).fit([sample(still)])


@pytest.mark.parametrize("path", sorted(RECIPES.glob("ognet*.toml")), ids=lambda path: path.stem)
def test_recipes_keep_to_the_published_numbers(path: Path) -> None:
    settings, paper = config.build(OGNet, config.read_recipe(path)), OGNet()
    for name in ("real_share", "old_share", "old_epochs", "epochs", "batch", "second_rate"):
        assert getattr(settings, name) == getattr(paper, name), name
    authors = "authors" in path.name
    assert settings.adversarial_share == (0.5 if authors else paper.adversarial_share)
    assert settings.iterations == (76 if authors else 75)
    # A patch shows as much of the scene, whatever the frame is shrunk to.
    assert settings.patch == pytest.approx(paper.patch * settings.height / paper.height, abs=1)
    assert settings.patch_stride == settings.patch // 2
