import hashlib
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import torch
from numpy.typing import NDArray
from weights_example import MEMBER, pack

from vadlab.errors import WeightsError
from vadlab.pretrained import weight_files
from vadlab.pretrained.pinned_weights import Archive

STATE = {"stem.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 4), "head.bias": np.ones(3, np.float32)}


def write(kind: str, state: dict[str, NDArray[np.float32]], folder: Path) -> Path:
    path = folder / f"mine.{kind.split('-')[-1]}"
    tensors = {key: torch.from_numpy(value) for key, value in state.items()}
    if kind == "safetensors":
        safetensors.numpy.save_file(state, path)
    elif kind == "pkl":
        path.write_bytes(pickle.dumps(state))
    elif kind == "parallel-pt":
        parallel = {f"module.{key}": value for key, value in tensors.items()}
        torch.save({"state_dict": parallel, "epoch": 3}, path)
    elif kind == "old-pth":
        torch.save(tensors, path, _use_new_zipfile_serialization=False)
    elif kind == "bfloat16-pt":
        torch.save({key: value.bfloat16() for key, value in tensors.items()}, path)
    else:
        torch.save(tensors, path)
    return path


@pytest.mark.parametrize("kind", ["safetensors", "pkl", "pt", "old-pth", "parallel-pt", "bfloat16-pt"])
def test_every_kind_of_file_is_read(kind: str, tmp_path: Path) -> None:
    found: Any = weight_files.read(write(kind, STATE, tmp_path))
    assert found.keys() == STATE.keys()
    for key, expected in STATE.items():
        np.testing.assert_array_equal(found[key], expected, strict=True)


def test_the_one_member_of_an_archive_is_read(tmp_path: Path) -> None:
    path = tmp_path / "archive.tar.gz"
    path.write_bytes(pack(b"the member"))
    right = Archive("x", path.name, 0, "", MEMBER, hashlib.sha256(b"the member").hexdigest())
    assert weight_files.read_member(path, right) == b"the member"
    other = Archive("x", path.name, 0, "", MEMBER, hashlib.sha256(b"another").hexdigest())
    with pytest.raises(WeightsError, match="is not the pinned one"):
        weight_files.read_member(path, other)
    absent = Archive("x", path.name, 0, "", "absent.ckpt", right.member_sha256)
    with pytest.raises(WeightsError, match=r"no member absent\.ckpt"):
        weight_files.read_member(path, absent)
    assert list(tmp_path.iterdir()) == [path], "nothing is unpacked"


class Trap:
    """What a hostile pickle does: call a function on being read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("suffix", ["pkl", "ckpt", "pt", "pth"])
def test_hostile_files_are_refused_and_run_nothing(suffix: str, tmp_path: Path) -> None:
    content = {"stem.weight": Trap(tmp_path / "sprung")}
    path = tmp_path / f"hostile.{suffix}"
    if suffix.startswith("pt"):
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(WeightsError, match=f"hostile.{suffix}"):
        weight_files.read(path)
    assert not (tmp_path / "sprung").exists()
    pickle.loads(pickle.dumps(content))
    assert (tmp_path / "sprung").exists(), "the trap works, so the test can fail"


@pytest.mark.parametrize("content", [b"", b"garbage", pickle.dumps([1, 2])[:-1]])
@pytest.mark.parametrize("suffix", ["pkl", "pt", "safetensors"])
def test_damaged_files_are_refused(content: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"damaged.{suffix}"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="read"):
        weight_files.read(path)
