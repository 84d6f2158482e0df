"""Devices by name."""

from __future__ import annotations

import pytest
import torch

from vadlab import devices
from vadlab.errors import UsageError


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.pick("auto") == devices.pick("cpu") == torch.device("cpu")
    for name in ("cuda", "cuda:1", "gpu", "", "meta", "mps"):
        with pytest.raises(UsageError, match="device"):
            devices.pick(name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert devices.pick("auto") == torch.device("cuda")
