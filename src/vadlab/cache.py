"""The folder for what can be had again: weights, and what was measured on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

__all__ = ["folder"]


def folder() -> Path:
    """The user's cache folder of the platform, or `VADLAB_CACHE`; it need not exist."""
    cache = os.environ.get("VADLAB_CACHE")
    return Path(cache) if cache else platformdirs.user_cache_path("vadlab")
