"""One process: what several do is in tests/e2e/test_torchrun.py."""

from __future__ import annotations

import pytest
import torch

from vadlab import ranks
from vadlab.errors import UsageError

LAUNCHED = {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in LAUNCHED.items():
        monkeypatch.setenv(name, value)


def test_alone_there_is_nothing_to_share(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in LAUNCHED:
        monkeypatch.delenv(name, raising=False)
    assert ranks.first() and not ranks.launched()
    with ranks.joined(torch.device("cpu")):
        ranks.call_others()
        assert (ranks.rank(), ranks.size()) == (0, 1)
        assert ranks.from_first(b"content") == b"content"
        values = torch.tensor([1.0, 2.0])
        assert ranks.summed(values) is values


@pytest.mark.parametrize("world", ["1", "2"])
def test_one_process_of_a_launcher_is_alone(
    launched: None, monkeypatch: pytest.MonkeyPatch, world: str
) -> None:
    monkeypatch.setenv("WORLD_SIZE", world)
    monkeypatch.setenv("RANK", "0" if world == "1" else "1")
    assert ranks.launched() is (world == "2")
    assert ranks.first() is (world == "1")


def test_each_process_has_a_gpu_of_its_own(launched: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert ranks.place(torch.device("cpu")) == torch.device("cpu")
    assert ranks.place(torch.device("cuda")) == torch.device("cuda", 1)
    with pytest.raises(UsageError, match="a GPU of its own"):
        ranks.place(torch.device("cuda", 0))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UsageError, match="more processes than GPUs"):
        ranks.place(torch.device("cuda"))
