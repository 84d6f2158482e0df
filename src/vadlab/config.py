"""Settings: dataclass defaults, then a recipe file, then `key=value` from the command line.

A detector's fields are its settings. A recipe is a flat TOML file with only what differs from the
defaults; `tomllib` reads it and a later source overrides an earlier one.
"""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from vadlab.errors import UsageError

__all__ = ["build", "parse_assignments", "read_recipe"]

T = TypeVar("T")


def read_recipe(path: Path) -> dict[str, Any]:
    """Settings of a recipe file.

    Raises:
        UsageError: If the file is missing or is not TOML.
    """
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError as error:
        raise UsageError("no such recipe", file=path) from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError("the recipe is not valid TOML", file=path, found=str(error)) from error


def parse_assignments(assignments: Sequence[str]) -> dict[str, Any]:
    """`["k=5", "select=val"]` to a dict; values are read as TOML, and as text where that fails.

    Raises:
        UsageError: If an assignment has no `=`.
    """
    settings: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise UsageError(f"cannot read the setting {assignment!r}", expected="key=value")
        try:
            settings[key.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            settings[key.strip()] = value.strip()
    return settings


def build(cls: type[T], *sources: Mapping[str, Any]) -> T:
    """Make a dataclass from its defaults and the sources, later ones winning.

    Raises:
        UsageError: If a key is unknown (the known ones are listed), or a value has the wrong type.
    """
    merged: dict[str, Any] = {}
    for source in sources:
        merged.update(source)
    known = {field.name for field in dataclasses.fields(cls) if field.init}  # type: ignore[arg-type]
    hints = get_type_hints(cls)
    for key, value in merged.items():
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else None
            raise UsageError(
                f"{cls.__name__} has no setting {key!r}",
                expected=", ".join(sorted(known)),
                remedy=hint,
            )
        merged[key] = _converted(cls, key, value, hints[key])
    return cls(**merged)


def _converted(cls: type, key: str, value: Any, hint: Any) -> Any:
    """Widen int to float and list to tuple; refuse other mismatches of plain types."""
    if hint is float and type(value) is int:
        return float(value)
    if getattr(hint, "__origin__", None) is tuple and isinstance(value, list):
        return tuple(value)
    if hint in (int, float, bool, str) and type(value) is not hint:
        raise UsageError(
            f"setting {key!r} of {cls.__name__} has the wrong type",
            expected=hint.__name__,
            found=f"{value!r} ({type(value).__name__})",
        )
    return value
