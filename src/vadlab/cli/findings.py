"""An evaluation on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from vadlab.cli.printing import out

if TYPE_CHECKING:  # what it imports is heavy
    from vadlab.verbs.evaluate import Finding

__all__ = ["print_finding"]


def print_finding(finding: Finding) -> None:
    """Protocol and rules, every figure with unit and 95 % interval; in a line a reason what is undefined."""
    from vadlab.evaluation.rules import describe
    from vadlab.report.wording import metric_text

    evaluation = finding.evaluation
    out.print(finding.protocol, soft_wrap=True, markup=False)
    out.print(f"[bold]{describe(evaluation.rules)}", soft_wrap=True)
    table = Table("figure", "value", "95 % interval", box=None, padding=(0, 2, 0, 2))
    undefined: dict[str, list[str]] = {}
    for name, value in evaluation.metrics.items():
        if value != value:
            undefined.setdefault(evaluation.reasons[name], []).append(name)
            continue
        bounds = finding.metrics["intervals_95"].get(name)
        shown = [
            metric_text(name, number).replace("\N{NO-BREAK SPACE}", " ")
            for number in (value, *(bounds or ()))
        ]
        table.add_row(name, shown[0], " to ".join(shown[1:]))
    out.print(table)
    if not finding.metrics["intervals_95"]:
        out.print("  no intervals: they need more than one test video")
    for reason, names in undefined.items():
        out.print(f"  undefined: {', '.join(names)}: {reason}", soft_wrap=True)
    out.print(f"report: {finding.page.resolve()}", soft_wrap=True)
