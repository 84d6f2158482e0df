"""Files that are either whole or absent, whatever happens while they are written."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vadlab.errors import StoreError

__all__ = ["digest", "read_json", "require_writable", "write_json", "write_whole"]


def write_whole(path: Path, content: bytes) -> None:
    """Write to a temporary name beside `path`, flush to disk, rename.

    Raises:
        StoreError: If the disk is full or the folder cannot be written; nothing is left behind.
    """
    # Not the process's number: it is the same in containers that share the folder, and in threads.
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise StoreError(
            "the disk is full" if full else "cannot write the file",
            file=path,
            expected=f"room for {len(content):,} bytes" if full else "a folder that can be written",
            found=error.strerror or str(error),
            remedy="free some space or choose another folder, then run the same command again",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def require_writable(folder: Path) -> None:
    """Make a folder where there is none, and refuse one that cannot be written, before work begins.

    Raises:
        StoreError: If it cannot be written, or the disk is full.
    """
    probe = folder / f"writable-{uuid.uuid4().hex[:8]}"
    write_whole(probe, b"?")
    probe.unlink()


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object, indented, whole; NaN is refused."""
    write_whole(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        StoreError: If the file is missing, cannot be read, is not JSON, or holds no object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StoreError("no such file", file=path) from error
    except OSError as error:
        raise StoreError("cannot read the file", file=path, found=error.strerror) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise StoreError("the file is damaged", file=path, expected="JSON", found=str(error)) from error
    if not isinstance(value, dict):
        raise StoreError(
            "the file is damaged", file=path, expected="a JSON object", found=type(value).__name__
        )
    return value


def digest(path: Path) -> str:
    """SHA-256 of a file, or of a folder's files in the order of their names."""
    if path.is_dir():
        total = hashlib.sha256()
        for file in sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith(".")):
            total.update(f"{file.name}\0{digest(file)}\n".encode())
        return total.hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
