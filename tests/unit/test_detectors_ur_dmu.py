"""UR-DMU: its losses against loops over bags, its draws, and its settings."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from vadlab import config
from vadlab.bags import Bag, Batch, Draw
from vadlab.detectors.ur_dmu import URDMU, divergence, memory_loss, noise, segmented
from vadlab.errors import UsageError
from vadlab.nets.ur_dmu import URDMUNet
from vadlab.spans import windows
from vadlab.types import Features, Sample, Video, VideoLabel

RECIPES = Path(__file__).parents[2] / "recipes"
SEGMENTS, PAIRS = 20, 3


def sample(n_frames: int, *, abnormal: bool = False, dim: int = 8) -> Sample[Features, VideoLabel]:
    spans = windows(n_frames, 16, 16)
    values = np.random.default_rng(n_frames).normal(size=(len(spans), dim)).astype(np.float32)
    values.flags.writeable = False
    video = Video("v", Path("v"), n_frames, Fraction(25), (8, 8))
    return Sample(video, spans, Features(values), VideoLabel(abnormal))


PAIR = [sample(800), sample(640, abnormal=True)]


def batch_of(features: torch.Tensor) -> Batch:
    n = len(features)
    valid = torch.ones(features.shape[:2], dtype=torch.bool)
    number = torch.arange(n)
    return Batch(features, valid, number < n // 2, number, number, number)


def losses_of(detector: URDMU, network: URDMUNet, features: torch.Tensor) -> dict[str, float]:
    draw = Draw(PAIR, abnormal=len(features) // 2, normal=len(features) // 2)
    found = detector._losses(network, batch_of(features), draw)
    return {name: float(value.detach()) for name, value in found.items()}


def test_defaults_are_the_release_s() -> None:
    detector = URDMU()
    assert (detector.segments, detector.items, detector.hidden, detector.margin) == (200, 60, 512, 100)
    weights = (detector.lambda_memory, detector.lambda_triplet)
    weights += (detector.lambda_divergence, detector.lambda_distance)
    assert weights == (0.1, 0.1, 0.001, 0.0001)
    assert (detector.learning_rate, detector.weight_decay, detector.steps) == (1e-4, 5e-5, 3000)
    assert (detector.abnormal_per_batch, detector.normal_per_batch) == (64, 64)


def test_losses_by_loops() -> None:
    torch.manual_seed(0)
    detector = URDMU(segments=SEGMENTS, hidden=8, items=20, dropout=0.0, margin=1.5)
    network = URDMUNet(8, hidden=8, items=20, dropout=0.0).double()
    x = torch.randn(2 * PAIRS, SEGMENTS, 8, dtype=torch.float64)
    found = losses_of(detector, network, x)

    def log(p: float) -> float:
        return -np.log(p)

    def order(values: np.ndarray) -> list[int]:
        return np.argsort(-values)[:2].tolist()  # 20 // 16 + 1

    with torch.no_grad():
        h = network.embedded(x)
        (like_a, aug_a), (like_n, aug_n) = network.abnormal(h), network.normal(h)
        mean, spread = network.mean(aug_n), network.log_variance(aug_n)
        chance = noise(mean, torch.arange(2 * PAIRS))
        latent_a, latent_n = network.mean(aug_a), mean.clone()
        latent_n[PAIRS:] += chance[PAIRS:] * torch.sqrt(torch.exp(spread[PAIRS:]))
        scores = network.scored(h, latent_a + latent_n).numpy()
    h, like_a, like_n, latent_a, latent_n, mean, spread = (
        v.numpy() for v in (h, like_a, like_n, latent_a, latent_n, mean, spread)
    )
    abnormal, normal = range(PAIRS), range(PAIRS, 2 * PAIRS)

    top = [np.sort(s)[-2:].mean() for s in scores]
    classification = np.mean([log(top[b] if b in abnormal else 1 - top[b]) for b in range(2 * PAIRS)])
    memory = np.mean([log(np.sort(like_a[b])[-2:].mean()) for b in abnormal])
    memory += np.mean([log(np.sort(1 - like_n[b])[-2:].mean()) for b in abnormal])
    memory += np.mean([log(like_n[b, t]) for b in normal for t in range(SEGMENTS)])
    memory += np.mean([log(1 - like_a[b, t]) for b in normal for t in range(SEGMENTS)])
    triplets, hinges, divergences = [], [], []
    for a, n in zip(abnormal, normal, strict=True):
        anchor, positive = h[n, order(like_n[n])].mean(0), h[a, order(like_n[a])].mean(0)
        negative = h[a, order(like_a[a])].mean(0)
        anchor, positive, negative = (v / np.linalg.norm(v) for v in (anchor, positive, negative))
        near, far = np.linalg.norm(anchor - positive), np.linalg.norm(anchor - negative)
        triplets.append(max(0, 1 + near - far))
        longer = np.linalg.norm(latent_a[a, order(like_a[a])].mean(0))
        shorter = np.linalg.norm(latent_n[n, order(like_n[n])].mean(0))
        hinges.append(max(0, 1.5 - longer + shorter))
        # Of N(m, s) from N(0, 1), one latent feature after the other.
        kl = [
            (m**2 + np.exp(v)) / 2 - 0.5 - v / 2
            for m, v in zip(mean[n].ravel(), spread[n].ravel(), strict=True)
        ]
        divergences.append(sum(kl) / 8)  # latent features
    assert found["classification"] == pytest.approx(classification)
    assert found["memory"] == pytest.approx(memory)
    assert found["triplet"] == pytest.approx(np.mean(triplets), rel=1e-4)
    assert found["distance"] == pytest.approx(np.mean(hinges))
    assert found["divergence"] == pytest.approx(np.mean(divergences))
    whole = classification + 0.1 * memory + 0.1 * np.mean(triplets)
    whole += 1e-3 * np.mean(divergences) + 1e-4 * np.mean(hinges)
    assert found["loss"] == pytest.approx(whole, rel=1e-5)


def test_divergence_from_pytorchs_distributions() -> None:
    mean, log_variance = torch.randn(4, 6, 3), torch.randn(4, 6, 3)
    of = torch.distributions
    theirs = of.kl_divergence(of.Normal(mean, log_variance.mul(0.5).exp()), of.Normal(0.0, 1.0))
    torch.testing.assert_close(divergence(mean, log_variance), theirs.sum(dim=1).mean(dim=1))


def test_the_memory_loss_vanishes_once_the_memories_know_their_own() -> None:
    like_abnormal, like_normal = torch.zeros(2, 20), torch.ones(2, 20)
    like_abnormal[0, 4:6], like_normal[0, 4:6] = 1, 0  # two clips of the abnormal bag
    abnormal = torch.tensor([1.0, 0.0])
    assert float(memory_loss(like_abnormal, like_normal, abnormal)) == 0
    like_normal[1, 0] = 0.5  # one of the normal bag's clips is not quite known
    found = float(memory_loss(like_abnormal, like_normal, abnormal))
    assert found == pytest.approx(np.log(2) / 20, rel=1e-4)


def test_a_bag_has_the_mean_of_each_segment() -> None:
    long, short = sample(16 * 97), sample(16 * 3, abnormal=True)
    bags = [Bag(1, 0, 7), Bag(0, 1, 8), Bag(0, 2, 9)]
    batch = segmented([long, short], bags, count=10)
    assert batch.features.shape == (3, 10, 8)
    assert batch.abnormal.tolist() == [True, False, False]
    assert batch.videos.tolist() == [1, 0, 0] and batch.valid.all()
    assert batch.places.tolist() == [0, 1, 2] and batch.seeds.tolist() == [7, 8, 9]
    for i, row in enumerate(batch.features[1]):
        wanted = long.x.values[i * 97 // 10 : (i + 1) * 97 // 10].mean(axis=0)
        np.testing.assert_allclose(row, wanted, rtol=1e-6)
    assert torch.equal(batch.features[1], batch.features[2]), "nothing is drawn"
    repeated = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert torch.equal(batch.features[0], torch.tensor(short.x.values[repeated]))


def test_noise_is_each_items_own() -> None:
    like = torch.zeros(3, 50, 40)
    drawn = noise(like, torch.tensor([5, 6, 7]))
    assert torch.equal(noise(like[:1], torch.tensor([6]))[0], drawn[1])
    assert abs(float(drawn.mean())) < 0.05 and abs(float(drawn.std()) - 1) < 0.05


def test_scores_are_without_chance_and_all_clips_count() -> None:
    detector = URDMU(steps=2, hidden=8, items=4, segments=4, abnormal_per_batch=2, normal_per_batch=2).fit(
        PAIR
    )
    one = sample(330)
    scores = detector.score(one)
    assert scores.spans.tolist() == one.spans.tolist()
    assert np.array_equal(detector.score(one).values, scores.values)
    shorter = Sample(one.video, one.spans[:10], Features(one.x.values[:10].copy()), None)
    assert detector.score(shorter).values[0] != scores.values[0]


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(UsageError, match="multiple of 4"):
        URDMU(hidden=30)
    with pytest.raises(UsageError, match="one by one"):
        URDMU(normal_per_batch=3)


@pytest.mark.parametrize("recipe", sorted(path.name for path in RECIPES.glob("ur_dmu-*.toml")))
def test_recipes(recipe: str) -> None:
    config.build(URDMU, config.read_recipe(RECIPES / recipe))
