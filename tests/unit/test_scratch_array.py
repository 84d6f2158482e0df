import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest

from vadlab.errors import UsageError
from vadlab.scratch_array import scratch_array


def test_an_array_that_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    array = scratch_array((3, 2), np.float16, of="numbers")
    assert not array.any() and array.dtype == np.float16
    array[1] = 7
    assert array.tolist() == [[0, 0], [7, 7], [0, 0]]
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_told_before_anything_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 90, 10))
    scratch_array((5,), np.float16, of="numbers")
    with pytest.raises(UsageError, match=r"no room for numbers(.|\n)*train on fewer videos"):
        scratch_array((6,), np.float16, of="numbers")
    with pytest.raises(UsageError, match="train on less of them"):
        scratch_array((6,), np.float16, of="numbers", less="less of them")
