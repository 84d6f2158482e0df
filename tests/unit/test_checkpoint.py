"""A detector on disk."""

from __future__ import annotations

import json
import pickletools
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from vadlab import checkpoint
from vadlab.errors import StoreError

STATE: dict[str, np.ndarray] = {
    "matrix": np.arange(6, dtype=np.float32).reshape(2, 3),
    "transposed": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "strided": np.arange(12).reshape(3, 4)[:, ::2],
    "backwards": np.arange(5.0)[::-1],
    "scalar": np.array(7, dtype=np.int64),
    "empty": np.zeros((0, 3), dtype=np.float32),
    "flags": np.array([True, False]),
    "infinite": np.array([np.inf, np.nan]),
    "names": np.array(["Überfall", "", "a, b"]),
    "table": np.array([["a", "b"], ["c", "d"]]),
    "no_names": np.array([], dtype=np.str_),
}


@dataclass
class Keeper:
    size: int = 1
    parts: tuple[str, ...] = ("a",)
    state_: dict[str, Any] = field(init=False, default_factory=dict)

    def state(self) -> dict[str, Any]:
        return dict(self.state_)

    def restore(self, state: Mapping[str, Any]) -> Keeper:
        self.state_ = dict(state)
        return self


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    module = ModuleType("keeper_module")
    module.Keeper = Keeper  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keeper_module", module)
    keeper = Keeper(size=3, parts=("b", "c"))
    keeper.state_ = STATE
    settings = checkpoint.settings_of(keeper)  # type: ignore[arg-type]
    assert settings == {"size": 3, "parts": ("b", "c")}
    checkpoint.write_run(
        tmp_path, {"detector": {"name": "keeper_module:Keeper", "settings": settings}, "seed": 4}
    )
    checkpoint.save_state(tmp_path, keeper)  # type: ignore[arg-type]
    return tmp_path


def test_every_array_comes_back_as_it_was(run: Path) -> None:
    detector, facts = checkpoint.restore(run)
    assert isinstance(detector, Keeper) and (detector.size, detector.parts) == (3, ("b", "c"))
    assert facts["seed"] == 4
    found = detector.state()
    assert found.keys() == STATE.keys()
    for key, value in STATE.items():
        assert found[key].shape == value.shape, key
        assert found[key].dtype.kind == value.dtype.kind, key
        np.testing.assert_array_equal(found[key], value, err_msg=key)


def test_nothing_on_disk_is_a_pickle(run: Path) -> None:
    for path in run.rglob("*"):
        content = path.read_bytes()
        assert b"numpy" not in content and not content.startswith((b"\x80", b"PK"))
        with pytest.raises(ValueError, match=r".*"):
            list(pickletools.genops(content))


@pytest.mark.parametrize("missing", ["run.json", "state.safetensors", "folder"])
def test_an_unfinished_run(run: Path, missing: str) -> None:
    folder = run / "none" if missing == "folder" else run
    (run / missing).unlink(missing_ok=True)
    with pytest.raises(StoreError, match="no finished training run") as caught:
        checkpoint.restore(folder)
    begun = missing == "state.safetensors"
    assert ("same vadlab train command" in str(caught.value.remedy)) is begun


def test_a_damaged_state(run: Path) -> None:
    path = run / checkpoint.STATE
    whole = path.read_bytes()
    for length in (0, 4, 20, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(StoreError, match="damaged"):
            checkpoint.restore(run)
    path.write_bytes(whole.replace(b'"texts"', b'"tests"'))
    with pytest.raises(StoreError, match="damaged"):
        checkpoint.restore(run)


@pytest.mark.parametrize("facts", [{}, {"detector": None}, {"detector": {"name": "aed"}}])
def test_a_run_file_of_another_kind(run: Path, facts: dict[str, Any]) -> None:
    (run / checkpoint.RUN).write_text(json.dumps(facts))
    with pytest.raises(StoreError, match="which detector"):
        checkpoint.restore(run)
