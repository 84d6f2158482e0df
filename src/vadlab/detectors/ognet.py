"""OGNet: a discriminator of moving patches that learns good reconstructions from bad ones (unsupervised).

Paper: Zaheer, Lee, Astrid, Lee, "Old is Gold: Redefining the Adversarially Learned One-Class Classifier
Training Paradigm", CVPR 2020, https://arxiv.org/abs/2004.07657.
References read for facts: the authors' PyTorch release and a copy of it with their training code (MIT).

What differs: how patches are cut is ours, since the release takes them ready-made: a grid, and of it what
moves (`patch_stride`, `motion`, `height`). In phase one both networks make their steps at once, each from the
other before its step. Phase two runs once, after phase one; the release runs it again after every step of
phase one from the fourth pass on and shows the AUC on the test set each time, from which it may be chosen.
The generators' batch statistics are taken anew from patches without noise before phase two, which shows them
no other (`clean_statistics`). In phase two the discriminator sees its four kinds of patch in one batch, where
the release shows it each kind alone: batch norm then takes away what tells the kinds apart, and its running
statistics fit none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim.swa_utils import update_bn

from vadlab import training
from vadlab.detector import Reach, State
from vadlab.errors import UsageError
from vadlab.frame_windows import Pixels
from vadlab.nets.ognet import SMALLEST, Discriminator, Generator
from vadlab.network_state import fitted, loaded, parameters_of, state_of
from vadlab.reservoir import Reservoir
from vadlab.types import FloatArray, Frames, IntArray, Sample, Scores, Supervision
from vadlab.video.patches import PatchForm, moving_patches

__all__ = ["OGNet"]

SCORING_BATCH = 64
REAL, FAKE = 0.0, 1.0  # what the discriminator says of good patches and of bad ones
STATISTICS_BATCHES = 32  # of which the generators' batch statistics are taken after phase one
UNMOVED = 0.0  # the score of a frame in which nothing moves, the least that the discriminator can say


@dataclass(frozen=True)
class Example:
    """What one place in a batch holds.

    Args:
        step: Of the training.
        patches: Numbers of three training patches; phase one looks at the first alone, with noise on it.
        seed: Of the noise.
    """

    step: int
    patches: tuple[int, int, int]
    seed: int


@dataclass(frozen=True)
class Batch:
    """Stacked examples.

    Args:
        step: Of the training.
        patches: (3, b, 1, s, s) in -1..1.
        noise: (b, 1, s, s), of deviation 1.
    """

    step: int
    patches: Tensor
    noise: Tensor


@dataclass
class OGNet:
    """One score a frame: the worst that the discriminator says of its moving patches, rebuilt; 0..1.

    Args:
        patch: Side of the patches in pixels, at least 17.
        patch_stride: Pixels between neighbouring patches (ours).
        motion: A patch counts if it differs from the frame before by more, in grey levels of 0..255 in the
            mean; a frame without such a patch scores 0 (ours).
        height: Higher frames are shrunk to this height (ours).
        patches: Training patches at most, drawn from all videos alike (ours).
        channels: Maps of the first layers; each of three more has twice as many.
        noise: Standard deviation of the noise on the generator's input in phase one, on patches in -1..1.
            The release calls its option 0.9 a deviation, but adds noise of its square.
        adversarial_share: Of the generator's loss, f; the rest is the reconstruction's. 1/6 is the paper's
            weight of 0.2 beside a reconstruction of 1, less sure. The release's 0.5 is for digits: on Ped2's
            patches of little contrast the generator left off rebuilding with it.
        clean_statistics: After phase one, take both generators' batch statistics anew from patches without
            noise (ours), for such are all that they see from then on. The release keeps those of noisy ones.
        learning_rate: Of Adam for the generator.
        discriminator_rate: Of Adam for the discriminator in phase one.
        batch: Patches in a step.
        epochs: Passes of phase one. The authors say that these depend on the dataset.
        old_epochs: Passes after which the generator is kept as G_old, which rebuilds badly.
        epoch_patches: Patches of a pass at most, so that G_old stays bad on large sets (ours).
        iterations: Updates of the discriminator in phase two (release: 76, by one more turn of its loop); 0
            leaves phase two out, which is the paper's baseline.
        second_rate: Of Adam for the discriminator in phase two.
        real_share: Of the weight on good patches, that of real ones, alpha; the rest is on rebuilt ones.
        old_share: Of the weight on bad patches, that of G_old's; the rest is on pseudo anomalies. The
            release's option for it is called the contribution of the pseudo anomalies.
        seed: Of the drawn patches, the initialisation, the batches and the noise.

    Raises:
        UsageError: If a setting is out of its range.
    """

    supervision: ClassVar[Supervision] = Supervision.UNSUPERVISED
    reads: ClassVar[Literal["frames"]] = "frames"
    threshold: ClassVar[float | None] = None
    reach: ClassVar[Reach | None] = Reach(before=1)

    patch: int = 45
    patch_stride: int = 22
    motion: float = 3.0
    height: int = 240
    patches: int = 100_000
    channels: int = 64
    noise: float = 0.81
    adversarial_share: float = 1 / 6
    clean_statistics: bool = True
    learning_rate: float = 1e-3
    discriminator_rate: float = 1e-4
    batch: int = 64
    epochs: int = 4
    old_epochs: int = 1
    epoch_patches: int = 20_000
    iterations: int = 75
    second_rate: float = 5e-5
    real_share: float = 0.1
    old_share: float = 0.001
    seed: int = 0

    networks_: nn.ModuleDict | None = field(init=False, default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        counts = (self.patch_stride, self.height, self.patches, self.channels, self.batch, self.epoch_patches)
        shares = (self.adversarial_share, self.real_share, self.old_share)
        if self.patch < SMALLEST or min(counts) < 1 or min(self.noise, self.motion, self.iterations) < 0:
            raise UsageError(
                "ognet cannot work with these settings",
                expected=f"patch >= {SMALLEST}, numbers of things >= 1, noise, motion and iterations >= 0",
                found=f"{self.patch}, {counts}, {self.noise}, {self.motion}, {self.iterations}",
            )
        if not 1 <= self.old_epochs <= self.epochs or not all(0 <= share <= 1 for share in shares):
            raise UsageError(
                "ognet cannot work with these settings",
                expected="1 <= old_epochs <= epochs, and shares in 0..1",
                found=f"{self.old_epochs}, {self.epochs}, {shares}",
            )

    def fit(self, train: Sequence[Sample[Frames, None]], val: Sequence[Sample[Frames, None]] = ()) -> Self:
        """Train on normal videos, both phases; `val` is not used, the last step's parameters are kept.

        Raises:
            UsageError: If there is no video, or nothing moves in any.
        """
        del val
        pool = self._pool(train)
        batch = min(self.batch, len(pool))
        a_pass = max(1, min(self.epoch_patches, len(pool)) // batch)
        old, redefined = self.old_epochs * a_pass, self.epochs * a_pass  # steps at which these begin
        device = training.current().device
        with training.seeded(self.seed):
            players = Players(self._generator, self._discriminator).to(device)

        def losses(batch: Batch) -> dict[str, Tensor]:
            if batch.step == old:
                players.old.load_state_dict(players.generator.state_dict())
            if batch.step == redefined:
                self._settle(players, pool)
                players.second.load_state_dict(players.first.state_dict())
            patches, noise = batch.patches.to(device), batch.noise.to(device)
            if batch.step < redefined:
                return adversarial(players, patches[0], self.noise * noise, share=self.adversarial_share)
            return second_phase(players, patches, real_share=self.real_share, old_share=self.old_share)

        training.optimise(
            players,
            torch.optim.Adam(
                [
                    {"params": list(network.parameters()), "lr": rate}
                    for network, rate in (
                        (players.generator, self.learning_rate),
                        (players.first, self.discriminator_rate),
                        (players.second, self.second_rate),
                    )
                ],
                fused=True,
            ),
            draw=lambda step: _drawn(
                step, batch, n_patches=len(pool), seed=self.seed, shuffled=step < redefined
            ),
            assemble=lambda examples: _stacked(examples, pool),
            losses=losses,
            steps=redefined + self.iterations,
        )
        if not self.iterations:
            self._settle(players, pool)
        judge = players.second if self.iterations else players.first
        self.networks_ = _pair(players.generator, judge).cpu()
        return self

    @torch.no_grad()
    def score(self, sample: Sample[Frames, None]) -> Scores:
        """A score for every frame but the first, which has none before it."""
        device = training.current().device
        networks = self._fitted().to(device).eval()
        values: list[float] = []
        for patches in moving_patches(sample.x, self._form()):
            worst = UNMOVED
            for i in range(0, len(patches), SCORING_BATCH):
                x = torch.from_numpy(_scaled(patches[i : i + SCORING_BATCH])).to(device)
                says = torch.sigmoid(networks["discriminator"](networks["generator"](x)))
                worst = max(worst, float(says.max()))
            values.append(worst)
        starts: IntArray = np.arange(len(values), dtype=np.int64) + 1
        if not values:
            values, starts = [UNMOVED], np.zeros(1, dtype=np.int64)
        return Scores(sample.video, np.stack([starts, starts + 1], axis=1), np.array(values, np.float32))

    def state(self) -> State:
        """Parameters and batch statistics of the generator, and of the discriminator that scores."""
        return state_of(self._fitted())

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        """Take back what `state` gave."""
        self.networks_ = loaded(_pair(self._generator(), self._discriminator()), parameters_of(state))
        return self

    def _generator(self) -> Generator:
        return Generator(channels=self.channels)

    def _discriminator(self) -> Discriminator:
        return Discriminator(side=self.patch, channels=self.channels)

    def _fitted(self) -> nn.ModuleDict:
        return fitted(self.networks_, "ognet")

    def _settle(self, players: Players, pool: Pixels) -> None:
        """Fit the generators' batch statistics to patches without noise."""
        if self.clean_statistics:
            order = np.random.default_rng([self.seed, 2]).permutation(len(pool))
            batch = min(self.batch, len(pool))
            rows = order[: min(STATISTICS_BATCHES, len(pool) // batch) * batch].reshape(-1, batch)
            for generator in (players.generator, players.old):
                update_bn(
                    (torch.from_numpy(_scaled(pool[one])) for one in rows),
                    generator,
                    device=training.current().device,
                )

    def _form(self) -> PatchForm:
        return PatchForm(side=self.patch, stride=self.patch_stride, motion=self.motion, height=self.height)

    def _pool(self, train: Sequence[Sample[Frames, None]]) -> Pixels:
        """(n, s, s) training patches."""
        drawn = Reservoir(self.patches, np.random.default_rng([self.seed, 0]))
        drawn.add(np.empty((0, self.patch, self.patch), np.uint8))
        for sample in train:
            for patches in moving_patches(sample.x, self._form()):
                drawn.add(patches)
        (pool,) = drawn.rows()
        if not len(pool):
            raise UsageError(
                "ognet found no training patch in which something moves",
                expected=f"patches that differ from the frame before by more than {self.motion} grey levels",
                found=f"none in {len(train)} videos",
                remedy="--set motion=0 takes all that differ at all",
            )
        return pool


class Players(nn.Module):
    """All that is trained: the generator, its early copy, and the discriminator of each phase.

    A discriminator of its own for phase two has an optimiser's state of its own too.
    """

    def __init__(self, generator: Callable[[], Generator], discriminator: Callable[[], Discriminator]):
        super().__init__()
        self.generator, self.old = generator(), generator()
        self.first, self.second = discriminator(), discriminator()


def adversarial(players: Players, real: Tensor, noise: Tensor, *, share: float) -> dict[str, Tensor]:
    """Losses of phase one on (b, 1, s, s) patches.

    "generator" and "discriminator" have gradients of different parameters, so that one sum serves both.

    Args:
        players: What is trained.
        real: Patches in -1..1.
        noise: Added to the generator's input.
        share: Of the generator's loss that is adversarial.
    """
    made = players.generator((real + noise).clamp(-1, 1))
    rebuilding = training.mean((made - real).square().mean((1, 2, 3)))
    # Without its parameters' gradients, and without moving its batch statistics, which its own turn does.
    fixed = {name: value.detach() for name, value in players.first.named_parameters()}
    fixed |= {name: value.clone() for name, value in players.first.named_buffers()}
    deceit = verdict(functional_call(players.first, fixed, (made,)), REAL)
    discriminator = (verdict(players.first(made.detach()), FAKE) + verdict(players.first(real), REAL)) / 2
    generator = (1 - share) * rebuilding + share * deceit
    return {
        "loss": generator + discriminator,
        "rebuilding": rebuilding,
        "deceit": deceit,
        "discriminator": discriminator,
    }


def second_phase(
    players: Players, patches: Tensor, *, real_share: float, old_share: float
) -> dict[str, Tensor]:
    """Losses of phase two, in which the discriminator alone is trained and there is no noise.

    Args:
        players: What is trained.
        patches: (3, b, 1, s, s): good ones, and pairs of which pseudo anomalies are made.
        real_share: Of the weight on good ones, that of real patches.
        old_share: Of the weight on bad ones, that of G_old's.
    """
    players.generator.eval()
    players.old.eval()
    x, a, b = patches
    with torch.no_grad():
        rebuilt, badly = players.generator(x), players.old(x)
        pseudo = players.generator((players.old(a) + players.old(b)) / 2)
    # One batch, so that batch norm normalises all kinds alike, as it does in evaluation.
    logits = players.second(torch.cat([x, rebuilt, badly, pseudo])).split(len(x))
    kinds = zip(("real", "rebuilt", "old", "pseudo"), logits, (REAL, REAL, FAKE, FAKE), strict=True)
    losses = {kind: verdict(says, wanted) for kind, says, wanted in kinds}
    good = real_share * losses["real"] + (1 - real_share) * losses["rebuilt"]
    bad = old_share * losses["old"] + (1 - old_share) * losses["pseudo"]
    return {"loss": good + bad, **losses}


def verdict(logits: Tensor, wanted: float) -> Tensor:
    """The mean cross-entropy of (b,) logits with what they should say, 0 or 1."""
    target = torch.full_like(logits, wanted)
    return training.mean(binary_cross_entropy_with_logits(logits, target, reduction="none"))


def _drawn(step: int, batch: int, *, n_patches: int, seed: int, shuffled: bool) -> list[Example]:
    """A step's batch; `shuffled` takes every first patch once a pass, but for a remainder."""
    rng = training.generator(seed, step)
    rows = rng.integers(n_patches, size=(batch, 3))
    if shuffled:
        done, position = divmod(step, n_patches // batch)
        order = np.random.default_rng([seed, 1, done]).permutation(n_patches)
        rows[:, 0] = order[position * batch : (position + 1) * batch]
    seeds = rng.integers(2**62, size=batch).tolist()
    return [Example(step, (x, a, b), noise) for (x, a, b), noise in zip(rows.tolist(), seeds, strict=True)]


def _stacked(examples: Sequence[Example], pool: Pixels) -> Batch:
    rows = np.array([example.patches for example in examples]).T
    shape = (1, *pool.shape[1:])
    noise = [
        np.random.default_rng(example.seed).standard_normal(shape, dtype=np.float32) for example in examples
    ]
    return Batch(examples[0].step, torch.from_numpy(_scaled(pool[rows])), torch.from_numpy(np.stack(noise)))


def _scaled(patches: Pixels) -> FloatArray:
    """(..., s, s) uint8 to (..., 1, s, s) in -1..1."""
    return patches[..., None, :, :].astype(np.float32) / np.float32(127.5) - 1


def _pair(generator: Generator, discriminator: Discriminator) -> nn.ModuleDict:
    return nn.ModuleDict({"generator": generator, "discriminator": discriminator})
