"""Paths that come from files or requests and must stay inside a folder."""

from __future__ import annotations

from pathlib import Path

from vadlab.web.site import MissingError

__all__ = ["contained"]


def contained(folder: Path, name: str) -> Path:
    """The path of `name` below `folder`, links followed.

    Raises:
        MissingError: If it would lie outside, whatever is there.
    """
    base = folder.resolve()
    try:
        path = (base / name).resolve()
    except (OSError, ValueError) as error:  # a loop of links, a NUL
        raise MissingError("there is no such file", found=repr(name)) from error
    if not path.is_relative_to(base):
        raise MissingError("there is no such file", found=repr(name))
    return path
