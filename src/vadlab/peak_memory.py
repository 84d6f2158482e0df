"""The most memory that this process has held at once, over a part of its life."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

__all__ = ["begin", "mib"]

OWN = Path("/proc/self")
RESET_PEAK = "5"  # proc(5), clear_refs


def begin() -> None:
    """Count from now on, where the system can; elsewhere `mib` goes on from the process's start."""
    with contextlib.suppress(OSError):
        (OWN / "clear_refs").write_text(RESET_PEAK, encoding="ascii")


def mib() -> float | None:
    """Most resident memory since `begin`, in MiB, mapped files included; None where the system tells none."""
    try:
        status = (OWN / "status").read_text(encoding="ascii")
    except OSError:
        return _since_start()
    found = re.search(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else None


def _since_start() -> float | None:
    try:
        import resource
        import sys
    except ImportError:  # Windows
        return None
    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
