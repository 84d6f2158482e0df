import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from vadlab import cache
from vadlab.engine import as_tensor, fast_bf16, packing_pays

CPU = torch.device("cpu")


def test_callers_share_the_threads_and_leave_other_threads_alone() -> None:
    """In a process of its own, for the tests run with one thread."""
    code = """
import threading, torch
from vadlab.engine import one_share
torch.set_num_threads(6)
seen = []
def work(workers):
    with one_share(workers):
        seen.append(torch.get_num_threads())
    seen.append(torch.get_num_threads())
for workers in (1, 2, 4, 9):
    thread = threading.Thread(target=work, args=(workers,))
    thread.start()
    thread.join()
work(3)
print(*seen, torch.get_num_threads())
"""
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "6"},
    )
    assert run.stdout.split() == ["6", "6", "3", "6", "1", "6", "1", "6", "2", "6", "6"]


def test_bf16_in_hardware_is_either_kind_of_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    for vector, matrix in ((False, False), (True, False), (False, True), (True, True)):
        for probe, answer in (("avx512_bf16", vector), ("amx_tile", matrix)):
            monkeypatch.setattr(torch.cpu, f"_is_{probe}_supported", lambda a=answer: a, raising=False)
        assert fast_bf16(CPU) is (vector or matrix)
        assert packing_pays("bf16") is matrix and not packing_pays("fp32")
    for probe in ("avx512_bf16", "amx_tile"):
        monkeypatch.delattr(torch.cpu, f"_is_{probe}_supported")
    assert not fast_bf16(CPU), "a PyTorch that cannot tell"


def test_arrays_that_can_be_shared_are_not_copied() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert as_tensor(array, CPU).data_ptr() == array.ctypes.data
    for other in (array[::-1], array.T, np.asfortranarray(array)):
        np.testing.assert_array_equal(as_tensor(other, CPU).numpy(), other)
    fixed = array.copy()
    fixed.flags.writeable = False
    as_tensor(fixed, CPU).zero_()
    np.testing.assert_array_equal(fixed, array)


def test_the_cache_folder_can_be_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VADLAB_CACHE", str(tmp_path))
    assert cache.folder() == tmp_path
    monkeypatch.delenv("VADLAB_CACHE")
    assert cache.folder().name == "vadlab"
