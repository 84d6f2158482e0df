"""The peak is that of what lay in memory since it was asked to count."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from vadlab import peak_memory

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="only Linux forgets an earlier peak")


def held(mib: int) -> None:
    np.ones(mib * 2**20, np.uint8)


@needs_proc
def test_peak_is_of_what_was_held_since() -> None:
    peak_memory.begin()
    before = peak_memory.mib()
    held(300)
    after = peak_memory.mib()
    assert before is not None
    assert after is not None
    assert after - before == pytest.approx(300, abs=20)
    peak_memory.begin()
    again = peak_memory.mib()
    assert again is not None
    assert again < after - 200
