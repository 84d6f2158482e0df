"""What the verbs print: results on stdout, complaints on stderr."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.text import Text

__all__ = ["complain", "counted", "err", "out", "percent", "print_json"]

out = Console()
err = Console(stderr=True)


def print_json(value: Any) -> None:
    """One JSON value on stdout.

    Raises:
        ValueError: If there is NaN in it, which JSON has not.
    """
    print(json.dumps(value, indent=2, allow_nan=False))  # noqa: T201


def complain(subject: str, message: str) -> None:
    """One failure on stderr; never wrapped, so that paths and commands can be copied."""
    err.print(Text.assemble((subject, "bold red"), " ", message), soft_wrap=True)


def counted(n: int, what: str) -> str:
    """`1 event`, `2 events`."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def percent(value: float | None) -> str:
    """A share in percent with two decimals; `-` for None and NaN."""
    return "-" if value is None or value != value else f"{100 * value:.2f}"
