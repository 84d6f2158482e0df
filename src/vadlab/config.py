"""Settings: dataclass defaults, then a recipe file, then `key=value` from the command line.

A detector's fields are its settings. A recipe is a flat TOML file with only what differs from the
defaults; `tomllib` reads it and a later source overrides an earlier one.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from vadlab.errors import UsageError

__all__ = ["build", "parse_assignments", "read_recipe"]

T = TypeVar("T")


def read_recipe(path: Path) -> dict[str, Any]:
    """Settings of a recipe file.

    Raises:
        UsageError: If the file is missing, cannot be read, or is not TOML.
    """
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError as error:
        raise UsageError("no such recipe", file=path) from error
    except OSError as error:
        raise UsageError("cannot read the recipe", file=path, found=error.strerror) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
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
        UsageError: If a key is unknown (the known ones are listed), or a value has the wrong type, is none
            of a `Literal`'s choices (which are listed), or is NaN or infinite.
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
    """The value as its annotation has it: int widened to float, list to tuple; anything else is refused.

    It knows int, float, bool, str, `Literal`, `tuple[T, ...]` and unions of them; a setting with another
    annotation is for its class to check.
    """
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _converted_union(cls, key, value, inner)
    if origin is Literal:
        # The type too, for True == 1.
        if not any(value == choice and type(value) is type(choice) for choice in inner):
            raise _refusal(cls, key, value, hint)
        return value
    if origin is tuple and len(inner) == 2 and inner[1] is Ellipsis:
        if not isinstance(value, list | tuple):
            raise _refusal(cls, key, value, hint)
        return tuple(_converted(cls, key, element, inner[0]) for element in value)
    if hint is float and type(value) is int:
        return float(value)
    if hint in (int, float, bool, str, NoneType) and type(value) is not hint:
        raise _refusal(cls, key, value, hint)
    if hint is float and not math.isfinite(value):
        raise UsageError(
            f"setting {key!r} of {cls.__name__} is not finite", expected="a finite number", found=value
        )
    return value


def _converted_union(cls: type, key: str, value: Any, hints: tuple[Any, ...]) -> Any:
    # As it is where one of them is its very type, so that `float | int` keeps 3 an int.
    for hint in sorted(hints, key=lambda hint: hint is not type(value)):
        try:
            return _converted(cls, key, value, hint)
        except UsageError:
            continue
    raise _refusal(cls, key, value, Union[hints])  # noqa: UP007 (made at run time)


def _refusal(cls: type, key: str, value: Any, hint: Any) -> UsageError:
    choices = get_origin(hint) is Literal
    return UsageError(
        f"setting {key!r} of {cls.__name__} has " + ("an unknown value" if choices else "the wrong type"),
        expected=_spelt(hint),
        found=f"{value!r} ({type(value).__name__})",
    )


def _spelt(hint: Any) -> str:
    """An annotation as a user reads it."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return " | ".join(str(choice) for choice in inner)
    if origin in (Union, UnionType):
        return " | ".join(_spelt(part) for part in inner)
    if origin is tuple:
        return f"a list of {_spelt(inner[0])}"
    return "none" if hint is NoneType else str(getattr(hint, "__name__", hint))
