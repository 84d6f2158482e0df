"""The training loop, against loops written out by hand."""

from __future__ import annotations

import csv
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from vadlab import training
from vadlab.errors import StoreError, VadlabError
from vadlab.training_curves import CURVES

TARGET = torch.tensor([[1.0, -2.0, 0.5]])


def draw(step: int) -> Sequence[int]:
    return [step]


def assemble(items: Sequence[int]) -> Tensor:
    (step,) = items
    return torch.from_numpy(training.generator(5, step).normal(size=3).astype(np.float32))


class Quadratic(nn.Module):
    def __init__(self, size: int = 3):
        super().__init__()
        self.x = nn.Parameter(torch.zeros(1, size))
        self.register_buffer("calls", torch.tensor(0))  # no axes, as batch normalisation has it

    def losses(self, noise: Tensor) -> dict[str, Tensor]:
        """Noisy, the noise a function of the step."""
        self.calls += 1  # type: ignore[assignment, operator]
        near = ((self.x - TARGET - noise) ** 2).sum()
        small = 0.01 * self.x.abs().sum()
        return {"loss": near + small, "near": near}

    def step(self, number: int) -> Tensor:
        return self.losses(assemble(draw(number)))["loss"]

    def distance(self) -> float:
        return float(((self.x.detach() - TARGET) ** 2).sum())


Maker = Callable[[Any], torch.optim.Optimizer]
SGD: Maker = lambda p: torch.optim.SGD(p, lr=0.05)  # noqa: E731
MOMENTUM: Maker = lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9)  # noqa: E731
ADAM: Maker = lambda p: torch.optim.Adam(p, lr=0.1, weight_decay=0.01)  # noqa: E731
OPTIMISERS = pytest.mark.parametrize("make", [SGD, MOMENTUM, ADAM], ids=["sgd", "momentum", "adam"])


