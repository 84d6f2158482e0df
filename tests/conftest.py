"""Fixtures that all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Tests run in several processes; each with all cores' threads would wait for the others.
os.environ.setdefault("OMP_NUM_THREADS", "1")

SHARED = Path(os.environ.get("VADLAB_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real videos and label files, beside the checkout or at VADLAB_SHARED."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"no real data at {SHARED}; set VADLAB_SHARED to the folder that holds data/")
    return SHARED
