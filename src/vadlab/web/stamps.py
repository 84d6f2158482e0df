"""Whether a video is still the one that something was made from."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

__all__ = ["stamp"]


def stamp(path: Path) -> str:
    """A text that changes when a video file, or any image of a folder, is replaced: by sizes and times.

    It is "" for what is not there.
    """
    try:
        if not path.is_dir():
            return _stamp_of(path.stat())
        with os.scandir(path) as found:
            files = sorted((entry.name, _stamp_of(entry.stat())) for entry in found if entry.is_file())
    except OSError:
        return ""
    return hashlib.sha256(repr(files).encode()).hexdigest()[:32]


def _stamp_of(about: os.stat_result) -> str:
    return f"{about.st_size:x}-{about.st_mtime_ns:x}"