def train(make: Maker, *, steps: int = 20, choose: bool = False, **runtime: Any) -> dict[str, Tensor]:
    network = Quadratic()
    with training.runtime(training.Runtime(**runtime)):
        state = training.optimise(
            network,
            make(network.parameters()),
            draw=draw,
            assemble=assemble,
            losses=network.losses,
            steps=steps,
            validate=network.distance if choose else None,
            validate_every=3,
        )
    assert not network.training
    for key, value in network.state_dict().items():
        torch.testing.assert_close(value, state[key], rtol=0, atol=0)
    return {key: value.clone() for key, value in state.items()}


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> None:
    assert a.keys() == b.keys()
    for key in a:
        torch.testing.assert_close(a[key], b[key], rtol=0, atol=0)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / CURVES).open(newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


@OPTIMISERS
def test_is_the_plain_loop(make: Maker) -> None:
    network = Quadratic()
    optimiser = make(network.parameters())
    for step in range(20):
        optimiser.zero_grad()
        network.step(step).backward()
        optimiser.step()
    same(train(make), dict(network.state_dict()))


def test_gradient_descent_by_the_formula() -> None:
    x = np.zeros(3)
    for step in range(20):
        noise = training.generator(5, step).normal(size=3)
        x -= 0.05 * (2 * (x - TARGET.numpy()[0] - noise) + 0.01 * np.sign(x))
    np.testing.assert_allclose(train(SGD)["x"].numpy()[0], x, rtol=1e-5)


def test_keeps_the_best_on_validation() -> None:
    network = Quadratic()
    optimiser = SGD(network.parameters())
    found = {}
    for step in range(22):
        optimiser.zero_grad()
        network.step(step).backward()
        optimiser.step()
        if (step + 1) % 3 == 0 or step == 21:
            found[network.distance()] = network.x.detach().clone()
    best = min(found)
    assert best < list(found)[-1], "the last is the best: the test shows nothing"
    torch.testing.assert_close(train(SGD, steps=22, choose=True)["x"], found[best], rtol=0, atol=0)


def test_the_first_of_equal_losses_is_kept_and_nan_is_none() -> None:
    network, kept = Quadratic(), []
    losses = iter([float("nan"), 3.0, 2.0, float("nan"), 2.5, 2.0, 5.0])

    def validate() -> float:
        assert not network.training
        kept.append(network.x.detach().clone())
        return next(losses)

    state = training.optimise(
        network,
        SGD(network.parameters()),
        draw=draw,
        assemble=assemble,
        losses=network.losses,
        steps=7,
        validate=validate,
        validate_every=1,
    )
    torch.testing.assert_close(state["x"], kept[2], rtol=0, atol=0)


class KilledError(Exception):
    pass


@OPTIMISERS
@pytest.mark.parametrize("choose", [False, True])
@pytest.mark.parametrize("at", [1, 7, 20])
def test_a_resumed_training_ends_as_if_never_killed(
    tmp_path: Path, make: Maker, choose: bool, at: int
) -> None:
    def kill(done: int, total: int, losses: dict[str, float]) -> None:
        if done == at + 1:  # the step after the last snapshot
            raise KilledError

    killed, whole = tmp_path / "killed", tmp_path / "whole"
    expected = train(make, choose=choose, folder=whole)
    if at < 20:
        with pytest.raises(KilledError):
            train(make, choose=choose, folder=killed, snapshot_every_s=0.0, progress=kill)
    else:
        train(make, choose=choose, folder=killed)
    first: list[int] = []
    same(
        train(make, choose=choose, folder=killed, progress=lambda done, *_: first.append(done)),
        expected,
    )
    assert first == list(range(at + 1, 21))
    assert rows(killed) == rows(whole)


def test_curves(tmp_path: Path) -> None:
    losses = {}
    train(
        SGD, choose=True, folder=tmp_path, progress=lambda done, total, row: losses.update({done: dict(row)})
    )
    written = rows(tmp_path)
    assert [int(r["step"]) for r in written] == list(range(1, 21))
    for row in written:
        step = int(row.pop("step"))
        assert {k: float(v) for k, v in row.items() if v} == losses[step]
        assert bool(row["val_loss"]) is (step % 3 == 0 or step == 20)


def test_without_resume_it_starts_anew(tmp_path: Path) -> None:
    train(SGD, folder=tmp_path)
    started: list[int] = []
    train(SGD, folder=tmp_path, resume=False, progress=lambda done, *_: started.append(done))
    assert started[0] == 1 and len(rows(tmp_path)) == 20


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    train(ADAM, choose=True)
    assert not list(tmp_path.iterdir())


def test_a_damaged_snapshot(tmp_path: Path) -> None:
    train(ADAM, folder=tmp_path)
    path = tmp_path / training.SNAPSHOT
    whole = path.read_bytes()
    damaged = [whole[:n] for n in (0, 7, 50, len(whole) // 2, len(whole) - 1)]
    damaged += [
        whole.replace(b'"step"', b'"stop"'),
        whole.replace(b'"best_loss"', b'"best_lost"'),
        whole.replace(b"network.x", b"network.y"),
    ]
    for content in damaged:
        assert content != whole
        path.write_bytes(content)
        with pytest.raises(StoreError, match="snapshot") as caught:
            train(ADAM, folder=tmp_path)
        assert "delete it" in str(caught.value.remedy)


def test_a_snapshot_of_another_network(tmp_path: Path) -> None:
    train(ADAM, folder=tmp_path)
    other = Quadratic(size=4)
    with training.runtime(training.Runtime(folder=tmp_path)), pytest.raises(StoreError, match="another"):
        training.optimise(
            other,
            ADAM(other.parameters()),
            draw=draw,
            assemble=assemble,
            losses=other.losses,
            steps=3,
        )


def test_divergence_names_the_step(tmp_path: Path) -> None:
    network = Quadratic()

    def losses(step: int) -> dict[str, Tensor]:
        return {"loss": network.x.sum() * (float("nan") if step == 4 else 1.0)}

    def optimise(network: Quadratic, steps: int) -> dict[str, Tensor]:
        return training.optimise(
            network,
            SGD(network.parameters()),
            draw=draw,
            assemble=lambda items: items[0],
            losses=losses,
            steps=steps,
        )

    place = training.Runtime(folder=tmp_path, snapshot_every_s=0.0)
    with training.runtime(place), pytest.raises(VadlabError, match="step 4: the loss is nan"):
        optimise(network, 10)
    # The snapshot is of the time before, so that a resumed training is not of NaN.
    fresh = Quadratic()
    with training.runtime(place):
        state = optimise(fresh, 4)
    torch.testing.assert_close(state["x"], torch.full((1, 3), -0.05 * 4))


def test_random_numbers_are_of_seed_and_step_alone() -> None:
    draws = {(s, t): training.generator(s, t).integers(1 << 60) for s in range(3) for t in range(3)}
    assert len(set(draws.values())) == 9
    assert training.generator(1, 2).integers(1 << 60) == draws[1, 2]


def test_seeded_leaves_the_global_generator_alone() -> None:
    before = torch.random.get_rng_state()
    with training.seeded(3):
        first = torch.rand(4)
    assert torch.equal(before, torch.random.get_rng_state())
    with training.seeded(3):
        assert torch.equal(first, torch.rand(4))


def test_runtime_is_that_of_the_innermost_context() -> None:
    with training.runtime(training.Runtime(snapshot_every_s=1)):
        with pytest.raises(KilledError), training.runtime(training.Runtime(snapshot_every_s=2)):
            assert training.current().snapshot_every_s == 2
            raise KilledError
        assert training.current().snapshot_every_s == 1


def test_snapshots_take_no_more_than_a_twentieth_of_the_time() -> None:
    place = training.Runtime(snapshot_every_s=1.0)
    assert [place.pause_after(seconds) for seconds in (0.0, 0.04, 3.0)] == [1.0, 1.0, 60.0]
    assert training.Runtime(snapshot_every_s=0.0).pause_after(3.0) == 0


def test_means_and_totals_are_numpys() -> None:
    values, weights = torch.tensor([1.0, -2.0, 4.0, 8.0]), torch.tensor([1.0, 0.0, 3.0, 0.5])
    assert training.mean(values, weights).item() == pytest.approx(np.average(values, weights=weights))
    assert training.mean(values).item() == pytest.approx(values.numpy().mean())
    assert training.total(values).item() == pytest.approx(11)
    assert training.mean(values, torch.zeros(4)).item() == 0


def test_batches_are_made_ahead_but_not_far() -> None:
    """While a step runs the next batches are made; no more than the queue, the one in the making and it."""
    network, made = Quadratic(), []
    two_more = threading.Event()

    def recorded(items: Sequence[int]) -> Tensor:
        made.extend(items)
        if items[0] == 2:
            two_more.set()
        return assemble(items)

    furthest = []

    def losses(noise: Tensor) -> dict[str, Tensor]:
        assert two_more.wait(timeout=10), "nothing is made while a step runs"
        furthest.append(len(made))
        return network.losses(noise)

    training.optimise(
        network, SGD(network.parameters()), draw=draw, assemble=recorded, losses=losses, steps=20
    )
    assert made == list(range(20))
    assert all(n <= done + training.BATCHES_AHEAD + 2 for done, n in enumerate(furthest))


def test_an_error_in_making_a_batch_is_the_trainings(tmp_path: Path) -> None:
    network, before = Quadratic(), threading.active_count()

    def broken(items: Sequence[int]) -> Tensor:
        if items[0] == 3:
            raise StoreError("the feature file is damaged")
        return assemble(items)

    def optimise(assemble: Callable[[Sequence[int]], Tensor]) -> dict[str, Tensor]:
        return training.optimise(
            network,
            SGD(network.parameters()),
            draw=draw,
            assemble=assemble,
            losses=network.losses,
            steps=9,
        )

    with (
        training.runtime(training.Runtime(folder=tmp_path, snapshot_every_s=0.0)),
        pytest.raises(StoreError, match="feature file"),
    ):
        optimise(broken)
    assert len(rows(tmp_path)) == 3, "the steps before it were done"
    assert threading.active_count() <= before + 1, "TensorBoard's writer at most"
