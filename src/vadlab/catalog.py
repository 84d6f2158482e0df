"""What there is, by file name: `detectors/linear_probe.py` is the detector "linear_probe".

A folder's public modules are its catalogue; nothing registers itself. Each module holds one class
whose name is the module's without underscores, in any case (`aed.py` holds `AED`). Listing reads
files and imports none of them, so it needs no torch.
"""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

from vadlab.errors import UsageError

__all__ = ["describe", "load", "names"]


def _folder(family: str) -> Path:
    return Path(__file__).parent / family


def names(family: str) -> tuple[str, ...]:
    """Sorted names in a folder, e.g. `names("detectors")`; files that start with `_` are private."""
    return tuple(sorted(p.stem for p in _folder(family).glob("*.py") if not p.stem.startswith("_")))


def describe(family: str, name: str) -> str:
    """The first line of the module's docstring, read without importing it."""
    source = (_folder(family) / f"{name}.py").read_text(encoding="utf-8")
    text = ast.get_docstring(ast.parse(source)) or ""
    return text.partition("\n")[0]


def load(family: str, name: str) -> type[Any]:
    """The class behind a name, or behind "package.module:Class" from outside.

    Raises:
        UsageError: If there is no such name, module or class; lists what there is.
    """
    if ":" in name:
        module_name, _, class_name = name.partition(":")
        try:
            found = getattr(importlib.import_module(module_name), class_name)
        except (ImportError, AttributeError, TypeError, ValueError) as error:
            raise UsageError(
                f"cannot load {name!r}", expected="package.module:Class", found=str(error)
            ) from error
        if not isinstance(found, type):
            raise UsageError(f"{name!r} is no class", expected="package.module:Class", found=repr(found))
        return found
    if name not in names(family):
        raise UsageError(
            f"no {family.removesuffix('s')} {name!r}",
            expected=" | ".join(names(family)) + " | package.module:Class",
        )
    return _only_class(importlib.import_module(f"vadlab.{family}.{name}"), name)


def _only_class(module: ModuleType, name: str) -> type[Any]:
    wanted = name.replace("_", "")
    for key, value in vars(module).items():
        if isinstance(value, type) and value.__module__ == module.__name__ and key.lower() == wanted:
            return value
    raise UsageError(f"{module.__name__} holds no class named like its file", expected=wanted)
