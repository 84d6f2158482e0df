"""An evaluation on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from vadlab.cli.printing import out

if TYPE_CHECKING:  # what it imports is heavy
    from vadlab.verbs.evaluate import Finding

__all__ = ["print_finding"]


def print_finding(finding: Finding) -> None:
    """The rules, every figure with its 95 % interval, and in one line a reason what is undefined."""
    from vadlab.evaluation.rules import describe

    evaluation = finding.evaluation
    out.print(f"[bold]{describe(evaluation.rules)}", soft_wrap=True)
    table = Table("figure", "value", "95 % interval", box=None, padding=(0, 2, 0, 2))
    undefined: dict[str, list[str]] = {}
    for name, value in evaluation.metrics.items():
        if value != value:
            undefined.setdefault(evaluation.reasons[name], []).append(name)
            continue
        bounds = finding.metrics["intervals_95"].get(name)
        shown = f"{value:,.0f}" if name.startswith("n_") else f"{value:.4f}"
        table.add_row(name, shown, "" if bounds is None else f"{bounds[0]:.4f} to {bounds[1]:.4f}")
    out.print(table)
    for reason, names in undefined.items():
        out.print(f"  undefined: {', '.join(names)}: {reason}", soft_wrap=True)
    out.print(f"report: {finding.page.resolve()}", soft_wrap=True)
