"""What the user has configured for pip or uv: the package index and the certificates to trust."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
from pathlib import Path

import platformdirs

__all__ = ["certificates", "index_url"]


def index_url() -> str | None:
    """The Python package index: the configured one, else pip's own default; None where there is no pip.

    It may hold a password.
    """
    return (
        os.environ.get("PIP_INDEX_URL")
        or os.environ.get("UV_DEFAULT_INDEX")
        or os.environ.get("UV_INDEX_URL")
        or _setting("index-url")
        or _default_of_pip()
    )


def certificates() -> str | None:
    """The file of trusted certificates, or None for the usual ones."""
    return _setting("cert")


def _default_of_pip() -> str | None:
    """What pip asks when nothing is configured; only its help says so in public."""
    asked = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--help"],
        check=False,
        capture_output=True,
        text=True,
        # Wide, so that no address is broken between lines; without files, for a damaged one stops pip.
        env=os.environ | {"COLUMNS": "400", "PIP_CONFIG_FILE": os.devnull},
    )
    found = re.search(r"--index-url <url>.*?\(default (\S+?)\)", asked.stdout, re.DOTALL)
    return found[1] if found else None


def _setting(key: str) -> str | None:
    """A setting of pip: its environment variable, else its configuration files, later ones winning."""
    variable = os.environ.get("PIP_" + key.upper().replace("-", "_"))
    if variable:
        return variable
    configured = os.environ.get("PIP_CONFIG_FILE")
    if configured == os.devnull:
        return None
    site = platformdirs.site_config_dir("pip", multipath=True).split(os.pathsep)
    user = platformdirs.user_config_path("pip", appauthor=False, roaming=True)
    files = [
        *(Path(folder) / "pip.conf" for folder in site),
        Path("/etc/pip.conf"),
        Path.home() / ".pip" / "pip.conf",
        user / "pip.conf",
        user / "pip.ini",
        Path(sys.prefix) / "pip.conf",
        Path(sys.prefix) / "pip.ini",
        *([Path(configured)] if configured else []),
    ]
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read(files, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return None
    return parser.get("global", key, fallback=None)
